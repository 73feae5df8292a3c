// The numbers of the zip format that reader and writer share.
#pragma once

#include <cstddef>
#include <cstdint>

namespace nibble::io {

inline constexpr std::uint32_t kZipLocalMagic = 0x04034B50;
inline constexpr std::uint32_t kZipDirectoryMagic = 0x02014B50;
inline constexpr std::uint32_t kZipEndMagic = 0x06054B50;

// Bytes before the name (local, directory) or the comment (end).
inline constexpr std::size_t kZipLocalSize = 30;
inline constexpr std::size_t kZipDirectorySize = 46;
inline constexpr std::size_t kZipEndSize = 22;

inline constexpr std::uint16_t kZipStored = 0;
inline constexpr std::uint16_t kZipDeflated = 8;

}  // namespace nibble::io
