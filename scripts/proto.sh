#!/usr/bin/env bash
# The protocol's tooling: generate code, or check files and generated code.
#   scripts/proto.sh generate   write Go beside the .proto files, Python and TypeScript into their clients
#   scripts/proto.sh check      lint, breaking changes against $BREAKING_AGAINST (default main), generated code current
# TypeScript takes Node 20 or later with npm; where they are missing it is left out, which is said at the end.
set -euo pipefail
cd "$(dirname "$0")/.."

# The module holds .proto files alone, which no go.mod can require; its sum is pinned here instead.
rules_module=github.com/bufbuild/protovalidate@v1.2.2
rules_sum='h1:2H/9/Kr97etSRqW3IJjTTb09z+zutkK2GDhDRbOnqr4='

buf() { go tool -modfile=scripts/tools/go.mod buf "$@"; }

fetch_rules() {
  local target=$1 info dir sum
  info=$(go mod download -json "$rules_module")
  sum=$(sed -n 's/.*"Sum": "\(.*\)".*/\1/p' <<<"$info")
  dir=$(sed -n 's/.*"Dir": "\(.*\)".*/\1/p' <<<"$info")
  if [ "$sum" != "$rules_sum" ]; then
    echo "scripts/proto.sh: $rules_module has the checksum '$sum', expected '$rules_sum'" >&2
    exit 1
  fi
  rm -rf "$target" && mkdir -p "$target"
  cp -R "$dir/proto/protovalidate/." "$target/"
  chmod -R u+w "$target"
}

check_breaking() {
  local against=${BREAKING_AGAINST:-main} old
  if ! git rev-parse --verify --quiet "$against:buf.yaml" >/dev/null; then
    echo "breaking: $against holds no earlier version, nothing to compare with"
    return
  fi
  old=$(mktemp -d)
  git archive "$against" buf.yaml proto | tar -x -C "$old"
  fetch_rules "$old/.build/protovalidate"
  local status=0
  buf breaking proto --against "$old/proto" || status=$?
  rm -rf "$old"
  return "$status"
}

# The generators of Python are pinned with the Python client's tests, those of TypeScript in its package.json.
prepare_python() {
  local python
  python=$("${PYTHON:-python3}" scripts/testenv.py)
  PATH=$(dirname "$python"):$PATH
  mkdir -p .build/clients
  "$python" clients/python/tools/google_protos.py >.build/clients/google.binpb
}

with_node=yes
prepare_typescript() {
  if ! bash scripts/node.sh; then
    with_node=no
    return
  fi
  bash scripts/node.sh install
}

# Writes all generated code under the folder $1.
generate() {
  buf generate --output "$1"
  buf generate --template buf.gen.python.yaml --output "$1"
  if [ "$with_node" = yes ]; then
    buf generate --template buf.gen.typescript.yaml --output "$1"
  fi
}

# The digests of the files below folder $1 that are called $2.
digests() { (cd "$1" && find . -name "$2" -print0 | sort -z | xargs -0 sha256sum); }

check_current() {
  local fresh=$1 folder=$2 pattern=$3
  digests "$folder" "$pattern" >"$fresh/committed"
  digests "$fresh/$folder" "$pattern" >"$fresh/generated"
  diff "$fresh/committed" "$fresh/generated" >&2
}

check_generated() {
  local fresh status=0
  fresh=$(mktemp -d)
  generate "$fresh"
  check_current "$fresh" proto '*.pb.go' || status=1
  check_current "$fresh" clients/python/src/bedside_client/v1 '*.py*' || status=1
  if [ "$with_node" = yes ]; then
    check_current "$fresh" clients/typescript/src/gen '*.ts' || status=1
  fi
  if [ "$status" != 0 ]; then
    echo "generated code is not current: run 'make proto' and commit the result" >&2
  fi
  rm -rf "$fresh"
  return "$status"
}

fetch_rules .build/protovalidate
case "${1:-}" in
  generate)
    prepare_python
    prepare_typescript
    buf format -w proto
    generate .
    ;;
  check)
    prepare_python
    prepare_typescript
    buf format -d --exit-code proto
    buf lint proto
    check_breaking
    check_generated
    ;;
  *) sed -n '2,5p' "$0" | cut -c3- >&2; exit 2 ;;
esac
if [ "$with_node" = no ]; then
  bash scripts/node.sh note "TypeScript's generated code was left out"
fi
