// oneDNN's products of bytes, as Debian packages them (libdnnl-dev): weights
// reordered once into the layout it asks for, primitives made once.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

namespace nibble::bench {

struct PeerProduct {
  std::function<void()> run;
  std::string implementation;  // what oneDNN chose
};

// y[m, n] = float(sum_k x[m, k] * w[n, k]) * 0.01: uint8 (or int8) activations
// by int8 weights, or float by float.
PeerProduct OneDnnInt8(std::size_t m, std::size_t n, std::size_t k,
                       bool signed_x);

}  // namespace nibble::bench
