#include "nibble/sweep/program.hpp"

#include <algorithm>
#include <bit>
#include <cstdio>
#include <optional>

namespace nibble::sweep {
namespace {

// Rebuilds a program from its output, vertex by vertex.
class Simplifier {
 public:
  explicit Simplifier(const Program& from)
      : from_(from), done_(from.vertices.size()) {}

  Program Run() {
    to_.output = Copy(from_.output);
    return RenumberCoefficients();
  }

 private:
  double& Value(Operand c) {
    return to_.coefficients[static_cast<std::size_t>(-c - 1)];
  }

  Operand Coefficient(double value) {
    to_.coefficients.push_back(value);
    return static_cast<Operand>(-static_cast<int>(to_.coefficients.size()));
  }

  // A coefficient is copied for each who reads it.
  Operand Copy(Operand operand) {
    if (operand == 0) return 0;
    if (operand < 0) {
      return Coefficient(
          from_.coefficients[static_cast<std::size_t>(-operand - 1)]);
    }
    const auto i = static_cast<std::size_t>(operand - 1);
    if (!done_[i]) {
      const Vertex& v = from_.vertices[i];
      Vertex copy{v.op, {}};
      for (int k = 0; k < v.arity(); ++k) {
        const auto at = static_cast<std::size_t>(k);
        copy.in[at] = Copy(v.in[at]);
      }
      done_[i] = Make(copy);
    } else if (*done_[i] < 0) {
      return Coefficient(Value(*done_[i]));
    }
    return *done_[i];
  }

  Operand Make(Vertex v) {
    auto& [a, b, c] = v.in;
    if (v.op == Op::kFma) return MakeFma(v);
    if (a < 0 && b < 0) {
      return Coefficient(Apply(v.op, Value(a), Value(b), 0.0));
    }
    if (a == b && v.op == Op::kSub) return Coefficient(0);
    if (a == b && v.op == Op::kDiv) return Coefficient(1);
    if (a == b && v.op == Op::kAdd) v = {Op::kMul, {a, Coefficient(2), 0}};
    const bool commutes = v.op == Op::kAdd || v.op == Op::kMul;
    if (commutes && (a < 0 || (b >= 0 && a > b))) std::swap(a, b);
    if (b < 0 && v.op == Op::kSub) {
      v.op = Op::kAdd;
      Value(b) = -Value(b);
    }
    if (b < 0 && v.op == Op::kDiv && Value(b) != 0) {
      v.op = Op::kMul;
      Value(b) = 1 / Value(b);
    }
    if (const auto joined = Join(v)) return *joined;
    return Append(v);
  }

  // u + c0 + c1 and u * c0 * c1.
  std::optional<Operand> Join(const Vertex& v) {
    if (v.in[1] >= 0 || v.in[0] <= 0) return std::nullopt;
    if (v.op != Op::kAdd && v.op != Op::kMul) return std::nullopt;
    const Vertex& before = to_.vertices[static_cast<std::size_t>(v.in[0] - 1)];
    if (before.op != v.op || before.in[1] >= 0) return std::nullopt;
    const double value = Apply(v.op, Value(before.in[1]), Value(v.in[1]), 0.0);
    return Append({v.op, {before.in[0], Coefficient(value), 0}});
  }

  Operand MakeFma(Vertex v) {
    auto& [a, b, c] = v.in;
    if (a < 0 && b < 0) {
      return Make({Op::kAdd, {c, Coefficient(Value(a) * Value(b)), 0}});
    }
    if (a < 0 || (b >= 0 && a > b)) std::swap(a, b);
    return Append(v);
  }

  Operand Append(const Vertex& v) {
    const bool constant =
        v.in[0] < 0 || v.in[1] < 0 || (v.op == Op::kFma && v.in[2] < 0);
    const auto found = std::ranges::find(to_.vertices, v);
    if (!constant && found != to_.vertices.end()) {
      return static_cast<Operand>(found - to_.vertices.begin() + 1);
    }
    to_.vertices.push_back(v);
    return static_cast<Operand>(to_.vertices.size());
  }

  // Without the vertices and coefficients that nobody reads any more.
  Program RenumberCoefficients() {
    std::vector<bool> used(to_.vertices.size() + 1, false);
    if (to_.output > 0) used[static_cast<std::size_t>(to_.output)] = true;
    for (std::size_t i = to_.vertices.size(); i > 0; --i) {
      if (!used[i]) continue;
      const Vertex& v = to_.vertices[i - 1];
      for (int k = 0; k < v.arity(); ++k) {
        const Operand in = v.in[static_cast<std::size_t>(k)];
        if (in > 0) used[static_cast<std::size_t>(in)] = true;
      }
    }
    Program out;
    std::vector<Operand> place(to_.vertices.size() + 1, 0);
    const auto move = [&](Operand in) {
      if (in >= 0) return place[static_cast<std::size_t>(in)];
      out.coefficients.push_back(Value(in));
      return static_cast<Operand>(-static_cast<int>(out.coefficients.size()));
    };
    for (std::size_t i = 1; i <= to_.vertices.size(); ++i) {
      if (!used[i]) continue;
      Vertex v = to_.vertices[i - 1];
      for (int k = 0; k < v.arity(); ++k) {
        auto& in = v.in[static_cast<std::size_t>(k)];
        in = move(in);
      }
      out.vertices.push_back(v);
      place[i] = static_cast<Operand>(out.vertices.size());
    }
    out.output = move(to_.output);
    return out;
  }

