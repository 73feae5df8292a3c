#include "nibble/qat/conv.hpp"

#include <algorithm>

#include "nibble/core/check.hpp"

namespace nibble::qat {
namespace {

using Offset = std::ptrdiff_t;

// Quads of a row of pixels, the last one perhaps of fewer than four.
void AddQuads(std::size_t pixels, std::size_t in, std::size_t in_pitch,
              std::size_t out, std::size_t out_pitch,
              std::vector<Quad>& quads) {
  for (std::size_t x = 0; x < pixels; x += 4) {
    quads.push_back({static_cast<std::uint32_t>(in + x * in_pitch),
                     static_cast<std::uint32_t>(out + x * out_pitch),
                     static_cast<std::uint32_t>(std::min<std::size_t>(
                         4, pixels - x))});
  }
}

// How far windows of `kernel` reach beyond `in`, before and after.
void Reach(std::size_t in, std::size_t out, std::size_t kernel,
           std::size_t stride, std::size_t padding, std::size_t& before,
           std::size_t& after) {
  const std::size_t end = (out - 1) * stride + kernel;
  before = padding;
  after = end > in + padding ? end - in - padding : 0;
}

// floor(a / b), b > 0.
Offset FloorDiv(Offset a, Offset b) { return a >= 0 ? a / b : -((b - 1 - a) / b); }

// Taps of one dimension that reach input pixels of remainder `phase`, in order
// of the output pixel they belong to, first the one furthest back:
//
//     out = j + shift[i] for input pixel phase + stride * j
struct PhaseTaps {
  std::vector<std::size_t> tap;
  std::vector<Offset> shift;
};
PhaseTaps TapsOf(std::size_t phase, std::size_t kernel, std::size_t stride,
                 std::size_t padding) {
  PhaseTaps taps;
  for (std::size_t k = kernel; k-- > 0;) {
    const Offset at = static_cast<Offset>(phase + padding) -
                      static_cast<Offset>(k);
    const auto s = static_cast<Offset>(stride);
    if (FloorDiv(at, s) * s != at) continue;
    taps.tap.push_back(k);
    taps.shift.push_back(FloorDiv(at, s));
  }
  return taps;
}

// Border of the gradient, so that every tap of every phase is inside.
void GradientReach(std::size_t in, std::size_t out, std::size_t kernel,
                   std::size_t stride, std::size_t padding, std::size_t& before,
                   std::size_t& after) {
  before = after = 0;
  for (std::size_t phase = 0; phase < std::min(stride, in); ++phase) {
    const auto last = static_cast<Offset>((in - 1 - phase) / stride);
    for (const Offset shift : TapsOf(phase, kernel, stride, padding).shift) {
      if (shift < 0) {
        before = std::max(before, static_cast<std::size_t>(-shift));
      }
      const Offset over = last + shift - static_cast<Offset>(out) + 1;
      if (over > 0) after = std::max(after, static_cast<std::size_t>(over));
    }
  }
}

}  // namespace

Layout Conv::Border(const nn::Conv2dShape& s) {
  Layout layout{s.in};
  Reach(s.in.height, s.out.height, s.kernel.height, s.stride.height,
        s.padding.height, layout.top, layout.bottom);
  Reach(s.in.width, s.out.width, s.kernel.width, s.stride.width,
        s.padding.width, layout.left, layout.right);
  return layout;
}

Conv::Conv(const nn::Conv2dShape& shape, const Layout& in, bool dense,
           std::size_t images)
    : shape_(shape), in_(in), d_{shape.out}, dense_(dense) {
  const Layout need = Border(shape);
  NIBBLE_CHECK("Conv", in.top >= need.top && in.bottom >= need.bottom);
  NIBBLE_CHECK("Conv", in.left >= need.left && in.right >= need.right);
  NIBBLE_CHECK("Conv", !dense || in.tight());
  const nn::Conv2dShape& s = shape_;
  GradientReach(s.in.height, s.out.height, s.kernel.height, s.stride.height,
                s.padding.height, d_.top, d_.bottom);
  GradientReach(s.in.width, s.out.width, s.kernel.width, s.stride.width,
                s.padding.width, d_.left, d_.right);
  PlanForward();
  PlanBackward();
  if (dense) {
    quads_.clear(), phases_[0].quads.clear();
    const std::size_t k = s.in.channels, n = s.out.channels;
    AddQuads(images, 0, k, 0, n, quads_);
    AddQuads(images, 0, n, 0, k, phases_[0].quads);
  }
}

void Conv::PlanForward() {
  const nn::Conv2dShape& s = shape_;
  const std::size_t c = s.in.channels, group_c = s.in_channels();
  const bool merge = s.groups == 1;  // a window's row is contiguous
  k_ = merge ? s.kernel.width * c : group_c;
  for (std::size_t ky = 0; ky < s.kernel.height; ++ky) {
    for (std::size_t kx = 0; kx < (merge ? 1 : s.kernel.width); ++kx) {
      taps_.push_back(static_cast<Offset>(ky * in_.row() + kx * c));
      w_taps_.push_back((ky * s.kernel.width + kx) * group_c);
    }
  }
  // Offsets from the image's first element, border included.
  const std::size_t corner = (in_.top - s.padding.height) * in_.row() +
                             (in_.left - s.padding.width) * c;
  for (std::size_t y = 0; y < s.out.height; ++y) {
    AddQuads(s.out.width, corner + y * s.stride.height * in_.row(),
             s.stride.width * c, y * s.out.width * s.out.channels,
             s.out.channels, quads_);
  }
  packed_size_ =
      s.groups * PackedSize(taps_.size(), k_, s.out_channels());
}

Conv::Phase Conv::PlanPhase(std::size_t py, std::size_t px) const {
  const nn::Conv2dShape& s = shape_;
  const std::size_t n = s.out.channels, c = s.in.channels;
  const PhaseTaps down =
      TapsOf(py, s.kernel.height, s.stride.height, s.padding.height);
  const PhaseTaps across =
      TapsOf(px, s.kernel.width, s.stride.width, s.padding.width);
  Phase phase;
  // Taps of a row lie side by side in dz: their shifts are consecutive.
  phase.merged = s.groups == 1 ? across.tap.size() : 1;
  for (std::size_t i = 0; i < down.tap.size(); ++i) {
    for (std::size_t j = 0; j < across.tap.size(); ++j) {
      phase.w_taps.push_back((down.tap[i] * s.kernel.width + across.tap[j]) *
                             s.in_channels());
      if (j % phase.merged != 0) continue;
      phase.taps.push_back(down.shift[i] * static_cast<Offset>(d_.row()) +
                           across.shift[j] * static_cast<Offset>(n));
    }
  }
  for (std::size_t j = 0; py + j * s.stride.height < s.in.height; ++j) {
    const std::size_t y = py + j * s.stride.height;
    const std::size_t columns =
        px < s.in.width ? (s.in.width - 1 - px) / s.stride.width + 1 : 0;
    AddQuads(columns, d_.origin() + j * d_.row(), n,
             (y * s.in.width + px) * c, s.stride.width * c, phase.quads);
  }
  return phase;
}

void Conv::PlanBackward() {
  const nn::Conv2dShape& s = shape_;
  for (std::size_t py = 0; py < s.stride.height; ++py) {
    for (std::size_t px = 0; px < s.stride.width; ++px) {
      Phase phase = PlanPhase(py, px);
      phase.packed = packed_size_;
      packed_size_ += s.groups * PackedSize(phase.w_taps.size(),
                                            s.out_channels(), s.in_channels());
      phases_.push_back(std::move(phase));
    }
  }
}

void Conv::Pack(const float* w, float* packed) const {
  const std::size_t n = shape_.out_channels(), c = shape_.in_channels();
  for (std::size_t g = 0; g < shape_.groups; ++g, w += group_weights()) {
    PackForData(w, w_taps_, k_, n, 1, shape_.reduction(),
                packed + g * PackedSize(taps_.size(), k_, n));
    for (const Phase& phase : phases_) {
      PackForData(w, phase.w_taps, n, c, shape_.reduction(), 1,
                  packed + phase.packed +
                      g * PackedSize(phase.w_taps.size(), n, c));
    }
  }
}

void Conv::Forward(const float* in, const float* packed, std::size_t images,
                   float* z) const {
  const std::size_t n = shape_.out_channels();
  DataProduct p{quads_, shape_.stride.width * shape_.in.channels,
                shape_.out.channels, taps_, k_, n};
  std::size_t count = images;
  if (dense_) {  // all images at once
    p.quads = p.quads.first((images + 3) / 4);
    count = 1;
  }
  const std::size_t packed_group = PackedSize(taps_.size(), k_, n);
  for (std::size_t b = 0; b < count; ++b) {
    for (std::size_t g = 0; g < shape_.groups; ++g) {
      RunDataProduct(p, in + b * in_.image() + g * shape_.in_channels(),
                     packed + g * packed_group, false,
                     z + b * shape_.out.size() + g * n);
    }
  }
}

void Conv::BackwardData(const float* dz, const float* packed,
                        std::size_t images, bool add, float* dx) const {
  const std::size_t n = shape_.out_channels(), c = shape_.in_channels();
  const std::size_t count = dense_ ? 1 : images;
  for (const Phase& phase : phases_) {
    DataProduct p{phase.quads,
                  shape_.out.channels,
                  shape_.stride.width * shape_.in.channels,
                  phase.taps,
                  phase.merged * n,
                  c};
    if (dense_) p.quads = p.quads.first((images + 3) / 4);
    if (add && p.taps.empty()) continue;
    const std::size_t packed_group = PackedSize(phase.w_taps.size(), n, c);
    for (std::size_t b = 0; b < count; ++b) {
      for (std::size_t g = 0; g < shape_.groups; ++g) {
        RunDataProduct(p, dz + b * d_.image() + g * n,
                       packed + phase.packed + g * packed_group, add,
                       dx + b * shape_.in.size() + g * c);
      }
    }
  }
}

void Conv::BackwardWeights(const float* dz, const float* in, std::size_t images,
                           float* dw) const {
  const nn::Conv2dShape& s = shape_;
  WeightProduct p{images,
                  s.out.height,
                  s.out.width,
                  d_.image(),
                  d_.row(),
                  s.out.channels,
                  in_.image(),
                  s.stride.height * in_.row(),
                  s.stride.width * s.in.channels,
                  taps_,
                  k_,
                  s.out_channels()};
  if (dense_) {
    p.images = p.rows = 1;
    p.pixels = images;
    p.in_pixel = s.in.channels;
  }
  const std::size_t corner = (in_.top - s.padding.height) * in_.row() +
                             (in_.left - s.padding.width) * s.in.channels;
  for (std::size_t g = 0; g < s.groups; ++g) {
    RunWeightProduct(p, dz + d_.origin() + g * s.out_channels(),
                     in + corner + g * s.in_channels(),
                     dw + g * group_weights());
  }
}

}  // namespace nibble::qat
