"""Negative controls: flowdex with one safeguard left out, which the oracle must catch, and with none left out.

A debug build leaves a safeguard out where FLOWDEX_SABOTAGE names it (Sources/QueueRunner/State/Sabotage.swift).
"""
import os

import oracle, powerloss, scenarios
from project import RUN, envelope, names


def hand_in(project, token, n, shim):
    project.put("result.json", envelope(n, f"result {n}"))
    return project.flowdex("complete-agent", RUN, "fanout:f#b", "--lease-token", token, "--result", "@result.json",
                           "--json", shim=shim)


def token_of_b(project):
    with oracle.State(project.run) as state:
        return state.one("SELECT token FROM leases JOIN tasks ON tasks.id = leases.task WHERE child_key = 'fanout:f#b' "
                         "AND leases.state = 'live'")


def twice(bench, shim):
    """Another result under a lease that has brought one."""
    project = bench.state(scenarios.STARTS[:3], scenarios.Project(bench.binary, f"{bench.base}/work"))
    token = token_of_b(project)
    return project, [hand_in(project, token, n, shim).status for n in (oracle.answer_of(token), 2)]


def stale(bench, shim):
    """A result under a lease that its worker gave back, and that another worker's has followed."""
    project = bench.state(scenarios.STARTS[:2], scenarios.Project(bench.binary, f"{bench.base}/work"))

    def held():
        project.flowdex("watch", RUN, "--once", "--dispatch", shim=shim)
        project.claim()
        project.flowdex("watch", RUN, "--once", shim=shim)
        return token_of_b(project)
    old = held()
    for name in names(f"{project.run}/queue/claimed"):
        os.rename(f"{project.run}/queue/claimed/{name}", f"{project.run}/queue/ready/{name}")
    project.mine.clear()
    new = held()
    if old == new or not new:
        raise SystemExit(f"torture: the lease {old} was not replaced")
    return project, [hand_in(project, old, 1, shim).status]


SCRIPTS = {"no-guard": (twice, "collected twice", [0, 1]), "no-token": (stale, "stale accepted", [1])}


def scripted(bench, sabotage, is_on):
    """Whether the oracle says what it should; in words, where it does not."""
    script, figure, expected = SCRIPTS[sabotage]
    project, statuses = script(bench, {"FLOWDEX_SABOTAGE": sabotage if is_on else ""})
    judgement = oracle.Judgement(project.root, RUN, project.acknowledged())
    wrong = judgement.state()
    if is_on:
        return None if figure in wrong else f"{sabotage}: expected `{figure}`, the oracle says {wrong}"
    if statuses != expected:
        return f"{script.__name__}: exit {statuses}, expected {expected}"
    errors = scenarios.finish(project)
    wrong = {**wrong, **scenarios.judge_ended(project), **({"cannot go on": errors} if errors else {})}
    return f"{script.__name__}: {wrong}" if wrong else None


def heeded(bench):
    """A build that is not to know of FLOWDEX_SABOTAGE does as if it were not there: in words, where it does not."""
    problems = []
    for sabotage, (script, _, expected) in SCRIPTS.items():
        project, statuses = script(bench, {"FLOWDEX_SABOTAGE": sabotage})
        wrong = oracle.Judgement(project.root, RUN, project.acknowledged()).state()
        if statuses != expected or wrong:
            problems.append(f"{sabotage}: exit {statuses}, expected {expected}; {wrong}")
    return problems


# What is left out, in which journey it is cut, what must be seen, and how many of a hundred disks are gone on with. The
# last is left out of the record: that a host command is about to start is not on disk before it does.
CUTS = [("no-sync", "whole", "lost", 0), ("normal-sync", "whole", "lost", 0), ("no-heal-sync", "killed", "lost", 0),
        ("no-heal-sync", "asked", "lost", 0), ("no-intent-sync", "command", "run twice", 100)]


def cut(bench, library, seed, sabotage, journey, figure, restarts):
    """Without syncs, acknowledged work must be seen to be lost, and a command to be started twice."""
    recording = powerloss.Recording(bench, library, journey, sabotage, without_intent=sabotage == "no-intent-sync")
    found = {}
    for part in range(20):
        *_, failures = powerloss.states(recording, f"{seed} {part}", 100, restarts, limit=1)
        found.update({name: wrong for _, wrong in failures for name in wrong})
        if figure in found:
            return None
    return f"{sabotage} in {journey}: expected `{figure}`, the oracle says {found}"


def all_of(bench, library, seed):
    """(how many controls were caught, of how many, how many scripts were clean without them, what is wrong)."""
    caught = [scripted(bench, name, True) for name in SCRIPTS]
    caught += [cut(bench, library, seed, *control) for control in CUTS]
    clean = [scripted(bench, name, False) for name in SCRIPTS]
    return caught.count(None), len(caught), clean.count(None), len(clean), [text for text in caught + clean if text]
