// SPDX-License-Identifier: Apache-2.0
#include "core/engine/held_chunks.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include "core/cache/cache.h"
#include "core/hub/entitlement.h"
#include "core/hub/hub_client.h"
#include "core/transfer/partial.h"
#include "tests/support/fake_http.h"
#include "tests/support/forwarding_file_system.h"
#include "tests/support/instant_timers.h"
#include "tests/support/sim_file_system.h"

namespace hubd::engine {
namespace {

constexpr char const* root = "/cache";
std::string const etag(64, 'a');

/// A disk where somebody does something the moment before a file is opened.
class Disk final : public support::ForwardingFileSystem {
 public:
  using ForwardingFileSystem::ForwardingFileSystem;
  Result<std::unique_ptr<fs::File>> open(std::string const& path, fs::OpenMode mode, mode_t permissions, bool nofollow) override {
    if (path == before_open) meanwhile();
    return ForwardingFileSystem::open(path, mode, permissions, nofollow);
  }
  std::string before_open;
  std::function<void()> meanwhile;
};

class HeldChunksTest : public testing::Test {
 protected:
  HeldChunksTest() : context_(options(), parts()) {
    context_.ledger = *Ledger::open(files_, ":memory:");
    inner_.plant(partial_, "the content");
    inner_.plant(std::string(root) + "/blobs/keep", "");
  }
  static Options options() {
    Options options;
    options.state_folder = "/state";
    return options;
  }
  Parts parts() {
    auto const executor = io_.get_executor();
    return {executor, executor, executor, files_, cache_, http_, hub_, entitlement_, timers_, *random_, log_};
  }
  void move() { ASSERT_TRUE(inner_.rename(partial_, blob_)); }
  void note() { context_.ledger->record(*inner_.stat(blob_), etag, true, blob_); }

  boost::asio::io_context io_;
  support::SimFileSystem inner_;
  Disk files_{inner_};
  support::FakeHttpClient http_;
  support::InstantTimers timers_;
  std::unique_ptr<Random> random_ = seeded_random(1);
  NullLog log_;
  cache::Cache cache_{files_, *random_, {root, {}}, [] { return Result<void>(); }};
  hub::HubClient hub_{http_, timers_, log_};
  hub::OwnersCache entitlement_;
  std::string const partial_ = transfer::Partial::path_of("/state/partials", etag);
  std::string const blob_ = std::string(root) + "/blobs/" + etag;
  Context context_;
  HeldChunks held_{context_};
};

TEST_F(HeldChunksTest, APrivateFileIsReadWhileItIsFilledAndWhereItStandsWhenItIsPublished) {
  EXPECT_TRUE(held_.open(etag));
  move();
  EXPECT_FALSE(held_.open(etag)) << "nobody said where it went";
  note();
  EXPECT_TRUE(held_.open(etag));
}

TEST_F(HeldChunksTest, AContentThatMovesIsNeverMissed) {
  {
    HeldChunks::Moving const moving(held_, etag, blob_);
    EXPECT_TRUE(held_.open(etag)) << "not moved yet";
    move();
    EXPECT_TRUE(held_.open(etag)) << "the ledger does not know of it yet";
    note();
  }
  EXPECT_TRUE(held_.open(etag));
}

TEST_F(HeldChunksTest, AContentThatIsPublishedBetweenTwoLooksIsNotMissed) {
  files_.before_open = partial_;
  files_.meanwhile = [&] {
    HeldChunks::Moving const moving(held_, etag, blob_);
    move();
    note();
  };
  EXPECT_TRUE(held_.open(etag));
}

}  // namespace
}  // namespace hubd::engine
