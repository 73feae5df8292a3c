#include "nibble/nn/product.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "nibble/core/check.hpp"

namespace nibble::nn {

MatrixProduct Unpacked(const PlainProduct& product) {
  const auto bind = [product](std::size_t n, std::size_t k,
                              std::span<const float> b) {
    return [product, n, k, copy = std::vector<float>(b.begin(), b.end())](
               std::size_t m, std::span<const float> a, std::span<float> out) {
      product({m, n, k}, a, copy, out);
    };
  };
  return {bind};
}

Products ProductsWhere(const MatrixProduct& product, std::string_view where) {
  Products out;
  for (std::size_t at = 0; at <= where.size();) {
    const std::size_t end =
        std::min(where.find_first_of("+|", at), where.size());
    const std::string_view place = where.substr(at, end - at);
    const bool all = place == "all";
    const bool attention = all || place == "attention";
    if (all || place == "conv") out.conv = product;
    if (all || place == "dense") out.dense = product;
    if (attention || place == "qk") out.qk = product;
    if (attention || place == "av") out.av = product;
    if (!attention && place != "conv" && place != "dense" && place != "qk" &&
        place != "av") {
      throw InputError("--where", "place", "'" + std::string(place) + "'",
                       "all, conv, dense, attention, qk or av");
    }
    at = end + 1;
  }
  return out;
}

}  // namespace nibble::nn
