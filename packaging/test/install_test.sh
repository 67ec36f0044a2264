#!/usr/bin/env bash
# The install tree works without the build tree: install_test.sh BUILD_FOLDER DATA_FOLDER
set -euo pipefail
build=$1 data=$2
here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export XDG_CONFIG_HOME=$scratch/config
mkdir "$scratch/config"
prefix=$scratch/prefix
cmake --install "$build" --prefix "$prefix" >/dev/null
# The malicious accelerator, by the name of a lie, and the enclaves of tests stay at home.
if grep -rlF other-representative "$prefix"; then exit 1; fi
[ "$(ls "$prefix"/libexec/penumbra)" = penumbra-enclave ]
cmake -S "$here" -B "$scratch/consumer" -DCMAKE_PREFIX_PATH="$prefix" >/dev/null
cmake --build "$scratch/consumer" >/dev/null
"$prefix/bin/penumbra" protect "$data/resnet44-cifar10.onnx" -o "$scratch/m.penumbra" --quiet >/dev/null
"$scratch/consumer/consumer" "$scratch/m.penumbra" |
  grep -qx 'input -> logits'
PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name penumbra.pc)") pkg-config --exists 'penumbra >= 0.1'
