// Files that may be packed with gzip (RFC 1952).
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "nibble/io/file.hpp"

namespace nibble::io {

// Whether the bytes begin with gzip's two magic bytes.
bool IsGzip(Bytes bytes);

// The unpacked contents; members that follow one another are joined.
//
// Errors   InputError naming `name`: truncated or damaged data, a wrong
//          checksum, bytes after the end, or more than `limit` bytes unpacked.
//          Memory grows with what was unpacked, never with what is claimed.
std::vector<std::byte> Gunzip(Bytes bytes, const std::string& name,
                              std::size_t limit = kDefaultLimit);

// The contents of a file, unpacked if they are gzipped, whatever its name.
std::vector<std::byte> ReadMaybeGzip(const std::filesystem::path& path,
                                     std::size_t limit = kDefaultLimit);

}  // namespace nibble::io
