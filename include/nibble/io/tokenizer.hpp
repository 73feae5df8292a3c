// Text as tokens: byte-pair encoding with a score for every piece, as
// SentencePiece trains it and llama2.c stores it (tok512.bin, tokenizer.bin).
//
//     int32    length of the longest piece, bytes; only checked
//     then for every token: float32 score, int32 length, the piece's bytes
//
// Token 0 is <unk>, 1 begins a text (BOS), 2 ends one, 3 to 258 are the bytes
// <0x00> to <0xFF>, and the rest are pieces of text, in which a space is a
// space. Little-endian; the number of tokens follows from the size.
//
//     const io::Tokenizer tokenizer = io::Tokenizer::Open("tok512.bin");
//     std::vector<int> tokens = tokenizer.Encode("Once upon a time");
//     std::string text = tokenizer.Decode(tokens);
//
// Source   github.com/karpathy/llama2.c, tokenizer.py (export) and run.c.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "nibble/io/file.hpp"

namespace nibble::io {

class Tokenizer {
 public:
  static constexpr int kBegin = 1;
  static constexpr int kEnd = 2;
  static constexpr int kFirstByte = 3;

  // Errors   InputError naming file, field, found and expected: a file that
  //          ends within a piece, a length that is negative or beyond the
  //          header's, a score that is NaN, fewer than 259 tokens, other
  //          bytes' names.
  static Tokenizer Open(const std::filesystem::path& path);
  static Tokenizer Parse(Bytes bytes, const std::string& name);

  // Moves, does not copy: the index points at the pieces.
  Tokenizer(Tokenizer&&) = default;
  Tokenizer& operator=(Tokenizer&&) = default;

  std::size_t size() const { return pieces_.size(); }

  // The text as tokens, without BOS. A space is put in front, as the pieces of
  // words have theirs; then the UTF-8 characters become pieces, or bytes where
  // no piece is that character, and of all neighbours (but bytes) that together
  // are a piece those with the best score are joined, the leftmost first,
  // until there are none. "" has no tokens.
  //
  // Domain   any bytes, zero bytes and text that is not UTF-8 included.
  // Cost     n log n for n characters.
  std::vector<int> Encode(std::string_view text) const;

  // What a token adds to a text: its piece, or the byte it stands for;
  // nothing for BOS and the end.
  //
  // Errors   std::invalid_argument for a token that does not exist.
  std::string_view Piece(int token) const;

  // The text of tokens: Decode(Encode(text)) == text. A space in front is the
  // one that Encode put there, and goes.
  std::string Decode(std::span<const int> tokens) const;

 private:
  Tokenizer() = default;
  int Find(std::string_view piece) const;  // -1 if there is none

  std::vector<std::string> pieces_;  // as Piece gives them
  std::vector<float> scores_;
  // Only pieces of text: written-out names of bytes and of <s> stay text.
  std::unordered_map<std::string_view, int> index_;
};

}  // namespace nibble::io
