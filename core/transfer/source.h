// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/repo.h"
#include "core/base/secret.h"
#include "core/http/client.h"
#include "core/net/signal.h"

namespace hubd::transfer {

/// A place that gives ranges of one file's bytes. On the io executor.
class Source {
 public:
  virtual ~Source() = default;
  /// An answer whose body is exactly `extent` of the file: status, range, length and type were checked.
  /// Fails: as http::Client::send; the Hub's own errors (hub-files 4); bad_upstream when the answer is about something else.
  /// `silence_max`: how long each step may make no progress, also of reading the body.
  virtual Async<std::unique_ptr<http::Response>> open(Extent extent, Duration silence_max) = 0;
  /// This place answers a range with the whole file: only [0, size) can be had.
  [[nodiscard]] virtual bool ignores_ranges() const = 0;
  /// Begins anew at the next open(): other redirect target, other connection. After bytes turned out wrong.
  virtual void forget_route() = 0;
  /// Requests sent so far.
  [[nodiscard]] virtual std::uint64_t requests() const = 0;
  /// Time that open() has spent so far on waits whose end was known, which are no silence of the host.
  [[nodiscard]] virtual Duration known_waits() const = 0;
};

/// The Hub's resolve route, which serves every file (hub-files 3): the redirect to a CDN is followed once and its signed
/// address kept for the other ranges, until shortly before it expires. Mirrors stand in when the first upstream cannot be reached.
class ResolveSource final : public Source {
 public:
  struct Options {
    RepoRef repo;
    Commit commit;
    std::string path;
    Bytes size = 0;
    Secret token;  ///< sent to `repo.endpoint` only
    std::string user_agent;
    std::vector<std::string> mirrors;  ///< other endpoints with the same repos, asked without the token
  };
  /// `client` and `clock` outlive it.
  ResolveSource(http::Client& client, Clock const& clock, Options options);

  Async<std::unique_ptr<http::Response>> open(Extent extent, Duration silence_max) override;
  [[nodiscard]] bool ignores_ranges() const override { return ignores_ranges_; }
  void forget_route() override { direct_.clear(); }
  [[nodiscard]] std::uint64_t requests() const override { return requests_; }
  [[nodiscard]] Duration known_waits() const override { return known_waits_; }

 private:
  Async<std::unique_ptr<http::Response>> ask(std::string url, Extent extent, bool with_token, Duration silence_max);
  Async<std::unique_ptr<http::Response>> resolve(Extent extent, Duration silence_max);
  Result<void> check(http::Response const& response, Extent extent);
  [[nodiscard]] Error wrong(http::Response const& response, std::string const& why) const;
  [[nodiscard]] std::string subject() const;

  http::Client& client_;
  Clock const& clock_;
  Options options_;
  std::optional<Time> renew_at_;  // of direct_
  std::string direct_;         // where the last resolve led to; empty: resolve again. May carry a signature: never logged
  bool resolving_ = false;     // one range asks the Hub where to go, the others wait for what it learns
  std::optional<net::Signal> resolved_;
  std::size_t upstream_ = 0;   // 0: repo.endpoint, else mirrors[upstream_ - 1]
  bool ignores_ranges_ = false;
  std::uint64_t requests_ = 0;
  Duration known_waits_{};
};

}  // namespace hubd::transfer
