// Kernels and run-time dispatch of nibble/qat/passes.hpp.
#include "nibble/qat/passes.hpp"

#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "qat/passes.cpp"  // from the repository root
#include <hwy/foreach_target.h>

#include "nibble/core/highway.hpp"
#include "nibble/core/simd-inl.hpp"
#include "qat/rows-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace nibble::qat {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Sums alternate between two vectors, so that additions overlap.
void Moments(const Span4& s, View z, double* sum, double* sum_sq) {
  WithLanes(s.channels, [&](auto d) NIBBLE_LAMBDA {
    for (size_t b = 0; b < s.images; ++b) {
      for (size_t c = 0; c < s.channels; c += hn::Lanes(d)) {
        auto u0 = hn::Zero(d), u1 = u0, v0 = u0, v1 = u0;
        for (size_t y = 0; y < s.rows; ++y) {
          const float* row = RowOf(z, c, b, y);
          const auto at = [&](size_t i, auto& u, auto& v) NIBBLE_LAMBDA {
            const auto x = hn::LoadU(d, row + i * z.pixel);
            u = hn::Add(u, x);
            v = hn::MulAdd(x, x, v);
          };
          size_t i = 0;
          for (; i + 2 <= s.pixels; i += 2) at(i, u0, v0), at(i + 1, u1, v1);
          if (i < s.pixels) at(i, u0, v0);
        }
        AddLanes(d, hn::Add(u0, u1), sum + c);
        AddLanes(d, hn::Add(v0, v1), sum_sq + c);
      }
    }
  });
}

// dy where y is above 0.
template <class D, class V>
HWY_INLINE V Masked(D d, V dy, V y) {
  return hn::IfThenElseZero(hn::Gt(y, hn::Zero(d)), dy);
}

void Affine(const Span4& s, View z, const float* scale, const float* shift,
            bool relu, MutableView y) {
  WithLanes(s.channels, [&](auto d) NIBBLE_LAMBDA {
    const auto low = hn::Set(d, relu ? 0.0f : -HUGE_VALF);
    ForRows(d, s, [&](size_t c, size_t b, size_t row) NIBBLE_LAMBDA {
      const auto a = hn::LoadU(d, scale + c), e = hn::LoadU(d, shift + c);
      const float* from = RowOf(z, c, b, row);
      float* to = RowOf(y, c, b, row);
      for (size_t i = 0; i < s.pixels; ++i, from += z.pixel, to += y.pixel) {
        const auto v = hn::MulAdd(hn::LoadU(d, from), a, e);
        // Keeps NaN, so that a failed run is seen.
        hn::StoreU(hn::IfThenElse(hn::Lt(v, low), low, v), d, to);
      }
    });
  });
}

template <bool kRelu, class D>
HWY_INLINE void NormSumsOf(D d, const Span4& s, const View& dy, const View& z,
                           const float* scale, const float* shift,
                           const float* mean, double* sum_g, double* sum_gz) {
  for (size_t b = 0; b < s.images; ++b) {
    for (size_t c = 0; c < s.channels; c += hn::Lanes(d)) {
      const auto a = hn::LoadU(d, scale + c), e = hn::LoadU(d, shift + c);
      const auto m = hn::LoadU(d, mean + c);
      auto u0 = hn::Zero(d), u1 = u0, v0 = u0, v1 = u0;
      for (size_t y = 0; y < s.rows; ++y) {
        const float* gy = RowOf(dy, c, b, y);
        const float* zy = RowOf(z, c, b, y);
        const auto at = [&](size_t i, auto& u, auto& v) NIBBLE_LAMBDA {
          auto g = hn::LoadU(d, gy + i * dy.pixel);
          const auto x = hn::LoadU(d, zy + i * z.pixel);
          if (kRelu) g = Masked(d, g, hn::MulAdd(x, a, e));
          u = hn::Add(u, g);
          v = hn::MulAdd(g, hn::Sub(x, m), v);
        };
        size_t i = 0;
        for (; i + 2 <= s.pixels; i += 2) at(i, u0, v0), at(i + 1, u1, v1);
        if (i < s.pixels) at(i, u0, v0);
      }
      AddLanes(d, hn::Add(u0, u1), sum_g + c);
      AddLanes(d, hn::Add(v0, v1), sum_gz + c);
    }
  }
}

void SumsOfNorm(const Span4& s, View dy, View z, const float* scale,
                const float* shift, const float* mean, bool relu, double* sum_g,
                double* sum_gz) {
  WithLanes(s.channels, [&](auto d) NIBBLE_LAMBDA {
    if (relu) {
      NormSumsOf<true>(d, s, dy, z, scale, shift, mean, sum_g, sum_gz);
    } else {
      NormSumsOf<false>(d, s, dy, z, scale, shift, mean, sum_g, sum_gz);
    }
  });
}

template <bool kRelu, class D>
HWY_INLINE void NormBackwardOf(D d, const Span4& s, const View& dy,
                               const View& z, const float* scale,
                               const float* shift, const float* a,
                               const float* b, const float* e,
                               const MutableView& dz) {
  ForRows(d, s, [&](size_t c, size_t image, size_t y) NIBBLE_LAMBDA {
    const auto sc = hn::LoadU(d, scale + c), sh = hn::LoadU(d, shift + c);
    const auto va = hn::LoadU(d, a + c), vb = hn::LoadU(d, b + c);
    const auto ve = hn::LoadU(d, e + c);
    const float* gy = RowOf(dy, c, image, y);
    const float* zy = RowOf(z, c, image, y);
    float* to = RowOf(dz, c, image, y);
    for (size_t i = 0; i < s.pixels; ++i) {
      auto g = hn::LoadU(d, gy + i * dy.pixel);
      const auto x = hn::LoadU(d, zy + i * z.pixel);
      if (kRelu) g = Masked(d, g, hn::MulAdd(x, sc, sh));
      hn::StoreU(hn::MulAdd(va, g, hn::MulAdd(vb, x, ve)), d, to + i * dz.pixel);
    }
  });
}

