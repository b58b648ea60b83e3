"""Dispatch packages and the private copies in them, as the oracle looks at them."""
import hashlib, json, os, sqlite3

# What the worker of the tortured run makes in its copy.
MADE = {"src/new.txt"}


def read(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return None


def value(path):
    try:
        return json.loads(read(path) or b"null")
    except ValueError:
        return None


def of(run):
    """(Child, token) of every package that a worker can see."""
    dispatches = f"{run}/dispatches"
    for child in os.listdir(dispatches) if os.path.isdir(dispatches) else []:
        for token in [] if child.startswith(".") else os.listdir(f"{dispatches}/{child}"):
            yield child, token


def wrong(run, child, token):
    """What a package is no whole package for."""
    package = f"{run}/dispatches/{child}/{token}"
    task = value(f"{package}/task.json")
    if not isinstance(task, dict) or task.get("leaseToken") != token:
        return [f"{child}/{token}: task.json"]
    found = [f"{child}/{token}: {name}" for name in ("instructions.md", "adapter-result.schema.json")
             if not read(f"{package}/{name}")]
    if not value(f"{package}/adapter-result.schema.json") or not os.path.isdir(f"{package}/scratch"):
        found.append(f"{child}/{token}: its schema or scratch")
    if task.get("mode") == "write":
        found += [f"{child}/{token}: work/{path}" for path in copied_wrong(run, token, f"{package}/work")]
    return found


def copied_wrong(run, token, folder):
    """The files of a writing task's copy that are not as the snapshot's manifest says, and none that a worker made."""
    database = sqlite3.connect(f"file:{run}/state.sqlite?mode=ro", uri=True)
    try:
        row = database.execute("SELECT cwd FROM leases WHERE token = ?", [token]).fetchone()
    except sqlite3.DatabaseError:
        return []  # Judged elsewhere.
    finally:
        database.close()
    manifest = row and row[0] and value(f"{run}/snapshots/{os.path.basename(row[0])}.manifest.json")
    if not manifest:
        return []  # A package that no lease names yet, or no snapshot, which is judged elsewhere.
    files = {file["path"]: file["sha256"] for file in manifest["files"]}
    there = {os.path.relpath(f"{at}/{name}", folder) for at, _, names in os.walk(folder) for name in names}
    return sorted(path for path in there | set(files)
                  if hashlib.sha256(read(f"{folder}/{path}") or b"").hexdigest() != files.get(path) and path not in MADE)
