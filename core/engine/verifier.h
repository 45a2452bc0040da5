// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <deque>
#include <set>
#include <string>
#include <utility>

#include "core/engine/context.h"
#include "core/net/signal.h"

namespace hubd::engine {

/// Hashes what others wrote into the cache, one file at a time, while nothing else moves. A blob that turns out wrong is
/// remembered as such, and fetched again when it is next asked for. Contents that came by another way than Xet are read here
/// too, and their chunks noted, so that later revisions reuse them. All on the engine's executor.
class Verifier {
 public:
  explicit Verifier(Context& context) : context_(context), changed_(context.parts.executor) {}

  /// To be hashed when there is time; known ones are skipped.
  void enqueue(std::string path, std::string etag);
  [[nodiscard]] std::size_t waiting() const { return queue_.size(); }
  /// Looks through the cache once, then works off the queue until cancelled. To be spawned once. `busy` says whether
  /// transfers run.
  asio::awaitable<void> run(std::function<bool()> busy);

  /// Hashes one file now. False: other bytes than `etag` says. Fails: as hash_file.
  Async<bool> hash_now(std::string path, std::string etag) { return hash_on(context_.parts.hashing, std::move(path), std::move(etag)); }

 private:
  Async<bool> hash_on(asio::any_io_executor pool, std::string path, std::string etag);
  [[nodiscard]] bool adopts() const;
  [[nodiscard]] bool lacks_recipe(std::string const& etag, Bytes size) const;
  Context& context_;
  std::deque<std::pair<std::string, std::string>> queue_;  // path, etag
  std::set<std::string> queued_;
  net::Signal changed_;
};

}  // namespace hubd::engine
