// SPDX-License-Identifier: Apache-2.0
// Ranges that fall silent, trickle or are slow beside others, in virtual time.
#include <gtest/gtest.h>

#include <functional>

#include "core/hash/hasher.h"
#include "core/net/task_group.h"
#include "core/transfer/file_transfer.h"
#include "tests/support/sim_file_system.h"
#include "tests/support/virtual_time.h"

namespace hubd::transfer {
namespace {

using namespace std::chrono_literals;

constexpr Bytes size = 32_MiB;
constexpr Bytes per_tick = 128_KiB;  // of a healthy connection
constexpr Duration tick = 10ms;

std::string content() {
  std::string bytes(static_cast<std::size_t>(size), '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>((i * 2654435761U) >> 13U);
  return bytes;
}

/// How one connection behaves.
struct Manner {
  Bytes silent_after = ~Bytes{0};  ///< of its body
  Bytes per_tick = transfer::per_tick;
  Duration tick = transfer::tick;
  Duration first_byte = 5ms;
};

class Peer final : public Source {
 public:
  Peer(net::Timers& timers, std::string const& bytes) : timers_(timers), bytes_(bytes) {}

  Async<std::unique_ptr<http::Response>> open(Extent extent, Duration silence_max) override {
    auto const manner = manners(requests_++);
    auto const wait = std::min(silence_max, manner.first_byte);
    bool const slept = co_await timers_.sleep_for(wait);
    if (!slept) co_return fail(ErrorKind::cancelled, "left");
    if (manner.first_byte >= silence_max) co_return silent();
    co_return std::make_unique<Body>(*this, extent, manner, silence_max);
  }
  [[nodiscard]] bool ignores_ranges() const override { return false; }
  void forget_route() override {}
  [[nodiscard]] std::uint64_t requests() const override { return requests_; }
  [[nodiscard]] Duration known_waits() const override { return {}; }

  std::function<Manner(std::uint64_t request)> manners = [](std::uint64_t) { return Manner{}; };
  Bytes sent = 0;

 private:
  static Error silent() {
    auto error = fail(ErrorKind::stalled, "cdn:443 (192.0.2.1:443) made no progress");
    error.host = "cdn:443 (192.0.2.1:443)";
    return error;
  }
  class Body final : public http::Response {
   public:
    Body(Peer& peer, Extent extent, Manner manner, Duration silence_max)
        : peer_(peer), rest_(extent), manner_(manner), silence_max_(silence_max) {}
    int status() const override { return 206; }
    http::Headers const& headers() const override { return headers_; }
    std::string const& url() const override { return text_; }
    std::vector<std::pair<std::string, http::Headers>> const& hops() const override { return hops_; }
    http::Route const& route() const override { return route_; }
    std::string const& request_id() const override { return text_; }
    std::optional<Bytes> content_length() const override { return std::nullopt; }
    Async<std::size_t> read_some(std::span<std::byte> out) override {
      if (rest_.length == 0) co_return std::size_t{0};
      bool const silent_now = given_ >= manner_.silent_after || manner_.tick >= silence_max_;
      auto const room = std::min({rest_.length, manner_.per_tick, static_cast<Bytes>(out.size()), manner_.silent_after - given_});
      auto const wait = silent_now ? silence_max_ : manner_.tick * static_cast<std::int64_t>(room) / static_cast<std::int64_t>(manner_.per_tick);
      bool const slept = co_await peer_.timers_.sleep_for(wait);
      if (!slept) co_return fail(ErrorKind::cancelled, "left");
      if (silent_now) co_return silent();
      std::memcpy(out.data(), peer_.bytes_.data() + rest_.offset, static_cast<std::size_t>(room));
      rest_.offset += room;
      rest_.length -= room;
      given_ += room;
      peer_.sent += room;
      co_return static_cast<std::size_t>(room);
    }

   private:
    Peer& peer_;
    Extent rest_;
    Manner manner_;
    Duration silence_max_;
    Bytes given_ = 0;
    http::Headers headers_;
    std::string text_;
    std::vector<std::pair<std::string, http::Headers>> hops_;
    http::Route route_{"cdn:443", "192.0.2.1:443"};
  };

  net::Timers& timers_;
  std::string const& bytes_;
  std::uint64_t requests_ = 0;
};

/// Every permit at once; bytes in quanta, each after a short wait, where `quantum` says so.
class Desk final : public Permits {
 public:
  explicit Desk(net::Timers& timers) : timers_(timers) {}
  Async<std::unique_ptr<Permit>> acquire() override { co_return std::make_unique<One>(*this); }
  [[nodiscard]] Duration served(Time asked) const override { return timers_.clock().now() - asked; }
  void heard() override {}
  void in_vain(Duration) override {}
  std::optional<Bytes> quantum;

 private:
  class One final : public Permit {
   public:
    explicit One(Desk& desk) : desk_(desk) {}
    Bytes allowed(Bytes wanted) const override { return desk_.quantum ? std::min(left_, wanted) : wanted; }
    void spend(Bytes bytes) override { left_ -= std::min(left_, bytes); }
    Async<void> more() override {
      bool const slept = co_await desk_.timers_.sleep_for(10ms);
      if (!slept) co_return fail(ErrorKind::cancelled, "left");
      left_ = *desk_.quantum;
      co_return Result<void>();
    }

   private:
    Desk& desk_;
    Bytes left_ = 0;
  };
  net::Timers& timers_;
};

/// Says that what is far below a healthy connection is slow.
class Judge final : public RouteJudge {
 public:
  void moved(http::Route const&, Bytes, Duration) override { ++samples; }
  bool slow(http::Route const&, Bytes bytes, Duration taken) const override {
    auto const healthy = static_cast<double>(per_tick) / std::chrono::duration<double>(tick).count();
    return static_cast<double>(bytes) / std::chrono::duration<double>(taken).count() < healthy / 8;
  }
  void failed(http::Route const&) override { ++failures; }
  int samples = 0;
  int failures = 0;
};

class Takeover : public testing::Test {
 protected:
  Takeover() : time(io), disk(disk_options()), peer(time, bytes) { (void)disk.make_directories("/partials"); }
  support::SimFileSystem::Options disk_options() {
    support::SimFileSystem::Options options;
    options.clock = &time;
    return options;
  }
  Result<void> run() {
    auto const executor = io.get_executor();
    FileTransfer::Parts parts{{executor, executor, executor, disk, time, log, permits, &judge}, peer};
    FileTransfer::Options options;
    options.name = "file model.bin of model acme/tiny";
    options.folder = "/partials";
    options.range_max = 2_MiB;
    options.connections = 4;
    hash::Sha256Hasher hasher;
    hasher.update(as_bytes(bytes));
    FileTransfer transfer(std::move(parts), std::move(options), *ContentId::parse(hasher.finish().hex()), size);
    std::optional<Result<void>> result;
    auto const begun = time.now();
    auto live = [&]() -> asio::awaitable<void> {
      auto running = transfer.run();
      auto ended = co_await std::move(running);
      result.emplace(std::move(ended));
      took = time.now() - begun;
    };
    net::TaskGroup group(executor, [](std::exception_ptr bug) { std::rethrow_exception(bug); });
    group.spawn("test", live());
    time.run_until_idle();
    fetched = transfer.fetched();
    done = transfer.done();
    return result ? *result : fail(ErrorKind::internal, "it never ended");
  }

  asio::io_context io;
  support::VirtualTime time;
  support::SimFileSystem disk;
  NullLog log;
  Desk permits{time};
  Judge judge;
  std::string const bytes = content();
  Peer peer;
  Duration took{};
  Bytes fetched = 0;
  Bytes done = 0;
};

Duration const healthy_time = tick * static_cast<int>(size / per_tick / 4);

TEST_F(Takeover, HealthyConnectionsAreLeftAlone) {
  ASSERT_TRUE(run());
  EXPECT_EQ(size, done);
  EXPECT_LE(took, healthy_time + 1s);
  EXPECT_EQ(size, fetched);
  EXPECT_EQ(size / 2_MiB, peer.requests());
  EXPECT_EQ(0, judge.failures);
  EXPECT_EQ(static_cast<int>(size / 2_MiB), judge.samples);
}

TEST_F(Takeover, ASilentRangeGoesOnBehindItsLastByte) {
  peer.manners = [](std::uint64_t request) {
    Manner manner;
    if (request == 2) manner.silent_after = 300'000;
    return manner;
  };
  ASSERT_TRUE(run());
  EXPECT_LE(took, healthy_time + 15s);
  EXPECT_EQ(size, fetched) << "no byte twice";
  EXPECT_EQ(size / 2_MiB + 1, peer.requests());
}

TEST_F(Takeover, OneBytePerSecondIsSlowNotAlive) {
  peer.manners = [](std::uint64_t request) {
    Manner manner;
    if (request == 1) manner = {~Bytes{0}, 1, 1s, 5ms};
    return manner;
  };
  auto const ended = run();
  ASSERT_TRUE(ended) << ended.error().what;
  EXPECT_LE(took, healthy_time + 15s);
  EXPECT_EQ(size, fetched);
  EXPECT_EQ(1, judge.failures);
}

TEST_F(Takeover, AConnectionFarBelowTheUsualIsTakenOver) {
  peer.manners = [](std::uint64_t request) {
    Manner manner;
    if (request == 1) manner.per_tick = per_tick / 64;  // 200 KiB/s: alive, and two minutes late
    return manner;
  };
  ASSERT_TRUE(run());
  EXPECT_LE(took, healthy_time + 10s);
  EXPECT_EQ(size, fetched);
}

TEST_F(Takeover, WhenNothingBetterComesTheJudgementIsRarerEachTime) {
  peer.manners = [](std::uint64_t) {
    Manner manner;
    manner.per_tick = per_tick / 64;
    return manner;
  };
  ASSERT_TRUE(run()) << "a judge that finds everything slow costs connections, not the transfer";
  EXPECT_EQ(size, fetched);
  EXPECT_LE(peer.requests(), size / 2_MiB * 3);
}

TEST_F(Takeover, ATrickleOnAllConnectionsIsNoProgress) {
  peer.manners = [](std::uint64_t) { return Manner{~Bytes{0}, 1, 1s, 5ms}; };
  auto const ended = run();
  ASSERT_FALSE(ended);
  EXPECT_EQ(ErrorKind::stalled, ended.error().kind);
  EXPECT_LE(took, 75s);
  EXPECT_NE(std::string::npos, ended.error().what.find("are kept")) << ended.error().what;
  EXPECT_NE(std::string::npos, ended.error().what.find("tried cdn:443 (192.0.2.1:443)")) << ended.error().what;
}

TEST_F(Takeover, SilenceEverywhereEndsWithinAMinuteAndSaysWhatWasTried) {
  peer.manners = [](std::uint64_t) { return Manner{0, 1, 1s, 5ms}; };
  auto const ended = run();
  ASSERT_FALSE(ended);
  EXPECT_EQ(ErrorKind::stalled, ended.error().kind);
  EXPECT_LE(took, 61s);
  EXPECT_GE(took, 30s);
  EXPECT_NE(std::string::npos, ended.error().what.find("tried cdn:443 (192.0.2.1:443)")) << ended.error().what;
  EXPECT_GE(peer.requests(), 8U) << "each connection was given another try";
}

TEST_F(Takeover, WaitingForBandwidthHidesNoSilence) {
  permits.quantum = 64_KiB;
  peer.manners = [](std::uint64_t) { return Manner{0, 1, 1s, 5ms}; };
  auto const ended = run();
  ASSERT_FALSE(ended);
  EXPECT_EQ(ErrorKind::stalled, ended.error().kind);
  EXPECT_LE(took, 62s);
}

TEST_F(Takeover, WaitingForBandwidthIsNoSlowness) {
  permits.quantum = 4_KiB;  // 400 KiB/s of each connection, far below what the host could give
  ASSERT_TRUE(run());
  EXPECT_EQ(0, judge.failures);
  EXPECT_EQ(size, fetched);
}

TEST_F(Takeover, AServerThatThinksForLongBeforeItsFirstByteIsWaitedFor) {
  peer.manners = [](std::uint64_t) {
    Manner manner;
    manner.first_byte = 25s;
    return manner;
  };
  auto const ended = run();
  ASSERT_TRUE(ended) << ended.error().what;
  EXPECT_EQ(size, fetched);
  EXPECT_LE(peer.requests(), size / 2_MiB + 8) << "how long it thinks is learnt once";
}

}  // namespace
}  // namespace hubd::transfer
