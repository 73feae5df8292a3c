// Functions of one variable as graphs of + - * / and fma over coefficients:
// what a function search varies.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nibble::sweep {

enum class Op : std::uint8_t { kAdd, kSub, kMul, kDiv, kFma };

inline constexpr std::array<std::string_view, 5> kOpNames = {
    "add", "sub", "mul", "div", "fma"};

// What a vertex reads: 0 is the input x, i > 0 is vertex i - 1, and -k is
// coefficient k - 1.
using Operand = std::int16_t;

struct Vertex {
  Op op = Op::kAdd;
  std::array<Operand, 3> in = {};  // the third only for fma

  int arity() const { return op == Op::kFma ? 3 : 2; }
  bool operator==(const Vertex&) const = default;
};

// Vertices read only x, coefficients and vertices before them.
struct Program {
  std::vector<Vertex> vertices;
  std::vector<double> coefficients;
  Operand output = 0;

  bool operator==(const Program&) const = default;
};

// Operations on x. Those on coefficients alone are folded by Simplify and cost
// nothing; fma counts as two.
//
// Domain   programs that Simplify returned.
int CountOperations(const Program& program);

// The same function, or a more general one that has it as a member, in as few
// vertices: unused ones go, those on coefficients alone become a coefficient,
// every coefficient is read once, sums and products with coefficients have them
// second, and equal vertices are one.
Program Simplify(const Program& program);

// A number that programs of one shape share, whatever their coefficients: the
// hash of the values at fixed points for fixed coefficients.
//
// Domain   programs that Simplify returned.
std::uint64_t Fingerprint(const Program& program);

// One vertex.
template <class T>
T Apply(Op op, T a, T b, T c) {
  switch (op) {
    case Op::kAdd:
      return a + b;
    case Op::kSub:
      return a - b;
    case Op::kMul:
      return a * b;
    case Op::kDiv:
      return a / b;
    case Op::kFma:
      return std::fma(a, b, c);
  }
  return T{};
}

// The program at x, each operation rounded to T, coefficients too.
template <class T>
T ValueAt(const Program& program, T x) {
  std::array<T, 64> values;
  const auto read = [&](Operand operand) {
    const auto i = static_cast<std::size_t>(operand < 0 ? -operand : operand);
    return operand == 0  ? x
           : operand > 0 ? values[i - 1]
                         : static_cast<T>(program.coefficients[i - 1]);
  };
  for (std::size_t i = 0; i < program.vertices.size(); ++i) {
    const Vertex& v = program.vertices[i];
    volatile T rounded =
        Apply(v.op, read(v.in[0]), read(v.in[1]), read(v.in[2]));
    values[i] = rounded;
  }
  return read(program.output);
}

// At most this many vertices, so that ValueAt needs no memory.
inline constexpr std::size_t kMaxVertices = 64;

// Whether the operands exist, come before who reads them, and there are at most
// kMaxVertices.
bool IsValid(const Program& program);

// "(c1 / (x + c0)) + c2", with the coefficients by their names; what is read
// more than once comes first, as "v1 = x + c0; v1 * v1".
std::string ToFormula(const Program& program);

// A C++ function of the name, with its coefficients in hexadecimal:
//
//     inline double exp2(double x) { ... }
//
// The text needs <cmath> where it has fma. `type` is float or double.
std::string ToCpp(const Program& program, std::string_view name,
                  std::string_view type);

// The program's values and their derivatives by the coefficients at many points
// at once, in double.
class Batch {
 public:
  static constexpr std::size_t kPoints = 64;
  using Values = std::array<double, kPoints>;

  // The values at x[0, count), count a multiple of 8.
  const Values& Evaluate(const Program& program, const Values& x,
                         std::size_t count);

  // After Evaluate on the same program: slopes[k] = d program / d coefficient
  // k, at all points of that call.
  void Differentiate(const Program& program, std::vector<Values>& slopes);

 private:
  const Values& Read(Operand operand) const;

  std::array<Values, kMaxVertices> values_;
  std::vector<Values> coefficients_;
  std::vector<Values> slopes_;  // by vertices
  Values x_;
  std::size_t count_ = 0;
};

}  // namespace nibble::sweep
