// conv2d.hpp by its definition alone, for targets that have no kernel.
#pragma once

#include <cstddef>
#include <cstdint>

#include "nibble/core/executor.hpp"
#include "nibble/quant/conv2d_call.hpp"

namespace nibble::conv2d_plain {

// Weights stay as they are.
inline void Pack(const Conv2dShape& shape, const std::int8_t* weight,
                 ByteFilter& filter) {
  filter.packed.assign(weight, weight + shape.out.channels * shape.reduction());
}

inline void Finish(const ByteConvCall& call, std::int32_t sum, std::size_t o,
                   std::size_t i) {
  switch (call.finish) {
    case ByteConvCall::Finish::kKeep:
      static_cast<std::int32_t*>(call.out)[i] = sum;
      break;
    case ByteConvCall::Finish::kScale:
      static_cast<float*>(call.out)[i] =
          ScaledSum(sum + (call.bias == nullptr ? 0 : call.bias[o]),
                    call.scale[o], call.relu);
      break;
    case ByteConvCall::Finish::kRequantize:
      static_cast<std::uint8_t*>(call.out)[i] = RequantizedSum(
          sum, call.factor[o], {{}, call.zero, call.low, call.high});
      break;
    case ByteConvCall::Finish::kRound:
      static_cast<std::uint8_t*>(call.out)[i] =
          RoundedSum(sum, call.scale[o], {{}, call.zero, call.low, call.high});
      break;
  }
}

inline void Run(const ByteConvCall& call, const Executor& executor) {
  const Conv2dShape& s = call.shape;
  executor(call.images, [&](std::size_t image) {
    AlignedVector<std::uint8_t> in(s.in.size());
    for (std::size_t i = 0; i < in.size(); ++i) {
      in[i] =
          static_cast<std::uint8_t>(call.in[image * in.size() + i] ^ call.flip);
    }
    for (std::size_t i = 0; i < s.out.size(); ++i) {
      const std::size_t o = i % s.out.channels;
      const std::size_t pixel = i / s.out.channels;
      Finish(call,
             Conv2dSum(s, in.data(), call.filter.packed.data(),
                       call.filter.offset[o], call.filter.zero,
                       pixel / s.out.width, pixel % s.out.width, o),
             o, image * s.out.size() + i);
    }
  });
}

}  // namespace nibble::conv2d_plain
