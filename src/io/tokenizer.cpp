#include "nibble/io/tokenizer.hpp"

#include <cmath>
#include <functional>
#include <queue>
#include <utility>

#include "nibble/core/check.hpp"
#include "nibble/io/mapped_file.hpp"
#include "src/io/bytes.hpp"

namespace nibble::io {
namespace {

constexpr std::size_t kBytes = 256;
constexpr std::size_t kFirstPiece = Tokenizer::kFirstByte + kBytes;
constexpr std::size_t kMostTokens = 1 << 24;

std::string ByteName(std::size_t byte) {
  constexpr char kHex[] = "0123456789ABCDEF";
  return {'<', '0', 'x', kHex[byte / 16], kHex[byte % 16], '>'};
}

// Reads the file from its first byte to its last.
class Reader {
 public:
  Reader(Bytes bytes, const std::string& file) : bytes_(bytes), file_(file) {}

  bool done() const { return at_ == bytes_.size(); }

  template <class T>
  T Take(const std::string& field) {
    Need(sizeof(T), field);
    const T value = LoadLittle<T>(bytes_, at_);
    at_ += sizeof(T);
    return value;
  }
  std::string_view Text(std::size_t length, const std::string& field) {
    Need(length, field);
    const auto text = AsText(bytes_.subspan(at_, length));
    at_ += length;
    return text;
  }

 private:
  void Need(std::size_t size, const std::string& field) const {
    if (bytes_.size() - at_ >= size) return;
    throw InputError(file_, field,
                     std::to_string(bytes_.size() - at_) + " bytes",
                     std::to_string(size));
  }

  Bytes bytes_;
  const std::string& file_;
  std::size_t at_ = 0;
};

// Two neighbours that make a piece. The best score comes first, then the
// leftmost.
struct Join {
  float score;
  std::size_t left, right;
  std::size_t length;  // of both, to know whether they are still the same
  int token;

  bool operator<(const Join& other) const {
    return score != other.score ? score < other.score : left > other.left;
  }
};

// A text while its pieces are joined: a list of tokens, each with the bytes it
// covers.
class Chain {
 public:
  Chain(std::function<int(std::string_view)> find,
        std::function<float(int)> score)
      : find_(std::move(find)), score_(std::move(score)) {}

  // text: the bytes after those of the symbol before.
  void Append(std::string_view text, int token) {
    const std::size_t at = symbols_.size();
    symbols_.push_back({text, token, at == 0 ? kNone : at - 1, kNone});
    if (at > 0) symbols_[at - 1].next = at;
  }

  void JoinAll() {
    for (std::size_t i = 1; i < symbols_.size(); ++i) Consider(i - 1, i);
    while (!joins_.empty()) {
      const Join join = joins_.top();
      joins_.pop();
      Symbol& left = symbols_[join.left];
      Symbol& right = symbols_[join.right];
      const bool same = !left.text.empty() && !right.text.empty() &&
                        left.text.size() + right.text.size() == join.length;
      if (!same) continue;  // One of them has been joined to another.
      left = {{left.text.data(), join.length},
              join.token,
              left.previous,
              right.next};
      right.text = {};
      if (left.next != kNone) symbols_[left.next].previous = join.left;
      Consider(left.previous, join.left);
      Consider(join.left, left.next);
    }
  }

  std::vector<int> tokens() const {
    std::vector<int> tokens;
    for (const Symbol& symbol : symbols_) {
      if (!symbol.text.empty()) tokens.push_back(symbol.token);
    }
    return tokens;
  }

 private:
  static constexpr std::size_t kNone = ~std::size_t{0};
  struct Symbol {
    std::string_view text;  // empty: joined to the one before
    int token;
    std::size_t previous, next;
    bool is_byte() const { return token < static_cast<int>(kFirstPiece); }
  };

  void Consider(std::size_t left, std::size_t right) {
    if (left == kNone || right == kNone) return;
    const Symbol& a = symbols_[left];
    const Symbol& b = symbols_[right];
    if (a.is_byte() || b.is_byte()) return;
    const std::string_view both(a.text.data(), a.text.size() + b.text.size());
    const int token = find_(both);
    if (token < 0) return;
    joins_.push({score_(token), left, right, both.size(), token});
  }

