#!/usr/bin/env python3
"""A worker for the workflows in examples/patterns: small honest work on text files, for each of their roles.

usage: patterns.py RUN_DIRECTORY

It takes packages from RUN_DIRECTORY/queue/ready (which `flowdex watch RUN --dispatch` keeps filled) and answers them
until the run has ended. Python 3, its standard library, and nothing else.
"""

import hashlib
import json
import os
import re
import sys
import time


def lines(task):
    with open(os.path.join(task["cwd"], task["data"]["file"]), "rb") as file:
        return file.readlines()


def text(task):
    return b"".join(lines(task)).decode()


def counter(task):
    return {"lines": len(lines(task)), "words": len(text(task).split())}


def synthesiser(task):
    counts = task["data"]["counts"]
    longest = max(counts, key=lambda each: each["count"]["lines"], default={"file": ""})
    return {"words": sum(each["count"]["words"] for each in counts), "longest": longest["file"]}


def finder(task):
    return {"findings": [
        {"line": at, "text": line.decode().strip(), "sha256": hashlib.sha256(line).hexdigest()}
        for at, line in enumerate(lines(task), 1) if b"TODO" in line]}


def explainer(task):
    return {"notes": [f"Line {each['line']} asks to{each['text'].split('TODO', 1)[1].lstrip(':')}."
                      for each in task["data"]["findings"]]}


def refuter(task):
    # A marker within quotes is somebody speaking of markers.
    is_quoted = re.search(r"[\"'`]\s*TODO", task["data"]["text"]) is not None
    return {"refuted": is_quoted, "reason": "the marker is quoted" if is_quoted else "it stands as it is"}


def seeker(task):
    words = [word for word in dict.fromkeys(re.findall(r"[A-Za-z]{11,}", text(task)))
             if word not in task["data"]["known"]]
    return {"words": words[:2]}


def titler(task):
    title = " ".join(text(task).split()[:12])
    limit = task["data"]["limit"]
    return {"title": title if limit is None else title[:limit].strip()}


def mender(task):
    path = os.path.join(task["workPath"], task["data"]["file"])
    with open(path, encoding="utf-8") as file:
        old = file.read()
    with open(path, "w", encoding="utf-8") as file:
        file.write(re.sub(r"\bteh\b", "the", old))
    return {}


ROLES = {role.__name__: role for role in
         (counter, synthesiser, finder, explainer, refuter, seeker, titler, mender)}


def work(package):
    with open(f"{package}/task.json", encoding="utf-8") as file:
        task = json.load(file)
    envelope = {"status": "completed", "summary": "", "data": {}, "claims": [], "artifacts": [], "diff": None,
                "usage": {"tasks": 1}, "error": None}
    try:
        envelope["data"] = ROLES[task["role"]](task)
        envelope["summary"] = f"the {task['role']} has done its part"
    except (OSError, KeyError, ValueError) as error:
        envelope.update(status="failed", summary="it could not be done", error=f"{type(error).__name__}: {error}")
    # Written whole, then moved into place: nobody ever reads half of it.
    with open(f"{task['scratchPath']}/result", "w", encoding="utf-8") as file:
        json.dump(envelope, file)
    os.rename(f"{task['scratchPath']}/result", task["resultPath"])


def has_ended(run):
    with open(f"{run}/events.jsonl", encoding="utf-8") as file:
        return any('"workflow.completed"' in line or '"workflow.failed"' in line for line in file)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    run = sys.argv[1].rstrip("/")
    while not has_ended(run):
        worked = False
        for lease in sorted(os.listdir(f"{run}/queue/ready")):
            try:
                os.rename(f"{run}/queue/ready/{lease}", f"{run}/queue/claimed/{lease}")
            except OSError:
                continue
            work(os.path.realpath(f"{run}/queue/claimed/{lease}"))
            worked = True
        if not worked:
            time.sleep(0.1)


if __name__ == "__main__":
    main()
