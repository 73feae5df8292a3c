// nibble formats: every number format, by name.
#include <memory>

#include "nibble/format/registry.hpp"
#include "tools/command.hpp"

namespace nibble::tools {
namespace {

constexpr const char* kFamilies[] = {"integer",   "ternary",     "minifloat",
                                     "scale",     "code book",   "posit",
                                     "logarithm", "block"};

Json RowOf(const FormatInfo& info) {
  return {{"name", info.name},
          {"family", kFamilies[static_cast<std::size_t>(info.family)]},
          {"bits", info.bits},
          {"bits_per_element", info.bits_per_element},
          {"codes", info.codes},
          {"min", info.min},
          {"max", info.max},
          {"block", info.block},
          {"element", Info(info.element).name},
          {"scale", info.family == Family::kBlock ? Info(info.scale).name : ""},
          {"writes", !info.decode_only}};
}

}  // namespace

void AddFormats(CLI::App& app) {
  auto output = std::make_shared<Output>(Output::kTable);
  CLI::App* command =
      app.add_subcommand("formats", "List every number format by name");
  AddOutput(*command, *output);
  command->callback([output] {
    Json rows = Json::array();
    for (const FormatInfo& info : AllFormats()) rows.push_back(RowOf(info));
    PrintRows({{"formats", std::move(rows)}}, "formats", *output);
  });
}

}  // namespace nibble::tools
