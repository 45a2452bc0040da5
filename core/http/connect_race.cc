// SPDX-License-Identifier: Apache-2.0
#include "core/http/connect_race.h"

#include "core/net/task_group.h"

namespace hubd::http {
namespace {

constexpr auto stagger = std::chrono::milliseconds(250);  // RFC 8305, section 5

}  // namespace

ConnectRace::ConnectRace(asio::any_io_executor executor, std::vector<Candidate> candidates, std::uint16_t port, Duration limit)
    : executor_(executor), candidates_(std::move(candidates)), port_(port), limit_(limit), changed_(executor) {
  for (std::size_t i = 0; i < candidates_.size(); ++i) {
    starts_.push_back(std::make_unique<asio::steady_timer>(executor_));
    starts_.back()->expires_after(stagger * static_cast<int>(i));
  }
}

asio::awaitable<Connected> ConnectRace::run() {
  auto quiet = net::no_unwinding();
  co_await std::move(quiet);
  auto on_bug = [this](std::exception_ptr) {
    ++ended_;
    changed_.notify();
  };
  net::TaskGroup group(executor_, on_bug);
  for (std::size_t i = 0; i < candidates_.size(); ++i) group.spawn("connect", attempt(*this, i));
  bool cancelled = false;
  while (!won_ && ended_ < candidates_.size() && !cancelled) {
    bool const woken = co_await changed_.wait();
    cancelled = !woken;
  }
  group.cancel();
  auto joining = group.join();
  co_await std::move(joining);
  Connected result;
  if (cancelled) {
    result.error = asio::error::operation_aborted;
  } else if (won_) {
    result = std::move(*won_);
  } else {
    result.error = failures_.empty() ? boost::system::error_code(asio::error::host_unreachable) : failures_.back().error;
  }
  co_return result;
}

asio::awaitable<void> ConnectRace::attempt(ConnectRace& race, std::size_t number) {
  auto quiet = net::no_unwinding();
  co_await std::move(quiet);
  auto const [ignored] = co_await race.starts_[number]->async_wait(net::nothrow);
  (void)ignored;  // also cut short, when the one before failed
  auto const state = co_await asio::this_coro::cancellation_state;
  if (state.cancelled() != asio::cancellation_type::none || race.won_) co_return;
  auto connected = co_await connect_plain(race.executor_, race.candidates_[number].address, race.port_, race.limit_);
  ++race.ended_;
  if (!connected.error && !race.won_) {
    race.won_.emplace(std::move(connected));
    race.winner_ = number;
  } else if (connected.error && connected.error != asio::error::operation_aborted) {
    race.failures_.push_back({race.candidates_[number].text, connected.error});
    if (number + 1 < race.starts_.size()) race.starts_[number + 1]->cancel();
  }
  race.changed_.notify();
}

}  // namespace hubd::http
