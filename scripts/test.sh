#!/usr/bin/env bash
# Runs the tests; `make test` and `make fuzz` call it.
#   scripts/test.sh all    sets up, then: fuzzers, Go tests (with the race detector where two things run at once), Python
#                          tests, clients and real server
#   scripts/test.sh fuzz   fuzzers alone
# What runs a model uses every core for a part of its time only, so it runs beside what needs one core all the time.
# $FUZZTIME is the time for each fuzzer; unset, the FHIR reader and the tokenizer, which face foreign input first, get
# 10s, and the others 2s.
#
# Where the time goes, should it grow again: the race detector makes code that computes five to ten times slower, and a
# build with it shares nothing with the other one. A compiler flag for all packages (-trimpath was one) compiles every
# dependency again, the standard library and SQLite (18 s of one core, 24 with the detector) among them: the server, the
# fuzzers and `make lint` use the same build because they use the same flags. `go test` also vets, which means every
# dependency (20 s for those of clinical/graph/store alone): `make lint` has done so. The server's tests are long because
# the real model writes in them, not because each starts a server: that is 0.9 s with the detector, two thirds of it the
# tokenizer.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
go=${GO:-go}
python=${PYTHON:-python3}
module=github.com/bedside-lm/bedside
scratch=$(mktemp -d)
left_out=
beside=0 # process group of what runs in the background
trap '[ "$beside" = 0 ] || kill -- "-$beside" 2>/dev/null; rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM

# Says what begins, and how many seconds after the start: where the time goes is there to read in every log.
say() { printf '\n== %s (at %d s)\n' "$*" "$SECONDS"; }

# Failures go to a file, since a background lane has variables of its own.
failed() { echo "$*" >>"$scratch/failed"; }

# in_background FILE COMMAND: COMMAND in a process group of its own, so that Ctrl-C ends all of it. It writes to FILE.
in_background() {
  local file=$1
  shift
  set -m
  "$@" >"$file" 2>&1 </dev/null &
  beside=$!
  set +m
}

join_background() {
  wait "$beside"
  local status=$?
  beside=0
  return "$status"
}

# Packages whose tests run a model: those whose test binaries link ONNX Runtime.
model_packages() {
  "$go" list -test -f '{{if .ForTest}}{{$p := .ForTest}}{{range .Deps}}{{if eq . "'"$module"'/runtime/ort"}}{{$p}}
{{end}}{{end}}{{if eq $p "'"$module"'/runtime/ort"}}{{$p}}
{{end}}{{end}}' ./... | sort -u | sed '/^$/d'
}

fuzz_time() {
  if [ -n "${FUZZTIME:-}" ]; then
    echo "$FUZZTIME"
    return
  fi
  case "$1 $2" in
    */clinical/fhir\ FuzzParse | */runtime/tokenizer\ FuzzEncode) echo 10s ;;
    *) echo 2s ;;
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

# fuzz_binary PACKAGE FILE compiles a package's fuzzers. `go test -fuzz` would instrument every dependency down to the
# standard library: minutes of compiling, a tenth of the speed, and a search that gets lost in other people's branches.
# Here the project's own packages are instrumented, and the readers of YAML and JSON where they are the way in.
# All else is compiled as everywhere else, so that the build cache has it.
fuzz_binary() {
  local package=$1 file=$2 flags=("-gcflags=$module/...=-d=libfuzzer")
  case "$package" in
    */cmd/bedside) flags=("-gcflags=go.yaml.in/yaml/v3=-d=libfuzzer" "${flags[@]}") ;;
    */runtime/tokenizer) flags=("-gcflags=encoding/json=-d=libfuzzer" "${flags[@]}") ;;
  esac
  "$go" test -c -vet=off "${flags[@]}" -o "$file" "$package"
}

