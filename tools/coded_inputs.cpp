#include "tools/coded_inputs.hpp"

#include <algorithm>

#include "nibble/core/check.hpp"
#include "nibble/io/labels.hpp"
#include "nibble/io/mapped_file.hpp"

namespace nibble::tools {

CodedInputs LoadCodes(const std::string& data, const std::string& labels,
                      std::size_t size, std::size_t limit) {
  CodedInputs out;
  out.labels = io::LoadLabels(labels);
  const auto file = io::MappedFile::Open(data);
  if (file.bytes().size() != out.labels.size() * size) {
    throw InputError(data, "size", std::to_string(file.bytes().size()),
                     std::to_string(out.labels.size()) + " inputs of " +
                         std::to_string(size) + " bytes, one per line of " +
                         labels);
  }
  if (limit != 0) out.labels.resize(std::min(limit, out.labels.size()));
  const auto* codes = reinterpret_cast<const std::int8_t*>(file.bytes().data());
  out.codes.assign(codes, codes + out.labels.size() * size);
  return out;
}

}  // namespace nibble::tools
