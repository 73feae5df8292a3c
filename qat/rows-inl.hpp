// Loops over the rows of views, channels in vectors.
#if defined(NIBBLE_QAT_ROWS_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef NIBBLE_QAT_ROWS_INL_HPP
#undef NIBBLE_QAT_ROWS_INL_HPP
#else
#define NIBBLE_QAT_ROWS_INL_HPP
#endif

#include <cstddef>

#include "nibble/core/highway.hpp"
#include "nibble/core/simd-inl.hpp"
#include "nibble/qat/passes.hpp"

HWY_BEFORE_NAMESPACE();
namespace nibble::qat {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using nibble::HWY_NAMESPACE::Barrier;
using nibble::HWY_NAMESPACE::MaxIgnoringNaN;
using nibble::HWY_NAMESPACE::MinIgnoringNaN;

// Calls body(d) with the widest vector that divides the channels.
template <class Body>
HWY_INLINE void WithLanes(size_t channels, const Body& body) {
  if (channels % hn::Lanes(hn::ScalableTag<float>()) == 0) {
    body(hn::ScalableTag<float>());
  } else if (channels % hn::Lanes(hn::CappedTag<float, 8>()) == 0) {
    body(hn::CappedTag<float, 8>());
  } else if (channels % hn::Lanes(hn::CappedTag<float, 4>()) == 0) {
    body(hn::CappedTag<float, 4>());
  } else {
    body(hn::CappedTag<float, 1>());
  }
}

// Calls row(c, b, y) for channels c, ..., c + Lanes - 1 of every row.
template <class D, class Row>
HWY_INLINE void ForRows(D d, const Span4& s, const Row& row) {
  for (size_t b = 0; b < s.images; ++b) {
    for (size_t y = 0; y < s.rows; ++y) {
      for (size_t c = 0; c < s.channels; c += hn::Lanes(d)) row(c, b, y);
    }
  }
}

template <class T>
HWY_INLINE T* RowOf(const ViewOf4<T>& v, size_t c, size_t b, size_t y) {
  return v.at + b * v.image + y * v.row + c;
}

// Adds the lanes of a channel's float sums to doubles.
template <class D, class V>
HWY_INLINE void AddLanes(D d, V v, double* to) {
  HWY_ALIGN float lanes[hn::MaxLanes(D())];
  hn::Store(v, d, lanes);
  for (size_t i = 0; i < hn::Lanes(d); ++i) to[i] += double{lanes[i]};
}

}  // namespace HWY_NAMESPACE
}  // namespace nibble::qat
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
