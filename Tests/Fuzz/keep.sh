#!/usr/bin/env bash
# Keeps what fuzzing has found where `make test` replays it: what broke the target, and the smallest of what reaches code
# that nothing kept so far does, as far as the target's share of the corpus goes: 200 files, and 72 KiB (FuzzCorpusTests holds
# all four to 300).
#
#   keep.sh FUZZ TARGET FOUND CORPUS     FOUND holds what libFuzzer has found, FOUND/../TARGET-* what it broke at
set -euo pipefail
fuzz=$1 target=$2 found=$3 corpus=$4
share=$((72 << 10)) most=200

for broken in "$(dirname "$found")"/../"$target"-{crash,timeout,oom}-*; do
  [ -f "$broken" ] || continue
  kept="$corpus/${broken##*/"$target"-}"
  mv "$broken" "$kept"
  echo "fuzz: kept $kept, which broke the target" >&2
done

# Merged into a copy: what was kept before counts as there, and only what adds to it is new.
merged=$(mktemp -d)
trap 'rm -rf "$merged" "$merged.small"' EXIT
cp "$corpus"/* "$merged"
rm -f "$merged"/{crash,timeout,oom}-*
# Small ones only: few bytes reach most code.
mkdir "$merged.small"
find "$found" -type f -size -4097c -exec cp -t "$merged.small" {} +
FUZZ_TARGET=$target SWIFT_BACKTRACE=enable=no "$fuzz" -merge=1 -timeout=10 -rss_limit_mb=2048 \
  -artifact_prefix="$(dirname "$found")/../$target-" \
  "$merged" "$merged.small" 2>"$(dirname "$found")/../$target-merge.log"
size=$(cat "$corpus"/* | wc -c) files=$(find "$corpus" -type f | wc -l) added=0
while read -r bytes name; do
  [ -e "$corpus/$name" ] && continue
  [ $((size + bytes)) -le $share ] && [ $((files + added)) -lt $most ] || break
  cp "$merged/$name" "$corpus/$name"
  size=$((size + bytes)) added=$((added + 1))
done < <(find "$merged" -type f -printf '%s %f\n' | sort -n)
echo "fuzz: $target: $added kept, $size bytes in all"
