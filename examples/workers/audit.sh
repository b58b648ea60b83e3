#!/bin/sh
# A worker for examples/code-audit.ts: a POSIX shell, awk and coreutils, and nothing else.
#
# usage: audit.sh RUN_DIRECTORY [--once] [--idle SECONDS]
#
# It takes packages from RUN_DIRECTORY/queue/ready (which `flowdex watch RUN --dispatch` keeps filled), audits the
# files that each names, and writes the result. Any number of workers may share a queue: `mv` from `ready` to
# `claimed` is one rename(2), so exactly one of them gets an entry. It ends when the run has ended.
#
#   --once          do one package, then exit
#   --idle SECONDS  exit when there has been nothing to do for so long
#
# examples/workers/audit.py does the same work in Python; a test holds their results equal.

set -u
LC_ALL=C
export LC_ALL

usage() { echo "usage: audit.sh RUN_DIRECTORY [--once] [--idle SECONDS]" >&2; exit 1; }

[ $# -ge 1 ] || usage
run=$1
shift
once=no
idle=
while [ $# -gt 0 ]; do
  case $1 in
    --once) once=yes ;;
    --idle) [ $# -ge 2 ] || usage; idle=$2; shift ;;
    *) usage ;;
  esac
  shift
done
[ -d "$run" ] || { echo "audit.sh: \`$run\` is not a run's directory" >&2; exit 1; }

tab=$(printf '\t')
held=

# Asked to stop: what is not done goes back to `ready`, for somebody else.
give_back() {
  [ -z "$held" ] || [ ! -L "$held" ] || mv "$held" "$run/queue/ready/" 2>/dev/null
  exit 143
}
trap give_back TERM INT HUP

# JSON to lines of `path<TAB>value`, such as `data.shard<TAB>3`. A token never spans lines, so one line at a time.
flatten() {
  awk '
    function path(  at, text) {
      for (at = 1; at <= depth; at++) text = text (at > 1 ? "." : "") name[at]
      return text
    }
    function emit(value) { print path() "\t" value; wantsKey = 0 }
    {
      rest = $0
      while (match(rest, /^[ \t\r]*("([^"\\]|\\.)*"|[][{}:,]|[^][{}:," \t\r]+)/)) {
        token = substr(rest, RSTART, RLENGTH)
        rest = substr(rest, RLENGTH + 1)
        sub(/^[ \t\r]+/, "", token)
        first = substr(token, 1, 1)
        if (first == "{") { depth++; isObject[depth] = 1; wantsKey = 1 }
        else if (first == "[") { depth++; isObject[depth] = 0; name[depth] = 0; wantsKey = 0 }
        else if (first == "}" || first == "]") { depth--; wantsKey = 0 }
        else if (first == ",") { if (isObject[depth]) wantsKey = 1; else name[depth]++ }
        else if (first == ":") wantsKey = 0
        else if (first == "\"") {
          text = substr(token, 2, length(token) - 2)
          # Of the escapes only these can stand in a path; the rest is left as it is written.
          gsub(/\\\//, "/", text); gsub(/\\"/, "\"", text); gsub(/\\\\/, "\\", text)
          if (wantsKey) name[depth] = text; else emit(text)
        }
        else emit(token)
      }
    }' "$1"
}

field() { awk -F "$tab" -v key="$2" '$1 == key { print substr($0, length(key) + 2); exit }' "$1"; }

