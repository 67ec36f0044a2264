#!/usr/bin/env bash
# Builds the fuzzers with clang and runs each for SECONDS on its corpus.
# Usage: [FUZZ_SEED=N] [FUZZ_RUNS=N] fuzz.sh [SECONDS] [NAME...]
# A seed and a number of runs make a short run repeatable.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-20}
shift || true
build=build-fuzz
CC=clang CXX=clang++ cmake -S . -B "$build" -G Ninja -DPENUMBRA_FUZZ=ON -DBUILD_TESTING=OFF >/dev/null
names=("$@")
[ ${#names[@]} -gt 0 ] || mapfile -t names < <(find src -name '*_fuzz.cc' -printf '%f\n' | sed 's/\.cc$//' | sort)
cmake --build "$build" --target "${names[@]}"
for name in "${names[@]}"; do
  corpus=fuzz/corpus/${name%_fuzz}
  work=$build/corpus/${name%_fuzz}
  mkdir -p "$corpus" "$work"
  echo "== $name, $seconds s"
  "$build/fuzzers/$name" -max_total_time="$seconds" -seed="${FUZZ_SEED:-0}" -runs="${FUZZ_RUNS:--1}" -rss_limit_mb=4096 -timeout=20 -print_final_stats=0 \
    -verbosity=0 -artifact_prefix="$build/" "$work" "$corpus"
done
echo "fuzzers: ${#names[@]} ran, no finding"
