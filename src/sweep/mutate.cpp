#include "src/sweep/mutate.hpp"

#include <cmath>
#include <utility>

namespace nibble::sweep {
namespace {

class Mutation {
 public:
  Mutation(Program& program, Random& random) : p_(program), random_(random) {}

  // On an edge into a vertex or to the output: u becomes u op w or w op u. With
  // a new coefficient the function may stay what it is, which gives the fit a
  // good beginning.
  void Insert() {
    const std::size_t reader = random_.Below(p_.vertices.size() + 1);
    MakeRoomAt(reader);
    Operand* in = &p_.output;
    if (reader + 1 < p_.vertices.size()) {
      Vertex& v = p_.vertices[reader + 1];
      in = &v.in[random_.Below(static_cast<std::size_t>(v.arity()))];
    }
    const std::size_t ops = random_.Below(8) == 0 ? 5 : 4;
    Vertex v{static_cast<Op>(random_.Below(ops)), {*in, 0, 0}};
    v.in[1] = PickBeside(*in, reader, v.op);
    if (v.op == Op::kFma) v.in[2] = NewCoefficient(0);
    if (random_.Below(3) == 0) std::swap(v.in[0], v.in[1]);
    p_.vertices[reader] = v;
    *in = static_cast<Operand>(reader + 1);
  }

  // Whoever read the vertex reads one of its sources.
  void Remove() {
    if (p_.vertices.empty()) return Insert();
    const std::size_t at = random_.Below(p_.vertices.size());
    const Operand source = PickEdgeOf(p_.vertices[at]);
    const auto read = static_cast<Operand>(at + 1);
    for (Vertex& other : p_.vertices) {
      for (Operand& in : other.in) {
        if (in == read) in = source;
      }
    }
    if (p_.output == read) p_.output = source;
  }

  // An edge comes from another source.
  void Switch() {
    if (p_.vertices.empty()) return Insert();
    const std::size_t at = random_.Below(p_.vertices.size());
    const Operand source =
        random_.Below(3) == 0 ? NewCoefficient(1) : PickSource(at);
    PickEdgeOf(p_.vertices[at]) = source;
  }

 private:
  Operand& PickEdgeOf(Vertex& v) {
    return v.in[random_.Below(static_cast<std::size_t>(v.arity()))];
  }

  // An empty vertex at this place; later ones move up.
  void MakeRoomAt(std::size_t at) {
    const auto moved = [at](Operand& in) {
      if (in > static_cast<Operand>(at)) ++in;
    };
    for (Vertex& v : p_.vertices) {
      for (Operand& in : v.in) moved(in);
    }
    moved(p_.output);
    p_.vertices.insert(p_.vertices.begin() + static_cast<std::ptrdiff_t>(at),
                       Vertex{});
  }

  Operand NewCoefficient(double value) {
    p_.coefficients.push_back(value);
    return static_cast<Operand>(-static_cast<int>(p_.coefficients.size()));
  }

  // x or a vertex before this one.
  Operand PickSource(std::size_t before) {
    return static_cast<Operand>(random_.Below(before + 1));
  }

  // The other source of a vertex that reads u: a coefficient, mostly one that
  // leaves u as it is; u itself; or any other.
  Operand PickBeside(Operand u, std::size_t before, Op op) {
    const std::size_t dice = random_.Below(10);
    if (dice < 5) {
      const double neutral = op == Op::kAdd || op == Op::kSub ? 0 : 1;
      return NewCoefficient(dice < 3 ? neutral : 8 * random_.Uniform() - 4);
    }
    return dice < 7 ? u : PickSource(before);
  }

  Program& p_;
  Random& random_;
};

}  // namespace

Program Mutate(const Program& program, Random& random) {
  Program child = program;
  Mutation mutation(child, random);
  switch (random.Below(5)) {
    case 0:
    case 1:
      mutation.Insert();
      break;
    case 2:
    case 3:
      mutation.Switch();
      break;
    default:
      mutation.Remove();
  }
  return child;
}

}  // namespace nibble::sweep
