// A scheme: what a tensor is quantized to, and how the scale is found. It has a
// name, which the command line, the results and the plots use:
//
//     [recipe:]format[/granularity]
//
//     int8                 one scale for the tensor
//     int8/channel         one per output channel
//     int4/group32         one per row and 32 columns
//     mxfp4                the format's own blocks
//     aqt:int4/channel     the arithmetic of the AQT library
//     gguf:q4_0            the bytes that ggml writes
//
// docs/quantization.md has the exact arithmetic of every recipe.
#pragma once

#include "nibble/quant/scheme_check.hpp"
#include "nibble/quant/scheme_parse.hpp"
#include "nibble/quant/scheme_type.hpp"