  std::function<int(std::string_view)> find_;
  std::function<float(int)> score_;
  std::vector<Symbol> symbols_;
  std::priority_queue<Join> joins_;
};

// Bytes of the character at text[at]: one and the continuations after it, four
// at most.
std::size_t CharacterLength(std::string_view text, std::size_t at) {
  std::size_t length = 1;
  while (length < 4 && at + length < text.size() &&
         (static_cast<unsigned char>(text[at + length]) & 0xC0) == 0x80) {
    ++length;
  }
  return length;
}

}  // namespace

Tokenizer Tokenizer::Parse(Bytes bytes, const std::string& name) {
  Reader reader(bytes, name);
  const auto longest = reader.Take<std::int32_t>("longest piece");
  Tokenizer out;
  while (!reader.done()) {
    const std::string field = "token " + std::to_string(out.size());
    if (out.size() == kMostTokens) {
      throw InputError(name, field, "more", "at most 2^24 tokens");
    }
    out.scores_.push_back(reader.Take<float>(field + ", score"));
    if (std::isnan(out.scores_.back())) {
      throw InputError(name, field + ", score", "NaN", "a number");
    }
    const auto length = reader.Take<std::int32_t>(field + ", length");
    if (length < 0 || (length > longest && out.size() >= kFirstPiece)) {
      throw InputError(name, field + ", length", std::to_string(length),
                       "0 to " + std::to_string(longest));
    }
    out.pieces_.emplace_back(
        reader.Text(static_cast<std::size_t>(length), field + ", piece"));
  }
  if (out.size() < kFirstPiece) {
    throw InputError(name, "tokens", std::to_string(out.size()),
                     "at least " + std::to_string(kFirstPiece));
  }
  for (std::size_t i = 0; i < kBytes; ++i) {
    std::string& piece = out.pieces_[kFirstByte + i];
    if (piece != ByteName(i)) {
      throw InputError(name, "token " + std::to_string(kFirstByte + i),
                       Quoted(piece), ByteName(i));
    }
    piece.assign(1, static_cast<char>(i));
  }
  out.pieces_[kBegin].clear();
  out.pieces_[kEnd].clear();
  for (std::size_t i = kFirstPiece; i < out.size(); ++i) {
    if (!out.pieces_[i].empty()) {
      out.index_.emplace(out.pieces_[i], static_cast<int>(i));
    }
  }
  return out;
}

Tokenizer Tokenizer::Open(const std::filesystem::path& path) {
  const MappedFile map = MappedFile::Open(path);
  return Parse(map.bytes(), path.string());
}

int Tokenizer::Find(std::string_view piece) const {
  const auto found = index_.find(piece);
  return found == index_.end() ? -1 : found->second;
}

std::vector<int> Tokenizer::Encode(std::string_view text) const {
  if (text.empty()) return {};
  const std::string spaced = " " + std::string(text);
  const std::string_view all = spaced;
  Chain chain(
      [this](std::string_view piece) { return Find(piece); },
      [this](int token) { return scores_[static_cast<std::size_t>(token)]; });
  for (std::size_t at = 0; at < all.size();) {
    const auto character = all.substr(at, CharacterLength(all, at));
    if (const int token = Find(character); token >= 0) {
      chain.Append(character, token);
    } else {
      for (std::size_t i = 0; i < character.size(); ++i) {
        chain.Append(character.substr(i, 1),
                     kFirstByte + static_cast<unsigned char>(character[i]));
      }
    }
    at += character.size();
  }
  chain.JoinAll();
  return chain.tokens();
}

std::string_view Tokenizer::Piece(int token) const {
  NIBBLE_CHECK("Tokenizer::Piece",
               token >= 0 && static_cast<std::size_t>(token) < size());
  return pieces_[static_cast<std::size_t>(token)];
}

std::string Tokenizer::Decode(std::span<const int> tokens) const {
  std::string text;
  for (const int token : tokens) text += Piece(token);
  return text.starts_with(' ') ? text.substr(1) : text;
}

}  // namespace nibble::io
