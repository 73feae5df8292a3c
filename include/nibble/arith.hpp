// Approximate arithmetic and elementary functions: everything in nibble/arith/
// that needs only Highway.
#pragma once

#include "nibble/arith/activation.hpp"
#include "nibble/arith/approx_gemm.hpp"
#include "nibble/arith/exp.hpp"
#include "nibble/arith/log2.hpp"
#include "nibble/arith/multiplier.hpp"
#include "nibble/arith/multiply.hpp"
#include "nibble/arith/product.hpp"
#include "nibble/arith/reciprocal.hpp"
#include "nibble/arith/softmax.hpp"
