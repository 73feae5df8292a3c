#!/usr/bin/env bash
# Runs the kernels' tests on 64-bit Arm: cross-compiled for plain NEON, then
# emulated on a CPU without and on one with dot product; and the header-only
# program, compiled for dot product. Without data: inference takes too long.
#
#   neon.sh SOURCE_DIR WORK_DIR TEST...
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/packages.sh"
source_dir=$1 work=$2
shift 2
mkdir -p "$work"
work=$(cd "$work" && pwd)

need g++-aarch64-linux-gnu qemu-user
unpack arm64 "$work/root" libhwy-dev libhwy1 libgtest-dev libeigen3-dev \
  nlohmann-json3-dev zlib1g-dev zlib1g libsqlite3-dev libsqlite3-0 libmpfr-dev \
  libmpfr6 libgmp-dev libgmp10
libraries=$work/root/usr/lib/aarch64-linux-gnu

emulator='qemu-aarch64;-L;/usr/aarch64-linux-gnu;-E;LD_LIBRARY_PATH='$libraries

# emulate CPU PROGRAM [ARGUMENT...]
emulate() {
  qemu-aarch64 -cpu "$1" -L /usr/aarch64-linux-gnu \
    -E LD_LIBRARY_PATH="$libraries",NIBBLE_DATA=/nonexistent "${@:2}"
}

cmake -S "$source_dir" -B "$work/build" -G Ninja \
  -DCMAKE_TOOLCHAIN_FILE="$here/aarch64.cmake" \
  -DNIBBLE_ARM64_ROOT="$work/root" -DCMAKE_BUILD_TYPE=Release \
  -DCMAKE_CXX_FLAGS_RELEASE='-O2 -DNDEBUG -march=armv8-a' \
  -DCMAKE_CROSSCOMPILING_EMULATOR="$emulator" \
  -DNIBBLE_BUILD_TOOLS=OFF -DNIBBLE_INSTALL=OFF
cmake --build "$work/build" --target "$@"
for cpu in cortex-a72 max; do
  for test in "$@"; do
    echo "== $test on $cpu"
    emulate $cpu "$work/build/tests/$test" | tee "$work/log"
    if ! grep -qE '(OK|SKIPPED) .*/NEON' "$work/log"; then
      echo "$test ran nothing on NEON"
      exit 1
    fi
  done
done

echo "== header_only, compiled for dot product"
aarch64-linux-gnu-g++ -std=c++20 -O2 -march=armv8.2-a+dotprod \
  -I"$source_dir/include" -isystem "$work/root/usr/include" \
  "$source_dir"/tests/header_only/*.cpp -o "$work/header_only"
emulate max "$work/header_only"
