#!/bin/sh
# A worker for `flowdex work --result-from stdout`: asks a model over HTTP. It needs curl and python3, for JSON.
#
#   MODEL_URL=https://…/v1/chat/completions MODEL_KEY=… MODEL=… \
#     flowdex work RUN --result-from stdout -- examples/workers/model.sh
#
# The model is given the task's instructions and nothing else: it can read no files. What it says is printed, and
# flowdex takes the envelope in it. The key goes to curl on its standard input, so that no list of processes shows it.
set -eu

python3 -c '
import json, os, sys
print(json.dumps({"model": os.environ.get("MODEL", "default"), "messages": [{"role": "user", "content":
  sys.stdin.read() + "\nYou can write no files: answer with the JSON object of the result, and nothing else.\n"}]}))
' <"$FLOWDEX_INSTRUCTIONS" >"$TMPDIR/request"

printf 'Authorization: Bearer %s\n' "${MODEL_KEY:-none}" |
  curl --silent --show-error --fail --max-time 600 --header @- --header 'Content-Type: application/json' \
    --data-binary "@$TMPDIR/request" --output "$TMPDIR/response" "${MODEL_URL:?}"

python3 -c 'import json, sys; print(json.load(sys.stdin)["choices"][0]["message"]["content"])' <"$TMPDIR/response"