# Go before 1.27 sometimes reports the end of -fuzztime as a failure (go.dev/issue/75804): a run that ended so, and
# found no failing input, is made once more. Shortening inputs may take a second: with Go's own minute, nearly all of the
# time goes into that.
fuzz_one() {
  local package=$1 name=$2 binary=$3 folder cache try status
  folder=$("$go" list -f '{{.Dir}}' "$package") && cache=$("$go" env GOCACHE)/fuzz/$package || return
  for try in 1 2; do
    say "fuzz $package $name, $(fuzz_time "$package" "$name")"
    status=0
    (cd "$folder" && "$binary" -test.run '^$' -test.fuzz "^$name\$" -test.fuzztime "$(fuzz_time "$package" "$name")" \
      -test.fuzzminimizetime 1s -test.fuzzcachedir "$cache" -test.parallel "$fuzz_workers" -test.paniconexit0) 2>&1 |
      tee "$scratch/fuzz.log" || status=1
    if [ "$status" = 0 ] || [ "$try" = 2 ] || grep -q 'Failing input' "$scratch/fuzz.log" ||
      ! grep -qx ' *context deadline exceeded' "$scratch/fuzz.log"; then
      break
    fi
  done
  return "$status"
}

fuzz() {
  local targets package name binary count=0
  targets=$(fuzz_targets) || { failed "finding the fuzzers"; return; }
  while read -r package name; do
    [ -n "$package" ] || continue
    binary=$scratch/$(tr / - <<<"$package").test
    if [ ! -e "$binary" ] && ! fuzz_binary "$package" "$binary"; then
      failed "compiling the fuzzers of $package"
      continue
    fi
    fuzz_one "$package" "$name" "$binary" </dev/null || failed "$name in $package"
    count=$((count + 1))
  done <<<"$targets"
  if [ "$count" = 0 ]; then
    failed "fuzzers: none was found"
  fi
}