void BackwardOfNorm(const Span4& s, View dy, View z, const float* scale,
                    const float* shift, bool relu, const float* a,
                    const float* b, const float* e, MutableView dz) {
  WithLanes(s.channels, [&](auto d) NIBBLE_LAMBDA {
    if (relu) {
      NormBackwardOf<true>(d, s, dy, z, scale, shift, a, b, e, dz);
    } else {
      NormBackwardOf<false>(d, s, dy, z, scale, shift, a, b, e, dz);
    }
  });
}

void BackwardOfBias(const Span4& s, View dy, View y, bool relu, MutableView dz,
                    double* sum) {
  WithLanes(s.channels, [&](auto d) NIBBLE_LAMBDA {
    for (size_t b = 0; b < s.images; ++b) {
      for (size_t c = 0; c < s.channels; c += hn::Lanes(d)) {
        auto total = hn::Zero(d);
        for (size_t row = 0; row < s.rows; ++row) {
          const float* gy = RowOf(dy, c, b, row);
          const float* yy = RowOf(y, c, b, row);
          float* to = RowOf(dz, c, b, row);
          for (size_t i = 0; i < s.pixels; ++i) {
            auto g = hn::LoadU(d, gy + i * dy.pixel);
            if (relu) g = Masked(d, g, hn::LoadU(d, yy + i * y.pixel));
            total = hn::Add(total, g);
            hn::StoreU(g, d, to + i * dz.pixel);
          }
        }
        AddLanes(d, total, sum + c);
      }
    }
  });
}

void ForwardOfAdd(const Span4& s, View a, View b, bool relu, MutableView y) {
  WithLanes(s.channels, [&](auto d) NIBBLE_LAMBDA {
    const auto low = hn::Set(d, relu ? 0.0f : -HUGE_VALF);
    ForRows(d, s, [&](size_t c, size_t image, size_t row) NIBBLE_LAMBDA {
      const float* from = RowOf(a, c, image, row);
      const float* more = b.at == nullptr ? nullptr : RowOf(b, c, image, row);
      float* to = RowOf(y, c, image, row);
      for (size_t i = 0; i < s.pixels; ++i) {
        auto v = hn::LoadU(d, from + i * a.pixel);
        if (more != nullptr) v = hn::Add(v, hn::LoadU(d, more + i * b.pixel));
        hn::StoreU(hn::IfThenElse(hn::Lt(v, low), low, v), d, to + i * y.pixel);
      }
    });
  });
}

void BackwardOfAdd(const Span4& s, View dy, View y, bool relu, bool add,
                   MutableView to) {
  WithLanes(s.channels, [&](auto d) NIBBLE_LAMBDA {
    ForRows(d, s, [&](size_t c, size_t image, size_t row) NIBBLE_LAMBDA {
      const float* gy = RowOf(dy, c, image, row);
      const float* yy = RowOf(y, c, image, row);
      float* out = RowOf(to, c, image, row);
      for (size_t i = 0; i < s.pixels; ++i, out += to.pixel) {
        auto g = hn::LoadU(d, gy + i * dy.pixel);
        if (relu) g = Masked(d, g, hn::LoadU(d, yy + i * y.pixel));
        if (add) g = hn::Add(g, hn::LoadU(d, out));
        hn::StoreU(g, d, out);
      }
    });
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace nibble::qat
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace nibble::qat {
HWY_EXPORT(Moments);
HWY_EXPORT(Affine);
HWY_EXPORT(SumsOfNorm);
HWY_EXPORT(BackwardOfNorm);
HWY_EXPORT(BackwardOfBias);
HWY_EXPORT(ForwardOfAdd);
HWY_EXPORT(BackwardOfAdd);

void ChannelMoments(const Span4& size, View z, double* sum, double* sum_sq) {
  HWY_DYNAMIC_DISPATCH(Moments)(size, z, sum, sum_sq);
}
void ScaleShift(const Span4& size, View z, const float* scale,
                const float* shift, bool relu, MutableView y) {
  HWY_DYNAMIC_DISPATCH(Affine)(size, z, scale, shift, relu, y);
}
void NormSums(const Span4& size, View dy, View z, const float* scale,
              const float* shift, const float* mean, bool relu, double* sum_g,
              double* sum_gz) {
  HWY_DYNAMIC_DISPATCH(SumsOfNorm)
  (size, dy, z, scale, shift, mean, relu, sum_g, sum_gz);
}
void NormBackward(const Span4& size, View dy, View z, const float* scale,
                  const float* shift, bool relu, const float* a, const float* b,
                  const float* e, MutableView dz) {
  HWY_DYNAMIC_DISPATCH(BackwardOfNorm)
  (size, dy, z, scale, shift, relu, a, b, e, dz);
}
void BiasBackward(const Span4& size, View dy, View y, bool relu,
                  MutableView dz, double* sum) {
  HWY_DYNAMIC_DISPATCH(BackwardOfBias)(size, dy, y, relu, dz, sum);
}
void AddForward(const Span4& size, View a, View b, bool relu, MutableView y) {
  HWY_DYNAMIC_DISPATCH(ForwardOfAdd)(size, a, b, relu, y);
}
void AddBackward(const Span4& size, View dy, View y, bool relu, bool add,
                 MutableView d) {
  HWY_DYNAMIC_DISPATCH(BackwardOfAdd)(size, dy, y, relu, add, d);
}

}  // namespace nibble::qat
#endif
