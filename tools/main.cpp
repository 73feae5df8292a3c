// The nibble command. Exit code 0: done; 1: a run failed; 2: bad input.
#include <exception>
#include <iostream>
#include <stdexcept>

#include "nibble/core/check.hpp"
#include "tools/command.hpp"

namespace {

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
  try {
    app.parse(argc, argv);
  } catch (const CLI::RuntimeError& error) {
    return error.get_exit_code();
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
