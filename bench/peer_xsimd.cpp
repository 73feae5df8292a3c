// xsimd's elementary functions over arrays, at the widest vectors that
// -march=native gives.
#include <xsimd/xsimd.hpp>

#include "bench/functions_peers.hpp"

namespace nibble::bench {
namespace {

using Batch = xsimd::batch<float>;

template <Batch (*kFunction)(const Batch&)>
void Run(const float* x, float* out, std::size_t n) {
  for (std::size_t i = 0; i < n; i += Batch::size) {
    kFunction(Batch::load_unaligned(x + i)).store_unaligned(out + i);
  }
}

Batch Exp(const Batch& x) { return xsimd::exp(x); }
Batch Exp2(const Batch& x) { return xsimd::exp2(x); }
Batch Log2(const Batch& x) { return xsimd::log2(x); }
Batch Tanh(const Batch& x) { return xsimd::tanh(x); }

constexpr Peer kPeers[] = {{"Exp/peer_xsimd", Run<Exp>, -10},
                           {"Exp2/peer_xsimd", Run<Exp2>, -10},
                           {"Log2/peer_xsimd", Run<Log2>, 0.01f},
                           {"Tanh/peer_xsimd", Run<Tanh>, -10}};

}  // namespace

std::span<const Peer> XsimdPeers() { return kPeers; }

}  // namespace nibble::bench
