// A config.json or an index: what is read makes a model, or names plain files.
#include <string_view>

#include "fuzz.hpp"
#include "nibble/io/checkpoint.hpp"
#include "nibble/io/llama_config.hpp"

using nibble::fuzz::Require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  nibble::fuzz::Accepts(data, size, [&](nibble::io::Bytes) {
    const auto config = nibble::io::ParseLlamaConfig(text, "fuzz");
    Require(config.heads % config.kv_heads == 0);
    Require(config.head_dim % 2 == 0 && config.head_dim > 0);
    Require(config.norm_eps > 0 && config.rope_theta > 0);
  });
  nibble::fuzz::Accepts(data, size, [&](nibble::io::Bytes) {
    for (const auto& entry : nibble::io::ParseIndex(text, "fuzz")) {
      Require(entry.file.find('/') == std::string::npos);
    }
  });
  return 0;
}
