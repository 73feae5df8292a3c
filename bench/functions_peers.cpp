// hwy/contrib/math over arrays, for every instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bench/functions_peers.cpp"
#include <hwy/foreach_target.h>

#include "nibble/core/highway.hpp"
// After foreach_target.h.
#include <hwy/contrib/math/math-inl.h>

HWY_BEFORE_NAMESPACE();
namespace nibble::bench {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#define NIBBLE_PEER(Name, Call)                                 \
  void Name(const float* x, float* out, size_t n) {             \
    const hn::ScalableTag<float> d;                             \
    for (size_t i = 0; i < n; i += hn::Lanes(d)) {              \
      hn::StoreU(hn::Call(d, hn::LoadU(d, x + i)), d, out + i); \
    }                                                           \
  }                                                             \
  static_assert(true, "for the semicolon")

NIBBLE_PEER(PeerExp, Exp);
NIBBLE_PEER(PeerLog2, Log2);
NIBBLE_PEER(PeerTanh, Tanh);

}  // namespace HWY_NAMESPACE
}  // namespace nibble::bench
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <vector>

#include "bench/functions_peers.hpp"

namespace nibble::bench {
HWY_EXPORT(PeerExp);
HWY_EXPORT(PeerLog2);
HWY_EXPORT(PeerTanh);

std::span<const Peer> Peers() {
  static const std::vector<Peer> peers = [] {
    std::vector<Peer> all = {{"Exp/peer_highway",
                              [](const float* x, float* out, std::size_t n) {
                                HWY_DYNAMIC_DISPATCH(PeerExp)(x, out, n);
                              },
                              -10},
                             {"Log2/peer_highway",
                              [](const float* x, float* out, std::size_t n) {
                                HWY_DYNAMIC_DISPATCH(PeerLog2)(x, out, n);
                              },
                              0.01f},
                             {"Tanh/peer_highway",
                              [](const float* x, float* out, std::size_t n) {
                                HWY_DYNAMIC_DISPATCH(PeerTanh)(x, out, n);
                              },
                              -10}};
    const std::span<const Peer> more = XsimdPeers();
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }();
  return peers;
}

}  // namespace nibble::bench
#endif
