#!/usr/bin/env bash
# The test tier `make test` runs: static checks, the Python tools' own tests, then everything ctest knows.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:-build}

python3 tools/checks/rooms.py
python3 tools/checks/trusted.py "$build"
python3 tools/checks/links.py
python3 tools/checks/errors.py
python3 tools/results/tables.py --check docs/performance.md docs/results/*.md
tools/venv.sh
for suite in "-s tools/zoo -t tools" "-s tools/fetch" "-s tools/reference" "-s tools/models" "-s tools/results" "-s tools/tflite_cases -t tools" "-s tools/tasks -t tools"; do
  # shellcheck disable=SC2086  # the words of a suite are separate arguments
  .venv/bin/python -m unittest discover -q $suite -p '*_test.py'
done
FUZZ_SEED=1 FUZZ_RUNS=500 tools/fuzz.sh 60
ctest --test-dir "$build" --output-on-failure -j "$(nproc)"
