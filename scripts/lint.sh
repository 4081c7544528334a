#!/usr/bin/env bash
# Runs every check of the source, and the set-up, which brings ruff. Goes on after a finding, fails at the end.
#
# Nearly all of the time, on a machine where nothing was built yet, goes into compiling golangci-lint, buf and every
# dependency, and into golangci-lint reading every dependency. What fetches, and what compiles on one core, runs beside.
# There is no `go vet`: golangci-lint's govet makes the same checks and more, tests included, and each of the two has to
# read every dependency for it.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
go=${GO:-go}
python=${PYTHON:-python3}
longest=400
scratch=$(mktemp -d)
beside=0 # process group of what runs in the background
trap '[ "$beside" = 0 ] || kill -- "-$beside" 2>/dev/null; rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM

golangci() { "$go" tool -modfile=scripts/tools/go.mod golangci-lint "$@"; }

check() {
  local name=$1
  shift
  printf '== %s (at %d s)\n' "$name" "$SECONDS"
  "$@" || echo "$name" >>"$scratch/failed" # a file, since what runs beside has variables of its own
}

# Long files are where a package has begun to do two things. Generated ones are no one's to read.
short_files() {
  find . -name '*.go' -not -path './.*' -print0 | xargs -0 awk -v longest="$longest" '
    FNR <= 40 && /^\/\/ Code generated .* DO NOT EDIT\.$/ { generated[FILENAME] = 1 }
    { lines[FILENAME] = FNR }
    END {
      for (file in lines) if (lines[file] > longest && !(file in generated)) {
        print file ": " lines[file] " lines, more than " longest ": split it" >"/dev/stderr"
        status = 1
      }
      exit status
    }'
}

shell_syntax() {
  local file status=0
  for file in .ci/run scripts/*.sh; do
    bash -n "$file" || status=1
  done
  return "$status"
}

beam_module() (
  root=$PWD
  cd cmd/bedside-beam && "$go" mod tidy -diff &&
    "$go" tool -modfile="$root/scripts/tools/go.mod" golangci-lint run --allow-serial-runners --config "$root/.golangci.yml" ./...
)

python_style() {
  local settings
  settings=$("$python" scripts/setup.py --print-env) && eval "$settings" &&
    "$BEDSIDE_PYTHON" -m ruff check --quiet --no-cache scripts clients/python
}

not_golangci() {
  check "set-up" "$python" scripts/setup.py
  check "ruff" python_style
  check "protocol: format, lint, breaking changes, generated code" bash scripts/proto.sh check
}

set -m
not_golangci >"$scratch/beside.log" 2>&1 </dev/null &
beside=$!
set +m

check "length of files" short_files
check "shell scripts" shell_syntax
check "formatting of Go (gofmt -s, goimports)" golangci fmt --diff
check "golangci-lint" golangci run --allow-serial-runners ./...
check "go mod tidy" "$go" mod tidy -diff
check "cmd/bedside-beam, a module of its own" beam_module

wait "$beside"
beside=0
cat "$scratch/beside.log"
if [ -s "$scratch/failed" ]; then
  printf '\nlint failed: %s\n' "$(paste -s -d ';' "$scratch/failed")" >&2
  exit 1
fi
echo "lint: clean"
