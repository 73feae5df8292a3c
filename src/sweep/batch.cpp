// Values and slopes of a program at many points: loops of fixed length that
// compilers vectorize.
#include "nibble/sweep/program.hpp"

namespace nibble::sweep {

const Batch::Values& Batch::Read(Operand operand) const {
  const auto i = static_cast<std::size_t>(operand < 0 ? -operand : operand);
  return operand == 0  ? x_
         : operand > 0 ? values_[i - 1]
                       : coefficients_[i - 1];
}

namespace {

constexpr std::size_t kLanes = 8;

// out[i] = f(a[i], b[i], c[i]); count is a multiple of kLanes.
template <class F>
void ForAll(Batch::Values& out, const Batch::Values& a, const Batch::Values& b,
            const Batch::Values& c, std::size_t count, F f) {
  for (std::size_t i = 0; i < count; i += kLanes) {
    std::array<double, kLanes> t;
    for (std::size_t j = 0; j < kLanes; ++j) {
      t[j] = f(a[i + j], b[i + j], c[i + j]);
    }
    for (std::size_t j = 0; j < kLanes; ++j) out[i + j] = t[j];
  }
}

}  // namespace

const Batch::Values& Batch::Evaluate(const Program& program, const Values& x,
                                     std::size_t count) {
  x_ = x;
  count_ = count;
  coefficients_.resize(program.coefficients.size());
  for (std::size_t k = 0; k < program.coefficients.size(); ++k) {
    coefficients_[k].fill(program.coefficients[k]);
  }
  for (std::size_t i = 0; i < program.vertices.size(); ++i) {
    const Vertex& v = program.vertices[i];
    const Values& a = Read(v.in[0]);
    const Values& b = Read(v.in[1]);
    const Values& c = Read(v.in[2]);
    const auto run = [&](auto f) { ForAll(values_[i], a, b, c, count, f); };
    switch (v.op) {
      case Op::kAdd:
        run([](double p, double q, double) { return p + q; });
        break;
      case Op::kSub:
        run([](double p, double q, double) { return p - q; });
        break;
      case Op::kMul:
        run([](double p, double q, double) { return p * q; });
        break;
      case Op::kDiv:
        run([](double p, double q, double) { return p / q; });
        break;
      case Op::kFma:
        run([](double p, double q, double r) { return std::fma(p, q, r); });
        break;
    }
  }
  return Read(program.output);
}

// Reverse mode: the slope of the output by every vertex, last one first, then
// by the coefficients that each vertex reads.
void Batch::Differentiate(const Program& program, std::vector<Values>& slopes) {
  slopes.resize(program.coefficients.size());
  for (Values& slope : slopes) slope.fill(0);
  slopes_.resize(program.vertices.size());
  for (Values& slope : slopes_) slope.fill(0);
  Values ignored = {};  // the slope by x
  const auto into = [&](Operand operand) -> Values& {
    const auto i = static_cast<std::size_t>(operand < 0 ? -operand : operand);
    return operand == 0 ? ignored
                        : (operand > 0 ? slopes_[i - 1] : slopes[i - 1]);
  };
  into(program.output).fill(1);
  for (std::size_t i = program.vertices.size(); i > 0; --i) {
    const Vertex& v = program.vertices[i - 1];
    const Values& s = slopes_[i - 1];
    const Values& a = Read(v.in[0]);
    const Values& b = Read(v.in[1]);
    const auto add = [&](std::size_t k, auto slope) {
      Values& to = into(v.in[k]);
      for (std::size_t j = 0; j < count_; ++j) to[j] += s[j] * slope(j);
    };
    switch (v.op) {
      case Op::kAdd:
        add(0, [](std::size_t) { return 1.0; });
        add(1, [](std::size_t) { return 1.0; });
        break;
      case Op::kSub:
        add(0, [](std::size_t) { return 1.0; });
        add(1, [](std::size_t) { return -1.0; });
        break;
      case Op::kMul:
      case Op::kFma:
        add(0, [&](std::size_t j) { return b[j]; });
        add(1, [&](std::size_t j) { return a[j]; });
        if (v.op == Op::kFma) add(2, [](std::size_t) { return 1.0; });
        break;
      case Op::kDiv:
        add(0, [&](std::size_t j) { return 1 / b[j]; });
        add(1, [&](std::size_t j) { return -a[j] / (b[j] * b[j]); });
        break;
    }
  }
}

}  // namespace nibble::sweep
