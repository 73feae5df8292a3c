// oneDNN's convolutions (Debian: libdnnl-dev), one thread: bytes by signed
// bytes to bytes, with ReLU and a scale per output channel, NHWC; the shapes
// and the counting of quant_conv2d_bench.
#include <benchmark/benchmark.h>

#include <dnnl.hpp>
#include <string>
#include <vector>

#include "bench/conv_shapes.hpp"

namespace nibble {
namespace {

using dnnl::memory;
using dnnl::convolution_forward;
using Dims = memory::dims;

memory::dim D(std::size_t n) { return static_cast<memory::dim>(n); }

// Padding at the far end: as much as the output's size needs.
memory::dim Far(std::size_t in, std::size_t out, std::size_t kernel,
                std::size_t stride, std::size_t padding) {
  return D((out - 1) * stride + kernel) - D(in) - D(padding);
}

void BM_OneDnn(benchmark::State& state, const Conv2dShape& s,
               std::size_t images, memory::data_type input) {
  const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  dnnl::stream stream(engine);
  using Tag = memory::format_tag;
  const Dims src_dims{D(images), D(s.in.channels), D(s.in.height),
                      D(s.in.width)};
  const Dims dst_dims{D(images), D(s.out.channels), D(s.out.height),
                      D(s.out.width)};
  Dims weight_dims{D(s.out_channels()), D(s.in_channels()), D(s.kernel.height),
                   D(s.kernel.width)};
  if (s.groups > 1) weight_dims.insert(weight_dims.begin(), D(s.groups));
  const memory::desc src(src_dims, input, Tag::nhwc);
  const memory::desc dst(dst_dims, input, Tag::nhwc);
  const memory::desc weights(weight_dims, memory::data_type::s8, Tag::any);
  const memory::desc bias({D(s.out.channels)}, memory::data_type::s32, Tag::a);
  const convolution_forward::desc desc(
      dnnl::prop_kind::forward_inference,
      dnnl::algorithm::convolution_direct, src, weights, bias, dst,
      {D(s.stride.height), D(s.stride.width)},
      {D(s.padding.height), D(s.padding.width)},
      {Far(s.in.height, s.out.height, s.kernel.height, s.stride.height,
           s.padding.height),
       Far(s.in.width, s.out.width, s.kernel.width, s.stride.width,
           s.padding.width)});
  dnnl::primitive_attr attributes;
  attributes.set_output_scales(2,
                               std::vector<float>(s.out.channels, 0.001f));
  dnnl::post_ops relu;
  relu.append_eltwise(1.0f, dnnl::algorithm::eltwise_relu, 0.0f, 0.0f);
  attributes.set_post_ops(relu);
  const convolution_forward::primitive_desc primitive(desc, attributes,
                                                      engine);
  convolution_forward conv(primitive);
  memory src_memory(primitive.src_desc(), engine);
  memory dst_memory(primitive.dst_desc(), engine);
  memory weights_memory(primitive.weights_desc(), engine);
  memory bias_memory(primitive.bias_desc(), engine);
  for (memory* m : {&src_memory, &weights_memory, &bias_memory}) {
    auto* bytes = static_cast<char*>(m->get_data_handle());
    std::fill_n(bytes, m->get_desc().get_size(), char{1});
  }
  state.SetLabel(primitive.impl_info_str());
  for (auto _ : state) {
    conv.execute(stream, {{DNNL_ARG_SRC, src_memory},
                          {DNNL_ARG_WEIGHTS, weights_memory},
                          {DNNL_ARG_BIAS, bias_memory},
                          {DNNL_ARG_DST, dst_memory}});
    stream.wait();
  }
  SetOps(state, static_cast<double>(images) * UsefulOps(s));
}

[[maybe_unused]] const bool registered = [] {
  for (const ConvCase& c : kConvCases) {
    for (const std::size_t images : {1, 32}) {
      const std::string tail = std::string(c.name) + "/" + std::to_string(images);
      benchmark::RegisterBenchmark(("OneDnn/u8s8/" + tail).c_str(), BM_OneDnn,
                                   c.shape, images, memory::data_type::u8);
      benchmark::RegisterBenchmark(("OneDnn/s8s8/" + tail).c_str(), BM_OneDnn,
                                   c.shape, images, memory::data_type::s8);
    }
  }
  return true;
}();

}  // namespace
}  // namespace nibble
