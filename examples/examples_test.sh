#!/usr/bin/env bash
# Runs both examples on the trained network of the tests: examples_test.sh BIN_FOLDER DATA_FOLDER
set -euo pipefail
bin=$1 data=$2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export XDG_CONFIG_HOME=$scratch TMPDIR=$scratch
frog=$(find "$data/cifar10/test/frog" -name '*.jpg' | sort | head -1)
"$bin/run_image" "$data/resnet44-cifar10.onnx" "$data/cifar10-calibration" "$frog" | grep -q ': frog$'
"$bin/penumbra" protect "$data/resnet44-cifar10.onnx" -o "$scratch/m.penumbra" --quiet >/dev/null
"$bin/run_zeros" "$scratch/m.penumbra" | grep -Eq '^logits:( -?[0-9]+\.[0-9]{4}){10}$'
(! "$bin/run_zeros" "$scratch/missing.penumbra" 2>"$scratch/error")
grep -q "^P205" "$scratch/error"
