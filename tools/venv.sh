#!/usr/bin/env bash
# Creates .venv in the checkout with the packages of tools/requirements.txt; does nothing when they are there.
# `tools/` is put on its import path, so `.venv/bin/python -m zoo` works from any folder.
set -euo pipefail
cd "$(dirname "$0")/.."
exec 9<tools/requirements.txt
flock 9 # two parallel make targets must not build it at once
stamp=.venv/requirements.txt
cmp -s tools/requirements.txt "$stamp" && exit 0
echo "creating .venv" >&2
/usr/bin/python3 -m venv --clear .venv
.venv/bin/python -m pip install --quiet --disable-pip-version-check -r tools/requirements.txt
site=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
echo "$PWD/tools" >"$site/penumbra_tools.pth"
cp tools/requirements.txt "$stamp"
