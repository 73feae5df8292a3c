// The recipe torch against PyTorch 1.13's own output, same bits.
#include <gtest/gtest.h>

#include <bit>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "data.hpp"
#include "nibble/io/safetensors.hpp"
#include "nibble/quant/calibrate.hpp"
#include "nibble/quant/tensor.hpp"

namespace nibble {
namespace {

constexpr char kDir[] = "golden/torch_fake_quant";

struct Golden {
  io::SafeTensors tensors;
  nlohmann::json parameters;

  static Golden Load(const std::string& number) {
    const auto dir = testing::DataDir() / kDir;
    std::ifstream json(dir / ("parameters" + number + ".json"));
    return {io::SafeTensors::Open(dir / ("golden" + number + ".safetensors")),
            nlohmann::json::parse(json)};
  }
  std::vector<float> Get(const std::string& name) const {
    return io::ToFloat(tensors.Get(name));
  }
  bool Has(const std::string& name) const {
    return tensors.Find(name) != nullptr;
  }
};

// The codec of integers from qmin to qmax.
Codec Grid(const nlohmann::json& p) {
  Codec codec = CodecOf(FormatId::kInt8);
  codec.integer.low = p.at("qmin").get<int>();
  codec.integer.high = p.at("qmax").get<int>();
  return codec;
}

void ExpectSame(std::span<const float> got, std::span<const float> want,
                const std::string& name) {
  ASSERT_EQ(got.size(), want.size()) << name;
  for (std::size_t i = 0; i < got.size(); ++i) {
    // Values, so that PyTorch's -0 (it keeps none) equals 0.
    ASSERT_EQ(got[i], want[i]) << name << " element " << i;
  }
}

std::vector<float> FakeQuantize(std::span<const float> x,
                                const QuantParams& params, const Codec& codec) {
  std::vector<std::uint8_t> codes(x.size());
  std::vector<float> out(x.size());
  Quantize(x, params, codec, std::span(codes));
  Dequantize(std::span<const std::uint8_t>(codes), params, codec, out);
  return out;
}

// 1 where the integer lies within the grid before it is clamped.
void ExpectMask(std::span<const float> x, const QuantParams& params,
                const Codec& codec, std::span<const float> mask,
                const std::string& name) {
  const IntegerGrid wide{.low = -(1 << 21), .high = 1 << 21};
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::int32_t q = QuantizeInteger(x[i], params, wide);
    const bool inside = codec.integer.low <= q && q <= codec.integer.high;
    ASSERT_EQ(inside ? 1.0f : 0.0f, mask[i]) << name << " element " << i;
  }
}

TEST(TorchGolden, PerTensorFakeQuantization) {
  NIBBLE_NEED_DATA(kDir);
  int cases = 0;
  for (const char* number : {"", "2"}) {
    const Golden golden = Golden::Load(number);
    const auto x = golden.Get("x");
    for (const auto& [name, p] : golden.parameters.items()) {
      if (!name.starts_with("per_tensor.")) continue;
      const Codec codec = Grid(p);
      const QuantParams params{
          .scale = static_cast<float>(p.at("scale").get<double>()),
          .zero_point = p.at("zero_point").get<int>()};
      ExpectSame(FakeQuantize(x, params, codec), golden.Get(name), name);
      if (golden.Has(name + ".mask")) {
        ExpectMask(x, params, codec, golden.Get(name + ".mask"), name);
      }
      ++cases;
    }
  }
  EXPECT_EQ(cases, 30);
}

TEST(TorchGolden, PerChannelFakeQuantization) {
  NIBBLE_NEED_DATA(kDir);
  int cases = 0;
  for (const char* number : {"", "2"}) {
    const Golden golden = Golden::Load(number);
    const auto x = golden.Get("x");
    const std::size_t rows = 8;
    const std::size_t cols = x.size() / rows;
    for (const auto& [name, p] : golden.parameters.items()) {
      if (!name.starts_with("per_channel.")) continue;
      const Codec codec = Grid(p);
      const bool by_column = p.at("axis").get<int>() == 1;
      const auto scale = golden.Get(name + ".scale");
      const auto zero = golden.Has(name + ".zero_point")
                            ? golden.Get(name + ".zero_point")
                            : std::vector<float>(scale.size());
      const auto want = golden.Get(name);
      std::vector<float> got(x.size());
      for (std::size_t i = 0; i < x.size(); ++i) {
        const std::size_t g = by_column ? i % cols : i / cols;
        const QuantParams params{.scale = scale[g],
                                 .zero_point = static_cast<int>(zero[g])};
        got[i] = FakeQuantize(std::span(x).subspan(i, 1), params, codec)[0];
      }
      ExpectSame(got, want, name);
      ++cases;
    }
  }
  EXPECT_EQ(cases, 15);
}

TEST(TorchGolden, CodesOfQuantizePerTensor) {
  NIBBLE_NEED_DATA(kDir);
  // Names end in .s<scale>.z<zero point>; the first file spells them out.
  const auto check = [](const Golden& golden, const io::TensorView& view,
                        const std::vector<float>& x) {
    const std::string& name = view.name;
    const bool is_unsigned = name.find(".quint8.") != std::string::npos;
    const std::size_t s = name.find(".s");
    const std::size_t z = name.find(".z");
    const std::string scale =
        name.substr(s, z - s).substr(name[s + 2] == 'c' ? 6 : 2);
    const QuantParams params{
        .scale = static_cast<float>(std::stod(scale)),
        .zero_point = std::stoi(name.substr(z + (name[z + 2] == 'p' ? 3 : 2)))};
    Codec codec = CodecOf(FormatId::kInt8);
    codec.integer.low = is_unsigned ? 0 : -128;
    codec.integer.high = is_unsigned ? 255 : 127;
    std::vector<std::uint8_t> codes(x.size());
    Quantize(std::span(x), params, codec, std::span(codes));
    const auto want = golden.Get(name);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const int got = is_unsigned ? static_cast<int>(codes[i])
                                  : static_cast<std::int8_t>(codes[i]);
      ASSERT_EQ(static_cast<float>(got), want[i]) << name << " element " << i;
    }
  };
  int cases = 0;
  for (const char* number : {"", "2"}) {
    const Golden golden = Golden::Load(number);
    const bool first = *number == '\0';
    for (const io::TensorView& view : golden.tensors.tensors()) {
      if (!view.name.starts_with(first ? "quantize_per_tensor." : "codes.q") ||
          view.name.find("qint32") != std::string::npos) {
        continue;
      }
      check(golden, view, golden.Get(first ? "observed" : "x"));
      ++cases;
    }
  }
  EXPECT_EQ(cases, 8);
}

