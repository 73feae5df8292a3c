// Two kinds of mistake. The caller's (a size that disagrees) is found by
// NIBBLE_CHECK, once per call and never inside a loop. Outside data (a file, a
// flag, a name) is refused with an InputError, which the command turns into
// exit code 2.
#pragma once

#include <stdexcept>
#include <string>

// Throws std::invalid_argument("LMul: requires x.size() == y.size()") unless
// `cond` holds.
#define NIBBLE_CHECK(op, cond) \
  ((cond) ? void() : throw std::invalid_argument(op ": requires " #cond))

namespace nibble {

// What a file, a flag or a name should have been, and was not.
class InputError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;

  // "model.safetensors: header length: found 99, expected at most 64"
  InputError(const std::string& where, const std::string& field,
             const std::string& found, const std::string& expected)
      : std::runtime_error(where + ": " + field + ": found " + found +
                           ", expected " + expected) {}
};

}  // namespace nibble
