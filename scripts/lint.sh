#!/usr/bin/env bash
# Runs every check of the source; `make lint` sets the environment first. Goes on after a finding, fails at the end.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
go=${GO:-go}
longest=400
failed=()

golangci() { "$go" tool -modfile=scripts/tools/go.mod golangci-lint "$@"; }

check() {
  local name=$1
  shift
  printf '== %s\n' "$name"
  "$@" || failed+=("$name")
}

# Long files are where a package has begun to do two things. Generated ones are no one's to read.
short_files() {
  local file lines status=0
  while IFS= read -r -d '' file; do
    if head -n 40 "$file" | grep -q '^// Code generated .* DO NOT EDIT\.$'; then
      continue
    fi
    lines=$(wc -l <"$file")
    if [ "$lines" -gt "$longest" ]; then
      echo "$file: $lines lines, more than $longest: split it" >&2
      status=1
    fi
  done < <(find . -name '*.go' -not -path './.*' -print0)
  return "$status"
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
  "${BEDSIDE_PYTHON:?run it as: make lint}" -m ruff check --quiet --no-cache scripts clients/python
}

check "length of files" short_files
check "shell scripts" shell_syntax
check "go vet" "$go" vet ./...
check "formatting of Go (gofmt -s, goimports)" golangci fmt --diff
check "golangci-lint" golangci run --allow-serial-runners ./...
check "go mod tidy" "$go" mod tidy -diff
check "cmd/bedside-beam, a module of its own" beam_module
check "protocol: format, lint, breaking changes, generated code" bash scripts/proto.sh check
check "ruff" python_style

if [ ${#failed[@]} -gt 0 ]; then
  printf '\nlint failed: %s\n' "$(printf '%s; ' "${failed[@]}")" >&2
  exit 1
fi
echo "lint: clean"
