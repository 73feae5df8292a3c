// The nibble command. Exit code 0: done; 1: a run failed; 2: bad input.
#include <algorithm>
#include <exception>
#include <iostream>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "nibble/core/check.hpp"
#include "nibble/core/nearest_name.hpp"
#include "tools/command.hpp"

namespace {

// CLI11 says of an unknown sub-command only that one is required.
void CheckSubcommand(const CLI::App& app, int argc, char** argv) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands({})) {
    names.push_back(command->get_name());
  }
  for (const std::string word :
       std::span(argv, static_cast<std::size_t>(argc)).subspan(1)) {
    if (word.starts_with("-")) continue;
    if (std::ranges::find(names, word) == names.end()) {
      throw nibble::InputError(word + ": no such sub-command, did you mean '" +
                               nibble::NearestName(word, names) + "'?");
    }
  }
}

int Main(int argc, char** argv) {
  using namespace nibble::tools;
  CLI::App app{
      "Low-precision arithmetic: what a bit costs, and what it buys.\n"
      "Results go to stdout, progress and messages to stderr.",
      "nibble"};
  app.set_version_flag("--version",
                       "nibble " NIBBLE_VERSION " (" NIBBLE_COMMIT ")");
  app.add_flag("--quiet", quiet, "No progress, no messages but errors");
  app.require_subcommand(1);
  app.fallthrough();
  AddSweep(app);
  AddEval(app);
  AddInspect(app);
  AddQuantize(app);
  AddCost(app);
  AddFormats(app);
  AddArith(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::RuntimeError& error) {
    return error.get_exit_code();
  } catch (const CLI::RequiredError& error) {
    if (app.get_subcommands().empty()) CheckSubcommand(app, argc, argv);
    app.exit(error);
    return 2;
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return Main(argc, argv);
  } catch (const nibble::InputError& error) {
    std::cerr << "nibble: " << error.what() << '\n';
    return 2;
  } catch (const std::invalid_argument& error) {
    std::cerr << "nibble: " << error.what() << '\n';
    return 2;
  } catch (const std::exception& error) {
    std::cerr << "nibble: failed: " << error.what() << '\n';
    return 1;
  }
}
