// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <boost/asio/io_context.hpp>

#include "core/hub/hub_client.h"
#include "core/net/task_group.h"
#include "tests/fuzz/target.h"
#include "tests/support/fake_http.h"

namespace hubd {
namespace {

class NoTimers final : public net::Timers, public Clock {
 public:
  Clock const& clock() const override { return *this; }
  Time now() const override { return {}; }
  WallTime wall() const override { return {}; }
  asio::awaitable<bool> sleep_until(Time) override { co_return false; }
};

asio::awaitable<void> ask_everything(hub::HubClient& client) {
  RepoRef const repo{"https://hub.example", RepoType::model, "org/name"};
  hub::CallContext context;
  context.token = Secret("hf_x");
  auto const listing = co_await client.tree(repo, "main", context);
  if (listing) {
    for (auto const& file : *listing) fuzz::promise(bool(check_repo_path(file.path)), "every path stays in its snapshot");
    fuzz::promise(std::is_sorted(listing->begin(), listing->end(), [](auto const& a, auto const& b) { return a.path < b.path; }),
                  "a listing is sorted");
  }
  auto const info = co_await client.revision_info(repo, "main", context);
  auto const refs = co_await client.refs(repo, context);
  auto const identity = co_await client.whoami("https://hub.example", context);
  (void)info;
  (void)refs;
  (void)identity;
}

}  // namespace
}  // namespace hubd

// The body of every answer.
int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace hubd;
  auto const text = fuzz::text_of(data, size);
  support::FakeHttpClient http;
  http.answer_with([&text](http::Request const&) { return support::FakeAnswer::json(text); });
  NoTimers timers;
  NullLog log;
  hub::HubClient client(http, timers, log);
  asio::io_context io;
  net::TaskGroup tasks(io.get_executor(), [](std::exception_ptr bug) { std::rethrow_exception(bug); });
  tasks.spawn("ask", ask_everything(client));
  io.run();
  return 0;
}
