// Number formats: everything in nibble/format/. Scalar, constexpr, and in need
// of nothing but the standard library.
#pragma once

#include "nibble/format/block.hpp"
#include "nibble/format/codebook.hpp"
#include "nibble/format/e8m0.hpp"
#include "nibble/format/format_info.hpp"
#include "nibble/format/gguf.hpp"
#include "nibble/format/integer.hpp"
#include "nibble/format/logarithmic.hpp"
#include "nibble/format/minifloat.hpp"
#include "nibble/format/posit.hpp"
#include "nibble/format/registry.hpp"
#include "nibble/format/rounding.hpp"
#include "nibble/format/ternary.hpp"
