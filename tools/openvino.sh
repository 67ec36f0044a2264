#!/usr/bin/env bash
# Installs tools/openvino.txt into the checkout's .venv, for the accelerator backend and the peers that use it. Only
# headers, libraries and its CMake package are used, so its Python dependencies are left out.
set -euo pipefail
cd "$(dirname "$0")/.."
tools/venv.sh
stamp=.venv/openvino.txt
cmp -s tools/openvino.txt "$stamp" && exit 0
echo "installing OpenVINO into .venv" >&2
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r tools/openvino.txt
cp tools/openvino.txt "$stamp"
