#!/bin/sh
# What `make demo` runs: examples/code-audit.ts on flowdex's own sources, then on the checked-out sources of one of its
# dependencies; each time four workers, two in shell and two in Python, take their packages from one queue.
#
# usage: demo.sh FLOWDEX [DEPENDENCY_FOLDER [DEMO_FOLDER]]
#
# The projects stay in DEMO_FOLDER (.demo), to look around in; the next demo begins anew. Exits 0 only if every run
# completed, every shard was audited and at least one claim of each was verified.

set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
flowdex=$(cd "$(dirname "${1:?usage: demo.sh FLOWDEX [DEPENDENCY_FOLDER [DEMO_FOLDER]]}")" && pwd)/$(basename "$1")
dependency=${2:-$root/.build/checkouts/GRDB.swift}
workers=$root/examples/workers
demo=${3:-$root/.demo}
started=

stop_all() { [ -z "$started" ] || kill $started 2>/dev/null || :; }
trap stop_all EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

fail() {
  echo "demo: $1" >&2
  [ -z "${2-}" ] || tail -n 20 "$2" >&2
  exit 1
}

report() { "$flowdex" -C "$project" report "$run" --path "$1" --raw; }

# Makes a project of its own: the `.flowdex` in it keeps flowdex from finding another one further up.
make_project() {
  project=$demo/$1
  run=audit-$1
  # Snapshots are read-only, their folders too.
  [ ! -e "$project" ] || chmod -R u+w "$project"
  rm -rf "$project"
  mkdir -p "$project/.flowdex"
}

audit() {
  shards=$1
  echo
  echo "== $run: $(find "$project" -path '*/.flowdex' -prune -o -type f -name '*.swift' -print | wc -l) Swift files in $shards shards, 4 workers"
  "$flowdex" -C "$project" run "$root/examples/code-audit.ts" --yes --run-id "$run" \
    --input "{\"shards\": $shards}" >"$project/run.json" 2>"$project/run.log" || fail "\`run\` failed" "$project/run.log"

  begun=$(date +%s)
  "$flowdex" -C "$project" watch "$run" --dispatch >"$project/watch.log" 2>&1 &
  watch=$!
  crew=
  for worker in audit.sh audit.py audit.sh audit.py; do
    "$workers/$worker" "$project/.flowdex/runs/$run" &
    crew="$crew $!"
  done
  started="$watch$crew"
  wait "$watch" || fail "\`watch\` failed" "$project/watch.log"
  for worker in $crew; do
    wait "$worker" || fail "a worker failed" "$project/watch.log"
  done
  started=
  echo "-- done in $(($(date +%s) - begun)) s"
}

# The report: its summary, how often each rule was broken, and the first claim of each rule, as flowdex verified it.
show() {
  [ "$(report failed)" = "[]" ] || fail "some shards failed: $(report failed)"
  echo
  report summary
  report byRule | tr -d '{}",' | grep .
  verified=$(report claims | grep -c '"standing": "verified"') || fail "no claim was verified"
  echo "$verified claims are verified: flowdex itself found those lines, with those hashes, in the snapshot. Some:"
  shown=
  at=0
  while [ "$at" -lt "$verified" ]; do
    text=$(report "claims.$at.text")
    rule=${text%% *}
    case " $shown " in
      *" $rule "*) ;;
      *) shown="$shown $rule"; echo "  $(report "claims.$at.standing"): $text" | cut -c 1-150 ;;
    esac
    at=$((at + 1))
  done
  echo "the whole report: $flowdex -C $project report $run"
}

[ -x "$flowdex" ] || fail "\`$flowdex\` is not there: build it with \`make build\`"
[ -d "$dependency" ] || fail "\`$dependency\` is not there: fetch it with \`swift package resolve\`"

make_project flowdex
cp -R "$root/Sources" "$root/Tests" "$project/"
audit 8
show

make_project "$(basename "$dependency" .swift)"
(cd "$dependency" && tar -cf - --exclude=.git .) | (cd "$project" && tar -xf -)
audit 16
show
