// What the sub-commands share: how they are registered, how they print.
#pragma once

#include <CLI/CLI.hpp>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace nibble::cost {
struct Cost;
}

namespace nibble::tools {

using Json = nlohmann::ordered_json;

// --output of every sub-command.
enum class Output { kTable, kJson, kCsv };
void AddOutput(CLI::App& command, Output& output);

// Prints one object to stdout: a table of names and values, one JSON object, or
// a CSV header and a row.
void Print(const Json& object, Output output);

// Prints an object that holds an array `rows` of equal objects: the rows as a
// table or CSV, the whole as JSON.
void PrintRows(const Json& object, const std::string& rows, Output output);

// --weight-scheme, --act-scheme and --ends-scheme.
void AddSchemes(CLI::App& command, std::string& weights, std::string& acts,
                std::string& ends);

// Appends macs, weights, linear, quadratic, memory_bits, ace and bytes.
void AddCosts(Json& out, const cost::Cost& cost);

// One line on stderr, unless --quiet.
void Log(const std::string& line);
extern bool quiet;

// The sub-commands, each in the file of its name.
void AddArith(CLI::App& app);
void AddCost(CLI::App& app);
void AddEval(CLI::App& app);
void AddFormats(CLI::App& app);
void AddInspect(CLI::App& app);
void AddQuantize(CLI::App& app);
void AddSweep(CLI::App& app);

}  // namespace nibble::tools
