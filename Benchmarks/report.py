#!/usr/bin/env python3
"""Makes the table and the plots of docs/performance.md from Benchmarks/results: python3 -B Benchmarks/report.py

What stands between the markers of the page is made; the rest of it is written by hand.
"""

import json
import os

import plot
from bench import CASES

HERE = os.path.dirname(os.path.abspath(__file__))
PAGE = os.path.join(os.path.dirname(HERE), "docs/performance.md")
PLOTS = os.path.join(os.path.dirname(HERE), "docs/performance")
BEGIN, END = "<!-- figures: made by Benchmarks/report.py -->", "<!-- end of figures -->"


def number(value):
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def results():
    for name in CASES:
        path = os.path.join(HERE, "results", name + ".json")
        if os.path.exists(path):
            with open(path) as file:
                yield json.load(file)


def table(all_results):
    rows = ["| what | flowdex | floor | ratio | beside it | target | met | run |", "|---|--:|--:|--:|---|---|---|---|"]
    for result in all_results:
        for row in result["rows"]:
            beside = ", ".join(f"{name} {number(value)}" for name, value in row.get("peers", {}).items())
            rows.append(
                f"| {row['what']} | {number(row['flowdex'])} {row['unit']} | {number(row.get('floor'))} | "
                f"{number(row.get('ratio'))} | {beside} | {row['target']} | {'yes' if row['met'] else '**no**'} | "
                f"`{result['command']}` |")
    return "\n".join(rows)


def plots(all_results):
    os.makedirs(PLOTS, exist_ok=True)
    by_name = {result["name"]: result for result in all_results}
    if "growth" in by_name:
        points = by_name["growth"]["points"]
        series = {
            stage: [(point["tasks"], point[stage]) for point in points] for stage in ("create", "lease", "collect")}
        save("tasks.svg", plot.lines("A fan-out, by its tasks", "tasks", "seconds", series))
        series = {
            stage: [(point["tasks"], point["peakMiB"][stage]) for point in points]
            for stage in ("create", "lease", "collect")}
        save("memory.svg", plot.lines("Peak memory of flowdex in a fan-out", "tasks", "MiB", series))
    if "operations" in by_name:
        series = {"host commands": by_name["operations"]["points"]}
        save("operations.svg", plot.lines("Host commands, one after the other", "operations", "seconds", series))


def save(name, text):
    with open(os.path.join(PLOTS, name), "w") as file:
        file.write(text)


def main():
    everything = list(results())
    plots(everything)
    with open(PAGE) as file:
        page = file.read()
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    with open(PAGE, "w") as file:
        file.write(f"{before}{BEGIN}\n\n{table(everything)}\n\n{END}{after}")


if __name__ == "__main__":
    main()