# Packages of clinical/ where nothing runs at once, one a line: the race detector has nothing to see there. They start no
# goroutine and no server, nor do their tests (benchmarks aside), nor does what they import of the project. Found anew
# each time, so that a package that begins to is tested with the detector from then on; so is everything outside clinical/.
sequential_packages() {
  local starts='(^|[^[:alnum:]_"])go (func|[[:alnum:]_.]+\()|\.Go\(|Parallel\(|AfterFunc|"(net|net/http.*|database/sql|unsafe)"$'
  local package folder found
  found=$("$go" list -f '{{.ImportPath}} {{.Dir}}' ./... | while read -r package folder; do
    grep -lE "$starts" "$folder"/*.go | grep -v 'bench_test\.go$' >/dev/null && echo "$package"
  done)
  [ -n "$found" ] || return
  # What is tested is among its own test's dependencies.
  "$go" list -test -f '{{if .ForTest}}{{$p := .ForTest}}{{range .Deps}}{{$p}} {{.}}
{{end}}{{end}}' ./clinical/... |
    awk 'NR == FNR { starts[$1] = 1; next } NF { all[$1] = 1; if ($2 in starts || $1 in starts) not[$1] = 1 }
      END { for (p in all) if (!(p in not)) print p }' <(echo "$found") - | sort
}

# Tests that are long because they read much, in packages where workers run side by side: made without the race detector.
# Shorter ones of the same packages put the same workers to the same work with it on: WorkersAndPackingChangeNothing and
# CuttingChangesNothing in cohort, JudgingIsDeterministic and AGeneratedCohort in evaluate, all of server's for adversarial. A name that is no longer
# right costs time and nothing else: the test then runs with the detector.
long_tests='^(TestGivenCohort|TestKilledRunsEndAlike|TestTheCleaningIsAheadOnSyntheticPatients|TestAdversarialRecords)$'
long_packages="$module/clinical/prepare/cohort
$module/clinical/prepare/evaluate
$module/server/adversarial"

# go_tests NAME PACKAGES [FLAGS]
go_tests() {
  local name=$1 packages=$2
  shift 2
  say "go test -race, $name"
  # One package at a time: two that run models at once would disturb each other's deadlines.
  # shellcheck disable=SC2086
  [ -n "$packages" ] && "$go" test -race -vet=off -p 1 -timeout 15m "$@" $packages || failed "go test of $name"
}

sequential_tests() {
  say "go test, packages where nothing runs at once"
  # shellcheck disable=SC2086
  [ -n "$1" ] && "$go" test -vet=off -p 1 $1 || failed "go test of packages where nothing runs at once"
  say "go test, the cleaning on a generated cohort, and long tests of cohorts"
  # shellcheck disable=SC2086
  "$go" test -vet=off -p 1 -count=1 -v -run "$long_tests|GeneratedCohort" $long_packages || failed "long tests of cohorts"
}

python_tests() {
  say "pytest scripts"
  "${BEDSIDE_PYTHON:?run it as: make test}" -m pytest -p no:cacheprovider scripts || failed "pytest"
}

training_tests() {
  say "pytest scripts/tests/train: training of language models"
  local train
  train=$("$python" -m scripts.train.environment) &&
    "$train" -m pytest -c scripts/tests/train/pytest.ini --rootdir scripts/tests/train --confcutdir scripts/tests/train \
      scripts/tests/train || failed "training"
  say "make train SIZE=tiny: all four kinds from nothing, against the recorded metrics"
  "$python" -m scripts.train --size tiny --fresh --check --out "$scratch/tiny" || failed "training as recorded"
}

client_tests() {
  bash scripts/test_clients.sh
  case $? in
    0) ;;
    3) left_out="the TypeScript client: no Node.js 20 or later was found" ;;
    *) failed "clients" ;;
  esac
  say "pytest scripts/tests/triton: Triton's own client"
  local clients
  clients=$("$python" scripts/testenv.py) &&
    BEDSIDE_BINARY=$PWD/.build/clients/bedside "$clients" -m pytest -c scripts/tests/triton/pytest.ini \
      --rootdir scripts/tests/triton --confcutdir scripts/tests/triton scripts/tests/triton || failed "Triton's client"
  say "pytest scripts/tests/evaluate: the judging of language models"
  [ -n "$clients" ] &&
    BEDSIDE_BINARY=$PWD/.build/clients/bedside "$clients" -m pytest -c scripts/tests/evaluate/pytest.ini \
      --rootdir scripts/tests/evaluate --confcutdir scripts/tests/evaluate scripts/tests/evaluate || failed "the judging of models"
}

one_core_lane() {
  local sequential racing
  sequential=$(sequential_packages)
  racing=$("$go" list ./... | grep -vxF "$(model_packages; echo "$sequential"; echo "$long_packages")")
  go_tests "packages without a model" "$racing"
  go_tests "cohorts" "$long_packages" -skip "$long_tests"
  sequential_tests "$sequential"
  # Without the race detector, for which Beam would be compiled a second time.
  say "go test, cohorts through Apache Beam"
  (cd cmd/bedside-beam && "$go" test -vet=off ./...) || failed "cohorts through Apache Beam"
  fuzz_workers=1 fuzz
}

# Compiles what both lanes need, and makes the environments of the clients' tests and of training, and the generated corpora.
prepare() {
  say "go build -race ./..., go build ./..."
  "$go" build -race ./... && "$go" build ./... && "$python" scripts/testenv.py >/dev/null && "$python" -m scripts.train.environment >/dev/null &&
    "$python" -m scripts.corpus cohort >"$scratch/cohort" && "$python" -m scripts.corpus signals >"$scratch/signals"
}

all() {
  local settings
  in_background "$scratch/prepare.log" prepare
  "$python" scripts/setup.py || { failed "set-up"; return; }
  settings=$("$python" scripts/setup.py --print-env) && eval "$settings" || { failed "set-up"; return; }
  join_background || { cat "$scratch/prepare.log"; failed "compiling, an environment of the tests, or the corpora"; return; }
  BEDSIDE_COHORT=$(cat "$scratch/cohort") BEDSIDE_SIGNALS=$(cat "$scratch/signals")
  export BEDSIDE_COHORT BEDSIDE_SIGNALS
  in_background "$scratch/beside.log" one_core_lane
  python_tests
  training_tests
  client_tests
  go_tests "packages that run models" "$(model_packages | grep -vxF "$long_packages")"
  say "what ran beside: fuzzers, packages without a model"
  join_background
  cat "$scratch/beside.log"
}

case "${1:-}" in
  all) all ;;
  fuzz) fuzz_workers=$(nproc 2>/dev/null || echo 2) && fuzz ;;
  *) sed -n '3,5p' "$0" | cut -c3- >&2; exit 2 ;;
esac
if [ -n "$left_out" ]; then
  printf '\nLEFT OUT: %s\n' "$left_out" >&2
fi
if [ -s "$scratch/failed" ]; then
  printf '\nfailed: %s\n' "$(paste -s -d ';' "$scratch/failed")" >&2
  exit 1
fi
