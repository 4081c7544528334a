#!/usr/bin/env bash
# Lays out all that a server needs in one folder: `make layout`, or deploy/layout.sh FOLDER. Nothing else is read from the
# machine but the C library: the program is linked to libc, ONNX Runtime to libstdc++, libgcc_s, libm, libdl, libpthread and
# librt. So the base of an image is one with glibc and libstdc++ (such as distroless/cc), not an empty one.
#   bin/bedside                the program
#   lib/libonnxruntime.so      ONNX Runtime
#   models/                    the models that come with Bedside, found beside bin/
#   setup-models/              those that `make setup` exported (--models)
#   LICENSE, NOTICE
set -euo pipefail
cd "$(dirname "$0")/.."
to=${1:?usage: deploy/layout.sh FOLDER}
: "${BEDSIDE_ORT_LIBRARY:?run it as: make layout}" "${BEDSIDE_MODELS:?run it as: make layout}"

rm -rf "$to" && mkdir -p "$to/bin" "$to/lib" "$to/setup-models"
install -m 0755 bin/bedside "$to/bin/bedside"
install -m 0644 "$BEDSIDE_ORT_LIBRARY" "$to/lib/libonnxruntime.so"
cp -RL models "$to/models"
for name in smollm2-135m-instruct multilingual-e5-small; do
  cp -RL "$BEDSIDE_MODELS/$name" "$to/setup-models/$name"
done
install -m 0644 LICENSE NOTICE "$to/"
chmod -R go-w "$to"
if needed=$(ldd "$to/lib/libonnxruntime.so" "$to/bin/bedside" 2>/dev/null) && grep -q 'not found' <<<"$needed"; then
  echo "deploy/layout.sh: this machine lacks libraries that the program needs:" >&2
  grep 'not found' <<<"$needed" >&2
  exit 1
fi
du -sh "$to" | awk '{ print "layout: " $1 " in " $2 }'
