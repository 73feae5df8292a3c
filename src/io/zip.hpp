// zip archives, as far as npz needs them: entries stored or deflated, no
// encryption, below 4 GiB.
//
//     local header, name, data     of each entry
//     directory: header, name      of each entry, and where it lies
//     end record                   how many, and where the directory lies
//
// Only the directory is believed. The local headers, which say the same a
// second time, must agree in name and packing.
//
// Source   PKWARE, APPNOTE.TXT 6.3: sections 4.3 and 4.4.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "nibble/io/npy.hpp"

namespace nibble::io {

using ZipContents = std::map<std::string, std::vector<std::byte>>;

// Unpacks every entry.
//
// Errors   InputError naming `file`, and the entry where there is one: entries
//          that overlap, that lie about their size or checksum, two of one
//          name, or more than `limit` bytes unpacked in all.
ZipContents ReadZip(Bytes bytes, const std::string& file, std::size_t limit);

// Errors   InputError if an entry or the archive reaches 4 GiB.
std::vector<std::byte> WriteZip(const ZipContents& contents, Packing packing);

}  // namespace nibble::io
