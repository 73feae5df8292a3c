// Other people's elementary functions over arrays, for functions_bench.
#pragma once

#include <cstddef>
#include <span>

namespace nibble::bench {

struct Peer {
  const char* name;
  void (*run)(const float* x, float* out, std::size_t n);
  float low;  // of the inputs
};

// Highway's, then xsimd's.
std::span<const Peer> Peers();

// peer_xsimd.cpp, which alone is compiled with -march=native: xsimd has no
// run-time dispatch.
std::span<const Peer> XsimdPeers();

}  // namespace nibble::bench
