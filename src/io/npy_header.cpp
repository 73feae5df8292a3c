#include "src/io/npy_header.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <set>

#include "nibble/core/check.hpp"
#include "src/io/bytes.hpp"

namespace nibble::io {
namespace {

constexpr std::array<std::string_view, 12> kDtypes = {
    "f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"};
constexpr std::size_t kMostDimensions = 64;  // as NumPy 2

// Reads the few literals of Python that the header is made of.
class Literals {
 public:
  Literals(std::string_view text, const std::string& file)
      : text_(text), file_(file) {}

  // Skips blanks, and then the character if it stands there.
  bool Accept(char c) {
    SkipBlanks();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void Expect(char c) {
    if (!Accept(c)) Fail(std::string("\"") + c + "\"");
  }
  void ExpectEnd() {
    SkipBlanks();
    if (at_ != text_.size()) Fail("the end of the header");
  }

  std::string_view String() {
    const char quote = Accept('\'') ? '\'' : '"';
    if (quote == '"') Expect('"');
    const std::size_t end = text_.find(quote, at_);
    if (end == text_.npos) Fail("a string");
    const auto out = text_.substr(at_, end - at_);
    if (out.find('\\') != out.npos) Fail("a string without escapes");
    at_ = end + 1;
    return out;
  }

  bool Bool() {
    SkipBlanks();
    for (const std::string_view word : {"True", "False"}) {
      if (text_.substr(at_).starts_with(word)) {
        at_ += word.size();
        return word == "True";
      }
    }
    Fail("True or False");
  }

  std::size_t Integer() {
    SkipBlanks();
    std::size_t out = 0;
    const char* begin = text_.data() + at_;
    const auto [end, error] =
        std::from_chars(begin, text_.data() + text_.size(), out);
    if (error != std::errc()) Fail("a whole number below 2^64");
    at_ += static_cast<std::size_t>(end - begin);
    Accept('L');  // Python 2 wrote long integers so.
    return out;
  }

  std::vector<std::size_t> Tuple() {
    std::vector<std::size_t> out;
    Expect('(');
    while (!Accept(')')) {
      out.push_back(Integer());
      if (out.size() > kMostDimensions) Fail("at most 64 dimensions");
      if (Accept(')')) {
        if (out.size() == 1) Fail("\",\"");  // (3) is no tuple.
        break;
      }
      Expect(',');
    }
    return out;
  }

  [[noreturn]] void Fail(const std::string& expected) const {
    const auto rest = text_.substr(at_);
    throw InputError(file_, "header, character " + std::to_string(at_ + 1),
                     rest.empty() ? "the end" : Quoted(rest.substr(0, 20)),
                     expected);
  }

 private:
  void SkipBlanks() {
    at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size());
  }

  std::string_view text_;
  std::string file_;
  std::size_t at_ = 0;
};

// "<f4" and the like. Only elements of one byte may leave the order open.
void ParseDescr(std::string_view descr, const std::string& file,
                NpyHeader& header) {
  const char order = descr.empty() ? '\0' : descr[0];
  const std::string_view dtype = descr.substr(descr.empty() ? 0 : 1);
  const bool known =
      (order == '<' || order == '>' || order == '|') && IsNpyDtype(dtype);
  if (!known || (order == '|' && NpyItemSize(dtype) != 1)) {
    throw InputError(file, "descr", Quoted(descr),
                     "'<' or '>' and one of f2 f4 f8 i1 i2 i4 i8 u1 u2 u4 u8 "
                     "b1 ('|' with one byte)");
  }
  header.dtype = dtype;
  header.item_size = NpyItemSize(dtype);
  header.big_endian = order == '>';
}

}  // namespace

bool IsNpyDtype(std::string_view dtype) {
  return std::find(kDtypes.begin(), kDtypes.end(), dtype) != kDtypes.end();
}

std::size_t NpyItemSize(std::string_view dtype) {
  return static_cast<std::size_t>(dtype[1] - '0');
}

NpyHeader ParseNpyHeader(std::string_view text, const std::string& file) {
  NpyHeader header;
  Literals in(text, file);
  std::set<std::string_view> seen;
  in.Expect('{');
  while (!in.Accept('}')) {
    const std::string_view key = in.String();
    if (!seen.insert(key).second) {
      throw InputError(file, "header", Quoted(key) + " twice",
                       "every key once");
    }
    in.Expect(':');
    if (key == "descr") {
      ParseDescr(in.String(), file, header);
    } else if (key == "fortran_order") {
      header.fortran_order = in.Bool();
    } else if (key == "shape") {
      header.shape = in.Tuple();
    } else {
      throw InputError(file, "header", Quoted(key),
                       "descr, fortran_order and shape");
    }
    if (in.Accept('}')) break;
    in.Expect(',');
  }
  in.ExpectEnd();
  for (const char* key : {"descr", "fortran_order", "shape"}) {
    if (!seen.contains(key)) {
      throw InputError(file, "header", std::string("no ") + key,
                       "descr, fortran_order and shape");
    }
  }
  return header;
}

std::string WriteNpyHeader(const NpyArray& array) {
  NIBBLE_CHECK("SerializeNpy", array.shape.size() <= kMostDimensions);
  const char order = NpyItemSize(array.dtype) == 1 ? '|' : '<';
  std::string text = std::string("{'descr': '") + order + array.dtype +
                     "', 'fortran_order': False, 'shape': (";
  for (std::size_t i = 0; i < array.shape.size(); ++i) {
    text += (i == 0 ? "" : ", ") + std::to_string(array.shape[i]);
  }
  text += array.shape.size() == 1 ? ",), }" : "), }";
  // Version 1 keeps the length in 16 bits; 64 dimensions fit many times over.
  const std::size_t unpadded = 10 + text.size() + 1;
  text.append((64 - unpadded % 64) % 64, ' ');
  text += '\n';
  std::string out = "\x93NUMPY";
  out += {'\x01', '\x00', static_cast<char>(text.size() & 0xFF),
          static_cast<char>(text.size() >> 8)};
  return out + text;
}

}  // namespace nibble::io