// Scales of double precision: float32(scale) is what PyTorch multiplies by.
TEST(TorchGolden, CodesPerChannel) {
  NIBBLE_NEED_DATA(kDir);
  const Golden golden = Golden::Load("2");
  const auto x = golden.Get("x");
  const auto scale = golden.Get("codes.channel.scale");
  const auto zero = golden.Get("codes.channel.zero_point");
  const auto want = golden.Get("codes.channel.qint8");
  const std::size_t cols = x.size() / scale.size();
  Codec codec = CodecOf(FormatId::kInt8);
  codec.integer.low = -128;
  for (std::size_t r = 0; r < scale.size(); ++r) {
    const QuantParams params{.scale = scale[r],
                             .zero_point = static_cast<int>(zero[r])};
    std::vector<std::uint8_t> codes(cols);
    Quantize(std::span(x).subspan(r * cols, cols), params, codec,
             std::span(codes));
    for (std::size_t c = 0; c < cols; ++c) {
      ASSERT_EQ(static_cast<float>(static_cast<std::int8_t>(codes[c])),
                want[r * cols + c])
          << r << "," << c;
    }
  }
}

QuantParams TorchParams(const Range& range, int low, int high, bool symmetric) {
  return symmetric ? TorchSymmetricParams(range, low, high)
                   : AffineParams(range, low, high, 0x1p-23f);
}

// Scales within 1e-6, as its documentation asks; zero points equal.
void ExpectParams(const QuantParams& got, float scale, float zero,
                  const std::string& name) {
  EXPECT_NEAR(got.scale, scale, 1e-6f * scale) << name;
  EXPECT_EQ(static_cast<float>(got.zero_point), zero) << name;
}