  const Program& from_;
  Program to_;
  std::vector<std::optional<Operand>> done_;
};

std::string Name(Operand operand, const std::vector<std::string>& texts) {
  if (operand == 0) return "x";
  if (operand < 0) return "c" + std::to_string(-operand - 1);
  return texts[static_cast<std::size_t>(operand - 1)];
}

// Without the outermost parentheses.
std::string Bare(const std::string& text) {
  return text.starts_with("(") ? text.substr(1, text.size() - 2) : text;
}

}  // namespace

int CountOperations(const Program& program) {
  int count = 0;
  for (const Vertex& v : program.vertices) count += v.op == Op::kFma ? 2 : 1;
  return count;
}

Program Simplify(const Program& program) { return Simplifier(program).Run(); }

bool IsValid(const Program& program) {
  if (program.vertices.size() > kMaxVertices) return false;
  const auto exists = [&](Operand operand, std::size_t vertices) {
    return operand < 0 ? static_cast<std::size_t>(-operand) <=
                             program.coefficients.size()
                       : static_cast<std::size_t>(operand) <= vertices;
  };
  for (std::size_t i = 0; i < program.vertices.size(); ++i) {
    const Vertex& v = program.vertices[i];
    if (v.op > Op::kFma) return false;
    for (const Operand in : v.in) {
      if (!exists(in, i)) return false;
    }
  }
  return exists(program.output, program.vertices.size());
}

std::uint64_t Fingerprint(const Program& program) {
  Program fixed = program;
  for (std::size_t k = 0; k < fixed.coefficients.size(); ++k) {
    fixed.coefficients[k] =
        0.7548776662 + 0.5698402910 * static_cast<double>(k);
  }
  std::uint64_t hash = 0xCBF29CE484222325;
  for (const double x : {0.31, 0.57, 0.83, 1.19}) {
    // 32 bits of mantissa: sums taken in another order are the same function.
    const double y = ValueAt(fixed, x);
    const auto bits = (std::bit_cast<std::uint64_t>(y) + (1u << 19)) >> 20;
    hash = (hash ^ bits) * 0x100000001B3;
    hash ^= hash >> 29;
  }
  return hash ^ static_cast<std::uint64_t>(CountOperations(program)) << 1;
}

std::string ToFormula(const Program& program) {
  constexpr std::string_view kSigns = "+-*/";
  std::vector<int> readers(program.vertices.size() + 1, 0);
  for (const Vertex& v : program.vertices) {
    for (int k = 0; k < v.arity(); ++k) {
      const Operand in = v.in[static_cast<std::size_t>(k)];
      if (in > 0) ++readers[static_cast<std::size_t>(in)];
    }
  }
  std::string definitions;
  std::vector<std::string> texts;
  int names = 0;
  for (const Vertex& v : program.vertices) {
    const auto read = [&](std::size_t k) { return Name(v.in[k], texts); };
    const bool fma = v.op == Op::kFma;
    std::string text =
        fma ? "fma(" + read(0) + ", " + read(1) + ", " + read(2) + ")"
            : "(" + read(0) + " " + kSigns[static_cast<std::size_t>(v.op)] +
                  " " + read(1) + ")";
    if (readers[texts.size() + 1] > 1) {
      const std::string name = "v" + std::to_string(++names);
      definitions += name + " = " + Bare(text) + "; ";
      text = name;
    }
    texts.push_back(text);
  }
  return definitions + Bare(Name(program.output, texts));
}

std::string ToCpp(const Program& program, std::string_view name,
                  std::string_view type) {
  const std::string t(type);
  constexpr std::string_view kSigns = "+-*/";
  std::string out =
      "inline " + t + " " + std::string(name) + "(" + t + " x) {\n";
  for (std::size_t k = 0; k < program.coefficients.size(); ++k) {
    char hex[64];
    std::snprintf(hex, sizeof(hex), "%a%s", program.coefficients[k],
                  type == "float" ? "f" : "");
    out += "  constexpr " + t + " c" + std::to_string(k) + " = " + hex + ";\n";
  }
  std::vector<std::string> names;
  for (const Vertex& v : program.vertices) {
    const auto read = [&](std::size_t k) { return Name(v.in[k], names); };
    names.push_back("v" + std::to_string(names.size()));
    out += "  const " + t + " " + names.back() + " = ";
    out += v.op == Op::kFma
               ? "std::fma(" + read(0) + ", " + read(1) + ", " + read(2) + ")"
               : read(0) + " " + kSigns[static_cast<std::size_t>(v.op)] + " " +
                     read(1);
    out += ";\n";
  }
  const bool unused =
      program.output < 0 || (program.vertices.empty() && program.output != 0);
  if (unused) out += "  (void)x;\n";
  return out + "  return " + Name(program.output, names) + ";\n}\n";
}

}  // namespace nibble::sweep
