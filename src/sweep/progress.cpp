#include "nibble/sweep/progress.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace nibble::sweep {
namespace {

constexpr std::string_view kRed = "\033[31m", kGreen = "\033[32m",
                           kPlain = "\033[0m";

bool IsSet(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0';
}

bool IsTerminal() {
  const char* term = std::getenv("TERM");
  return ::isatty(STDERR_FILENO) == 1 && term != nullptr &&
         std::string_view(term) != "dumb";
}

std::size_t TerminalWidth() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    return size.ws_col;
  }
  return 80;
}

// At most `width` columns of UTF-8, cut between characters; control characters
// become spaces, so that one line stays one line.
std::string Cut(const std::string& text, std::size_t width) {
  std::string out;
  std::size_t columns = 0;
  for (const char c : text) {
    const bool continues = (static_cast<unsigned char>(c) & 0xC0) == 0x80;
    if (!continues && ++columns > width) break;
    out += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? ' ' : c;
  }
  return out;
}

std::string Painted(const std::string& text, std::string_view color, bool on) {
  return on ? std::string(color) + text + std::string(kPlain) : text;
}

}  // namespace

std::string Duration(double seconds) {
  char text[48];
  if (seconds < 1) {
    std::snprintf(text, sizeof(text), "%.0f ms", 1000 * seconds);
  } else if (seconds < 59.95) {
    std::snprintf(text, sizeof(text), "%.1f s", seconds);
  } else if (seconds < 3600) {
    const auto whole = static_cast<long>(seconds + 0.5);
    std::snprintf(text, sizeof(text), "%ld min %02ld s", whole / 60,
                  whole % 60);
  } else {
    const auto minutes = static_cast<long>(seconds / 60 + 0.5);
    std::snprintf(text, sizeof(text), "%ld h %02ld min", minutes / 60,
                  minutes % 60);
  }
  return text;
}

std::string ProgressLine(const ProgressState& state, std::size_t width,
                         bool color) {
  constexpr std::size_t kBar = 20;
  const std::size_t filled =
      state.total == 0 ? kBar : kBar * state.done / state.total;
  std::string rest =
      " " + std::to_string(state.done) + "/" + std::to_string(state.total);
  const std::string failed =
      state.failed == 0 ? "" : "  " + std::to_string(state.failed) + " failed";
  std::string tail = state.last.empty() ? "" : "  " + state.last;
  std::string left;
  if (state.done > state.earlier && state.done < state.total) {
    left = "  " +
           Duration(state.seconds /
                    static_cast<double>(state.done - state.earlier) *
                    static_cast<double>(state.total - state.done)) +
           " left";
  }
  const std::size_t fixed =
      kBar + 2 + rest.size() + failed.size() + left.size();
  if (fixed > width) return Cut(rest.substr(1) + failed, width);
  return "[" + Painted(std::string(filled, '#'), kGreen, color) +
         std::string(kBar - filled, '-') + "]" + rest +
         Painted(failed, kRed, color && !failed.empty()) +
         Cut(tail, width - fixed) + left;
}

Progress::Progress(bool quiet)
    : start_(std::chrono::steady_clock::now()),
      quiet_(quiet),
      terminal_(IsTerminal()),
      color_(terminal_ && !IsSet("NO_COLOR")) {}

Progress::~Progress() {
  if (!quiet_ && terminal_) std::fputs("\r\033[K", stderr);
}

void Progress::Begin(std::size_t total, std::size_t earlier) {
  state_ = {.total = total, .done = earlier, .earlier = earlier, .last = ""};
  start_ = std::chrono::steady_clock::now();
  if (!quiet_ && !terminal_ && earlier > 0) {
    std::fprintf(stderr, "%zu of %zu points are in the store\n", earlier,
                 total);
  }
}

void Progress::Working(const std::string& what) {
  if (state_.last.empty()) state_.last = what;  // until there is a result
  Draw();
}

void Progress::Done(const std::string& what, bool ok) {
  ++state_.done;
  state_.failed += !ok;
  state_.last = what;
  if (!quiet_ && !terminal_) {
    std::fprintf(stderr, "%zu/%zu  %s\n", state_.done, state_.total,
                 Cut(what, 200).c_str());
  }
  Draw();
}

void Progress::Draw() {
  if (quiet_ || !terminal_) return;
  const std::chrono::duration<double> passed =
      std::chrono::steady_clock::now() - start_;
  state_.seconds = passed.count();
  const std::string line = ProgressLine(
      state_, std::min<std::size_t>(TerminalWidth() - 1, 100), color_);
  std::fprintf(stderr, "\r%s\033[K", line.c_str());
  std::fflush(stderr);
}

}  // namespace nibble::sweep
