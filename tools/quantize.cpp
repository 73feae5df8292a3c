// nibble quantize and nibble dequantize: safetensors to codes and scales, and
// back.
#include <memory>

#include "nibble/nn/quantized_file.hpp"
#include "tools/command.hpp"

namespace nibble::tools {

void AddQuantize(CLI::App& app) {
  struct Options {
    std::string in, out, scheme;
  };
  auto o = std::make_shared<Options>();
  CLI::App* quantize = app.add_subcommand(
      "quantize", "Write a safetensors file as codes and scales");
  quantize->add_option("in", o->in, "safetensors file")->required();
  quantize->add_option("out", o->out, "safetensors file")->required();
  quantize->add_option("--scheme", o->scheme, "[recipe:]format[/granularity]")
      ->required();
  quantize->callback([o] {
    nn::QuantizeFile(o->in, o->out, ParseScheme(o->scheme));
    Log("Wrote " + o->out);
  });
  CLI::App* dequantize = app.add_subcommand(
      "dequantize", "Write the floats that a quantized file stands for");
  dequantize->add_option("in", o->in, "File written by quantize")->required();
  dequantize->add_option("out", o->out, "safetensors file")->required();
  dequantize->callback([o] {
    nn::DequantizeFile(o->in, o->out);
    Log("Wrote " + o->out);
  });
}

}  // namespace nibble::tools
