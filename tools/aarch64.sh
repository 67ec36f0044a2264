#!/usr/bin/env bash
# Builds the trusted rooms for aarch64 and runs their tests under qemu-user: NEON and NEON dot product must give the
# bits of every other instruction set. Libraries come from Debian's arm64 packages, unpacked beside the build; the
# system's own package state is not touched.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:-build-aarch64}
mkdir -p "$build/apt/state/lists/partial" "$build/apt/cache/archives/partial" "$build/sysroot" "$build/debs"
export PENUMBRA_SYSROOT=$PWD/$build/sysroot

for tool in aarch64-linux-gnu-g++:g++-aarch64-linux-gnu qemu-aarch64-static:qemu-user-static; do
  command -v "${tool%%:*}" >/dev/null || { apt-get update -qq; DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
    --no-install-recommends "${tool##*:}" >/dev/null; }
done

apt=(-o "Dir::State=$PWD/$build/apt/state" -o "Dir::Cache=$PWD/$build/apt/cache" -o Dir::State::status=/dev/null
     -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o APT::Sandbox::User=root -qq)
if [ ! -e "$PENUMBRA_SYSROOT/usr/include/gtest/gtest.h" ]; then
  apt-get "${apt[@]}" update
  (cd "$build/debs" && apt-get "${apt[@]}" download libssl3 libssl-dev libsodium23 libsodium-dev libgtest-dev)
  for deb in "$build"/debs/*.deb; do dpkg -x "$deb" "$PENUMBRA_SYSROOT"; done
fi

cmake -S . -B "$build" -G Ninja -DCMAKE_TOOLCHAIN_FILE=cmake/aarch64.cmake -DPENUMBRA_TRUSTED_ONLY=ON >/dev/null
cmake --build "$build"
# Those tests start themselves anew, which qemu-user cannot do without a registered binary format.
GTEST_FILTER='-HostileConfiguration.*' ctest --test-dir "$build" --output-on-failure
