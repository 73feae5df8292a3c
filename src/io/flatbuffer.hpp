// FlatBuffers, read without trust: tables and vectors of a file whose every
// offset may lie.
//
//     byte 0        offset of the root table, 32 bits; bytes 4..7 a file type
//     table         i32 distance back to its vtable, then its fields
//     vtable        u16 bytes of the vtable, u16 bytes of the table, then for
//                   each field a u16: where in the table it is, 0 for absent
//     vector        u32 number of elements, then the elements
//     a reference   u32, counted from where it stands itself
//
// Nothing is read that has not been found to lie inside the file. All vectors
// together may be no longer than the file, so that a short file in which many
// tables share one long vector costs no more than it has bytes.
//
// Source   flatbuffers.dev, "FlatBuffer Internals".
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "nibble/core/check.hpp"
#include "src/io/bytes.hpp"

namespace nibble::io {

class FlatBuffer {
 public:
  FlatBuffer(Bytes bytes, std::string file)
      : bytes_(bytes), file_(std::move(file)), budget_(bytes.size()) {}

  [[noreturn]] void Refuse(const std::string& field, const std::string& found,
                           const std::string& expected) const {
    throw InputError(file_, field, found, expected);
  }

  // The number at `at`, which is part of `field`.
  template <class T>
  T Load(std::size_t at, const std::string& field) const {
    if (at > bytes_.size() || bytes_.size() - at < sizeof(T)) {
      Refuse(field, "byte " + std::to_string(at),
             "one of the file's " + std::to_string(bytes_.size()));
    }
    return LoadLittle<T>(bytes_, at);
  }

  // What the reference at `at` points at.
  std::size_t Follow(std::size_t at, const std::string& field) const {
    return at + Load<std::uint32_t>(at, field);
  }

  // The elements of the vector at `at`, of `size` bytes each.
  Bytes Vector(std::size_t at, std::size_t size, const std::string& field) {
    const std::size_t count = Load<std::uint32_t>(at, field);
    const std::size_t most = (bytes_.size() - at - 4) / size;
    if (count > most) {
      Refuse(field, std::to_string(count) + " elements",
             "at most " + std::to_string(most) + ", to the end of the file");
    }
    return bytes_.subspan(at + 4, count * size);
  }

  // Takes so many bytes from what vectors may still hold.
  void Spend(std::size_t bytes, const std::string& field) {
    if (bytes > budget_) {
      Refuse(field, std::to_string(bytes) + " bytes more",
             "vectors of no more bytes than the file has");
    }
    budget_ -= bytes;
  }

 private:
  Bytes bytes_;
  std::string file_;
  std::size_t budget_;
};

// A table, known by what it is called in messages: "tensor 3".
class FlatTable {
 public:
  FlatTable(FlatBuffer& buffer, std::size_t at, std::string name)
      : buffer_(&buffer), at_(at), name_(std::move(name)) {
    const auto back = buffer.Load<std::int32_t>(at, name_);
    const auto vtable = static_cast<std::int64_t>(at) - back;
    if (vtable < 0) Refuse("vtable", std::to_string(vtable), "0 or more");
    vtable_ = static_cast<std::size_t>(vtable);
    vtable_size_ = buffer.Load<std::uint16_t>(vtable_, Field("vtable"));
    if (vtable_size_ < 4 || vtable_size_ % 2 != 0) {
      Refuse("vtable", std::to_string(vtable_size_) + " bytes",
             "an even number of at least 4");
    }
    size_ = buffer.Load<std::uint16_t>(vtable_ + 2, Field("vtable"));
  }

  const std::string& name() const { return name_; }

  [[noreturn]] void Refuse(const std::string& field, const std::string& found,
                           const std::string& expected) const {
    buffer_->Refuse(Field(field), found, expected);
  }

  // A number; `absent` where the table does not have it.
  template <class T>
  T Number(std::size_t id, const char* field, T absent = {}) const {
    const std::size_t at = Find(id, sizeof(T), field);
    return at == 0 ? absent : buffer_->Load<T>(at, Field(field));
  }

  // Empty where the table does not have it. Views into the file.
  Bytes Raw(std::size_t id, const char* field, std::size_t size = 1) const {
    const std::size_t at = Find(id, 4, field);
    if (at == 0) return {};
    return buffer_->Vector(buffer_->Follow(at, Field(field)), size,
                           Field(field));
  }

  template <class T>
  std::vector<T> Numbers(std::size_t id, const char* field) const {
    const Bytes raw = Raw(id, field, sizeof(T));
    buffer_->Spend(raw.size(), Field(field));
    std::vector<T> out(raw.size() / sizeof(T));
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i] = LoadLittle<T>(raw, i * sizeof(T));
    }
    return out;
  }

  std::string Text(std::size_t id, const char* field) const {
    const Bytes raw = Raw(id, field);
    buffer_->Spend(raw.size(), Field(field));
    return std::string(AsText(raw));
  }

  // Whether there is a table in the field; At then gives it.
  bool Has(std::size_t id, const char* field) const {
    return Find(id, 4, field) != 0;
  }
  FlatTable At(std::size_t id, const char* field) const {
    const std::size_t at = Find(id, 4, field);
    if (at == 0) Refuse(field, "nothing", "a table");
    return {*buffer_, buffer_->Follow(at, Field(field)), Field(field)};
  }

  // A vector of tables, called `each` 0, 1, ...
  std::vector<FlatTable> Tables(std::size_t id, const char* field,
                                const std::string& each) const {
    const std::size_t at = Find(id, 4, field);
    if (at == 0) return {};
    const std::size_t vector = buffer_->Follow(at, Field(field));
    const std::size_t bytes = buffer_->Vector(vector, 4, Field(field)).size();
    buffer_->Spend(bytes, Field(field));
    std::vector<FlatTable> out;
    for (std::size_t i = 0; i < bytes / 4; ++i) {
      const std::string name = each + " " + std::to_string(i);
      out.emplace_back(*buffer_, buffer_->Follow(vector + 4 + 4 * i, name),
                       name);
    }
    return out;
  }

 private:
  std::string Field(const std::string& field) const {
    return name_ + ", " + field;
  }

  // Where a field of `size` bytes lies; 0 for absent.
  std::size_t Find(std::size_t id, std::size_t size, const char* field) const {
    const std::size_t entry = 4 + 2 * id;
    if (entry + 2 > vtable_size_) return 0;
    const std::size_t offset =
        buffer_->Load<std::uint16_t>(vtable_ + entry, Field(field));
    if (offset == 0) return 0;
    if (offset < 4 || offset + size > size_) {
      Refuse(field, "bytes from " + std::to_string(offset),
             "bytes within the table's " + std::to_string(size_));
    }
    return at_ + offset;
  }

  FlatBuffer* buffer_;
  std::size_t at_;
  std::string name_;
  std::size_t vtable_ = 0, vtable_size_ = 0, size_ = 0;
};

}  // namespace nibble::io
