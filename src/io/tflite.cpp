#include "nibble/io/tflite.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "src/io/flatbuffer.hpp"

namespace nibble::io {
namespace {

struct Dtype {
  const char* name;
  std::size_t bits;
};
// By the schema's TensorType. Without bits: strings and other things that are
// no plain numbers; such a tensor may not have data.
constexpr Dtype kDtypes[] = {
    {"F32", 32},   {"F16", 16},   {"I32", 32}, {"U8", 8},       {"I64", 64},
    {"string", 0}, {"BOOL", 8},   {"I16", 16}, {"C64", 64},     {"I8", 8},
    {"F64", 64},   {"C128", 128}, {"U64", 64}, {"resource", 0}, {"variant", 0},
    {"U32", 32},   {"U16", 16},   {"I4", 4},
};

std::string Number(std::int64_t value) { return std::to_string(value); }

// A count or an index of the file, which must lie in [low, high].
std::size_t InRange(const FlatTable& table, const char* field,
                    std::int64_t value, std::int64_t low, std::int64_t high) {
  if (value < low || value > high) {
    table.Refuse(field, Number(value), Number(low) + " to " + Number(high));
  }
  return static_cast<std::size_t>(value);
}

void ReadQuantization(const FlatTable& table, TfliteTensor& tensor) {
  const FlatTable q = table.At(4, "quantization");
  tensor.scales = q.Numbers<float>(2, "scale");
  tensor.zero_points = q.Numbers<std::int64_t>(3, "zero point");
  const std::size_t n = tensor.scales.size();
  if (tensor.zero_points.empty()) tensor.zero_points.resize(n);
  if (tensor.zero_points.size() != n) {
    q.Refuse("zero point",
             Number(static_cast<std::int64_t>(tensor.zero_points.size())),
             "as many as scales, " + std::to_string(n));
  }
  for (const float scale : tensor.scales) {
    if (!(scale > 0 && std::isfinite(scale))) {
      q.Refuse("scale", std::to_string(scale), "a positive number");
    }
  }
  for (const std::int64_t zero : tensor.zero_points) {
    InRange(q, "zero point", zero, std::numeric_limits<std::int32_t>::min(),
            std::numeric_limits<std::int32_t>::max());
  }
  if (n < 2) return;
  tensor.axis = InRange(q, "quantized dimension",
                        q.Number<std::int32_t>(6, "quantized dimension"), 0,
                        static_cast<std::int64_t>(tensor.shape.size()) - 1);
  if (tensor.shape[tensor.axis] != n) {
    q.Refuse("scale", std::to_string(n) + " scales",
             "1, or as many as dimension " + std::to_string(tensor.axis) +
                 " of " + ShapeText(tensor.shape));
  }
}

TfliteTensor ReadTensor(const FlatTable& table,
                        const std::vector<Bytes>& buffers) {
  TfliteTensor tensor;
  tensor.name = table.Text(3, "name");
  const auto type = table.Number<std::int8_t>(1, "type");
  const Dtype& dtype =
      kDtypes[InRange(table, "type", type, 0, std::ssize(kDtypes) - 1)];
  tensor.dtype = dtype.name;
  for (const auto n : table.Numbers<std::int32_t>(0, "shape")) {
    tensor.shape.push_back(InRange(table, "shape", n, 0,
                                   std::numeric_limits<std::int32_t>::max()));
  }
  const std::size_t buffer =
      InRange(table, "buffer", table.Number<std::uint32_t>(2, "buffer"), 0,
              std::ssize(buffers) - 1);
  tensor.data = buffers[buffer];
  if (!tensor.data.empty() &&
      CheckedBytes(tensor.shape, dtype.bits) != tensor.data.size()) {
    table.Refuse("data", std::to_string(tensor.data.size()) + " bytes",
                 "as many as " + ShapeText(tensor.shape) + " of " +
                     tensor.dtype + " takes");
  }
  if (table.Has(4, "quantization")) ReadQuantization(table, tensor);
  return tensor;
}

// How an operator is written: its options' union type, the fields in there, and
// the inputs that it cannot do without.
struct Form {
  TfliteOp op;
  const char* name;
  int options;                               // 0: none are read
  int padding, stride_width, stride_height;  // fields; -1 for none
  int filter_width, depth_multiplier, activation, dilation_width;
  std::size_t inputs;
};
constexpr Form kForms[] = {
    {TfliteOp::kAdd, "add", 11, -1, -1, -1, -1, -1, 0, -1, 2},
    {TfliteOp::kAveragePool2d, "average pool", 5, 0, 1, 2, 3, -1, 5, -1, 1},
    {TfliteOp::kConv2d, "conv", 1, 0, 1, 2, -1, -1, 3, 4, 2},
    {TfliteOp::kDepthwiseConv2d, "depthwise conv", 2, 0, 1, 2, -1, 3, 4, 5, 2},
    {TfliteOp::kFullyConnected, "fully connected", 8, -1, -1, -1, -1, -1, 0, -1,
     2},
    {TfliteOp::kReshape, "reshape", 0, -1, -1, -1, -1, -1, -1, -1, 1},
    {TfliteOp::kSoftmax, "softmax", 0, -1, -1, -1, -1, -1, -1, -1, 1},
};

const Form* FormOf(std::int64_t code) {
  const auto* form = std::ranges::find(
      kForms, code, [](const Form& f) { return static_cast<int>(f.op); });
  return form == std::end(kForms) ? nullptr : form;
}

// A number of an options table, at least 1.
std::size_t Positive(const FlatTable& table, int id, const char* field,
                     std::int32_t absent) {
  if (id < 0) return 1;
  constexpr std::int32_t kMost = 1 << 20;
  return InRange(
      table, field,
      table.Number<std::int32_t>(static_cast<std::size_t>(id), field, absent),
      1, kMost);
}

void ReadOptions(const FlatTable& table, const Form& form, TfliteOperator& op) {
  if (form.options == 0) return;
  InRange(table, "type of options", table.Number<std::uint8_t>(3, "options"),
          form.options, form.options);
  const FlatTable options = table.At(4, "options");
  const auto byte = [&](int id, const char* field, int most) {
    if (id < 0) return std::size_t{0};
    return InRange(
        options, field,
        options.Number<std::int8_t>(static_cast<std::size_t>(id), field), 0,
        most);
  };
  op.same_padding = byte(form.padding, "padding", 1) == 0;
  op.activation =
      static_cast<TfliteActivation>(byte(form.activation, "activation", 3));
  op.stride_width = Positive(options, form.stride_width, "stride", 0);
  op.stride_height = Positive(options, form.stride_height, "stride", 0);
  op.depth_multiplier =
      Positive(options, form.depth_multiplier, "depth multiplier", 0);
  if (form.filter_width >= 0) {
    op.filter_width = Positive(options, form.filter_width, "filter", 0);
    op.filter_height = Positive(options, form.filter_width + 1, "filter", 0);
  }
  if (form.dilation_width >= 0) {
    for (const int id : {form.dilation_width, form.dilation_width + 1}) {
      const std::size_t dilation = Positive(options, id, "dilation", 1);
      if (dilation != 1) {
        options.Refuse("dilation", std::to_string(dilation), "1");
      }
    }
  }
}

std::vector<std::int32_t> ReadIndices(const FlatTable& table, std::size_t id,
                                      const char* field, std::size_t tensors,
                                      std::size_t required) {
  auto indices = table.Numbers<std::int32_t>(id, field);
  if (indices.size() < required) {
    table.Refuse(field, std::to_string(indices.size()),
                 "at least " + std::to_string(required));
  }
  for (std::size_t i = 0; i < indices.size(); ++i) {
    InRange(table, field, indices[i], i < required ? 0 : -1,
            static_cast<std::int64_t>(tensors) - 1);
  }
  return indices;
}

TfliteOperator ReadOperator(const FlatTable& table,
                            const std::vector<std::int64_t>& codes,
                            std::size_t tensors) {
  const std::int64_t code =
      codes[InRange(table, "code", table.Number<std::uint32_t>(0, "code"), 0,
                    std::ssize(codes) - 1)];
  const Form* form = FormOf(code);
  if (form == nullptr) {
    std::string known;
    for (const Form& f : kForms) {
      known += (known.empty() ? "" : ", ") + std::string(f.name) + " (" +
               Number(static_cast<int>(f.op)) + ")";
    }
    table.Refuse("kind", "builtin operator " + Number(code), "one of " + known);
  }
  TfliteOperator op;
  op.op = form->op;
  op.inputs = ReadIndices(table, 1, "inputs", tensors, form->inputs);
  op.outputs = ReadIndices(table, 2, "outputs", tensors, 1);
  ReadOptions(table, *form, op);
  return op;
}

// The newer field holds codes that the older, a byte, has no room for; who
// writes only one of them leaves the other at zero or at 127.
std::int64_t CodeOf(const FlatTable& table) {
  return std::max<std::int64_t>(table.Number<std::int8_t>(0, "deprecated code"),
                                table.Number<std::int32_t>(3, "code"));
}

}  // namespace

const char* ToString(TfliteOp op) { return FormOf(static_cast<int>(op))->name; }

Tflite Tflite::Parse(Bytes bytes, const std::string& name) {
  FlatBuffer buffer(bytes, name);
  if (bytes.size() < 8 || AsText(bytes.subspan(4, 4)) != "TFL3") {
    buffer.Refuse(
        "file type",
        Quoted(AsText(bytes.subspan(std::min<std::size_t>(4, bytes.size())))
                   .substr(0, 4)),
        "\"TFL3\" at byte 4");
  }
  const FlatTable model(buffer, buffer.Follow(0, "model"), "model");
  const auto version = model.Number<std::uint32_t>(0, "version");
  if (version != 3) model.Refuse("version", Number(version), "3");

  std::vector<std::int64_t> codes;
  for (const FlatTable& code : model.Tables(1, "operator codes", "code")) {
    codes.push_back(CodeOf(code));
  }
  std::vector<Bytes> buffers;
  for (const FlatTable& b : model.Tables(4, "buffers", "buffer")) {
    buffers.push_back(b.Raw(0, "data"));
  }
  const auto graphs = model.Tables(2, "subgraphs", "subgraph");
  if (graphs.size() != 1) {
    model.Refuse("subgraphs", std::to_string(graphs.size()), "1");
  }
  const FlatTable& graph = graphs[0];
  Tflite out;
  for (const FlatTable& table : graph.Tables(0, "tensors", "tensor")) {
    out.tensors.push_back(ReadTensor(table, buffers));
  }
  const std::size_t n = out.tensors.size();
  out.inputs = ReadIndices(graph, 1, "inputs", n, 1);
  out.outputs = ReadIndices(graph, 2, "outputs", n, 1);
  for (const FlatTable& table : graph.Tables(3, "operators", "operator")) {
    out.operators.push_back(ReadOperator(table, codes, n));
  }
  return out;
}

Tflite Tflite::Open(const std::filesystem::path& path) {
  auto map = std::make_shared<const MappedFile>(MappedFile::Open(path));
  Tflite out = Parse(map->bytes(), path.string());
  out.map = std::move(map);
  return out;
}

}  // namespace nibble::io
