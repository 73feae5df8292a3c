// Block schemes against other people's programs: microxcaling and ggml.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "data.hpp"
#include "nibble/io/safetensors.hpp"
#include "nibble/quant/tensor.hpp"

namespace nibble {
namespace {

TEST(QuantGolden, MicroxcalingRoundedToEven) {
  constexpr char kDir[] = "golden/mx_microxcaling";
  NIBBLE_NEED_DATA(kDir);
  const auto file =
      io::SafeTensors::Open(testing::DataDir() / kDir / "golden.safetensors");
  const auto x = io::ToFloat(file.Get("x"));
  const std::pair<const char*, const char*> formats[] = {
      {"mxfp8_e5m2", "mxfp8_e5m2"}, {"mxfp8_e4m3", "mxfp8_e4m3"},
      {"mxfp6_e3m2", "mxfp6_e3m2"}, {"mxfp6_e2m3", "mxfp6_e2m3"},
      {"mxfp4", "mxfp4_e2m1"},      {"mxint8", "mxint8"}};
  for (const auto& [scheme, name] : formats) {
    const auto want = io::ToFloat(file.Get(std::string(name) + ".even"));
    std::vector<float> out(x.size());
    QuantizeDequantize(ParseScheme(scheme), x, 64, 64, out);
    for (std::size_t i = 0; i < x.size(); ++i) {
      ASSERT_EQ(out[i], want[i]) << scheme << " element " << i << " x=" << x[i];
    }
  }
}

TEST(QuantGolden, GgmlReferenceQuantizers) {
  NIBBLE_NEED_DATA("golden/ggml_blocks");
  const auto x = testing::ReadRaw<float>("golden/ggml_blocks/rows_f32.bin");
  for (const char* type : {"q4_0", "q8_0", "tq1_0", "tq2_0", "mxfp4"}) {
    const auto want = testing::ReadRaw<float>(
        std::string("golden/ggml_blocks/") + type + "_dequant_f32.bin");
    std::vector<float> out(x.size());
    QuantizeDequantize(ParseScheme(std::string("gguf:") + type), x, 6, 1024,
                       out);
    for (std::size_t i = 0; i < x.size(); ++i) {
      ASSERT_EQ(out[i], want[i]) << type << " element " << i << " x=" << x[i];
    }
  }
}

}  // namespace
}  // namespace nibble
