#!/usr/bin/env bash
# The protocol's tooling: generate the Go code, or check files and generated code.
#   scripts/proto.sh generate   write the generated code beside the .proto files
#   scripts/proto.sh check      lint, breaking changes against $BREAKING_AGAINST (default main), generated code current
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

check_generated() {
  local fresh status=0
  fresh=$(mktemp -d)
  buf generate --output "$fresh"
  (cd proto && find . -name '*.pb.go' -print0 | sort -z | xargs -0 sha256sum) >"$fresh/committed"
  (cd "$fresh/proto" && find . -name '*.pb.go' -print0 | sort -z | xargs -0 sha256sum) >"$fresh/generated"
  if ! diff "$fresh/committed" "$fresh/generated" >&2; then
    echo "generated code is not current: run 'make proto' and commit the result" >&2
    status=1
  fi
  rm -rf "$fresh"
  return "$status"
}

fetch_rules .build/protovalidate
case "${1:-}" in
  generate) buf format -w proto && buf generate ;;
  check)
    buf format -d --exit-code proto
    buf lint proto
    check_breaking
    check_generated
    ;;
  *) sed -n '2,4p' "$0" | cut -c3- >&2; exit 2 ;;
esac
