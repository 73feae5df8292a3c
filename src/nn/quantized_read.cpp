// The reader of quantized files.
#include <cstring>
#include <optional>
#include <span>
#include <tuple>
#include <utility>

#include "nibble/core/check.hpp"
#include "nibble/nn/quantized_file.hpp"
#include "src/nn/quantized_parts.hpp"

namespace nibble::nn {
namespace {

std::vector<std::uint8_t> UnpackCodes(const Scheme& scheme,
                                      std::span<const std::uint8_t> packed,
                                      std::size_t count) {
  if (IsWide(scheme)) return {packed.begin(), packed.end()};
  const FormatInfo& info = Info(scheme.format);
  std::vector<std::uint8_t> codes(count);
  if (IsTernary(scheme)) {
    UnpackBase3(packed, codes);
    return codes;
  }
  Unpack(packed, info.bits, codes);
  // Signed integers are held sign-extended.
  if (Info(info.element).family == Family::kInteger && info.is_signed &&
      info.bits < 8) {
    for (std::uint8_t& code : codes) {
      code = static_cast<std::uint8_t>(SignExtend(code, info.bits));
    }
  }
  return codes;
}

// "int4/group32 [16,3,3,3]"
std::pair<Scheme, std::vector<std::size_t>> ParseEntry(
    const std::string& text, const std::string& where) {
  const auto wrong = [&]() -> InputError {
    return {where, "metadata", "'" + text + "'", "'SCHEME [N,N,...]'"};
  };
  const std::size_t space = text.find(" [");
  if (space == std::string::npos || text.back() != ']') throw wrong();
  std::vector<std::size_t> shape;
  std::size_t at = space + 2, elements = 1;
  while (at < text.size()) {
    const std::size_t end = text.find_first_of(",]", at);
    const std::string digits = text.substr(at, end - at);
    if (digits.empty() || digits.size() > 15 ||
        digits.find_first_not_of("0123456789") != std::string::npos) {
      throw wrong();
    }
    shape.push_back(std::stoull(digits));
    if (shape.back() == 0 || elements > (std::size_t{1} << 48) / shape.back()) {
      throw wrong();
    }
    elements *= shape.back();
    at = end + 1;
  }
  if (shape.size() < 2) throw wrong();
  return {ParseScheme(text.substr(0, space)), shape};
}

// A part of a quantized tensor, checked for type and size.
std::span<const std::uint8_t> Part(const io::SafeTensors& file,
                                   const std::string& where,
                                   const std::string& name,
                                   std::string_view dtype, std::size_t bytes) {
  const io::TensorView& part = file.Get(name);
  if (part.dtype != dtype) {
    throw InputError(where, name, part.dtype, std::string(dtype));
  }
  if (part.data.size() != bytes) {
    throw InputError(where, name, std::to_string(part.data.size()) + " bytes",
                     std::to_string(bytes));
  }
  return {reinterpret_cast<const std::uint8_t*>(part.data.data()), bytes};
}

// How many scales the scheme has for such a matrix.
std::size_t ScaleCount(const Scheme& scheme, std::size_t rows,
                       std::size_t cols) {
  const auto groups = [&](std::size_t size) {
    return (cols + size - 1) / size;
  };
  switch (scheme.granularity) {
    case Granularity::kTensor:
      return 1;
    case Granularity::kChannel:
    case Granularity::kToken:
      return rows;
    case Granularity::kGroup:
      return rows * groups(scheme.group);
    case Granularity::kBlock:
      return rows * groups(Info(scheme.format).block);
  }
  return 0;
}

std::vector<float> ReadScales(const io::SafeTensors& file,
                              const std::string& where, const std::string& name,
                              const Scheme& scheme, std::size_t count) {
  float tensor_scale = 1;
  ScaleForm form = FormOf(scheme, 1);
  if (file.Get(name + ".scales").dtype == "F32") form.dtype = "F32";
  if (form.dtype == "F8_E4M3") {
    std::memcpy(&tensor_scale,
                Part(file, where, name + ".tensor_scale", "F32", 4).data(), 4);
    form.factor = tensor_scale;
  }
  const std::size_t width = form.dtype == "F32"   ? 4
                            : form.dtype == "F16" ? 2
                                                  : 1;
  const auto bytes =
      Part(file, where, name + ".scales", form.dtype, width * count);
  std::vector<float> scales(count);
  for (std::size_t i = 0; i < count; ++i) {
    if (width == 4) {
      std::memcpy(&scales[i], bytes.data() + 4 * i, 4);
    } else {
      std::uint32_t code = bytes[width * i];
      if (width == 2) code |= static_cast<std::uint32_t>(bytes[2 * i + 1]) << 8;
      scales[i] = DecodeScale(form, code);
    }
  }
  return scales;
}

std::vector<std::int32_t> ReadZeroPoints(const io::SafeTensors& file,
                                         const std::string& where,
                                         const std::string& name,
                                         std::size_t count) {
  const io::TensorView* part = file.Find(name + ".zero_points");
  if (part == nullptr) return {};
  const auto read = [&]<class T>(T) {
    const auto bytes =
        Part(file, where, part->name, io::DtypeOf<T>(), sizeof(T) * count);
    std::vector<T> narrow(count);
    std::memcpy(narrow.data(), bytes.data(), bytes.size());
    return std::vector<std::int32_t>(narrow.begin(), narrow.end());
  };
  if (part->dtype == "I8") return read(std::int8_t{});
  if (part->dtype == "I16") return read(std::int16_t{});
  return read(std::int32_t{});
}

StoredTensor ReadOne(const io::SafeTensors& file, const std::string& where,
                     const std::string& name, const std::string& entry) {
  StoredTensor out;
  out.name = name;
  std::tie(out.values.scheme, out.shape) =
      ParseEntry(entry, where + ": nibble:" + name);
  QuantizedTensor& t = out.values;
  std::tie(t.rows, t.cols) =
      std::pair(AsMatrix(out.shape).rows, AsMatrix(out.shape).cols);
  const std::size_t count = t.rows * t.cols;
  t.codes = UnpackCodes(
      t.scheme,
      Part(file, where, name + ".codes", "U8", CodeBytes(t.scheme, count)),
      count);
  const std::size_t scales = ScaleCount(t.scheme, t.rows, t.cols);
  t.scales = ReadScales(file, where, name, t.scheme, scales);
  t.zero_points = ReadZeroPoints(file, where, name, scales);
  for (const char* part : kPartNames) {
    if (const auto* found = file.Find(name + part)) {
      out.bytes += found->data.size();
    }
  }
  return out;
}

}  // namespace

std::vector<StoredTensor> ReadQuantized(const io::SafeTensors& file,
                                        const std::string& name) {
  std::vector<StoredTensor> out;
  for (const auto& [key, value] : file.metadata()) {
    if (!key.starts_with(kKey)) continue;
    out.push_back(ReadOne(file, name, key.substr(kKey.size()), value));
  }
  return out;
}

}  // namespace nibble::nn
