// Quantizers: everything in nibble/quant/.
#pragma once

#include "nibble/quant/calibrate.hpp"
#include "nibble/quant/conv2d.hpp"
#include "nibble/quant/dequantize.hpp"
#include "nibble/quant/pack.hpp"
#include "nibble/quant/quantize.hpp"
#include "nibble/quant/range.hpp"
#include "nibble/quant/scheme.hpp"
#include "nibble/quant/stats.hpp"
#include "nibble/quant/tensor.hpp"