TEST(TorchGolden, MinMaxAndMovingAverageObservers) {
  NIBBLE_NEED_DATA(kDir);
  const Golden golden = Golden::Load("2");
  int cases = 0;
  for (const auto& [name, p] : golden.parameters.items()) {
    const bool moving = name.starts_with("observer.moving.");
    if (!name.starts_with("observer.minmax.") && !moving) continue;
    const std::string stream = name.substr(name.rfind('.') + 1);
    const auto x = golden.Get(stream);
    Observer seen;
    MovingRange average{.constant = 0.1f};
    const std::size_t cols = 48;
    for (const auto& [begin, end] :
         {std::pair<std::size_t, std::size_t>{0, 2}, {2, 4}, {4, 5}}) {
      const auto batch =
          std::span(x).subspan(begin * cols, (end - begin) * cols);
      seen.Observe(batch);
      average.Observe(FiniteRange(batch));
    }
    const Range range = moving ? average.range : Range{seen.min(), seen.max()};
    EXPECT_NEAR(range.min, p.at("min").get<float>(), 1e-6) << name;
    EXPECT_NEAR(range.max, p.at("max").get<float>(), 1e-5) << name;
    ExpectParams(TorchParams(range, p.at("quant_min").get<int>(),
                             p.at("quant_max").get<int>(),
                             name.find("symmetric") != std::string::npos),
                 golden.Get(name + ".scale")[0],
                 golden.Get(name + ".zero_point")[0], name);
    ++cases;
  }
  EXPECT_EQ(cases, 21);
}

TEST(TorchGolden, PerChannelObservers) {
  NIBBLE_NEED_DATA(kDir);
  const Golden golden = Golden::Load("2");
  int cases = 0;
  for (const auto& [name, p] : golden.parameters.items()) {
    if (!name.starts_with("observer.perchannel.")) continue;
    const auto x = golden.Get(name.substr(name.rfind('.') + 1));
    const bool by_column = name.find(".axis1.") != std::string::npos;
    const auto scales = golden.Get(name + ".scale");
    const auto zeros = golden.Get(name + ".zero_point");
    const std::size_t cols = 48;
    for (std::size_t g = 0; g < scales.size(); ++g) {
      std::vector<float> channel;
      for (std::size_t i = 0; i < x.size(); ++i) {
        if ((by_column ? i % cols : i / cols) == g) channel.push_back(x[i]);
      }
      ExpectParams(TorchParams(FindRange(channel), p.at("quant_min").get<int>(),
                               p.at("quant_max").get<int>(),
                               name.find("symmetric") != std::string::npos),
                   scales[g], zeros[g], name + " " + std::to_string(g));
    }
    ++cases;
  }
  EXPECT_EQ(cases, 12);
}

TEST(TorchGolden, FirstFileObservers) {
  NIBBLE_NEED_DATA(kDir);
  const Golden golden = Golden::Load("");
  const auto x = golden.Get("observed");
  Observer seen;
  MovingRange average{.constant = 0.1f};
  for (std::size_t i = 0; i < x.size(); i += 192) {
    seen.Observe(std::span(x).subspan(i, 192));
    average.Observe(FiniteRange(std::span(x).subspan(i, 192)));
  }
  const Range range{seen.min(), seen.max()};
  const auto& p = golden.parameters;
  const auto expect = [&](const QuantParams& got, const char* name) {
    ExpectParams(got, p.at(name).at("scale").get<float>(),
                 p.at(name).at("zero_point").get<float>(), name);
  };
  expect(AffineParams(range, 0, 255, 0x1p-23f),
         "observer.minmax_quint8_affine");
  expect(TorchSymmetricParams(range, -128, 127),
         "observer.minmax_qint8_symmetric");
  expect(ChooseParams(ParseScheme("torch:uint8"), range),
         "observer.minmax_quint8_affine");
  expect(ChooseParams(ParseScheme("torch:int8"), range),
         "observer.minmax_qint8_symmetric");
  expect(AffineParams(average.range, 0, 255, 0x1p-23f), "observer.ema_quint8");
  const auto rows = golden.Get("observer.per_channel_qint8.scale");
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const Range row = FindRange(std::span(x).subspan(r * 96, 96));
    EXPECT_NEAR(TorchSymmetricParams(row, -128, 127).scale, rows[r],
                1e-6f * rows[r]);
  }
}

}  // namespace
}  // namespace nibble
