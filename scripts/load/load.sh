#!/usr/bin/env bash
# Drives a running server; `make load` calls it: load.sh SCENARIO ADDR CONCURRENCY DURATION.
set -euo pipefail
cd "$(dirname "$0")/../.." || exit 1
scenario=$1 addr=$2 concurrency=$3 duration=$4
go=${GO:-go}
folder=scripts/load

usage() {
  cat >&2 <<END
make load SCENARIO=embed CONCURRENCY=32 DURATION=30s ADDR=127.0.0.1:8001

  embed      one text a request, Chinese and English, from 8 to 60 tokens
  infer      the model "simple"; the server needs --model-repository=testdata/models
  generate   32 tokens a request, after short prompts
  summarize  a FHIR record of one patient (RECORD=file, default testdata/records/minimal.fhir.json)
END
  exit 2
}

[ -f "$folder/$scenario.json" ] || { echo "load: there is no scenario \"$scenario\"" >&2; usage; }
if ! (exec 3<>"/dev/tcp/${addr%:*}/${addr##*:}") 2>/dev/null; then
  echo "load: no server answers at $addr. Start one in another terminal (make run), or name its address: make load ADDR=host:port" >&2
  exit 1
fi

# The first run compiles ghz.
tool=$("$go" tool -modfile=scripts/tools/go.mod -n ghz)
arguments=(--config "$folder/$scenario.json" -c "$concurrency" --connections "$((concurrency < 8 ? concurrency : 8))"
  -z "$duration" --count-errors)
if [ "$scenario" = summarize ]; then
  data=$(mktemp)
  trap 'rm -f "$data"' EXIT
  "${PYTHON:-python3}" - "${RECORD:-testdata/records/minimal.fhir.json}" >"$data" <<'END'
import json
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    print(json.dumps({"source": {"fhir_json": file.read()}, "language": "en"}))
END
  arguments+=(-D "$data")
fi
"$tool" "${arguments[@]}" "$addr"
