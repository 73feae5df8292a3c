// What becomes of the sums of a tile: the finishes of conv2d.hpp.
#if defined(NIBBLE_QUANT_CONV2D_FINISH_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef NIBBLE_QUANT_CONV2D_FINISH_INL_HPP
#undef NIBBLE_QUANT_CONV2D_FINISH_INL_HPP
#else
#define NIBBLE_QUANT_CONV2D_FINISH_INL_HPP
#endif

#include <cstddef>
#include <cstdint>

#include "nibble/core/highway.hpp"
#include "nibble/core/simd-inl.hpp"
#include "nibble/quant/conv2d_call.hpp"
#include "nibble/quant/conv2d_pack-inl.hpp"
#include "nibble/quant/fixed_factor-inl.hpp"

#if !NIBBLE_CONV_PLAIN

HWY_BEFORE_NAMESPACE();
namespace nibble {
namespace HWY_NAMESPACE {
namespace conv2d_internal {
namespace hn = hwy::HWY_NAMESPACE;

// Stores the first `valid` lanes.
template <class D, class V, class T>
HWY_INLINE void StoreSome(D d, V v, size_t valid, T* HWY_RESTRICT to) {
  if (HWY_LIKELY(valid >= hn::Lanes(d))) {
    hn::StoreU(v, d, to);
    return;
  }
  HWY_ALIGN T lanes[hn::MaxLanes(D())];
  hn::Store(v, d, lanes);
  for (size_t i = 0; i < valid; ++i) to[i] = lanes[i];
}

// What the finishes read, by channel, for whole tiles: [group][tile][column].
struct FinishTable {
  AlignedVector<float> scale;
  AlignedVector<std::int32_t> bias;
  AlignedVector<std::int32_t> multiplier;
  AlignedVector<std::int64_t> bits;  // 31 - shift
};

// `padded` columns for the channels of each group.
inline FinishTable MakeFinishTable(const ByteConvCall& call, size_t groups,
                                   size_t padded) {
  FinishTable table;
  const size_t outputs = call.shape.out.channels / groups;
  const size_t size = groups * padded;
  const auto place = [&](size_t o) {
    return o / outputs * padded + o % outputs;
  };
  if (call.scale != nullptr) {
    table.scale.resize(size);
    table.bias.resize(size);
    for (size_t o = 0; o < call.shape.out.channels; ++o) {
      table.scale[place(o)] = call.scale[o];
      if (call.bias != nullptr) table.bias[place(o)] = call.bias[o];
    }
  } else if (call.factor != nullptr) {
    table.multiplier.resize(size);
    table.bits.resize(size, 31);
    for (size_t o = 0; o < call.shape.out.channels; ++o) {
      table.multiplier[place(o)] = call.factor[o].multiplier;
      table.bits[place(o)] = 31 - call.factor[o].shift;
    }
  }
  return table;
}

// One finish object serves one vector of output channels, at `i` of the table.

template <class D>
class KeepLanes {
 public:
  using Out = std::int32_t;
  HWY_INLINE KeepLanes(const ByteConvCall&, const FinishTable&, size_t) {}

  HWY_INLINE void operator()(hn::Vec<D> sum, size_t valid, Out* to) const {
    StoreSome(D(), sum, valid, to);
  }
};

// y = float(sum + bias) * scale, then the ReLU: any y < 0 becomes 0.
template <class D>
class ScaleLanes {
 public:
  using Out = float;
  HWY_INLINE ScaleLanes(const ByteConvCall& call, const FinishTable& table,
                        size_t i)
      : scale_(hn::Load(DF(), table.scale.data() + i)),
        bias_(hn::Load(D(), table.bias.data() + i)),
        relu_(call.relu) {}

  HWY_INLINE void operator()(hn::Vec<D> sum, size_t valid, Out* to) const {
    const DF df;
    const auto zero = hn::Zero(df);
    auto y = hn::Mul(hn::ConvertTo(df, hn::Add(sum, bias_)), scale_);
    if (relu_) y = hn::IfThenElse(hn::Lt(y, zero), zero, y);
    StoreSome(df, y, valid, to);
  }

