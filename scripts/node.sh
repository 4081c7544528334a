#!/usr/bin/env bash
# Node, which the TypeScript client alone needs.
#   scripts/node.sh               whether Node 20 or later and npm are there, by the exit status
#   scripts/node.sh install       the client's packages, as its lock file pins them, unless they are there
#   scripts/node.sh note WHAT     tell loudly that WHAT, since they are not
set -euo pipefail
cd "$(dirname "$0")/.."
client=clients/typescript
oldest=20

have() {
  command -v npm >/dev/null && command -v node >/dev/null &&
    node -e "process.exit(process.versions.node.split('.')[0] >= $oldest ? 0 : 1)"
}

install() {
  local want
  want=$(cat "$client/package.json" "$client/package-lock.json" | sha256sum)
  if [ "$(cat "$client/node_modules/.complete" 2>/dev/null)" = "$want" ]; then
    return
  fi
  echo "installing the packages of $client"
  (cd "$client" && npm ci --ignore-scripts --no-audit --no-fund)
  echo "$want" >"$client/node_modules/.complete"
}

note() {
  {
    echo
    echo '*****************************************************************************'
    echo "*  NOT DONE: $1."
    echo "*  The TypeScript client needs Node $oldest or later and npm; here is: $(node --version 2>/dev/null || echo 'no node')."
    echo '*  Install them (https://nodejs.org) and run this again.'
    echo '*****************************************************************************'
  } >&2
}

case "${1:-}" in
  '') have ;;
  install) install ;;
  note) note "$2" ;;
  *) sed -n '2,5p' "$0" | cut -c3- >&2; exit 2 ;;
esac
