// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "core/net/signal.h"
#include "core/net/task_group.h"

namespace hubd::engine {

/// Answers many callers of one key with one piece of work. The work runs in the owner's TaskGroup, so that a caller who
/// leaves changes nothing for the others. All on the group's executor.
template <class Key, class T>
class SingleFlight {
 public:
  SingleFlight(asio::any_io_executor executor, net::TaskGroup& tasks) : executor_(std::move(executor)), tasks_(tasks) {}

  /// `work` must not borrow from the caller. Fails: as the work; cancelled when this caller was cancelled.
  Async<T> share(Key key, std::function<Async<T>()> work) {
    auto entry = std::shared_ptr<Entry>();
    auto const found = entries_.find(key);
    if (found == entries_.end()) {
      entry = std::make_shared<Entry>(executor_);
      entries_.emplace(key, entry);
      tasks_.spawn("single flight", drive(*this, key, entry, std::move(work)));
    } else {
      entry = found->second;
    }
    while (!entry->result) {
      bool const woken = co_await entry->done.wait();
      if (!woken && !entry->result) co_return fail(ErrorKind::cancelled, "the caller left");
    }
    co_return *entry->result;
  }

 private:
  struct Entry {
    explicit Entry(asio::any_io_executor executor) : done(std::move(executor)) {}
    std::optional<Result<T>> result;
    net::Signal done;
  };

  struct Close {
    SingleFlight& self;
    Key const& key;
    Entry& entry;
    ~Close() {
      if (!entry.result) entry.result.emplace(fail(ErrorKind::internal, "a lookup ended by an exception"));
      self.entries_.erase(key);
      entry.done.notify();
    }
  };

  static asio::awaitable<void> drive(SingleFlight& self, Key key, std::shared_ptr<Entry> entry, std::function<Async<T>()> work) {
    auto quiet = net::no_unwinding();
    co_await std::move(quiet);
    Close const close{self, key, *entry};  // also when the work throws, which is our bug: nobody may wait for ever
    auto running = work();
    auto result = co_await std::move(running);
    entry->result.emplace(std::move(result));
  }

  asio::any_io_executor executor_;
  net::TaskGroup& tasks_;
  std::map<Key, std::shared_ptr<Entry>> entries_;  // shared with waiting callers
};

}  // namespace hubd::engine
