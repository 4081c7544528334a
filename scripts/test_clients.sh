#!/usr/bin/env bash
# Tests the Python and the TypeScript client against the real server and model; `make test` sets the environment first.
# Node, or npm, may be missing: the TypeScript client is then left out, which is said loudly, and the exit status is 3
# where all else is well.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
go=${GO:-go}
left_out=3
status=0

say() { printf '\n== %s\n' "$*"; }

python_tests() {
  local python
  python=$("${PYTHON:-python3}" scripts/testenv.py) || return
  (cd clients/python && "$python" -m pytest -p no:cacheprovider)
}

typescript_tests() {
  bash scripts/node.sh install || return
  (cd clients/typescript && npm run --silent build && node --test --test-reporter=dot dist/tests/)
}

say "building the server"
BEDSIDE_BINARY=$PWD/.build/clients/bedside
"$go" build -buildvcs=false -o "$BEDSIDE_BINARY" ./cmd/bedside || exit 1
export BEDSIDE_BINARY

say "pytest clients/python"
python_tests || { status=1; echo "failed: the Python client's tests" >&2; }

if bash scripts/node.sh; then
  say "node --test clients/typescript"
  typescript_tests || { status=1; echo "failed: the TypeScript client's tests" >&2; }
else
  bash scripts/node.sh note "the tests of the TypeScript client were left out"
  [ "$status" != 0 ] || status=$left_out
fi
exit "$status"
