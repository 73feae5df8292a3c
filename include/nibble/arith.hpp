// Approximate arithmetic: everything in nibble/arith/ that needs only Highway.
#pragma once

#include "nibble/arith/approx_gemm.hpp"
#include "nibble/arith/multiplier.hpp"
#include "nibble/arith/multiply.hpp"
#include "nibble/arith/product.hpp"
