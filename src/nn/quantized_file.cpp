// The writer of quantized files.
#include "nibble/nn/quantized_file.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <deque>
#include <limits>
#include <map>
#include <span>
#include <string_view>
#include <utility>

#include "nibble/core/check.hpp"
#include "nibble/format/block.hpp"
#include "src/nn/quantized_parts.hpp"

namespace nibble::nn {
namespace {

// Owns what the views of a file to be written point at.
struct Parts {
  std::deque<std::vector<std::uint8_t>> bytes;
  std::vector<io::TensorView> views;
  io::Metadata metadata;

  void Add(std::string name, std::string dtype, std::vector<std::size_t> shape,
           std::vector<std::uint8_t> data) {
    bytes.push_back(std::move(data));
    views.push_back({std::move(name), std::move(dtype), std::move(shape),
                     std::as_bytes(std::span(bytes.back()))});
  }
};

template <class T>
std::vector<std::uint8_t> BytesOf(std::span<const T> values) {
  std::vector<std::uint8_t> out(values.size_bytes());
  if (!out.empty()) std::memcpy(out.data(), values.data(), out.size());
  return out;
}

std::string Text(const std::vector<std::size_t>& shape) {
  std::string out = "[";
  for (const std::size_t n : shape) {
    out += (out.size() > 1 ? "," : "") + std::to_string(n);
  }
  return out + "]";
}

std::vector<std::uint8_t> PackCodes(const QuantizedTensor& t) {
  if (IsWide(t.scheme)) return t.codes;
  std::vector<std::uint8_t> out(CodeBytes(t.scheme, t.codes.size()));
  if (!IsTernary(t.scheme)) {
    Pack(t.codes, Info(t.scheme.format).bits, out);
    return out;
  }
  PackBase3(t.codes, out);
  return out;
}

// The scales as codes of the form, or nothing if that would lose a bit.
std::optional<std::vector<std::uint8_t>> EncodeScales(
    const ScaleForm& form, std::span<const float> scales) {
  std::vector<std::uint8_t> out;
  for (const float scale : scales) {
    const std::uint32_t code = Encode(form.format, scale / form.factor);
    if (std::bit_cast<std::uint32_t>(DecodeScale(form, code)) !=
        std::bit_cast<std::uint32_t>(scale)) {
      return std::nullopt;
    }
    out.push_back(static_cast<std::uint8_t>(code & 0xFF));
    if (form.dtype == "F16") {
      out.push_back(static_cast<std::uint8_t>(code >> 8));
    }
  }
  return out;
}

void AddScales(Parts& parts, const std::string& name, const QuantizedTensor& t,
               float tensor_scale) {
  const ScaleForm form = FormOf(t.scheme, tensor_scale);
  const std::size_t count = t.scales.size();
  if (form.dtype != "F32") {
    if (auto codes = EncodeScales(form, t.scales)) {
      parts.Add(name + ".scales", form.dtype, {count}, std::move(*codes));
      if (t.scheme.format == FormatId::kNvfp4) {
        parts.Add(name + ".tensor_scale", "F32", {1},
                  BytesOf(std::span<const float>(&tensor_scale, 1)));
      }
      return;
    }
  }
  parts.Add(name + ".scales", "F32", {count},
            BytesOf(std::span<const float>(t.scales)));
}

// In the narrowest of I8, I16 and I32 that holds them all.
void AddZeroPoints(Parts& parts, const std::string& name,
                   const std::vector<std::int32_t>& zeros) {
  const auto fits = [&]<class T>(T) {
    return std::ranges::all_of(zeros, [](auto z) { return z == T(z); });
  };
  const auto add = [&]<class T>(T) {
    const std::vector<T> narrow(zeros.begin(), zeros.end());
    parts.Add(name + ".zero_points", std::string(io::DtypeOf<T>()),
              {zeros.size()}, BytesOf(std::span<const T>(narrow)));
  };
  if (fits(std::int8_t{})) {
    add(std::int8_t{});
  } else if (fits(std::int16_t{})) {
    add(std::int16_t{});
  } else {
    add(std::int32_t{});
  }
}

void AddQuantized(Parts& parts, const io::TensorView& tensor,
                  const Scheme& scheme) {
  const std::vector<float> x = io::ToFloat(tensor);
  const auto [rows, cols] = AsMatrix(tensor.shape);
  const QuantizedTensor t = QuantizeTensor(scheme, x, rows, cols);
  auto codes = PackCodes(t);
  const std::size_t size = codes.size();
  parts.Add(tensor.name + ".codes", "U8", {size}, std::move(codes));
  AddScales(parts, tensor.name, t, Nvfp4::TensorScale(LargestFinite(x)));
  if (!t.zero_points.empty()) AddZeroPoints(parts, tensor.name, t.zero_points);
  parts.metadata[std::string(kKey) + tensor.name] =
      ToString(scheme) + " " + Text(tensor.shape);
}

}  // namespace

bool IsQuantizable(const io::TensorView& tensor) {
  static constexpr std::string_view kReal[] = {"F16", "BF16", "F32", "F64"};
  return tensor.shape.size() >= 2 && tensor.count() > 0 &&
         std::ranges::find(kReal, tensor.dtype) != std::end(kReal);
}

void QuantizeFile(const std::filesystem::path& in,
                  const std::filesystem::path& out, const Scheme& scheme) {
  const auto file = io::SafeTensors::Open(in);
  Parts parts;
  parts.metadata = file.metadata();
  for (const auto& [key, value] : parts.metadata) {
    if (key.starts_with(kKey)) {
      throw InputError(in.string(), "metadata", key, "a file of floats");
    }
  }
  for (const io::TensorView& tensor : file.tensors()) {
    if (IsQuantizable(tensor)) {
      AddQuantized(parts, tensor, scheme);
    } else {
      parts.views.push_back(tensor);
    }
  }
  io::Write(out, parts.views, parts.metadata);
}

void DequantizeFile(const std::filesystem::path& in,
                    const std::filesystem::path& out) {
  const auto file = io::SafeTensors::Open(in);
  const auto stored = ReadQuantized(file, in.string());
  Parts parts;
  std::map<std::string, bool> is_part;
  for (const StoredTensor& tensor : stored) {
    for (const char* part : kPartNames) is_part[tensor.name + part] = true;
    std::vector<float> floats(tensor.values.rows * tensor.values.cols);
    DequantizeTensor(tensor.values, floats);
    parts.Add(tensor.name, "F32", tensor.shape,
              BytesOf(std::span<const float>(floats)));
  }
  for (const io::TensorView& tensor : file.tensors()) {
    if (!is_part.contains(tensor.name)) parts.views.push_back(tensor);
  }
  for (const auto& [key, value] : file.metadata()) {
    if (!key.starts_with(kKey)) parts.metadata[key] = value;
  }
  io::Write(out, parts.views, parts.metadata);
}

}  // namespace nibble::nn
