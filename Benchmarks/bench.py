#!/usr/bin/env python3
"""make bench: measures flowdex beside floors and peers.

    python3 -B Benchmarks/bench.py [NAME…]     all, or the named ones; `--list` names them

Each result goes to Benchmarks/results/NAME.json; docs/performance.md is made of those by report.py.
"""

import json
import os
import sys
import time

import cases_queue
import cases_scale
import cases_work
import measure
import project

CASES = {
    "drop": cases_queue.drop, "burst": cases_queue.burst, "loop": cases_queue.loop,
    "next": cases_work.next_files, "commands": cases_work.commands, "operations": cases_work.operations,
    "workflows": cases_work.workflows,
    "replay": cases_work.replay, "growth": cases_scale.growth, "cold": cases_scale.cold,
    "runs": cases_scale.runs, "idle": cases_scale.idle, "output": cases_scale.output,
}


def show(row):
    cells = [f"{row['what']}: {row['flowdex']:.4g} {row['unit']}"]
    if row.get("floor") is not None:
        cells.append(f"floor {row['floor']:.4g}")
    if row.get("ratio") is not None:
        cells.append(f"ratio {row['ratio']:.3g}")
    for name, value in row.get("peers", {}).items():
        cells.append(f"{name} {value:.4g}")
    cells.append(f"target {row['target']}: {'met' if row['met'] else 'MISSED'}")
    print("  " + " · ".join(cells), flush=True)


def main(names):
    if "--list" in names:
        print("\n".join(CASES))
        return 0
    unknown = [name for name in names if name not in CASES]
    if unknown:
        print(f"bench: there is no `{unknown[0]}`; there are {', '.join(CASES)}", file=sys.stderr)
        return 64
    measure.raise_file_limit()
    project.build_floors()
    folder = os.path.join(project.HERE, "results")
    os.makedirs(folder, exist_ok=True)
    for name in names or CASES:
        begun = time.monotonic()
        print(f"{name}: {CASES[name].__doc__.splitlines()[0]}", flush=True)
        result = CASES[name]()
        result.update(
            name=name, rounds=measure.ROUNDS, seconds=round(time.monotonic() - begun, 1),
            command=f"make bench BENCH={name}")
        for row in result["rows"]:
            show(row)
        with open(os.path.join(folder, name + ".json"), "w") as file:
            json.dump(result, file, indent=1, ensure_ascii=False)
            file.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
