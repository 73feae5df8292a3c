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
#include "nibble/quant/conv2d.hpp"

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
  AlignedVector<std::int32_t> multiplier;
  AlignedVector<std::int64_t> bits;  // 31 - shift
};

// `padded` columns for the channels of each group.
inline FinishTable MakeFinishTable(const ByteConvCall& call, size_t groups,
                                   size_t padded) {
  FinishTable table;
  const size_t outputs = call.shape.out.channels / groups;
  const size_t size = groups * padded;
  const auto place = [&](size_t o) { return o / outputs * padded + o % outputs; };
  if (call.finish == ByteConvCall::Finish::kScale) {
    table.scale.resize(size);
    for (size_t o = 0; o < call.shape.out.channels; ++o) {
      table.scale[place(o)] = call.scale[o];
    }
  } else if (call.finish == ByteConvCall::Finish::kRequantize) {
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

// y = float(sum) * scale, then the ReLU: any y < 0 becomes 0.
template <class D>
class ScaleLanes {
 public:
  using Out = float;
  HWY_INLINE ScaleLanes(const ByteConvCall& call, const FinishTable& table,
                        size_t i)
      : scale_(hn::Load(DF(), table.scale.data() + i)), relu_(call.relu) {}

  HWY_INLINE void operator()(hn::Vec<D> sum, size_t valid, Out* to) const {
    const DF df;
    const auto zero = hn::Zero(df);
    auto y = hn::Mul(hn::ConvertTo(df, sum), scale_);
    if (relu_) y = hn::IfThenElse(hn::Lt(y, zero), zero, y);
    StoreSome(df, y, valid, to);
  }

 private:
  using DF = hn::Rebind<float, D>;
  hn::Vec<DF> scale_;
  bool relu_;
};

// clamp(zero + Scaled(sum, factor), low, high): products of even and of odd
// lanes in 64 bits; what is asked for are their low halves.
template <class D>
class RequantizeLanes {
 public:
  using Out = std::uint8_t;
  HWY_INLINE RequantizeLanes(const ByteConvCall& call, const FinishTable& table,
                             size_t i)
      : zero_(hn::Set(D(), call.zero)),
        low_(hn::Set(D(), call.low)),
        high_(hn::Set(D(), call.high)),
        multiplier_(hn::Load(D(), table.multiplier.data() + i)) {
    const D64 d64;
    const auto a = hn::Load(d64, table.bits.data() + i);
    const auto b = hn::Load(d64, table.bits.data() + i + hn::Lanes(d64));
    even_ = hn::ConcatEven(d64, b, a);
    odd_ = hn::ConcatOdd(d64, b, a);
    const auto one = hn::Set(d64, std::int64_t{1});
    half_even_ = hn::Shl(one, hn::Sub(even_, one));
    half_odd_ = hn::Shl(one, hn::Sub(odd_, one));
  }

  HWY_INLINE void operator()(hn::Vec<D> sum, size_t valid, Out* to) const {
    const D d;
    const D64 d64;
    const auto even = hn::MulEven(sum, multiplier_);
    const auto odd = hn::MulEven(OddLanes(sum), OddLanes(multiplier_));
    const auto low = hn::Shr(hn::Add(even, half_even_), even_);
    const auto high = hn::Shr(hn::Add(odd, half_odd_), odd_);
    const auto scaled = hn::OddEven(
        hn::BitCast(d, hn::ShiftLeft<32>(hn::BitCast(d64, high))),
        hn::BitCast(d, low));
    const auto code = hn::Min(hn::Max(hn::Add(scaled, zero_), low_), high_);
    const hn::RebindToUnsigned<D> du;
    const hn::Rebind<std::uint8_t, D> d8;
    StoreSome(d8, LowBits(d8, hn::BitCast(du, code)), valid, to);
  }

 private:
  using D64 = hn::RepartitionToWide<D>;
  using V64 = hn::Vec<D64>;

  static HWY_INLINE hn::Vec<D> OddLanes(hn::Vec<D> v) {
    return hn::BitCast(D(), hn::ShiftRight<32>(hn::BitCast(D64(), v)));
  }

  hn::Vec<D> zero_, low_, high_, multiplier_;
  V64 even_, odd_, half_even_, half_odd_;
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
  auto* out = static_cast<typename Finish::Out*>(call.out) +
              to.pixel * channels + to.o;
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
  }
}

}  // namespace conv2d_internal
}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
