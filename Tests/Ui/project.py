"""Runs to look at: one with hostile text wherever a worker or a workflow can put any, and a large one."""

import hashlib
import json
import os
import subprocess

# What a browser would run or fetch if any of it ever became markup. `TRAP` is where fetches would arrive.
HOSTILE = [
    "<script>document.title='OWNED'</script>", "<img src=x onerror=\"document.title='OWNED'\">",
    "<img src='TRAP/img'><link rel=stylesheet href='TRAP/css'><iframe src='TRAP/frame'></iframe>",
    "</pre></details></style><style>*{background:url(TRAP/bg)}</style>",
    "\" onmouseover=\"document.title='OWNED'\" autofocus onfocus=\"document.title='OWNED'", "' onload='x",
    "\"\u0301 onfocus=\"document.title='OWNED'\" autofocus x=\"", "<svg/onload=\"document.title='OWNED'\">",
    "<meta http-equiv=refresh content='0;url=TRAP/refresh'>", "<base href='TRAP/'>", "--><!-- ]]> </title></head>",
    "javascript:document.title='OWNED'", "![picture](TRAP/markdown) [link](javascript:x) `````", "&lt;script&gt; &#60;b&#62;",
    "\u202egnp.exe\u202c", "\u0000\u0007\u001b[31m", "A\u0300\u0301\u0302 हिन्दी עברית 👩‍💻", "x" * 400,
]

WORKFLOW = """import { workflow } from "@flowdex/runtime";
// </script><script>document.title='OWNED'</script> <img src=x onerror="document.title='OWNED'">
export default workflow({
  name: "hostile <script>document.title='OWNED'</script>", maxAgents: 10000, maxConcurrency: 10000,
  permissions: { read: ["src/**"], write: [],
    hostCommands: [{ id: "cat", argv: ["cat", "src/evil.txt"] }, { id: "fail", argv: ["false"] }] },
  phases: [{ id: "one" }, { id: "two" }],
}, async (ctx) => {
  const { texts, hash } = ctx.input;
  const cat = await ctx.hostCommand({ id: "cat", phase: "one", commandId: "cat" });
  await ctx.hostCommand({ id: "fail", phase: "one", commandId: "fail" });
  const results = await ctx.fanout({ id: "f", phase: "two", tasks: texts.map((text, i) =>
    ({ id: "t" + i, mode: "read-only", prompt: text || "x", nickname: text })) });
  results.forEach((result, i) => ctx.claim({ id: "c" + i, text: result.summary || "none", kind: "finding", confidence: "low",
    evidence: [{ type: "agentResult", childKey: result.flowdex.childKey, artifactId: result.flowdex.resultArtifactId }] }));
  ctx.claim({ id: "lines", text: "the file says so", kind: "finding", confidence: "high",
    evidence: [{ type: "fileRange", path: "src/evil.txt", startLine: 1, endLine: texts.length, contentHash: hash }] });
  ctx.claim({ id: "output", text: "cat says so", kind: "verification", confidence: "high", evidence: [{ type: "command",
    artifactId: cat.data.stdoutArtifactId, command: ["cat", "src/evil.txt"], exitCode: 0 }] });
  const keys = {};
  for (const text of texts) keys[text] = { text, list: [text, [text]], table: [{ [text]: text }, { [text]: text }] };
  return ctx.report({ title: texts[0], keys, claimIds: ["lines", "output", ...results.map((_, i) => "c" + i)] });
});
"""

LARGE = """import { workflow } from "@flowdex/runtime";
export default workflow({
  name: "large", maxAgents: 10000, maxConcurrency: 10000,
  permissions: { read: ["src/**"], write: [] }, phases: [{ id: "scan" }],
}, async (ctx) => {
  const results = await ctx.fanout({ id: "f", phase: "scan", tasks: Array.from({ length: ctx.input.tasks }, (_, i) =>
    ({ id: "t" + i, mode: "read-only", prompt: "look at shard " + i })) });
  for (const result of results.slice(0, 1000)) ctx.claim({ id: result.flowdex.childKey.split("#")[1], text: result.summary,
    kind: "finding", confidence: "low",
    evidence: [{ type: "agentResult", childKey: result.flowdex.childKey, artifactId: result.flowdex.resultArtifactId }] });
  return ctx.report({ files: results.length, claimIds: results.slice(0, 1000).map((_, i) => "t" + i) });
});
"""


class Project:
    def __init__(self, flowdex, folder):
        self.flowdex = flowdex
        self.folder = folder
        os.makedirs(f"{folder}/.flowdex", exist_ok=True)
        os.makedirs(f"{folder}/src", exist_ok=True)

    def call(self, *arguments, ok=True):
        done = subprocess.run([self.flowdex, *arguments], cwd=self.folder, capture_output=True, text=True)
        if ok and done.returncode != 0:
            raise RuntimeError(f"{arguments}: {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
        return done

    def write(self, name, text):
        with open(f"{self.folder}/{name}", "w", encoding="utf-8", newline="") as file:
            file.write(text)

    def work(self, run, answer):
        """Leases everything there is, answers it, and takes it in until the run has ended."""
        while True:
            leases = json.loads(self.call("next", run, "--files", "--json", "--limit", "10000").stdout)
            if not leases:
                return
            for at, lease in enumerate(leases):
                with open(lease["resultPath"], "w", encoding="utf-8") as file:
                    json.dump(answer(at, lease), file)
            self.call("collect-results", run, "--continue", ok=False)

    def page(self, run, path):
        self.call("report", run, "--html", path)
        with open(path, encoding="utf-8") as file:
            return file.read()


def envelope(summary, status="completed", data=None, usage=None, error=None):
    return {"status": status, "summary": summary, "data": data if data is not None else {}, "claims": [],
            "artifacts": [], "diff": None, "usage": usage or {}, "error": error}


def hostile(project, trap):
    """A run whose every text is hostile; the path of its page."""
    texts = [text.replace("TRAP", trap) for text in HOSTILE]
    one_line = "".join(text.replace("\u0000", "") + "\n" for text in texts)
    project.write("src/evil.txt", one_line)
    project.write("hostile.ts", WORKFLOW)
    digest = hashlib.sha256(one_line.encode()).hexdigest()
    project.write("input.json", json.dumps({"texts": texts, "hash": digest}))
    project.call("run", "hostile.ts", "--yes", "--run-id", "hostile", "--input", "@input.json")
    refused = []

    def answer(at, lease):
        text = texts[int(lease["taskId"][1:])]
        if at == 1 and not refused:
            # One that is refused first: its reason quotes what was wrong.
            with open(lease["resultPath"], "w", encoding="utf-8") as file:
                json.dump({"status": text}, file)
            project.call("collect-results", "hostile", ok=False)
            refused.append(at)
        status = "failed" if at == 2 else "completed"
        return envelope(text, status, {"text": text, text: [text]}, {"tokens": at, text: 1},
                        text if status == "failed" else None)

    project.work("hostile", answer)
    return "hostile"


def large(project, tasks):
    project.write("large.ts", LARGE)
    project.write("src/a.txt", "a\n")
    project.call("run", "large.ts", "--yes", "--run-id", "large", "--input", json.dumps({"tasks": tasks}))
    project.work("large", lambda at, lease: envelope(
        f"shard {at} holds nothing of note", "failed" if at % 100 == 7 else "completed", {"n": at}, {"tokens": 1000 + at},
        "the model gave up" if at % 100 == 7 else None))
    return "large"
