#!/usr/bin/env bash
# Says what is missing before anything starts: Go, a C compiler, Python 3.11 or later.
#   GO, PYTHON and CC name them where they are not go, python3 and Go's own choice.
set -euo pipefail
cd "$(dirname "$0")/.."
go=${GO:-go}
python=${PYTHON:-python3}
missing=0

lack() {
  echo "missing: $1" >&2
  missing=1
}

check_go() {
  if ! command -v "$go" >/dev/null; then
    lack "Go $(sed -n 's/^go //p' go.mod) or later, here called '$go'. See https://go.dev/dl, or use: make GO=/path/to/go"
    return
  fi
  local reason cc
  # An old Go that may not fetch a newer one refuses the module, and says which version it wants.
  if ! reason=$("$go" list -m 2>&1 >/dev/null); then
    lack "a Go that can build this module: $reason"
    return
  fi
  cc=$("$go" env CC)
  if ! command -v "${cc%% *}" >/dev/null; then
    lack "a C compiler, here called '$cc' (Debian and Ubuntu: apt install gcc libc6-dev; macOS: xcode-select --install)"
  elif ! echo '#include <stdlib.h>' | $cc -E - >/dev/null 2>&1; then
    lack "the C library's headers, which '$cc' does not find (Debian and Ubuntu: apt install libc6-dev)"
  elif [ "$("$go" env CGO_ENABLED)" != 1 ]; then
    lack "cgo, which is switched off: unset CGO_ENABLED"
  fi
}

check_python() {
  if ! command -v "$python" >/dev/null; then
    lack "Python 3.11 or later, here called '$python'; to use another one: make PYTHON=python3.12"
  elif ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    lack "Python 3.11 or later: '$python' is $("$python" --version 2>&1); to use another one: make PYTHON=python3.12"
  fi
}

check_go
check_python
exit "$missing"
