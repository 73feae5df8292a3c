// What the points of a specification are evaluated on: images or a text.
#pragma once

#include <memory>
#include <string>

#include "nibble/core/executor.hpp"
#include "nibble/sweep/spec.hpp"
#include "tools/configuration.hpp"

namespace nibble::tools {

// The axes and settings of the nibble command.
extern const sweep::Vocabulary kVocabulary;

// A point's axes as flags.
ConfigurationNames NamesOf(const sweep::Point& point);

class SweepWorkload {
 public:
  virtual ~SweepWorkload() = default;

  // Every metric of a point: how good, what it costs, how long it took.
  virtual sweep::Metrics Evaluate(const Configuration& configuration,
                                  const Executor& executor) = 0;
};

// By the specification's settings; files are looked up below `root` too.
//
// Errors   InputError naming what is missing or does not fit.
std::unique_ptr<SweepWorkload> LoadSweepWorkload(const sweep::Spec& spec,
                                                 const std::string& root);

}  // namespace nibble::tools
