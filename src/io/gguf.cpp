// Types and look-ups of GGUF, and what its tensors hold.
#include "nibble/io/gguf.hpp"

#include <bit>

#include "nibble/format/gguf.hpp"
#include "src/io/gguf_types.hpp"

namespace nibble::io {
namespace {

// Numbers are ggml's. Where there is no format, only the size is known.
constexpr GgufTensorType kTypes[] = {
    {0, "F32", 1, 4, 0, {}},
    {1, "F16", 1, 2, 0, FormatId::kFp16},
    {2, "Q4_0", 32, 18, 0, FormatId::kQ4_0},
    {3, "Q4_1", 32, 20, 0, FormatId::kQ4_1},
    {6, "Q5_0", 32, 22, 0, FormatId::kQ5_0},
    {7, "Q5_1", 32, 24, 0, {}},
    {8, "Q8_0", 32, 34, 0, FormatId::kQ8_0},
    {9, "Q8_1", 32, 36, 0, {}},
    {10, "Q2_K", 256, 84, 0, FormatId::kQ2K},
    {11, "Q3_K", 256, 110, 0, {}},
    {12, "Q4_K", 256, 144, 0, FormatId::kQ4K},
    {13, "Q5_K", 256, 176, 0, {}},
    {14, "Q6_K", 256, 210, 0, FormatId::kQ6K},
    {20, "IQ4_NL", 32, 18, 0, FormatId::kIq4Nl},
    {24, "I8", 1, 1, 0, {}},
    {25, "I16", 1, 2, 0, {}},
    {26, "I32", 1, 4, 0, {}},
    {27, "I64", 1, 8, 0, {}},
    {28, "F64", 1, 8, 0, {}},
    {30, "BF16", 1, 2, 0, FormatId::kBf16},
    {34, "TQ1_0", 256, 54, 0, FormatId::kTq1_0},
    {35, "TQ2_0", 256, 66, 0, FormatId::kTq2_0},
    {36, "I2_S", 128, 32, 32, {}},
    {39, "MXFP4", 32, 17, 0, FormatId::kGgufMxfp4},
};

std::span<const std::uint8_t> AsUint8(Bytes bytes) {
  return {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
}

// byte p of 32: weights p, 32 + p, 64 + p, 96 + p of a block of 128, the first
// in the highest bits; a float scale behind all.
std::vector<float> I2sToFloat(Bytes data) {
  std::vector<float> out((data.size() - 32) * 4);
  const auto scale = LoadLittle<float>(data, data.size() - 32);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto byte = std::to_integer<int>(data[i / 128 * 32 + i % 32]);
    const int code = byte >> (6 - i % 128 / 32 * 2) & 3;
    out[i] = static_cast<float>(code - 1) * scale;
  }
  return out;
}

}  // namespace

const GgufTensorType* FindGgufType(std::string_view name) {
  for (const GgufTensorType& type : kTypes) {
    if (type.name == name) return &type;
  }
  return nullptr;
}

const GgufTensorType* FindGgufType(std::uint32_t id) {
  for (const GgufTensorType& type : kTypes) {
    if (type.id == id) return &type;
  }
  return nullptr;
}

const GgufValue* Gguf::Find(std::string_view key) const {
  const auto it = keys_.find(key);
  return it == keys_.end() ? nullptr : &metadata_[it->second].value;
}

void Gguf::RefuseValue(std::string_view key, std::size_t expected) const {
  const GgufValue* value = Find(key);
  throw InputError(file_, "key " + Quoted(key),
                   value == nullptr
                       ? "none among " + std::to_string(metadata_.size())
                       : std::string(kGgufValueNames[value->index()]),
                   std::string(kGgufValueNames[expected]));
}

const TensorView* Gguf::FindTensor(std::string_view name) const {
  const auto it = names_.find(name);
  return it == names_.end() ? nullptr : &tensors_[it->second];
}

const TensorView& Gguf::Tensor(std::string_view name) const {
  if (const TensorView* tensor = FindTensor(name)) return *tensor;
  throw InputError(file_, "tensor " + Quoted(name),
                   "none among " + std::to_string(tensors_.size()),
                   "a tensor of that name");
}

std::vector<float> GgufToFloat(const TensorView& tensor) {
  const GgufTensorType* type = FindGgufType(tensor.dtype);
  NIBBLE_CHECK("GgufToFloat", type != nullptr);
  NIBBLE_CHECK("GgufToFloat",
               GgufBytes(*type, tensor.shape) == tensor.data.size());
  if (type->name == "I2_S") return I2sToFloat(tensor.data);
  if (type->block == 1) return ToFloat(tensor);  // safetensors' names too
  if (!type->format) {
    throw InputError("tensor " + Quoted(tensor.name), "type", tensor.dtype,
                     "a type that can be decoded");
  }
  std::vector<float> out(tensor.count());
  DecodeGguf(*type->format, AsUint8(tensor.data), out);
  return out;
}

}  // namespace nibble::io
