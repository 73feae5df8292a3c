#include "nibble/sweep/store.hpp"

#include <cmath>
#include <fstream>
#include <limits>
#include <set>
#include <utility>

#include "nibble/core/check.hpp"
#include "nlohmann/json.hpp"
#include "src/sweep/lock.hpp"
#include "src/sweep/sqlite.hpp"

namespace nibble::sweep {
namespace {

constexpr std::int64_t kApplication = 0x6E69626C;  // "nibl"
constexpr std::int64_t kVersion = 1;

constexpr const char* kTables = R"(
  CREATE TABLE runs (
    id INTEGER PRIMARY KEY, identity TEXT NOT NULL, commit_id TEXT NOT NULL,
    machine TEXT NOT NULL, cores INTEGER NOT NULL, compiler TEXT NOT NULL,
    command TEXT NOT NULL, started TEXT NOT NULL) STRICT;
  CREATE TABLE points (
    key TEXT PRIMARY KEY, run INTEGER NOT NULL REFERENCES runs(id),
    error TEXT NOT NULL, metrics TEXT NOT NULL, started TEXT NOT NULL,
    seconds REAL NOT NULL, attempts INTEGER NOT NULL) STRICT;
)";

std::string ToJson(const Metrics& metrics) {
  nlohmann::json object = nlohmann::json::object();
  for (const auto& [name, value] : metrics) {
    if (std::isfinite(value)) {
      object[name] = value;
    } else {
      object[name] = nullptr;
    }
  }
  return object.dump();
}

Metrics FromJson(const std::string& text, const std::string& where) {
  const auto object = nlohmann::json::parse(text, nullptr, false);
  Metrics metrics;
  bool good = object.is_object();
  if (good) {
    for (const auto& [name, value] : object.items()) {
      good = good && (value.is_number() || value.is_null());
      if (!good) break;
      metrics[name] = value.is_null() ? std::numeric_limits<double>::quiet_NaN()
                                      : value.get<double>();
    }
  }
  if (!good) {
    throw InputError(where, "metrics", text.substr(0, 60),
                     "a JSON object of numbers");
  }
  return metrics;
}

std::string SqlQuoted(const std::string& text, char quote) {
  std::string out(1, quote);
  for (const char c : text)
    out += c == quote ? std::string(2, c) : std::string(1, c);
  return out + quote;
}

std::int64_t Pragma(Database& database, const std::string& name) {
  Statement statement(database, "PRAGMA " + name);
  statement.Step();
  return statement.Int(0);
}

// Refuses everything that is not a whole store of this version and identity.
void CheckExisting(Database& database, const std::string& where,
                   const std::string& identity) {
  const std::int64_t application = Pragma(database, "application_id");
  if (application != kApplication) {
    throw InputError(where, "file", "an SQLite file of another program",
                     "a store of nibble sweep");
  }
  const std::int64_t version = Pragma(database, "user_version");
  if (version != kVersion) {
    throw InputError(
        where, "store version", std::to_string(version),
        std::to_string(kVersion) + ": move the file away to begin a new one");
  }
  Statement check(database, "PRAGMA quick_check(1)");
  check.Step();
  if (check.Text(0) != "ok") {
    throw InputError(where, "file", "damage: " + check.Text(0),
                     "a whole store: move it away to begin a new one");
  }
  Statement stored(database, "SELECT identity FROM runs ORDER BY id LIMIT 1");
  const std::string found = stored.Step() ? stored.Text(0) : "no run";
  if (found != identity) {
    throw InputError(where, "specification", found,
                     identity + ": name another folder for other settings");
  }
}

// Refuses files that SQLite would take as empty or quietly make its own.
void CheckKind(const std::filesystem::path& path) {
  const auto refuse = [&](const std::string& found) {
    throw InputError(path.string(), "file", found, "a store of nibble sweep");
  };
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return;
  if (!std::filesystem::is_regular_file(path, ignored)) {
    refuse("no regular file");
  }
  // A journal beside it: a half-written transaction that SQLite takes back.
  if (std::filesystem::file_size(path) == 0 ||
      std::filesystem::exists(path.string() + "-journal", ignored)) {
    return;
  }
  std::string magic(16, '\0');
  std::ifstream(path, std::ios::binary).read(magic.data(), 16);
  if (magic != std::string("SQLite format 3\0", 16)) refuse("no SQLite file");
}

// True of a file that is new, or whose first transaction never ended.
bool IsEmpty(Database& database) {
  Statement tables(database, "SELECT count(*) FROM sqlite_master");
  tables.Step();
  return tables.Int(0) == 0 && Pragma(database, "application_id") == 0;
}

}  // namespace

struct Store::Impl {
  Impl(const std::filesystem::path& file, const std::string& identity,
       const Provenance& made)
      : path(file), lock(file), database(Ready(file, identity)) {
    BeginRun(identity, made);
    ReadColumns();
  }

  static Database Ready(const std::filesystem::path& file,
                        const std::string& identity) {
    CheckKind(file);
    Database database(file);
    if (!IsEmpty(database)) CheckExisting(database, file.string(), identity);
    database.Execute(
        "PRAGMA journal_mode=DELETE; PRAGMA synchronous=EXTRA;"
        "PRAGMA foreign_keys=ON");
    return database;
  }

