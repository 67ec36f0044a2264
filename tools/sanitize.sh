#!/usr/bin/env bash
# Unit tests under AddressSanitizer + UndefinedBehaviorSanitizer, then under ThreadSanitizer.
set -euo pipefail
cd "$(dirname "$0")/.."
export OPENBLAS_NUM_THREADS=1 # its threads wait for one another by means that ThreadSanitizer cannot see
export TSAN_OPTIONS="suppressions=$PWD/tools/tsan.supp"
export PENUMBRA_TEST_TIMEOUT=3000
for kind in address,undefined thread; do
  build=build-${kind%%,*}
  cmake -S . -B "$build" -G Ninja -DPENUMBRA_SANITIZE="$kind" >/dev/null
  cmake --build "$build"
  # The install tree and the examples are built without sanitizers by their users.
  # Instructions are counted of what users run.
  ctest --test-dir "$build" --output-on-failure --timeout 6000 -E '^(examples|install_tree|instructions)$'
done
