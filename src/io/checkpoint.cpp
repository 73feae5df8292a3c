#include "nibble/io/checkpoint.hpp"

#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <system_error>

#include "nibble/core/check.hpp"
#include "nibble/io/mapped_file.hpp"
#include "src/io/bytes.hpp"

namespace nibble::io {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

constexpr const char* kOne = "model.safetensors";
constexpr const char* kIndex = "model.safetensors.index.json";

// A name that cannot lead out of the folder.
bool IsPlainName(const std::string& name) {
  return !name.empty() && name != "." && name != ".." &&
         name.find_first_of(std::string_view("/\\\0", 3)) == std::string::npos;
}

// The files that the index names, each once, with what it says of each.
using Shards = std::map<std::string, std::set<std::string>>;

Shards ShardsOf(const fs::path& index) {
  const MappedFile map = MappedFile::Open(index);
  Shards shards;
  for (IndexEntry& entry : ParseIndex(AsText(map.bytes()), index.string())) {
    shards[entry.file].insert(std::move(entry.tensor));
  }
  return shards;
}

// Whether the file holds what the index says, no less and no more.
void CheckShard(const SafeTensors& file, const std::string& name,
                const std::set<std::string>& expected) {
  for (const std::string& tensor : expected) {
    if (file.Find(tensor) == nullptr) {
      throw InputError(name, "tensor " + Quoted(tensor), "none",
                       "one, by the index");
    }
  }
  for (const TensorView& tensor : file.tensors()) {
    if (!expected.contains(tensor.name)) {
      throw InputError(
          name, "tensor " + Quoted(tensor.name),
          "one that the index does not name",
          "the " + std::to_string(expected.size()) + " tensors of the index");
    }
  }
}

}  // namespace

std::vector<IndexEntry> ParseIndex(std::string_view text,
                                   const std::string& name) {
  const json index = json::parse(text, nullptr, false);
  const bool has_map = index.is_object() && index.contains("weight_map") &&
                       index["weight_map"].is_object();
  if (!has_map) {
    throw InputError(name, "weight_map", "none",
                     "an object {\"tensor\": \"file\", ...}");
  }
  std::vector<IndexEntry> entries;
  for (const auto& [tensor, file] : index["weight_map"].items()) {
    if (!file.is_string() || !IsPlainName(file.get<std::string>())) {
      throw InputError(
          name, "weight_map, " + Quoted(tensor),
          Quoted(file.dump(-1, ' ', true, json::error_handler_t::replace)),
          "the name of a file in the same folder");
    }
    entries.push_back({tensor, file.get<std::string>()});
  }
  if (entries.empty()) {
    throw InputError(name, "weight_map", "no tensor", "at least one");
  }
  return entries;
}

Checkpoint Checkpoint::Open(const fs::path& path) {
  Checkpoint out;
  fs::path file = path;
  std::error_code error;  // Whatever it is, opening the file tells it better.
  if (fs::is_directory(path, error)) {
    file = path / (fs::exists(path / kIndex, error) ? kIndex : kOne);
  }
  if (file.extension() == ".json") {
    for (const auto& [name, expected] : ShardsOf(file)) {
      const fs::path shard = file.parent_path() / name;
      out.files.push_back(SafeTensors::Open(shard));
      CheckShard(out.files.back(), shard.string(), expected);
    }
  } else {
    out.files.push_back(SafeTensors::Open(file));
  }
  for (const SafeTensors& each : out.files) {
    const auto& tensors = each.tensors();
    out.tensors.insert(out.tensors.end(), tensors.begin(), tensors.end());
  }
  return out;
}

}  // namespace nibble::io
