// nibble inspect: the tensors of a file, and what a scheme would do to them.
#include <algorithm>
#include <cmath>
#include <memory>
#include <type_traits>
#include <variant>

#include "nibble/io/gguf.hpp"
#include "nibble/io/mapped_file.hpp"
#include "nibble/io/safetensors.hpp"
#include "nibble/nn/quantized_file.hpp"
#include "nibble/quant/stats.hpp"
#include "nibble/quant/tensor.hpp"
#include "tools/command.hpp"

namespace nibble::tools {
namespace {

struct Options {
  std::string file, scheme;
  Output output = Output::kTable;
};

// JSON has no infinity: an exact copy's SQNR is null.
Json Finite(double value) {
  return std::isfinite(value) ? Json(value) : Json();
}

void AddError(Json& row, const io::TensorView& tensor, const Scheme& scheme) {
  const char* const names[] = {"sqnr_db", "cosine", "max_error", "saturated"};
  if (!nn::IsQuantizable(tensor)) {
    for (const char* name : names) row[name] = Json();
    return;
  }
  const std::vector<float> x = io::ToFloat(tensor);
  const auto [rows, cols] = nn::AsMatrix(tensor.shape);
  std::vector<float> y(x.size());
  const std::size_t saturated = QuantizeDequantize(scheme, x, rows, cols, y);
  const ErrorStats stats = Compare(x, y);
  row["bits_per_weight"] = BitsPerElement(scheme, rows, cols);
  row["sqnr_db"] = Finite(stats.sqnr_db);
  row["cosine"] = Finite(stats.cosine);
  row["max_error"] = Finite(stats.max_error);
  row["saturated"] =
      static_cast<double>(saturated) / static_cast<double>(x.size());
}

Json RowOf(const std::string& name, const std::string& dtype,
           const std::string& scheme, const std::vector<std::size_t>& shape,
           std::size_t bytes) {
  std::size_t count = 1;
  for (const std::size_t n : shape) count *= n;
  Json bits;
  if (count != 0) {
    bits = 8 * static_cast<double>(bytes) / static_cast<double>(count);
  }
  return {{"name", name},           {"dtype", dtype},    {"scheme", scheme},
          {"shape", shape},         {"elements", count}, {"bytes", bytes},
          {"bits_per_weight", bits}};
}

// Whether the tensor is a part of a quantized one.
bool IsPart(const std::string& name,
            const std::vector<nn::StoredTensor>& stored) {
  for (const nn::StoredTensor& tensor : stored) {
    for (const char* part : nn::kPartNames) {
      if (name == tensor.name + part) return true;
    }
  }
  return false;
}

// Text of any bytes: what is no UTF-8 is replaced.
Json TextOf(const std::string& text) {
  return Json::parse(
      Json(text).dump(-1, ' ', false, Json::error_handler_t::replace));
}

// Elements of an array that are printed one by one.
constexpr std::size_t kMostElements = 16;

// A metadata value of GGUF; of a long array, its length.
Json ValueOf(const io::GgufValue& value) {
  return std::visit(
      []<class T>(const T& v) -> Json {
        if constexpr (std::is_same_v<T, std::string>) {
          return TextOf(v);
        } else if constexpr (std::is_same_v<T, io::GgufArray>) {
          return std::visit(
              [](const auto& items) -> Json {
                if (items.size() > kMostElements) {
                  return std::to_string(items.size()) + " elements";
                }
                Json out = Json::array();
                for (std::size_t i = 0; i < items.size(); ++i) {
                  out.push_back(ValueOf(io::GgufValue(items[i])));
                }
                return out;
              },
              v.items);
        } else {
          return v;
        }
      },
      value);
}

bool IsGguf(const std::string& file) {
  const auto map = io::MappedFile::Open(file);
  const auto magic = io::AsBytes("GGUF");
  return map.bytes().size() >= magic.size() &&
         std::ranges::equal(map.bytes().first(magic.size()), magic);
}

void RunGguf(const Options& o, const std::optional<Scheme>& scheme) {
  const auto file = io::Gguf::Open(o.file);
  Json metadata = Json::object();
  for (const io::GgufEntry& entry : file.metadata()) {
    metadata[TextOf(entry.key)] = ValueOf(entry.value);
  }
  Json rows = Json::array();
  for (const io::TensorView& tensor : file.tensors()) {
    Json row = RowOf(TextOf(tensor.name), tensor.dtype, "", tensor.shape,
                     tensor.data.size());
    if (scheme) AddError(row, tensor, *scheme);
    rows.push_back(std::move(row));
  }
  PrintRows({{"file", o.file},
             {"scheme", o.scheme.empty() ? Json() : Json(o.scheme)},
             {"metadata", std::move(metadata)},
             {"tensors", std::move(rows)}},
            "tensors", o.output);
}

void Run(const Options& o) {
  std::optional<Scheme> scheme;
  if (!o.scheme.empty()) scheme = ParseScheme(o.scheme);
  if (IsGguf(o.file)) return RunGguf(o, scheme);
  const auto file = io::SafeTensors::Open(o.file);
  const auto stored = nn::ReadQuantized(file, o.file);
  Json rows = Json::array();
  for (const nn::StoredTensor& tensor : stored) {
    rows.push_back(RowOf(tensor.name, "codes", ToString(tensor.values.scheme),
                         tensor.shape, tensor.bytes));
  }
  for (const io::TensorView& tensor : file.tensors()) {
    if (IsPart(tensor.name, stored)) continue;
    Json row =
        RowOf(tensor.name, tensor.dtype, "", tensor.shape, tensor.data.size());
    if (scheme) AddError(row, tensor, *scheme);
    rows.push_back(std::move(row));
  }
  PrintRows({{"file", o.file},
             {"scheme", o.scheme.empty() ? Json() : Json(o.scheme)},
             {"tensors", std::move(rows)}},
            "tensors", o.output);
}

}  // namespace

void AddInspect(CLI::App& app) {
  auto o = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "inspect", "List the tensors of a file, and the error of a scheme");
  command->add_option("file", o->file, "safetensors or GGUF file")->required();
  command->add_option("--scheme", o->scheme,
                      "Show the error it would make, tensor by tensor");
  AddOutput(*command, o->output);
  command->callback([o] { Run(*o); });
}

}  // namespace nibble::tools
