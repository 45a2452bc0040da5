// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <list>
#include <map>
#include <memory>
#include <string>

#include "core/engine/context.h"
#include "core/engine/single_flight.h"

namespace hubd::engine {

/// Answers of the Hub to reads beside files, remembered for a while: 64 ranks that ask for the same model info are one
/// request. An answer serves only callers with the same token. What the Hub said last stands in while it cannot be asked.
/// All on the engine's executor.
class Lookups {
 public:
  Lookups(Context& context, net::TaskGroup& tasks) : context_(context), flights_(context.parts.executor, tasks) {}

  /// Fails: as Engine::lookup.
  Async<LookupResult> ask(LookupRequest request);

 private:
  struct Known {
    std::string key;
    std::shared_ptr<LookupAnswer const> answer;
    Time asked{};
  };
  struct Answer {
    std::shared_ptr<LookupAnswer const> answer;
    std::uint64_t requests = 0;
  };
  using Recent = std::list<Known>;
  Known const* recall(std::string const& key);
  void keep(std::string key, std::shared_ptr<LookupAnswer const> answer);
  Async<Answer> send(std::string key, LookupRequest request, unsigned retries);

  Context& context_;
  Recent recent_;  // newest first
  std::map<std::string, Recent::iterator, std::less<>> by_key_;
  Bytes kept_ = 0;
  SingleFlight<std::string, Answer> flights_;
};

}  // namespace hubd::engine
