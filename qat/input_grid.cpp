// Kernels and run-time dispatch of nibble/qat/input_grid.hpp.
#include "nibble/qat/input_grid.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "qat/input_grid.cpp"  // from the repository root
#include <hwy/foreach_target.h>

#include "nibble/core/highway.hpp"
#include "nibble/core/simd-inl.hpp"
#include "qat/rows-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace nibble::qat {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// A grid's constants, for the lanes of some channels.
template <class D>
struct GridLanes {
  using V = hn::Vec<D>;
  V inverse, scale, add, low, high, half;
  bool to_even, half_shift;

  HWY_INLINE GridLanes(D d, const InputGrid& g, size_t c)
      : inverse(hn::LoadU(d, g.inverse.data() + c)),
        scale(hn::LoadU(d, g.scale.data() + c)),
        add(hn::Set(d, g.grid.add)),
        low(hn::Set(d, static_cast<float>(g.grid.low))),
        high(hn::Set(d, static_cast<float>(g.grid.high))),
        half(hn::Set(d, g.grid.half_shift ? 0.5f : 0.0f)),
        to_even(g.grid.rounding == Rounding::kNearestEven),
        half_shift(g.grid.half_shift) {}

  // The integer of y = x * inverse, not yet clamped. `add` is below 1 here.
  HWY_INLINE V Code(V y) const {
    if (half_shift || !to_even) return hn::Floor(hn::Add(Barrier(y), add));
    return hn::Round(y);
  }
  HWY_INLINE V Clamp(V k) const { return hn::Min(hn::Max(k, low), high); }
};

void Forward(const Span4& s, View x, const InputGrid& grid, MutableView xq) {
  WithLanes(s.channels, [&](auto d) NIBBLE_LAMBDA {
    for (size_t c = 0; c < s.channels; c += hn::Lanes(d)) {
      const GridLanes g(d, grid, c);
      for (size_t b = 0; b < s.images; ++b) {
        for (size_t row = 0; row < s.rows; ++row) {
          const float* from = RowOf(x, c, b, row);
          float* to = RowOf(xq, c, b, row);
          for (size_t i = 0; i < s.pixels; ++i) {
            const auto v = hn::LoadU(d, from + i * x.pixel);
            const auto k = g.Clamp(g.Code(hn::Mul(v, g.inverse)));
            const auto q = hn::Mul(hn::Add(k, g.half), g.scale);
            // NaN stays, so that a failed run is seen.
            hn::StoreU(hn::IfThenElse(hn::Eq(v, v), q, v), d,
                       to + i * xq.pixel);
          }
        }
      }
    }
  });
}

template <class D>
HWY_INLINE void BackwardOf(D d, const Span4& s, const View& dxq, const View& x,
                           const InputGrid& grid, bool add,
                           const MutableView& dx, double* scale,
                           double* above) {
  for (size_t b = 0; b < s.images; ++b) {
    for (size_t c = 0; c < s.channels; c += hn::Lanes(d)) {
      const GridLanes g(d, grid, c);
      auto by_scale = hn::Zero(d), over = by_scale;
      for (size_t row = 0; row < s.rows; ++row) {
        const float* gx = RowOf(dxq, c, b, row);
        const float* from = RowOf(x, c, b, row);
        float* to = RowOf(dx, c, b, row);
        for (size_t i = 0; i < s.pixels; ++i) {
          const auto dq = hn::LoadU(d, gx + i * dxq.pixel);
          const auto y = hn::Mul(hn::LoadU(d, from + i * x.pixel), g.inverse);
          const auto code = g.Code(y);
          const auto test = grid.inside_by_code ? code : y;
          const auto inside = hn::And(hn::Ge(test, g.low), hn::Le(test, g.high));
          const auto k = g.Clamp(code);
          const auto step = hn::IfThenElse(
              inside, hn::Sub(hn::Add(k, g.half), y), g.Clamp(y));
          by_scale = hn::MulAdd(dq, step, by_scale);
          over = hn::Add(over, hn::IfThenElseZero(hn::Gt(test, g.high), dq));
          auto out = hn::IfThenElseZero(inside, dq);
          if (add) out = hn::Add(out, hn::LoadU(d, to + i * dx.pixel));
          hn::StoreU(out, d, to + i * dx.pixel);
        }
      }
      AddLanes(d, by_scale, scale + c);
      AddLanes(d, over, above + c);
    }
  }
}

void Backward(const Span4& s, View dxq, View x, const InputGrid& grid, bool add,
              MutableView dx, double* scale, double* above) {
  WithLanes(s.channels, [&](auto d) NIBBLE_LAMBDA {
    BackwardOf(d, s, dxq, x, grid, add, dx, scale, above);
  });
}

