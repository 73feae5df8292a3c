// SQLite's C interface with owners for its two kinds of handle.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

namespace nibble::sweep {

// What SQLite answered, with its result code.
class SqlError : public std::runtime_error {
 public:
  SqlError(const std::string& where, int code, const std::string& message)
      : std::runtime_error(where + ": " + message), code_(code & 0xFF) {}
  int code() const { return code_; }

 private:
  int code_;
};

class Database {
 public:
  explicit Database(const std::filesystem::path& path) : path_(path.string()) {
    sqlite3* handle = nullptr;
    const int code =
        sqlite3_open_v2(path_.c_str(), &handle,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
    handle_.reset(handle);
    if (code != SQLITE_OK) Fail(code);
    sqlite3_busy_timeout(handle, 60'000);  // someone may be reading
  }

  void Execute(const std::string& sql) {
    const int code =
        sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) Fail(code);
  }

  [[noreturn]] void Fail(int code) const {
    throw SqlError(path_, code,
                   handle_ ? sqlite3_errmsg(handle_.get()) : "out of memory");
  }

  std::int64_t LastRow() const {
    return sqlite3_last_insert_rowid(handle_.get());
  }

  sqlite3* get() const { return handle_.get(); }

 private:
  struct Close {
    void operator()(sqlite3* handle) const { sqlite3_close(handle); }
  };
  std::string path_;
  std::unique_ptr<sqlite3, Close> handle_;
};

// A prepared statement. Bind in order, then Step; Reset to use it again.
class Statement {
 public:
  Statement(const Database& database, std::string_view sql)
      : database_(&database) {
    sqlite3_stmt* statement = nullptr;
    const int code =
        sqlite3_prepare_v2(database.get(), sql.data(),
                           static_cast<int>(sql.size()), &statement, nullptr);
    if (code != SQLITE_OK) database.Fail(code);
    statement_.reset(statement);
  }

  Statement& Bind(std::string_view text) {
    return Check(sqlite3_bind_text(get(), ++bound_, text.data(),
                                   static_cast<int>(text.size()),
                                   SQLITE_TRANSIENT));
  }
  Statement& Bind(double value) {
    return Check(sqlite3_bind_double(get(), ++bound_, value));
  }
  Statement& Bind(std::int64_t value) {
    return Check(sqlite3_bind_int64(get(), ++bound_, value));
  }

  // True while there is a row.
  bool Step() {
    const int code = sqlite3_step(get());
    if (code == SQLITE_ROW) return true;
    if (code != SQLITE_DONE) database_->Fail(code);
    return false;
  }

  void Reset() {
    sqlite3_reset(get());
    bound_ = 0;
  }

  std::string Text(int column) const {
    const auto* text = sqlite3_column_text(get(), column);
    const auto size =
        static_cast<std::size_t>(sqlite3_column_bytes(get(), column));
    return text == nullptr
               ? ""
               : std::string(reinterpret_cast<const char*>(text), size);
  }
  double Double(int column) const {
    return sqlite3_column_double(get(), column);
  }
  std::int64_t Int(int column) const {
    return sqlite3_column_int64(get(), column);
  }

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const {
      sqlite3_finalize(statement);
    }
  };
  sqlite3_stmt* get() const { return statement_.get(); }
  Statement& Check(int code) {
    if (code != SQLITE_OK) database_->Fail(code);
    return *this;
  }

  const Database* database_;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  int bound_ = 0;
};

}  // namespace nibble::sweep
