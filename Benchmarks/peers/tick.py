"""The design that many start with, for comparison: for each operation a process of Deno is started, given every
result so far, and asked what comes next; the command is run, its result committed, and so on.

    tick.py FOLDER DENO N     prints seconds for N commands, one after the other
"""

import json
import sqlite3
import subprocess
import sys
import time

PROGRAM = """
const results = JSON.parse(await new Response(Deno.stdin.readable).text());
class Pending extends Error {}
let at = 0;
const command = (id) => {
  if (at < results.length) return results[at++];
  throw new Pending(id);
};
try {
  for (let n = 0; n < COUNT; n++) command("n" + n);
  console.log(JSON.stringify({ done: true }));
} catch (error) {
  if (!(error instanceof Pending)) throw error;
  console.log(JSON.stringify({ next: error.message }));
}
"""

folder, deno, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
with open(f"{folder}/tick.js", "w") as file:
    file.write(PROGRAM.replace("COUNT", str(count)))
database = sqlite3.connect(f"{folder}/tick.sqlite", isolation_level=None)
database.execute("PRAGMA journal_mode = WAL")
database.execute("PRAGMA synchronous = FULL")
database.execute("CREATE TABLE results (n INTEGER PRIMARY KEY, id TEXT, value TEXT)")
before = time.monotonic()
while True:
    results = [json.loads(row[0]) for row in database.execute("SELECT value FROM results ORDER BY n")]
    tick = subprocess.run(
        [deno, "run", "--no-config", "--no-lock", "--quiet", f"{folder}/tick.js"], input=json.dumps(results),
        text=True, capture_output=True, check=True)
    asked = json.loads(tick.stdout)
    if asked.get("done"):
        break
    database.execute("INSERT INTO results (id) VALUES (?)", (asked["next"],))
    status = subprocess.run(["true"]).returncode
    database.execute(
        "UPDATE results SET value = ? WHERE id = ?", (json.dumps({"exitCode": status}), asked["next"]))
print(time.monotonic() - before)
