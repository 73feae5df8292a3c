#include "nibble/sweep/store.hpp"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>

#include "nibble/core/check.hpp"

namespace nibble::sweep {
namespace {

namespace fs = std::filesystem;

const Provenance kMade = {.commit = "abc",
                          .machine = "a CPU",
                          .cores = 2,
                          .compiler = "g++",
                          .command = "nibble sweep"};

std::string Contents(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

class StoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ =
        fs::path(::testing::TempDir()) /
        ("store_" +
         std::string(
             ::testing::UnitTest::GetInstance()->current_test_info()->name()));
    fs::remove_all(folder_);
    path_ = folder_ / "points.sqlite";
  }
  void TearDown() override { fs::remove_all(folder_); }

  Store Open(const std::string& identity = "id") {
    return Store::Open(path_, identity, kMade);
  }

  // Runs SQL by SQLite itself and returns the first column of the first row.
  std::string Sql(const std::string& sql) {
    sqlite3* database = nullptr;
    EXPECT_EQ(sqlite3_open(path_.c_str(), &database), SQLITE_OK);
    std::string first;
    const int code = sqlite3_exec(
        database, sql.c_str(),
        [](void* out, int, char** values, char**) {
          auto& text = *static_cast<std::string*>(out);
          if (text.empty() && values[0] != nullptr) text = values[0];
          return 0;
        },
        &first, nullptr);
    EXPECT_EQ(code, SQLITE_OK) << sqlite3_errmsg(database);
    sqlite3_close(database);
    return first;
  }

  // The store is refused with these words, and its file left as it was.
  void ExpectRefused(const std::string& words,
                     const std::string& identity = "id") {
    const std::string before = Contents(path_);
    try {
      Open(identity);
      ADD_FAILURE() << "accepted";
    } catch (const InputError& error) {
      const std::string what = error.what();
      EXPECT_NE(what.find(path_.string()), std::string::npos) << what;
      EXPECT_NE(what.find(words), std::string::npos) << what;
    }
    EXPECT_EQ(Contents(path_), before);
    EXPECT_FALSE(fs::exists(path_.string() + ".lock"));
  }