  void BeginRun(const std::string& identity, const Provenance& made) {
    database.Execute("BEGIN IMMEDIATE");
    if (Pragma(database, "application_id") != kApplication) {
      database.Execute(kTables);
      database.Execute("PRAGMA application_id=" + std::to_string(kApplication));
      database.Execute("PRAGMA user_version=" + std::to_string(kVersion));
    }
    Statement insert(database,
                     "INSERT INTO runs (identity, commit_id, machine, cores, "
                     "compiler, command, started) VALUES (?,?,?,?,?,?,?)");
    insert.Bind(identity).Bind(made.commit).Bind(made.machine);
    insert.Bind(std::int64_t{made.cores}).Bind(made.compiler);
    insert.Bind(made.command).Bind(UtcNow());
    insert.Step();
    run = database.LastRow();
    database.Execute("COMMIT");
  }

  void ReadColumns() {
    Statement names(database,
                    "SELECT DISTINCT j.key FROM points, json_each(metrics) j");
    while (names.Step()) columns.insert(names.Text(0));
  }

  // The view `results` with one more column for every metric not yet in it.
  void UpdateView(const Metrics& metrics) {
    const std::size_t before = columns.size();
    for (const auto& [name, value] : metrics) columns.insert(name);
    if (columns.size() == before) return;
    std::string view =
        "CREATE VIEW results AS SELECT key AS point, error, seconds AS "
        "elapsed_s";
    for (const std::string& name : columns) {
      view += ", (SELECT value FROM json_each(metrics) j WHERE j.key = " +
              SqlQuoted(name, '\'') + ") AS " + SqlQuoted(name, '"');
    }
    database.Execute("DROP VIEW IF EXISTS results");
    database.Execute(view + " FROM points");
  }

  void Insert(const Result& result) {
    Statement insert(
        database,
        "INSERT INTO points (key, run, error, metrics, started, seconds, "
        "attempts) VALUES (?,?,?,?,?,?,1) ON CONFLICT (key) DO UPDATE SET "
        "run=excluded.run, error=excluded.error, metrics=excluded.metrics, "
        "started=excluded.started, seconds=excluded.seconds, "
        "attempts=attempts+1");
    insert.Bind(Key(result.point)).Bind(run).Bind(result.error);
    insert.Bind(ToJson(result.metrics)).Bind(result.started);
    insert.Bind(result.seconds);
    insert.Step();
  }

  std::filesystem::path path;
  FileLock lock;
  Database database;
  std::int64_t run = 0;
  std::set<std::string> columns;
};

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Store::Store(Store&&) noexcept = default;
Store& Store::operator=(Store&&) noexcept = default;
Store::~Store() = default;

const std::filesystem::path& Store::path() const { return impl_->path; }

Store Store::Open(const std::filesystem::path& path,
                  const std::string& identity, const Provenance& provenance) {
  if (path.has_parent_path()) {
    std::error_code ignored;  // the lock file says what is wrong
    std::filesystem::create_directories(path.parent_path(), ignored);
  }
  try {
    return Store(std::make_unique<Impl>(path, identity, provenance));
  } catch (const SqlError& error) {
    throw InputError(std::string(error.what()) +
                     ": expected a whole store that can be written");
  }
}

bool Store::Has(const Point& point) const {
  Statement found(impl_->database,
                  "SELECT 1 FROM points WHERE key = ? AND error = ''");
  return found.Bind(Key(point)).Step();
}

std::vector<Result> Store::Results(const std::vector<Point>& points) const {
  Statement found(impl_->database,
                  "SELECT error, metrics, points.started, seconds, attempts, "
                  "commit_id, machine, cores, compiler, command FROM points "
                  "JOIN runs ON runs.id = run WHERE key = ?");
  std::vector<Result> results;
  for (const Point& point : points) {
    found.Reset();
    if (!found.Bind(Key(point)).Step()) continue;
    Result& result = results.emplace_back();
    result.point = point;
    result.error = found.Text(0);
    result.metrics = FromJson(found.Text(1), impl_->path.string());
    result.started = found.Text(2);
    result.seconds = found.Double(3);
    result.attempts = static_cast<int>(found.Int(4));
    result.made = {.commit = found.Text(5),
                   .machine = found.Text(6),
                   .cores = static_cast<int>(found.Int(7)),
                   .compiler = found.Text(8),
                   .command = found.Text(9)};
  }
  return results;
}

void Store::Add(const Result& result) {
  NIBBLE_CHECK("Store::Add", !Has(result.point));
  const auto columns = impl_->columns;
  impl_->database.Execute("BEGIN IMMEDIATE");
  try {
    impl_->UpdateView(result.metrics);
    impl_->Insert(result);
    impl_->database.Execute("COMMIT");
  } catch (...) {
    impl_->columns = columns;
    sqlite3_exec(impl_->database.get(), "ROLLBACK", nullptr, nullptr, nullptr);
    throw;
  }
}

}  // namespace nibble::sweep