# What the files of the shard break, a line each: rank, rule, file, line, end line, text. The last line is totals.
find_all() {
  awk -v maxLine="$1" -v maxFunction="$2" -v maxFile="$3" -v folder="$4" -v wordsFile="$5" '
    BEGIN {
      count = split("unsafe-c forced-try forced-cast unchecked trap long-function long-file no-test marker long-line", rules)
      for (at = 1; at <= count; at++) rank[rules[at]] = at
      while ((getline word < wordsFile) > 0) { tested[word] = 1; hasTests = 1 }
    }
    function shown(text) {
      gsub(/^[ \t]+|[ \t]+$/, "", text)
      gsub(/[^ -~]/, "?", text)
      return substr(text, 1, 100)
    }
    function found(rule, first, last, text) {
      print rank[rule] "\t" rule "\t" path "\t" first "\t" last "\t" text
    }
    # Tells code from comments and string literals: good enough for an audit, not a parser.
    function part(rest,  token) {
      code = ""; comment = ""
      while (rest != "") {
        if (commentDepth > 0) {
          if (!match(rest, isSwift ? "/[*]|[*]/" : "[*]/")) { comment = comment rest; return }
          comment = comment substr(rest, 1, RSTART - 1)
          if (substr(rest, RSTART, 1) == "/") commentDepth++; else commentDepth--
          rest = substr(rest, RSTART + 2)
        } else if (inText) {
          at = index(rest, "\"\"\"")
          if (at == 0) return
          inText = 0
          rest = substr(rest, at + 3)
        } else {
          if (!match(rest, isSwift ? "\"|//|/[*]" : "[\"\047]|//|/[*]")) { code = code rest; return }
          code = code substr(rest, 1, RSTART - 1)
          rest = substr(rest, RSTART)
          token = substr(rest, 1, 2)
          if (token == "//") { comment = comment rest; return }
          if (token == "/*") { commentDepth = 1; rest = substr(rest, 3) }
          else if (isSwift && substr(rest, 1, 3) == "\"\"\"") { inText = 1; code = code "\"\""; rest = substr(rest, 4) }
          else if (match(rest, substr(rest, 1, 1) == "\"" ? "^\"([^\"\\\\]|\\\\.)*\"" : "^\047([^\047\\\\]|\\\\.)*\047")) {
            code = code "\"\""
            rest = substr(rest, RLENGTH + 1)
          } else return
        }
      }
    }
    # Where functions begin and end, by counting braces in code.
    function follow(number, text,  opened, closed) {
      if (!isOpen && (isSwift ? code ~ /^[ \t]*([@a-z]+(\([a-z]+\))? )*(func [^ ]|init[?!]?[(<])/ : code ~ /^[A-Za-z_][^;]*\([^;]*$/)) {
        start = number; depth = 0; startText = text
      }
      if (start == 0) return
      opened = gsub(/\{/, "{", code); closed = gsub(/\}/, "}", code)
      if (opened > 0) isOpen = 1
      depth += opened - closed
      if (depth > 0 || (!isOpen && closed == 0)) return
      if (isOpen && number - start + 1 > maxFunction)
        found("long-function", start, number, (number - start + 1) " lines; at most " maxFunction ": " shown(startText))
      start = 0; isOpen = 0
    }
    function audit(  number, line, name, stem) {
      isSwift = path ~ /\.swift$/
      commentDepth = 0; inText = 0; start = 0; isOpen = 0; number = 0
      while ((getline line < (folder "/" path)) > 0) {
        number++
        part(line)
        if (isSwift) {
          if (code ~ /(^|[^A-Za-z0-9_])try!/) found("forced-try", number, number, shown(line))
          if (code ~ /(^|[^A-Za-z0-9_])as!/) found("forced-cast", number, number, shown(line))
          if (code ~ /@unchecked Sendable|(nonisolated|unowned)\(unsafe\)|unsafeBitCast\(/) found("unchecked", number, number, shown(line))
          if (code ~ /(^|[^A-Za-z0-9_.])(fatalError|preconditionFailure)[ \t]*\(/) found("trap", number, number, shown(line))
        } else if (code ~ /(^|[^A-Za-z0-9_])(strcpy|strcat|sprintf|vsprintf|gets|system|alloca|tmpnam|mktemp)[ \t]*\(/)
          found("unsafe-c", number, number, shown(line))
        if (comment ~ /(^|[^A-Za-z0-9_])(TODO|FIXME|XXX|HACK)([^A-Za-z0-9_]|$)/) found("marker", number, number, shown(line))
        if (length(line) > maxLine) found("long-line", number, number, length(line) " bytes; at most " maxLine)
        follow(number, line)
      }
      close(folder "/" path)
      lines += number
      if (number > maxFile) found("long-file", maxFile + 1, number, number " lines; at most " maxFile)
      if (isSwift && number > 0 && hasTests && index("/" path, "/Tests/") == 0) {
        name = path; sub(/.*\//, "", name)
        stem = name; sub(/[+.].*/, "", stem)
        if (name !~ /^Package/ && !(stem in tested)) found("no-test", 1, 1, "no file under Tests mentions " stem)
      }
    }
    { path = $0; files++; audit() }
    END { print "0\ttotals\t" files + 0 "\t" lines + 0 }'
}

# The findings as the `data` of the result, with the hash of the very lines that each is about.
write_data() {
  awk -F "$tab" '
    $2 == "totals" { files = $3; lines = $4; next }
    { if (!($2 in count)) order[++rules] = $2; count[$2]++ }
    END {
      printf "{\"files\":%d,\"lines\":%d,\"counts\":{", files, lines
      for (at = 1; at <= rules; at++) printf "%s\"%s\":%d", (at > 1 ? "," : ""), order[at], count[order[at]]
      printf "},\"findings\":["
    }' "$1"
  grep -v "^0$tab" "$1" | head -n "$3" | while IFS="$tab" read -r _ rule file line end text; do
    hash=$(sed -n "${line},${end}p;${end}q" "$2/$file" | sha256sum)
    printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$rule" "$file" "$line" "$end" "${hash%% *}" "$text"
  done | awk -F "$tab" '
    function quoted(text) { gsub(/\\/, "&&", text); gsub(/"/, "\\\"", text); return "\"" text "\"" }
    {
      printf "%s{\"rule\":%s,\"file\":%s,\"line\":%d,\"endLine\":%d,\"contentHash\":\"%s\",\"text\":%s}",
        (NR > 1 ? "," : ""), quoted($1), quoted($2), $3, $4, $5, quoted($6)
    }'
  printf ']}'
}

# Writes the result where only flowdex sees it whole: beside, in scratch, then renamed into place.
deliver() {
  { printf '{"status":"%s","summary":"%s","data":' "$1" "$2"
    cat "$3"
    printf ',"claims":[],"artifacts":[],"diff":null,"usage":{},"error":%s}\n' "$4"
  } >"$scratch/result.$$" && mv "$scratch/result.$$" "$result"
}

# Sets `verdict`: accepted, rejected (of a `first` try), or gone where the lease ended without either.
await_verdict() {
  while :; do
    if [ -e "$accepted" ]; then verdict=accepted; return; fi
    if [ "$1" = first ] && [ -e "$rejected" ]; then verdict=rejected; return; fi
    if [ ! -L "$held" ]; then
      if [ -e "$accepted" ]; then verdict=accepted; else verdict=gone; fi
      return
    fi
    sleep 0.1
  done
}

audit_package() {
  package=$(cd -P "$held" && pwd) || return 1
  flat=$package/scratch/task.txt
  flatten "$package/task.json" >"$flat" || return 1
  task=$(field "$flat" taskId)
  folder=$(field "$flat" cwd)
  result=$(field "$flat" resultPath)
  scratch=$(field "$flat" scratchPath)
  accepted=$(field "$flat" acceptedPath)
  rejected=$(field "$flat" rejectedPath)
  root=$(field "$flat" data.root)
  shard=$(field "$flat" data.shard)
  of=$(field "$flat" data.of)
  touch "$(field "$flat" heartbeatPath)"

  (
    set -e
    cd "$folder"
    find . -type f \( -name '*.swift' -o -name '*.c' -o -name '*.h' \) | sed 's,^\./,,' | sort >"$scratch/all"
    awk -v root="$root" -v shard="$shard" -v of="$of" '
      root == "" || index($0, root "/") == 1 { if (number++ % of == shard) print }' "$scratch/all" >"$scratch/mine"
    awk 'index("/" $0, "/Tests/") && /\.swift$/' "$scratch/all" | tr '\n' '\0' | xargs -0 cat -- /dev/null |
      tr -cs 'A-Za-z0-9_' '\n' | awk 'length' | sort -u >"$scratch/words"
    find_all "$(field "$flat" data.maxLineBytes)" "$(field "$flat" data.maxFunctionLines)" \
      "$(field "$flat" data.maxFileLines)" "$folder" "$scratch/words" <"$scratch/mine" >"$scratch/found"
    sort -t "$tab" -k1,1n -k3,3 -k4,4n "$scratch/found" >"$scratch/sorted"
    write_data "$scratch/sorted" "$folder" "$(field "$flat" data.maxFindings)" >"$scratch/data"
  )
  if [ $? -eq 0 ]; then
    summary=$(awk -F "$tab" '$2 == "totals" { files = $3; lines = $4 }
      END { print "looked at " files " files and " lines " lines, findings: " NR - 1 }' "$scratch/sorted")
    deliver completed "$summary" "$scratch/data" null
  else
    summary="the audit failed"
    echo null >"$scratch/data"
    deliver failed "$summary" "$scratch/data" '"a step of audit.sh failed; its worker printed why"'
  fi
  await_verdict first
  if [ "$verdict" = rejected ]; then
    # A script cannot mend what it wrote; it can say so, and the run goes on.
    cat "$rejected" >&2
    echo null >"$scratch/data"
    deliver failed "the result was refused" "$scratch/data" '"the result was refused; its worker printed why"'
    await_verdict second
    verdict="failed, $verdict"
  fi
  echo "audit.sh[$$] $task: $summary ($verdict)"
}

# Takes one package; sets `held`.
claim() {
  for entry in "$run/queue/ready"/*; do
    [ -L "$entry" ] || continue
    token=${entry##*/}
    # It fails where another worker was first.
    if mv "$entry" "$run/queue/claimed/$token" 2>/dev/null; then held=$run/queue/claimed/$token; return 0; fi
  done
  return 1
}

# The last word in the events on how the run stands.
has_ended() {
  grep '"type":"run.status"' "$run/events.jsonl" 2>/dev/null | tail -n 1 |
    grep -q '"status":"\(completed\|failed\|stopped\)"'
}

waited=0
while :; do
  if claim; then
    audit_package
    held=
    waited=0
    [ "$once" = no ] || exit 0
  elif has_ended; then
    exit 0
  elif [ -n "$idle" ] && [ "$waited" -ge $((idle * 5)) ]; then
    exit 0
  else
    waited=$((waited + 1))
    sleep 0.2
  fi
done
