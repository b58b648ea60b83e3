#!/usr/bin/env python3
"""Writes man pages from what the commands say of themselves: one page for flowdex, one for each command.

    man.py FLOWDEX FOLDER     FLOWDEX --experimental-dump-help is read; FOLDER gets flowdex.1, flowdex-run.1, …

The pages are in the man(7) macros. swift-argument-parser has a generator too; it builds a second program and the
release binary, names pages `flowdex.run`, and knows nothing of exit statuses.
"""
import json, os, subprocess, sys

EXIT = [("0", "done; also: the run needs workers or is paused, or refused results were listed"),
        ("1", "failed; also: the run failed, an id that nobody has, a report that is not there, a stale completion"),
        ("3", "a person must approve first: nothing was run"),
        ("64", "the command or an argument was used wrongly"),
        ("130", "interrupted; the run is in order and goes on with the same command")]
ENVIRONMENT = [("FLOWDEX_DENO", "the Deno to use, 2.9 or later; otherwise the first on PATH"),
               ("NO_COLOR", "if set, nothing is coloured"),
               ("TERM", "a dumb terminal gets plain lines")]
FILES = [(".flowdex/runs/RUN", "a run: its state, its artifacts and its queue of folders"),
         (".flowdex/workflows", "workflows that `flowdex save` has kept")]


def escaped(text):
    """Plain text for a line of input: no escape, no macro, hyphens that can be searched for."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("`", "").replace("'", "\\(aq")
    return "\\&" + text if text.startswith(".") else text


def paragraphs(text):
    """The lines of a discussion: an example, which is indented, stays as it is set."""
    out, is_example = [], False
    for line in text.split("\n"):
        indented = line.startswith("  ")
        if indented != is_example:
            out.append(".RS 4\n.nf" if indented else ".fi\n.RE")
            is_example = indented
        out.append(escaped(line.strip()) if line.strip() else ".PP")
    return out + ([".fi\n.RE"] if is_example else [])


def spelled(name):
    return ("-" if name["kind"] == "short" else "--") + name["name"]


def usage(argument):
    value = f"\\fI{escaped(argument['valueName'])}\\fR"
    if argument["kind"] == "positional":
        text = value
    else:
        text = f"\\fB{escaped(spelled(argument['preferredName']))}\\fR"
        text += f" {value}" if argument["kind"] == "option" else ""
    text += " ..." if argument["isRepeating"] else ""
    return f"[{text}]" if argument["isOptional"] else text


def entry(argument):
    value = f"\\fI{escaped(argument['valueName'])}\\fR"
    if argument["kind"] == "positional":
        head = value
    else:
        tail = f" {value}" if argument["kind"] == "option" else ""
        head = ", ".join(f"\\fB{escaped(spelled(name))}\\fR{tail}" for name in argument["names"])
    text = escaped(argument.get("abstract", ""))
    if argument.get("allValues"):
        text += escaped(f" One of: {', '.join(argument['allValues'])}.")
    if argument.get("defaultValue"):
        text += escaped(f" Default: {argument['defaultValue']}.")
    return [".TP", head, text or "\\&"]


def terms(title, pairs):
    out = [f".SH {title}"]
    for term, text in pairs:
        out += [".TP", f"\\fB{escaped(term)}\\fR", escaped(text)]
    return out


def page(command, path, version, siblings):
    name = "-".join(path)
    arguments = [a for a in command.get("arguments", []) if a.get("shouldDisplay", True)]
    children = [c for c in command.get("subcommands", []) if c.get("shouldDisplay", True) and c["commandName"] != "help"]
    out = [f'.TH "{name.upper()}" "1" "" "flowdex {version}" "flowdex"', ".SH NAME",
           f"{escaped(name)} \\- {escaped(command['abstract'].rstrip('.'))}", ".SH SYNOPSIS",
           f"\\fB{escaped(' '.join(path))}\\fR " + ("\\fIcommand\\fR" if children else " ".join(map(usage, arguments)))]
    if command.get("discussion"):
        out += [".SH DESCRIPTION"] + paragraphs(command["discussion"])
    if children:
        out += [".SH COMMANDS"]
        for child in children:
            out += [".TP", f"\\fB{escaped('-'.join(path + [child['commandName']]))}\\fR(1)", escaped(child["abstract"])]
    if arguments:
        out += [".SH OPTIONS"] + [line for argument in arguments for line in entry(argument)]
    out += terms("EXIT STATUS", EXIT)
    if len(path) == 1:
        out += terms("ENVIRONMENT", ENVIRONMENT) + terms("FILES", FILES)
    else:
        near = [["flowdex"]] + [p for p in siblings if p != path and len(p) == len(path)]
        out += [".SH SEE ALSO", ", ".join(f"\\fB{escaped('-'.join(p))}\\fR(1)" for p in near)]
    yield name, "\n".join(out) + "\n"
    paths = [path + [child["commandName"]] for child in children]
    for child in children:
        yield from page(child, path + [child["commandName"]], version, paths)


def main():
    if len(sys.argv) != 3:
        raise SystemExit("usage: man.py FLOWDEX FOLDER")
    binary, folder = sys.argv[1:]
    said = subprocess.run([binary, "--experimental-dump-help"], capture_output=True, text=True, check=True).stdout
    version = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True).stdout.split()[-1]
    os.makedirs(folder, exist_ok=True)
    for name, text in page(json.loads(said)["command"], ["flowdex"], version, []):
        with open(os.path.join(folder, f"{name}.1"), "w") as file:
            file.write(text)


main()
