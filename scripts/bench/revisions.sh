#!/usr/bin/env bash
# revisions.sh BASE BENCH COUNT PACKAGE...: Go benchmarks of the revision BASE and of the working tree, in turns, compared by benchstat.
#
# Both run with the models that this working tree's set-up exported: a base that reads none of them has to be set up
# with a cache folder of its own (BEDSIDE_CACHE).
set -euo pipefail
cd "$(dirname "$0")/../.."

base=${1:?usage: revisions.sh BASE BENCH COUNT PACKAGE...} bench=$2 count=$3
shift 3
go=${GO:-go}
out=$PWD/.build/bench
tree=$out/base
mkdir -p "$out"
revision=$(git rev-parse --verify --quiet "$base^{commit}") || { echo "bench-compare: BASE=$base is no revision" >&2; exit 1; }
git worktree remove --force "$tree" 2>/dev/null || true
git worktree add --quiet --detach "$tree" "$revision"
trap 'git worktree remove --force "$tree"' EXIT
: >"$out/base.txt"
: >"$out/head.txt"

for round in $(seq "$count"); do
  echo "round $round of $count" >&2
  (cd "$tree" && "$go" test -run '^$' -bench "$bench" -benchmem -timeout 60m "$@") >>"$out/base.txt"
  "$go" test -run '^$' -bench "$bench" -benchmem -timeout 60m "$@" >>"$out/head.txt"
done
"$go" tool -modfile=scripts/tools/go.mod benchstat "$base=$out/base.txt" "now=$out/head.txt"
