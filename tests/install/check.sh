#!/bin/sh
# Installs into an empty folder and builds two outside programs against it, one
# by find_package and one by pkg-config.
#
#   check.sh SOURCE_DIR BUILD_DIR CXX
set -eu
source=$1 build=$2 cxx=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cmake --install "$build" --prefix "$work/prefix" >/dev/null
cmake -S "$source/tests/install" -B "$work/consumer" -DCMAKE_CXX_COMPILER="$cxx" \
  -DCMAKE_PREFIX_PATH="$work/prefix" >/dev/null
cmake --build "$work/consumer" >/dev/null
"$work/consumer/static"
"$work/consumer/dynamic"

PKG_CONFIG_PATH=$(dirname "$(find "$work/prefix" -name nibble.pc)")
export PKG_CONFIG_PATH
# The flags are words to be split.
# shellcheck disable=SC2046
"$cxx" -std=c++20 "$source/tests/install/main.cpp" -o "$work/pc" \
  $(pkg-config --cflags --libs nibble)
"$work/pc"