// dx (+)= dxq where low[c] <= x <= high[c].
void ClippedBackward(const Span4& s, View dxq, View x, const float* low,
                     const float* high, bool add, MutableView dx) {
  WithLanes(s.channels, [&](auto d) NIBBLE_LAMBDA {
    ForRows(d, s, [&](size_t c, size_t b, size_t row) NIBBLE_LAMBDA {
      const auto from = hn::LoadU(d, low + c), until = hn::LoadU(d, high + c);
      const float* gx = RowOf(dxq, c, b, row);
      const float* xs = RowOf(x, c, b, row);
      float* to = RowOf(dx, c, b, row);
      for (size_t i = 0; i < s.pixels; ++i) {
        const auto v = hn::LoadU(d, xs + i * x.pixel);
        auto out =
            hn::IfThenElseZero(hn::And(hn::Ge(v, from), hn::Le(v, until)),
                               hn::LoadU(d, gx + i * dxq.pixel));
        if (add) out = hn::Add(out, hn::LoadU(d, to + i * dx.pixel));
        hn::StoreU(out, d, to + i * dx.pixel);
      }
    });
  });
}

void ObserveRows(const Span4& s, View x, float* min, float* max,
                 double* magnitude) {
  WithLanes(s.channels, [&](auto d) NIBBLE_LAMBDA {
    for (size_t c = 0; c < s.channels; c += hn::Lanes(d)) {
      auto low = hn::LoadU(d, min + c), high = hn::LoadU(d, max + c);
      for (size_t b = 0; b < s.images; ++b) {
        auto sum = hn::Zero(d);
        for (size_t row = 0; row < s.rows; ++row) {
          const float* from = RowOf(x, c, b, row);
          for (size_t i = 0; i < s.pixels; ++i) {
            const auto v = hn::LoadU(d, from + i * x.pixel);
            sum = hn::Add(sum, hn::Abs(v));
            const auto zero = hn::Eq(v, hn::Zero(d));
            low = MinIgnoringNaN(d, hn::IfThenElse(zero, low, v), low);
            high = MaxIgnoringNaN(d, hn::IfThenElse(zero, high, v), high);
          }
        }
        AddLanes(d, sum, magnitude + c);
      }
      hn::StoreU(low, d, min + c);
      hn::StoreU(high, d, max + c);
    }
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace nibble::qat
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "nibble/quant/tensor.hpp"

namespace nibble::qat {
HWY_EXPORT(Forward);
HWY_EXPORT(Backward);
HWY_EXPORT(ClippedBackward);
HWY_EXPORT(ObserveRows);

namespace {

// Rows of an image are matrices [pixels, channels] to the library's quantizers;
// one image is a token.
void FormatForward(const Span4& s, View x, const InputGrid& grid,
                   MutableView xq) {
  const bool token = grid.scheme.granularity == Granularity::kToken;
  const std::size_t row = s.pixels * s.channels;
  std::vector<float> image(s.rows * row);
  for (std::size_t b = 0; b < s.images; ++b) {
    for (std::size_t y = 0; y < s.rows; ++y) {
      std::copy_n(x.at + b * x.image + y * x.row, row, &image[y * row]);
    }
    const std::size_t rows = token ? 1 : s.rows * s.pixels;
    if (grid.params.empty()) {
      QuantizeDequantize(grid.scheme, image, rows, image.size() / rows, image);
    } else {
      QuantizeDequantize(grid.scheme, image, rows, image.size() / rows,
                         grid.params, image);
    }
    for (std::size_t y = 0; y < s.rows; ++y) {
      std::copy_n(&image[y * row], row, xq.at + b * xq.image + y * xq.row);
    }
  }
}

}  // namespace

void QuantizeForward(const Span4& size, View x, const InputGrid& grid,
                     MutableView xq) {
  if (grid.kind == InputGrid::Kind::kFormat) {
    FormatForward(size, x, grid, xq);
  } else {
    HWY_DYNAMIC_DISPATCH(Forward)(size, x, grid, xq);
  }
}

void QuantizeBackward(const Span4& size, View dxq, View x,
                      const InputGrid& grid, bool add, MutableView dx,
                      double* scale, double* above) {
  if (grid.kind == InputGrid::Kind::kFormat) {
    HWY_DYNAMIC_DISPATCH(ClippedBackward)
    (size, dxq, x, grid.low.data(), grid.high.data(), add, dx);
  } else {
    HWY_DYNAMIC_DISPATCH(Backward)
    (size, dxq, x, grid, add, dx, scale, above);
  }
}

void Observe(const Span4& size, View x, float* min, float* max,
             double* magnitude) {
  HWY_DYNAMIC_DISPATCH(ObserveRows)(size, x, min, max, magnitude);
}

}  // namespace nibble::qat
#endif
