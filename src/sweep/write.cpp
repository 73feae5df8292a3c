// The report's files.
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <stdexcept>
#include <system_error>

#include "nibble/sweep/report.hpp"

extern char** environ;

namespace nibble::sweep {
namespace {

namespace fs = std::filesystem;

// A reader sees the old file or the new one, never half of it.
void Replace(const fs::path& path, const fs::path& temporary) {
  std::error_code error;
  fs::rename(temporary, path, error);
  if (error) {
    throw std::runtime_error(path.string() +
                             ": cannot be written: " + error.message());
  }
}

void WriteFile(const fs::path& path, const std::string& text) {
  const fs::path temporary = path.string() + ".tmp";
  std::ofstream file(temporary, std::ios::binary);
  file << text;
  file.close();
  if (!file) {
    throw std::runtime_error(path.string() + ": cannot be written");
  }
  Replace(path, temporary);
}

// Runs rsvg-convert by its name in PATH, without a shell. Returns "" or why
// there is no picture.
std::string ConvertToPng(const fs::path& svg, const fs::path& png) {
  const std::string from = fs::absolute(svg).string();
  const std::string to = fs::absolute(png).string() + ".tmp";
  const std::array<const char*, 6> arguments = {"rsvg-convert", "--zoom=2",
                                                "--output",     to.c_str(),
                                                from.c_str(),   nullptr};
  pid_t child = 0;
  const int failed =
      ::posix_spawnp(&child, arguments[0], nullptr, nullptr,
                     const_cast<char* const*>(arguments.data()), environ);
  if (failed != 0) {
    return std::string("no plot.png: rsvg-convert cannot be run (") +
           std::strerror(failed) + "); Debian has it in librsvg2-bin";
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    std::error_code ignored;
    fs::remove(to, ignored);
    return "no plot.png: rsvg-convert failed on " + from;
  }
  Replace(png, to);
  return "";
}

}  // namespace

Written WriteReport(const fs::path& out, const Spec& spec,
                    const std::vector<Result>& results,
                    const ReportOptions& options) {
  Written written;
  std::error_code ignored;  // the first file says what is wrong
  fs::create_directories(out, ignored);
  const auto write = [&](const char* name, const std::string& text) {
    WriteFile(out / name, text);
    written.files.push_back(out / name);
  };
  write("points.csv", PointsCsv(spec, results, options));
  write("front.json", FrontJson(spec, results, options));
  write("plot.svg", PlotSvg(spec, results, options));
  written.note = ConvertToPng(out / "plot.svg", out / "plot.png");
  if (written.note.empty()) {
    written.files.push_back(out / "plot.png");
  } else {
    fs::remove(out / "plot.png", ignored);  // it would show older results
  }
  write("report.html", ReportHtml(spec, results, options));
  return written;
}

}  // namespace nibble::sweep