 private:
  using DF = hn::Rebind<float, D>;
  hn::Vec<DF> scale_;
  hn::Vec<D> bias_;
  bool relu_;
};

// clamp(zero + round(float(sum) * scale), low, high), clamped before it is
// rounded: the ends are integers.
template <class D>
class RoundLanes {
 public:
  using Out = std::uint8_t;
  HWY_INLINE RoundLanes(const ByteConvCall& call, const FinishTable& table,
                        size_t i)
      : scale_(hn::Load(DF(), table.scale.data() + i)),
        low_(hn::Set(DF(), static_cast<float>(call.low - call.zero))),
        high_(hn::Set(DF(), static_cast<float>(call.high - call.zero))),
        zero_(hn::Set(D(), call.zero)) {}

  HWY_INLINE void operator()(hn::Vec<D> sum, size_t valid, Out* to) const {
    const auto y = hn::Mul(hn::ConvertTo(DF(), sum), scale_);
    const auto code =
        hn::Add(hn::NearestInt(hn::Min(hn::Max(y, low_), high_)), zero_);
    const hn::RebindToUnsigned<D> du;
    const hn::Rebind<std::uint8_t, D> d8;
    StoreSome(d8, LowBits(d8, hn::BitCast(du, code)), valid, to);
  }

 private:
  using DF = hn::Rebind<float, D>;
  hn::Vec<DF> scale_, low_, high_;
  hn::Vec<D> zero_;
};

// clamp(zero + Scaled(sum, factor), low, high).
template <class D>
class RequantizeLanes {
 public:
  using Out = std::uint8_t;
  HWY_INLINE RequantizeLanes(const ByteConvCall& call, const FinishTable& table,
                             size_t i)
      : scaled_(table.multiplier.data() + i, table.bits.data() + i),
        zero_(hn::Set(D(), call.zero)),
        low_(hn::Set(D(), call.low)),
        high_(hn::Set(D(), call.high)) {}

  HWY_INLINE void operator()(hn::Vec<D> sum, size_t valid, Out* to) const {
    const auto code =
        hn::Min(hn::Max(hn::Add(scaled_(sum), zero_), low_), high_);
    const hn::RebindToUnsigned<D> du;
    const hn::Rebind<std::uint8_t, D> d8;
    StoreSome(d8, LowBits(d8, hn::BitCast(du, code)), valid, to);
  }

 private:
  ScaledLanes<D> scaled_;
  hn::Vec<D> zero_, low_, high_;
};

// Where the sums of a tile go: `rows` pixels from `pixel` on, `valid` channels
// from o on, which stand at `i` of the table.
struct Destination {
  size_t pixel, rows;
  size_t o, valid;
  size_t i;
};

// sums: [rows][columns], whole vectors. Vector by vector, so that what belongs
// to a channel is loaded once.
template <class Finish, class D>
HWY_INLINE void FinishWith(D d, const ByteConvCall& call,
                           const FinishTable& table, const Destination& to,
                           const std::int32_t* sums, size_t columns) {
  const size_t channels = call.shape.out.channels;
  auto* out =
      static_cast<typename Finish::Out*>(call.out) + to.pixel * channels + to.o;
  for (size_t j = 0; j < to.valid; j += hn::Lanes(d)) {
    const Finish finish(call, table, to.i + j);
    for (size_t i = 0; i < to.rows; ++i) {
      finish(hn::Load(d, sums + i * columns + j), to.valid - j,
             out + i * channels + j);
    }
  }
}

HWY_NOINLINE inline void FinishTile(const ByteConvCall& call,
                                    const FinishTable& table,
                                    const Destination& to,
                                    const std::int32_t* sums, size_t columns) {
  const hn::ScalableTag<std::int32_t> d;
  using D = hn::ScalableTag<std::int32_t>;
  switch (call.finish) {
    case ByteConvCall::Finish::kKeep:
      return FinishWith<KeepLanes<D>>(d, call, table, to, sums, columns);
    case ByteConvCall::Finish::kScale:
      return FinishWith<ScaleLanes<D>>(d, call, table, to, sums, columns);
    case ByteConvCall::Finish::kRequantize:
      return FinishWith<RequantizeLanes<D>>(d, call, table, to, sums, columns);
    case ByteConvCall::Finish::kRound:
      return FinishWith<RoundLanes<D>>(d, call, table, to, sums, columns);
  }
}

}  // namespace conv2d_internal
}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();
#endif  // NIBBLE_CONV_PLAIN

#endif  // per-target include guard
