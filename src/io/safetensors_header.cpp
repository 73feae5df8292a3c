#include "src/io/safetensors_header.hpp"

#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>
#include <utility>

#include "nibble/core/check.hpp"
#include "src/io/bytes.hpp"

namespace nibble::io {
namespace {

using nlohmann::json;

constexpr std::string_view kMetadata = "__metadata__";

// Receives the parser's events; the state is where in the header it stands.
class HeaderReader : public nlohmann::json_sax<json> {
 public:
  explicit HeaderReader(std::string file) : file_(std::move(file)) {}

  Header Take() && { return std::move(header_); }

  bool start_object(std::size_t) override {
    if (state_ == State::kStart) {
      state_ = State::kHeader;
    } else if (state_ == State::kHeader) {
      state_ = name_ == kMetadata ? State::kInMetadata : State::kTensor;
      if (state_ == State::kTensor) {
        header_.entries.push_back({name_, {}, {}, {}});
      }
      keys_.clear();
    } else {
      Refuse("an object");
    }
    return true;
  }

  bool end_object() override {
    if (state_ == State::kTensor) {
      for (const char* field : {"dtype", "shape", "data_offsets"}) {
        if (!keys_.contains(field)) {
          throw InputError(file_, "tensor " + Quoted(name_),
                           "no " + std::string(field),
                           "dtype, shape and data_offsets");
        }
      }
    }
    state_ = State::kHeader;  // Or the end, after which there is no event.
    return true;
  }

  bool key(string_t& text) override {
    auto& seen = state_ == State::kHeader ? names_ : keys_;
    if (!seen.insert(text).second) {
      const bool inside = state_ != State::kHeader;
      throw InputError(file_, inside ? "tensor " + Quoted(name_) : "header",
                       Quoted(text) + " twice", "every key once");
    }
    if (state_ == State::kTensor && text != "dtype" && text != "shape" &&
        text != "data_offsets") {
      throw InputError(file_, "tensor " + Quoted(name_), Quoted(text),
                       "dtype, shape and data_offsets");
    }
    (state_ == State::kHeader ? name_ : key_) = text;
    return true;
  }

  bool start_array(std::size_t) override {
    if (state_ != State::kTensor || key_ == "dtype") Refuse("a list");
    state_ = State::kList;
    offsets_ = 0;
    return true;
  }

  bool end_array() override {
    if (key_ == "data_offsets" && offsets_ != 2) {
      Refuse("a list of " + std::to_string(offsets_));
    }
    state_ = State::kTensor;
    return true;
  }

  bool string(string_t& text) override {
    if (state_ == State::kInMetadata) {
      header_.metadata[key_] = text;
    } else if (state_ == State::kTensor && key_ == "dtype") {
      header_.entries.back().dtype = text;
    } else {
      Refuse(Quoted(text));
    }
    return true;
  }

  bool number_unsigned(number_unsigned_t n) override {
    if (state_ != State::kList) Refuse(std::to_string(n));
    HeaderEntry& entry = header_.entries.back();
    if (key_ == "shape") {
      entry.shape.push_back(n);
    } else {
      if (offsets_ == 2) Refuse("a list of more than 2");
      entry.offsets[offsets_++] = n;
    }
    return true;
  }

  bool number_integer(number_integer_t n) override {
    Refuse(std::to_string(n));
  }
  bool number_float(number_float_t, const string_t& text) override {
    Refuse(text);
  }
  bool boolean(bool value) override { Refuse(value ? "true" : "false"); }
  bool null() override { Refuse("null"); }
  bool binary(binary_t&) override { Refuse("binary data"); }

  bool parse_error(std::size_t position, const std::string& token,
                   const nlohmann::detail::exception&) override {
    throw InputError(file_, "header, byte " + std::to_string(position),
                     Quoted(token), "JSON");
  }

 private:
  enum class State { kStart, kHeader, kInMetadata, kTensor, kList };

  // A value of the wrong type for the place where it stands.
  [[noreturn]] void Refuse(const std::string& found) const {
    switch (state_) {
      case State::kStart:
        throw InputError(file_, "header", found, "an object");
      case State::kHeader:
        throw InputError(file_, "header, " + Quoted(name_), found, "an object");
      case State::kInMetadata:
        throw InputError(file_, "metadata " + Quoted(key_), found, "a string");
      case State::kTensor:
      case State::kList:
        break;
    }
    const char* expected = key_ == "dtype"   ? "a string"
                           : key_ == "shape" ? "a list of whole numbers"
                                             : "a list of 2 whole numbers";
    throw InputError(file_, "tensor " + Quoted(name_) + ", " + key_, found,
                     expected);
  }

  std::string file_;
  Header header_;
  State state_ = State::kStart;
  std::set<std::string> names_, keys_;  // seen in the header, in its member
  std::string name_, key_;              // the last of each
  std::size_t offsets_ = 0;
};

}  // namespace

Header ParseHeader(std::string_view text, const std::string& file) {
  HeaderReader reader(file);
  json::sax_parse(text.begin(), text.end(), &reader);
  return std::move(reader).Take();
}

std::string WriteHeader(std::span<const TensorView> tensors,
                        const Metadata& metadata) try {
  // One member at a time: a document that keeps its order looks keys up in
  // linear time.
  std::string text;
  const auto append = [&text](std::string_view key, const auto& value) {
    text += (text.empty() ? "{" : ",") + json(key).dump() + ":" + value.dump();
  };
  if (!metadata.empty()) append(kMetadata, json(metadata));
  std::size_t begin = 0;
  std::set<std::string_view> names;
  for (const TensorView& tensor : tensors) {
    const std::size_t end = begin + tensor.data.size();
    NIBBLE_CHECK("Write", tensor.name != kMetadata);
    NIBBLE_CHECK("Write", names.insert(tensor.name).second);
    append(tensor.name, nlohmann::ordered_json{{"dtype", tensor.dtype},
                                               {"shape", tensor.shape},
                                               {"data_offsets", {begin, end}}});
    begin = end;
  }
  text += text.empty() ? "{}" : "}";
  text.append((8 - text.size() % 8) % 8, ' ');
  return text;
} catch (const json::exception& error) {
  throw std::invalid_argument(std::string("Write: requires UTF-8 names: ") +
                              error.what());
}

}  // namespace nibble::io
