// Finished points in an SQLite file, each written in its own transaction the
// moment it ends.
//
// A process killed at any moment, or a machine that loses its power, loses no
// point that Add() returned from, and leaves no half of one: journal "delete",
// synchronous "extra". One process writes at a time; others may read.
//
//     runs    (id, identity, commit_id, machine, cores, compiler, command,
//     started) points  (key PRIMARY KEY, run, error, metrics, started, seconds,
//     attempts) results a view: point, error, elapsed_s, and a column for every
//     metric
//
// `key` is Key(point) and `metrics` a JSON object; numbers that are not finite
// are stored as null and read back as NaN.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "nibble/sweep/spec.hpp"

namespace nibble::sweep {

// Where and by what a result was made.
struct Provenance {
  std::string commit = {};    // of the sources, "unknown" where there is none
  std::string machine = {};   // CPU model
  int cores = 0;              // hardware threads
  std::string compiler = {};  // name and version
  std::string command = {};   // what makes it again
};

// This machine and this build; commit and command are the caller's to know.
Provenance Here(std::string commit, std::string command);

// The time now, in UTC: "2026-01-31T23:59:59Z".
std::string UtcNow();

struct Result {
  Point point;
  std::string error;    // empty if the point succeeded
  Metrics metrics;      // empty if it did not
  std::string started;  // UtcNow()
  double seconds = 0;
  int attempts = 1;  // of which the last is stored
  Provenance made;

  bool ok() const { return error.empty(); }
};

class Store {
 public:
  // Opens or creates the file, with its folder, and begins a run. `identity` is
  // Identity(spec).
  //
  // Errors   InputError if the file is not SQLite, is damaged, belongs to
  //          another program, another version or another identity, or if
  //          another process has it open. The file is then unchanged.
  static Store Open(const std::filesystem::path& path,
                    const std::string& identity, const Provenance& provenance);

  Store(Store&&) noexcept;
  Store& operator=(Store&&) noexcept;
  ~Store();

  // True if the point is stored and did not fail.
  bool Has(const Point& point) const;

  // The stored results of these points, failures included, in their order;
  // points without one are left out.
  std::vector<Result> Results(const std::vector<Point>& points) const;

  // Writes a result through to the disk; run and attempts are filled in. A
  // failed point may be added again, a finished one may not.
  //
  // Errors   std::invalid_argument if the point is already finished;
  //          std::runtime_error, naming the file, if it cannot be written.
  void Add(const Result& result);

  const std::filesystem::path& path() const;

 private:
  struct Impl;
  explicit Store(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace nibble::sweep
