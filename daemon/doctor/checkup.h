// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <string>

#include "core/base/random.h"
#include "core/engine/engine.h"
#include "core/engine/windowed_http.h"
#include "core/fs/file_system.h"
#include "core/hub/hub_client.h"
#include "core/net/resolver.h"
#include "daemon/config.h"
#include "daemon/doctor/finding.h"

namespace hubd::daemon {

/// Looks at everything that a download needs, from where hubd stands: names, TLS, proxy, clock, token, rate windows, both
/// routes, disk, folders, locks.
///
/// The checks run side by side, each within its own limit; all in all a run takes at most `time_max`. It costs the Hub a
/// handful of small requests and leaves nothing behind. On the engine's executor; everything referred to outlives it.
class Checkup {
 public:
  static constexpr auto time_max = std::chrono::seconds(18);

  struct Parts {
    net::Resolver& resolver;
    engine::WindowedHttp& http;
    hub::HubClient& hub;
    fs::FileSystem& files;
    Random& random;
    net::Timers& timers;
    Log& log;
    asio::any_io_executor executor;
    asio::any_io_executor disk;
  };
  struct Question {
    engine::Caller caller;
    std::string token_from;            ///< "given with the call", "stored", or empty: none
    std::optional<RepoRef> repo;       ///< absent: one that is cached
    std::string revision = "main";
    std::string cache_root;
    std::string state_folder;
    std::string problem;               ///< why publishing stopped, or empty
    std::vector<std::string> limits;   ///< warnings about what the host allows; see limits/budgets.h
    Config config;
  };

  explicit Checkup(Parts parts) : parts_(parts) {}
  /// Always has an answer: what fails is a finding.
  asio::awaitable<Findings> run(Question question);

 private:
  using Step = Async<Findings> (Checkup::*)(Question const&);
  struct Check {
    char const* name;
    Step step;
  };
  asio::awaitable<void> one(Check check, Question const& question, Findings& slot);
  Async<Findings> names(Question const& question);
  Async<Findings> hub(Question const& question);
  Async<Findings> token(Question const& question);
  Async<Findings> routes(Question const& question);
  Async<Findings> disk(Question const& question);
  Async<Finding> plain(Question const& question, RepoRef repo, Listing listing);
  Async<Finding> xet(Question const& question, RepoRef repo, Listing listing);
  [[nodiscard]] hub::CallContext context(Question const& question) const;

  Parts parts_;
};

}  // namespace hubd::daemon
