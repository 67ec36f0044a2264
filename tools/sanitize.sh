#!/usr/bin/env bash
# Unit tests under AddressSanitizer + UndefinedBehaviorSanitizer, then under ThreadSanitizer.
set -euo pipefail
cd "$(dirname "$0")/.."
export OPENBLAS_NUM_THREADS=1 # its threads wait for one another by means that ThreadSanitizer cannot see
for kind in address,undefined thread; do
  build=build-${kind%%,*}
  cmake -S . -B "$build" -G Ninja -DPENUMBRA_SANITIZE="$kind" >/dev/null
  cmake --build "$build"
  # The install tree and the examples are built without sanitizers by their users.
  ctest --test-dir "$build" --output-on-failure -E '^(examples|install_tree)$'
done
