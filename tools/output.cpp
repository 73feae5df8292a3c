// How results are printed.
#include <algorithm>
#include <iostream>

#include "tools/command.hpp"

namespace nibble::tools {

bool quiet = false;

void Log(const std::string& line) {
  if (!quiet) std::cerr << line << '\n';
}

void AddOutput(CLI::App& command, Output& output) {
  command.add_option("--output", output, "How results are printed")
      ->transform(CLI::CheckedTransformer(
          std::vector<std::pair<std::string, Output>>{{"table", Output::kTable},
                                                      {"json", Output::kJson},
                                                      {"csv", Output::kCsv}},
          CLI::ignore_case))
      ->option_text("table|json|csv");
}

Json OrNull(const std::string& text) {
  return text.empty() ? Json() : Json(text);
}

namespace {

// A cell of a table or of CSV. JSON numbers keep every digit.
std::string Cell(const Json& value) {
  if (value.is_null()) return "";
  return value.is_string() ? value.get<std::string>() : value.dump();
}

std::string CsvCell(const Json& value) {
  const std::string cell = Cell(value);
  if (cell.find_first_of(",\"\r\n") == std::string::npos) return cell;
  std::string quoted = "\"";
  for (const char c : cell) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

void PrintCsv(const Json& rows) {
  if (rows.empty()) return;
  const char* separator = "";
  for (const auto& [name, value] : rows[0].items()) {
    std::cout << separator << CsvCell(name);
    separator = ",";
  }
  for (const Json& row : rows) {
    std::cout << '\n';
    separator = "";
    for (const auto& [name, value] : row.items()) {
      std::cout << separator << CsvCell(value);
      separator = ",";
    }
  }
  std::cout << '\n';
}

// Numbers to six significant digits and to the right, text to the left.
std::string TableCell(const Json& value) {
  if (!value.is_number_float()) return Cell(value);
  std::ostringstream out;
  out.precision(6);
  out << value.get<double>();
  return out.str();
}

void PrintTable(const Json& rows) {
  if (rows.empty()) return;
  std::vector<std::string> names;
  std::vector<std::size_t> widths;
  for (const auto& [name, value] : rows[0].items()) {
    std::size_t width = name.size();
    for (const Json& row : rows) {
      width = std::max(width, TableCell(row[name]).size());
    }
    names.push_back(name);
    widths.push_back(width);
  }
  const auto print = [&](std::size_t i, const std::string& cell, bool right) {
    const std::string pad(widths[i] - cell.size(), ' ');
    const bool last = i + 1 == names.size();
    std::cout << (right  ? pad + cell
                  : last ? cell
                         : cell + pad)
              << (last ? "\n" : "  ");
  };
  for (std::size_t i = 0; i < names.size(); ++i) {
    print(i, names[i], rows[0][names[i]].is_number());
  }
  for (const Json& row : rows) {
    for (std::size_t i = 0; i < names.size(); ++i) {
      print(i, TableCell(row[names[i]]), row[names[i]].is_number());
    }
  }
}

}  // namespace

void Print(const Json& object, Output output) {
  if (output == Output::kJson) {
    std::cout << object.dump(2) << '\n';
  } else if (output == Output::kCsv) {
    PrintCsv(Json::array({object}));
  } else {
    Json rows = Json::array();
    for (const auto& [name, value] : object.items()) {
      rows.push_back({{"name", name}, {"value", TableCell(value)}});
    }
    PrintTable(rows);
  }
}

void PrintRows(const Json& object, const std::string& rows, Output output) {
  if (output == Output::kJson) {
    std::cout << object.dump(2) << '\n';
  } else if (output == Output::kCsv) {
    PrintCsv(object[rows]);
  } else {
    PrintTable(object[rows]);
  }
}

}  // namespace nibble::tools
