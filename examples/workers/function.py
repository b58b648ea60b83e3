#!/usr/bin/env python3
"""A worker for `flowdex work`, as a Python function: what `answer` returns is the result's data.

    flowdex work RUN -- examples/workers/function.py
"""

import json
import os
import pathlib


def answer(task: dict) -> dict:
    """The longest line of the files in the working folder. Yours goes here."""
    longest = {"path": None, "length": 0}
    for path in sorted(pathlib.Path(".").rglob("*")):
        if path.is_file():
            for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
                if len(line) > longest["length"]:
                    longest = {"path": str(path), "length": len(line)}
    return {"task": task["taskId"], "longest": longest}


def main():
    task = json.loads(pathlib.Path(os.environ["FLOWDEX_TASK"]).read_text(encoding="utf-8"))
    result = {"status": "completed", "summary": "", "data": None, "claims": [], "artifacts": [],
              "diff": None, "usage": {}, "error": None}
    try:
        result["data"] = answer(task)
        result["summary"] = f"answered {task['taskId']}"
    except Exception as error:  # The task has failed, not the worker: that is a result too.
        result.update(status="failed", summary=str(error), data={}, error=repr(error))
    written = pathlib.Path(os.environ["TMPDIR"]) / "result"
    written.write_text(json.dumps(result), encoding="utf-8")
    written.rename(os.environ["FLOWDEX_RESULT"])


if __name__ == "__main__":
    main()
