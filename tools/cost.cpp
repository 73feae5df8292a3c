// nibble cost: what a model costs, counted from its shapes.
#include "nibble/cost/cost.hpp"

#include <memory>

#include "nibble/core/check.hpp"
#include "nibble/nn/llama.hpp"
#include "tools/command.hpp"
#include "tools/configuration.hpp"

namespace nibble::tools {
namespace {

struct Options {
  std::string model = "resnet50", weights;
  ConfigurationNames names;
  double width = 1;
  Output output = Output::kTable;
};

nn::Model ModelOf(const Options& o) {
  if (o.model != "llama") return nn::MakeModel(o.model, o.width);
  if (o.weights.empty()) {
    throw InputError(
        "--weights: missing; llama needs a config.json or a file "
        "of weights with its sizes");
  }
  return nn::Llama(io::ReadLlamaConfig(o.weights));
}

void Run(const Options& o) {
  const cost::Cost cost = cost::Count(ModelOf(o), MakeQuantSpec(o.names));
  Json out = {{"model", o.model}, {"width", o.width}};
  AddCosts(out, cost);
  Print(out, o.output);
}

}  // namespace

void AddCosts(Json& out, const cost::Cost& cost) {
  out["macs"] = cost.macs;
  out["weights"] = cost.weights;
  out["linear"] = cost.linear;
  out["quadratic"] = cost.quadratic;
  out["memory_bits"] = cost.memory_bits;
  out["ace"] = cost.ace;
  out["bytes"] = cost.bytes;
}

void AddCost(CLI::App& app) {
  auto o = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "cost", "Count multiply-accumulates, compute cost and bytes of a model");
  command->add_option("--model", o->model, "resnet8..200, mlp, llama")
      ->capture_default_str();
  command->add_option("--width", o->width, "Factor of the channel counts")
      ->capture_default_str();
  command->add_option("--weights", o->weights,
                      "llama: its config.json, folder, or llama2.c file");
  AddSchemes(*command, o->names);
  AddOutput(*command, o->output);
  command->callback([o] { Run(*o); });
}

}  // namespace nibble::tools
