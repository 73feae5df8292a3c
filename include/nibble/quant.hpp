// Quantizers and the products of their codes: everything in nibble/quant/.
#pragma once

#include "nibble/quant/calibrate.hpp"
#include "nibble/quant/dequantize.hpp"
#include "nibble/quant/dot_int8.hpp"
#include "nibble/quant/gemm_int8.hpp"
#include "nibble/quant/gemv_int8.hpp"
#include "nibble/quant/norm_quantize.hpp"
#include "nibble/quant/pack.hpp"
#include "nibble/quant/quantize.hpp"
#include "nibble/quant/range.hpp"
#include "nibble/quant/scheme.hpp"
#include "nibble/quant/stats.hpp"
#include "nibble/quant/tensor.hpp"
#include "nibble/quant/ternary_blocks.hpp"
#include "nibble/quant/ternary_choose.hpp"
#include "nibble/quant/ternary_gemm.hpp"
#include "nibble/quant/ternary_pack.hpp"
