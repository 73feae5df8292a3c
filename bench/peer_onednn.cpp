#include "peer_onednn.hpp"

#include <dnnl.hpp>

#include <memory>
#include <unordered_map>

namespace nibble::bench {
namespace {

using dnnl::memory;

struct Product {
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
  dnnl::matmul matmul;
  std::unordered_map<int, memory> args;
};

}  // namespace

PeerProduct OneDnnInt8(std::size_t m, std::size_t n, std::size_t k,
                       bool signed_x) {
  const auto M = static_cast<memory::dim>(m);
  const auto N = static_cast<memory::dim>(n);
  const auto K = static_cast<memory::dim>(k);
  auto product = std::make_shared<Product>();
  const auto& engine = product->engine;
  const memory::desc x({M, K},
                       signed_x ? memory::data_type::s8 : memory::data_type::u8,
                       memory::format_tag::ab);
  const memory::desc w({K, N}, memory::data_type::s8, memory::format_tag::ba);
  const memory::desc any({K, N}, memory::data_type::s8,
                         memory::format_tag::any);
  const memory::desc y({M, N}, memory::data_type::f32, memory::format_tag::ab);
  dnnl::primitive_attr attr;
  attr.set_output_scales(0, {0.01f});
  const dnnl::matmul::primitive_desc primitive({x, any, y}, attr, engine);
  memory in(x, engine), weights(w, engine), out(y, engine);
  std::fill_n(static_cast<char*>(in.get_data_handle()), m * k, char{3});
  std::fill_n(static_cast<char*>(weights.get_data_handle()), n * k, char{5});
  memory packed(primitive.weights_desc(), engine);
  dnnl::reorder(weights, packed).execute(product->stream, weights, packed);
  product->matmul = dnnl::matmul(primitive);
  product->args = {
      {DNNL_ARG_SRC, in}, {DNNL_ARG_WEIGHTS, packed}, {DNNL_ARG_DST, out}};
  return {[product] {
            product->matmul.execute(product->stream, product->args);
            product->stream.wait();
          },
          primitive.impl_info_str()};
}

}  // namespace nibble::bench