  fs::path folder_, path_;
};

const Point kA = {{"scheme", "int8"}, {"width", 0.1}};
const Point kB = {{"scheme", "it's \"quoted\"\n\xC3\xA9"}, {"width", 2.0}};

Result Finished(const Point& point, const Metrics& metrics) {
  Result result;
  result.point = point;
  result.metrics = metrics;
  result.started = "2026-01-31T23:59:59Z";
  result.seconds = 1.5;
  return result;
}

TEST_F(StoreTest, ReturnsWhatWasAddedAfterReopening) {
  const Metrics metrics = {{"accuracy", 0.1 + 0.2},
                           {"cost", 5e-324},
                           {"big", 1.7976931348623157e308},
                           {"odd \"name'", -0.25}};
  {
    Store store = Open();
    EXPECT_FALSE(store.Has(kA));
    store.Add(Finished(kA, metrics));
    EXPECT_TRUE(store.Has(kA));
    EXPECT_FALSE(store.Has(kB));
    EXPECT_TRUE(fs::exists(path_.string() + ".lock"));
  }
  EXPECT_FALSE(fs::exists(path_.string() + ".lock"));
  Store store = Open();
  EXPECT_TRUE(store.Has(kA));
  store.Add(Finished(kB, {}));
  const auto results = store.Results({kB, {{"scheme", "absent"}}, kA});
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(results[0].point, kB);
  EXPECT_TRUE(results[0].metrics.empty());
  EXPECT_EQ(results[1].point, kA);
  EXPECT_EQ(results[1].metrics, metrics);  // the same doubles
  EXPECT_EQ(results[1].started, "2026-01-31T23:59:59Z");
  EXPECT_EQ(results[1].seconds, 1.5);
  EXPECT_EQ(results[1].attempts, 1);
  EXPECT_EQ(results[1].made.commit, "abc");
  EXPECT_EQ(results[1].made.machine, "a CPU");
  EXPECT_EQ(results[1].made.cores, 2);
  EXPECT_EQ(results[1].made.compiler, "g++");
  EXPECT_EQ(results[1].made.command, "nibble sweep");
}

TEST_F(StoreTest, NumbersThatAreNotFiniteComeBackAsNaN) {
  Store store = Open();
  store.Add(Finished(kA, {{"nan", std::nan("")},
                          {"inf", std::numeric_limits<double>::infinity()}}));
  const auto results = store.Results({kA});
  EXPECT_TRUE(std::isnan(results[0].metrics.at("nan")));
  EXPECT_TRUE(std::isnan(results[0].metrics.at("inf")));
}

TEST_F(StoreTest, AFailureIsStoredAndGivesWay) {
  Store store = Open();
  Result failure = Finished(kA, {});
  failure.error = "no such file";
  store.Add(failure);
  EXPECT_FALSE(store.Has(kA));
  EXPECT_EQ(store.Results({kA})[0].error, "no such file");
  EXPECT_FALSE(store.Results({kA})[0].ok());
  store.Add(Finished(kA, {{"accuracy", 1}}));
  EXPECT_TRUE(store.Has(kA));
  const Result now = store.Results({kA})[0];
  EXPECT_TRUE(now.ok());
  EXPECT_EQ(now.attempts, 2);
  EXPECT_EQ(now.metrics.at("accuracy"), 1);
  EXPECT_THROW(store.Add(Finished(kA, {})), std::invalid_argument);
  EXPECT_THROW(store.Add(failure), std::invalid_argument);
  EXPECT_EQ(store.Results({kA})[0].metrics.at("accuracy"), 1);
}

TEST_F(StoreTest, ViewHasAColumnForEveryMetric) {
  {
    Store store = Open();
    store.Add(Finished(kA, {{"accuracy", 0.5}}));
    store.Add(Finished(kB, {{"accuracy", 0.75}, {"it's", 3}}));
  }
  {
    Store store = Open();
    store.Add(Finished({{"scheme", "c"}}, {{"third", 9}}));
  }
  EXPECT_EQ(Sql("SELECT max(accuracy) FROM results"), "0.75");
  EXPECT_EQ(Sql("SELECT accuracy FROM results WHERE \"it's\" = 3"), "0.75");
  EXPECT_EQ(Sql("SELECT count(*) FROM results WHERE third = 9"), "1");
  EXPECT_EQ(Sql("SELECT count(*) FROM runs WHERE machine = 'a CPU'"), "2");
}

TEST_F(StoreTest, OneWriterAtATime) {
  {
    Store store = Open();
    try {
      Open();
      FAIL();
    } catch (const InputError& error) {
      EXPECT_NE(std::string(error.what())
                    .find("in use by process " + std::to_string(::getpid())),
                std::string::npos)
          << error.what();
    }
    store.Add(Finished(kA, {}));  // undisturbed
    EXPECT_EQ(Sql("SELECT count(*) FROM points"), "1") << "others may read";
  }
  EXPECT_TRUE(Open().Has(kA));
}

TEST_F(StoreTest, ALockLeftBehindByADeadProcessIsNoLock) {
  fs::create_directories(folder_);
  std::ofstream(path_.string() + ".lock") << "12345\n";
  EXPECT_FALSE(Open().Has(kA));
}

TEST_F(StoreTest, RefusesOtherIdentities) {
  { Store store = Open("{\"model\":\"a\"}"); }
  ExpectRefused("found {\"model\":\"a\"}, expected {\"model\":\"b\"}",
                "{\"model\":\"b\"}");
}

TEST_F(StoreTest, RefusesWhatIsNoSqliteFile) {
  fs::create_directories(folder_);
  for (const std::string& text :
       {std::string("x"), std::string("weights,accuracy\nint8,0.9\n"),
        std::string(100'000, '\x5A')}) {
    std::ofstream(path_, std::ios::binary) << text;
    ExpectRefused("found no SQLite file");
  }
}

TEST_F(StoreTest, RefusesAFolder) {
  fs::create_directories(path_);
  EXPECT_THROW(Open(), InputError);
}

TEST_F(StoreTest, RefusesAnotherProgramsFile) {
  fs::create_directories(folder_);
  Sql("CREATE TABLE mine (x); INSERT INTO mine VALUES (1)");
  ExpectRefused("an SQLite file of another program");
  EXPECT_EQ(Sql("SELECT x FROM mine"), "1");
}

TEST_F(StoreTest, RefusesAnotherVersion) {
  { Store store = Open(); }
  Sql("PRAGMA user_version = 99");
  ExpectRefused("store version: found 99, expected 1");
}

// Bytes overwritten in each page in turn, and the file cut short: refused as a
// whole, or read with every stored value right; never a crash, never a lie.
TEST_F(StoreTest, RefusesDamage) {
  constexpr int kPoints = 40;
  const auto point = [](int i) {
    return Point{{"scheme", "s" + std::to_string(i) + std::string(200, 'x')}};
  };
  {
    Store store = Open();
    for (int i = 0; i < kPoints; ++i) {
      store.Add(Finished(point(i), {{"accuracy", i}}));
    }
  }
  const std::string whole = Contents(path_);
  ASSERT_GT(whole.size(), 4 * 4096u);
  int refused = 0;
  const auto try_bytes = [&](const std::string& bytes) {
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << bytes;
    try {
      Open();
    } catch (const InputError&) {
      ++refused;
    }
  };
  for (std::size_t page = 4096; page + 4096 <= whole.size(); page += 4096) {
    std::string broken = whole;
    for (std::size_t i = 0; i < 64; ++i) broken[page + i] = '\x7F';
    try_bytes(broken);
  }
  EXPECT_EQ(refused, static_cast<int>(whole.size() / 4096 - 1));
  refused = 0;
  for (const std::size_t size : {50u, 99u, 3000u, 4096u, 8192u}) {
    try_bytes(whole.substr(0, size));
  }
  EXPECT_EQ(refused, 5);
  try_bytes(whole);
  EXPECT_EQ(refused, 5);
}

TEST_F(StoreTest, RefusesMetricsThatAreNone) {
  {
    Store store = Open();
    store.Add(Finished(kA, {{"accuracy", 1}}));
  }
  for (const std::string bad : {"{\"accuracy\":\"high\"}", "[1]", "3"}) {
    Sql("UPDATE points SET metrics = '" + bad + "'");
    Store store = Open();
    EXPECT_THROW(store.Results({kA}), InputError) << bad;
  }
}

TEST(Here, KnowsTheMachine) {
  const Provenance here = Here("", "command");
  EXPECT_EQ(here.commit, "unknown");
  EXPECT_EQ(here.command, "command");
  EXPECT_FALSE(here.machine.empty());
  EXPECT_GE(here.cores, 1);
  EXPECT_FALSE(here.compiler.empty());
  EXPECT_EQ(Here("abc", "").commit, "abc");
}

}  // namespace
}  // namespace nibble::sweep
