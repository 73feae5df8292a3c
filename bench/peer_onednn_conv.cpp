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

using dnnl::convolution_forward;
using dnnl::memory;
using Dims = memory::dims;

memory::dim D(std::size_t n) { return static_cast<memory::dim>(n); }

// Padding at the far end: as much as the output's size needs.
memory::dim Far(std::size_t in, std::size_t out, std::size_t kernel,
                std::size_t stride, std::size_t padding) {
  return D((out - 1) * stride + kernel) - D(in) - D(padding);
}

// One layer with its buffers.
class Layer {
 public:
  Layer(const dnnl::engine& engine, const Conv2dShape& s, std::size_t images,
        memory::data_type input)
      : primitive_(Describe(engine, s, images, input)),
        conv_(primitive_),
        src_(primitive_.src_desc(), engine),
        dst_(primitive_.dst_desc(), engine),
        weights_(primitive_.weights_desc(), engine),
        bias_(primitive_.bias_desc(), engine) {
    for (memory* m : {&src_, &weights_, &bias_}) {
      auto* bytes = static_cast<char*>(m->get_data_handle());
      std::fill_n(bytes, m->get_desc().get_size(), char{1});
    }
  }

  void Run(dnnl::stream& stream) {
    conv_.execute(stream, {{DNNL_ARG_SRC, src_},
                           {DNNL_ARG_WEIGHTS, weights_},
                           {DNNL_ARG_BIAS, bias_},
                           {DNNL_ARG_DST, dst_}});
  }

  std::string name() const { return primitive_.impl_info_str(); }

 private:
  static convolution_forward::primitive_desc Describe(
      const dnnl::engine& engine, const Conv2dShape& s, std::size_t images,
      memory::data_type input) {
    using Tag = memory::format_tag;
    const Dims src{D(images), D(s.in.channels), D(s.in.height), D(s.in.width)};
    const Dims dst{D(images), D(s.out.channels), D(s.out.height),
                   D(s.out.width)};
    Dims weights{D(s.out_channels()), D(s.in_channels()), D(s.kernel.height),
                 D(s.kernel.width)};
    if (s.groups > 1) weights.insert(weights.begin(), D(s.groups));
    const convolution_forward::desc desc(
        dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct,
        memory::desc(src, input, Tag::nhwc),
        memory::desc(weights, memory::data_type::s8, Tag::any),
        memory::desc({D(s.out.channels)}, memory::data_type::s32, Tag::a),
        memory::desc(dst, input, Tag::nhwc),
        {D(s.stride.height), D(s.stride.width)},
        {D(s.padding.height), D(s.padding.width)},
        {Far(s.in.height, s.out.height, s.kernel.height, s.stride.height,
             s.padding.height),
         Far(s.in.width, s.out.width, s.kernel.width, s.stride.width,
             s.padding.width)});
    dnnl::primitive_attr attributes;
    attributes.set_output_scales(2, std::vector<float>(s.out.channels, 0.001f));
    dnnl::post_ops relu;
    relu.append_eltwise(1.0f, dnnl::algorithm::eltwise_relu, 0.0f, 0.0f);
    attributes.set_post_ops(relu);
    return {desc, attributes, engine};
  }

  convolution_forward::primitive_desc primitive_;
  convolution_forward conv_;
  memory src_, dst_, weights_, bias_;
};

void BM_OneDnn(benchmark::State& state, const Conv2dShape& shape,
               std::size_t images, memory::data_type input) {
  const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  dnnl::stream stream(engine);
  Layer layer(engine, shape, images, input);
  state.SetLabel(layer.name());
  for (auto _ : state) {
    layer.Run(stream);
    stream.wait();
  }
  SetOps(state, static_cast<double>(images) * UsefulOps(shape));
}

void BM_ResNet20(benchmark::State& state, std::size_t images) {
  const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  dnnl::stream stream(engine);
  std::vector<Layer> layers;
  double ops = 0;
  for (const std::size_t i : kResNet20) {
    layers.emplace_back(engine, kConvCases[i].shape, images,
                        memory::data_type::u8);
    ops += static_cast<double>(images) * UsefulOps(kConvCases[i].shape);
  }
  for (auto _ : state) {
    for (Layer& layer : layers) layer.Run(stream);
    stream.wait();
  }
  SetOps(state, ops);
}

[[maybe_unused]] const bool registered = [] {
  for (const std::size_t images : {1u, 256u}) {
    benchmark::RegisterBenchmark(
        ("OneDnn/ResNet20/u8s8/" + std::to_string(images)).c_str(), BM_ResNet20,
        images);
  }
  for (const ConvCase& c : kConvCases) {
    for (const std::size_t images : {1u, 32u}) {
      const std::string tail =
          std::string(c.name) + "/" + std::to_string(images);
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
