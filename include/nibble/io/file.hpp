// Whole files: read with a bound, written so that a failure costs nothing.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>
#include <vector>

namespace nibble::io {

using Bytes = std::span<const std::byte>;

// What a reader takes from one file at most, unpacked, unless it is told
// otherwise. Holds every data set of ours twenty times over.
inline constexpr std::size_t kDefaultLimit = std::size_t{1} << 30;

// The bytes of the text.
inline Bytes AsBytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

// Replaces the file at `path` by `bytes`, or leaves it as it was.
//
// The bytes go to a new file in the same folder, are flushed to the disk, and
// the new file takes the old one's name (and, where there is an old one, its
// permissions) in one step. A symbolic link stays, and its target is replaced.
//
// Errors   InputError with the path and the system's reason: no such folder, no
//          space, no permission, not a regular file. Nothing is left behind.
void WriteFileAtomically(const std::filesystem::path& path, Bytes bytes);
void WriteFileAtomically(const std::filesystem::path& path,
                         std::string_view text);

// The same for a file made of several pieces, which are not joined in memory.
void WriteFileAtomically(const std::filesystem::path& path,
                         std::span<const Bytes> pieces);

}  // namespace nibble::io
