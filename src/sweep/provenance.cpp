// When, where and by what a result is made.
#include <ctime>
#include <fstream>
#include <thread>
#include <utility>

#include "nibble/sweep/store.hpp"

namespace nibble::sweep {
namespace {

std::string CpuModel() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const auto colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) {
      return line.substr(colon + 2);
    }
  }
  return "unknown";
}

}  // namespace

std::string UtcNow() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  char text[32];
  std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

Provenance Here(std::string commit, std::string command) {
#ifdef __clang__
  const std::string compiler = "clang " __clang_version__;
#else
  const std::string compiler = "g++ " __VERSION__;
#endif
  return {.commit = commit.empty() ? "unknown" : std::move(commit),
          .machine = CpuModel(),
          .cores = static_cast<int>(std::thread::hardware_concurrency()),
          .compiler = compiler.substr(0, compiler.find_last_not_of(' ') + 1),
          .command = std::move(command)};
}

}  // namespace nibble::sweep
