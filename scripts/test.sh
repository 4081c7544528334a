#!/usr/bin/env bash
# Runs the tests; `make test` sets the environment first.
#   scripts/test.sh all    fuzzers, Go tests with the race detector, Python tests
#   scripts/test.sh fuzz   fuzzers alone
# $FUZZTIME is the time for each fuzzer; unset, the FHIR reader and the tokenizer, which face foreign input first, get
# 30s, and the others 5s.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
go=${GO:-go}
failed=()

say() { printf '\n== %s\n' "$*"; }

fuzz_time() {
  if [ -n "${FUZZTIME:-}" ]; then
    echo "$FUZZTIME"
    return
  fi
  case "$1 $2" in
    */clinical/fhir\ * | */runtime/tokenizer\ FuzzEncode) echo 30s ;;
    *) echo 5s ;;
  esac
}

# Prints one line "package FuzzName" for each fuzz target. Only packages with one in their test files are compiled.
fuzz_targets() {
  local packages
  # shellcheck disable=SC2016
  packages=$("$go" list -f '{{$p := .ImportPath}}{{$d := .Dir}}{{range .TestGoFiles}}{{$p}} {{$d}}/{{.}}
{{end}}{{range .XTestGoFiles}}{{$p}} {{$d}}/{{.}}
{{end}}' ./...) || return
  while read -r package file; do
    [ -n "$package" ] && sed -n "s|^func \(Fuzz[A-Za-z0-9_]*\)(.*|$package \1|p" "$file"
  done <<<"$packages"
}

# Go before 1.27 sometimes reports the end of -fuzztime as a failure (go.dev/issue/75804): a run that ended so, and
# found no failing input, is made once more. Shortening inputs may take a second: with Go's own minute, nearly all of the
# time goes into that.
fuzz_one() {
  local package=$1 name=$2 log try status
  log=$(mktemp)
  for try in 1 2; do
    say "fuzz $package $name, $(fuzz_time "$package" "$name")"
    status=0
    "$go" test -run '^$' -fuzz "^$name\$" -fuzztime "$(fuzz_time "$package" "$name")" \
      -fuzzminimizetime 1s "$package" 2>&1 | tee "$log" || status=1
    if [ "$status" = 0 ] || [ "$try" = 2 ] || grep -q 'Failing input' "$log" ||
      ! grep -qx ' *context deadline exceeded' "$log"; then
      break
    fi
  done
  rm -f "$log"
  return "$status"
}

fuzz() {
  local targets package name count=0
  targets=$(fuzz_targets) || { failed+=("finding the fuzzers"); return; }
  while read -r package name; do
    [ -n "$package" ] || continue
    fuzz_one "$package" "$name" </dev/null || failed+=("$name in $package")
    count=$((count + 1))
  done <<<"$targets"
  if [ "$count" = 0 ]; then
    failed+=("fuzzers: none was found")
  fi
}

go_tests() {
  say "go test -race ./..."
  # Compiled side by side, then run one at a time: a package that runs the model uses every core, and would disturb
  # the others' timings.
  "$go" build -race ./... &&
    "$go" test -race -p 1 -timeout 15m ./... || failed+=("go test")
}

python_tests() {
  say "pytest scripts"
  "${BEDSIDE_PYTHON:?run it as: make test}" -m pytest -p no:cacheprovider scripts || failed+=("pytest")
}

case "${1:-}" in
  all) fuzz; go_tests; python_tests ;;
  fuzz) fuzz ;;
  *) sed -n '3,4p' "$0" | cut -c3- >&2; exit 2 ;;
esac
if [ ${#failed[@]} -gt 0 ]; then
  printf '\nfailed: %s\n' "$(printf '%s; ' "${failed[@]}")" >&2
  exit 1
fi
