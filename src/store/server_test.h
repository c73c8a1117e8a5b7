#pragma once
// Databases of their own on the servers that WAYBILL_TEST_POSTGRESQL and WAYBILL_TEST_MYSQL name by URL.
// Their users may create schemas or databases. Without these variables only SQLite is tested.

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "store/mysql.h"
#include "store/postgresql.h"
#include "store/statement.h"

namespace waybill::store {

enum class Server { kPostgresql, kMysql };

/// One server under test. Makes a place for each folder. Not thread-safe.
class TestServer {
 public:
  TestServer(Server kind, std::string url) : kind_(kind), url_(std::move(url)) {}
  /// Drops the places. Not in a destructor: at exit OpenSSL, which logging in may need, has gone before.
  void drop_all() {
    for (const auto& [folder, name] : made_) {
      run(kind_ == Server::kPostgresql ? "DROP SCHEMA " + name + " CASCADE" : "DROP DATABASE " + name);
    }
    made_.clear();
  }

  Server kind() const { return kind_; }
  /// The URL of a place that is made at the first call for `folder`.
  std::string url_of(const std::string& folder) {
    std::string& name = made_[folder];
    if (name.empty()) {
      name = "waybill_test_" + std::to_string(::getpid()) + "_" + std::to_string(made_.size());
      run((kind_ == Server::kPostgresql ? "CREATE SCHEMA " : "CREATE DATABASE ") + name);
    }
    if (kind_ == Server::kPostgresql)
      return url_ + (url_.find('?') == url_.npos ? "?" : "&") + "schema=" + name;
    const size_t options = url_.find('?');
    const size_t slash = url_.rfind('/', options);
    return url_.substr(0, slash + 1) + name + (options == url_.npos ? "" : url_.substr(options));
  }
  /// Runs one statement outside of any store.
  void run(const std::string& sql) { (void)execute(*connect(), sql); }
  /// Ends all other connections to the server, but for those that are still being set up: SOCI 4.0.3 loses
  /// the memory of one that breaks then.
  int64_t end_connections() {
    const auto session = connect();
    const flow::ColumnType number[] = {flow::ColumnType::kInt64};
    if (kind_ == Server::kPostgresql) {
      return static_cast<int64_t>(
          fetch(*session,
                "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE "
                "pid <> pg_backend_pid() AND "
                "query ~ '^(BEGIN|COMMIT|ROLLBACK|SELECT|INSERT|UPDATE|DELETE)' GROUP BY pid",
                {}, number)
              .size());
    }
    int64_t ended = 0;
    const char* const others =
        "SELECT id FROM information_schema.processlist WHERE id <> CONNECTION_ID() AND db LIKE "
        "'waybill_test%'";
    for (const auto& row : fetch(*session, others, {}, number)) {
      try {
        (void)execute(*session, "KILL " + std::to_string(std::get<int64_t>(row[0])));
        ++ended;
      } catch (const std::exception&) {  // it has ended by itself
      }
    }
    return ended;
  }
  Session connect() const { return dialect()->connect(Access::kWrite); }

 private:
  std::unique_ptr<Dialect> dialect() const {
    auto made = kind_ == Server::kPostgresql ? make_postgresql(url_) : make_mysql(url_);
    if (!made) {
      std::cerr << made.error().message << "\n";
      std::abort();
    }
    return std::move(*made);
  }

  Server kind_;
  std::string url_;
  std::map<std::string, std::string> made_;  ///< folder -> schema or database
};

/// Those that the environment names.
inline std::map<std::string, TestServer>& test_servers() {
  static std::map<std::string, TestServer> servers = [] {
    std::map<std::string, TestServer> named;
    const char* const postgresql = std::getenv("WAYBILL_TEST_POSTGRESQL");
    const char* const mysql = std::getenv("WAYBILL_TEST_MYSQL");
    if (postgresql != nullptr) named.emplace("postgresql", TestServer(Server::kPostgresql, postgresql));
    if (mysql != nullptr) named.emplace("mysql", TestServer(Server::kMysql, mysql));
    return named;
  }();
  return servers;
}

/// Drops the places of a program's tests at its end.
class DropPlaces : public ::testing::Environment {
 public:
  void TearDown() override {
    for (auto& [name, server] : test_servers()) server.drop_all();
  }
};
inline ::testing::Environment* const kDropPlaces = ::testing::AddGlobalTestEnvironment(new DropPlaces);

}  // namespace waybill::store
