// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "core/hash/hasher.h"
#include "core/transfer/partial.h"
#include "tests/support/sim_file_system.h"

namespace hubd::transfer {
namespace {

using support::SimFileSystem;
using Loss = SimFileSystem::Loss;

constexpr char const* kFolder = "/state/partials";
constexpr char const* kPublished = "/cache/blob";
constexpr std::uint64_t kOperationsMax = 500;
constexpr Bytes kSize = 40'000;

std::string const& text() {
  static std::string const kText = [] {
    std::string made(kSize, '\0');
    for (std::size_t i = 0; i < made.size(); ++i) made[i] = static_cast<char>(i * 167 + i / 239);
    return made;
  }();
  return kText;
}
std::span<std::byte const> part(Extent extent) { return as_bytes(std::string_view(text()).substr(extent.offset, extent.length)); }
ContentId const& id() {
  static ContentId const kId = *ContentId::parse(hash::sha256(as_bytes(text())).hex());
  return kId;
}

/// One process that fills the partial; the disk outlives it.
struct Process {
  explicit Process(SimFileSystem& disk) : files(disk), frontier(id(), kSize) {}

  Result<void> open() {
    auto opened = Partial::open(files, kFolder, id(), kSize, &frontier);
    if (!opened) return opened.error();
    partial = std::move(*opened);
    return {};
  }

  SimFileSystem& files;
  hash::ContentHasher frontier;
  std::unique_ptr<Partial> partial;
};

/// What a partial lives through: writes out of order, again over the same place, a sync, a damaged sector, a second
/// process. Stops at the first failure. `kept` is what was written with success and still must be there.
void live(SimFileSystem& files, ExtentSet& kept) {
  auto const write_all = [&](Partial& partial, std::vector<Extent> const& extents) {
    return std::all_of(extents.begin(), extents.end(), [&](Extent extent) {
      bool const written = partial.write(extent.offset, part(extent)).has_value();
      // A write that failed over bytes that were there may leave them or not: they are the same bytes.
      if (written)
        kept.add(extent);
      else
        kept.subtract(extent);
      return written;
    });
  };
  {
    Process first(files);
    if (!first.open() || !first.partial->reserve()) return;
    if (!write_all(*first.partial, {{0, 3000}, {9000, 3000}, {3000, 3000}, {20'000, 700}, {20'700, 900}})) return;
    if (!first.partial->file().sync()) return;
    if (!write_all(*first.partial, {{8000, 2000}, {12'000, 4096}, {30'000, 5000}, {3000, 3000}})) return;
  }
  {
    auto const file = files.open(std::string(kFolder) + "/" + id().etag() + ".partial", fs::OpenMode::read_write);
    if (!file) return;
    kept.subtract({20'000, 700});
    kept.subtract({12'000, 4096});
    std::array<std::byte, 1> const wrong{std::byte(~static_cast<unsigned char>(text()[20'100]))};
    std::array<std::byte, 1> const wrong_too{std::byte(~static_cast<unsigned char>(text()[15'000]))};
    if (!(*file)->write_at(20'100, wrong) || !(*file)->write_at(15'000, wrong_too)) return;
  }
  Process second(files);
  if (!second.open()) return;
  if (!write_all(*second.partial, {{16'096, 3904}, {20'000, 700}, {35'000, 5000}})) return;
}

/// What present() claims is right, and the frontier is what leads from 0.
void expect_honest(Process& process) {
  for (auto const& extent : process.partial->present()) {
    std::vector<std::byte> bytes(static_cast<std::size_t>(extent.length));
    auto const count = process.partial->read(extent.offset, bytes);
    ASSERT_TRUE(count && *count == extent.length);
    ASSERT_TRUE(std::ranges::equal(bytes, part(extent))) << "at " << extent.offset << ", " << extent.length << " bytes";
  }
  auto const present = process.partial->present();
  Bytes const leading = !present.empty() && present.front().offset == 0 ? present.front().length : 0;
  ASSERT_EQ(process.frontier.fed(), leading);
}

void expect_kept(Process const& process, ExtentSet const& kept) {
  ExtentSet present;
  for (auto const& extent : process.partial->present()) present.add(extent);
  for (auto const& extent : kept.extents())
    ASSERT_TRUE(present.contains(extent)) << "lost: at " << extent.offset << ", " << extent.length << " bytes";
}

/// The rest is written, and the whole is published under its own name.
void complete(Process& process) {
  for (auto const& extent : process.partial->missing(4096)) {
    auto const written = process.partial->write(extent.offset, part(extent));
    ASSERT_TRUE(written) << written.error().what;
  }
  ASSERT_EQ(process.partial->present_bytes(), kSize);
  auto rest = part({process.frontier.fed(), kSize - process.frontier.fed()});
  process.frontier.update(rest);
  ASSERT_EQ(process.frontier.finish(), id().etag());
  ASSERT_EQ(process.partial->file().stat()->size, kSize);
  ASSERT_TRUE(process.partial->file().sync());
  ASSERT_TRUE(process.files.rename(process.partial->path(), kPublished));
  ASSERT_TRUE(process.partial->discard());
  ASSERT_EQ(process.files.content(kPublished), text());
  ASSERT_TRUE(process.files.list(kFolder)->empty());
}

SimFileSystem::Options with_seed(std::uint64_t seed) {
  SimFileSystem::Options options;
  options.seed = seed;
  return options;
}

std::uint64_t operations_of_a_life() {
  SimFileSystem files;
  ExtentSet kept;
  files.plant("/cache/.keep", "");
  live(files, kept);
  EXPECT_EQ(kept.extents(), (std::vector<Extent>{{0, 6000}, {8000, 4000}, {16'096, 5504}, {30'000, 10'000}}))
      << "without faults the whole life is lived";
  return files.operations();
}

/// Lives until operation n goes wrong by `strike`, looks at what the next process finds, and completes.
template <class Strike>
void expect_survival(std::uint64_t n, std::uint64_t seed, Strike strike, Loss loss) {
  SimFileSystem files(with_seed(seed));
  files.plant("/cache/.keep", "");
  strike(files, n);
  ExtentSet kept;
  live(files, kept);
  files.crash(loss);
  SCOPED_TRACE("operation " + std::to_string(n) + ", seed " + std::to_string(seed) + "\n" + files.log_text());

  Process next(files);
  auto const opened = next.open();
  ASSERT_TRUE(opened) << opened.error().what;
  expect_honest(next);
  if (loss == Loss::none) expect_kept(next, kept);
  complete(next);
}

void fail_io(SimFileSystem& files, std::uint64_t n) { files.fail_operation(n, ErrorKind::io); }
void fail_full(SimFileSystem& files, std::uint64_t n) { files.fail_operation(n, ErrorKind::disk_full); }
void die(SimFileSystem& files, std::uint64_t n) { files.crash_at(n); }

class PartialFault : public ::testing::Test {
 protected:
  std::uint64_t count_ = std::min(operations_of_a_life(), kOperationsMax);
};

TEST_F(PartialFault, AFailingOperationCostsNoOtherBytes) {
  for (std::uint64_t n = 1; n <= count_ && !HasFailure(); ++n) {
    expect_survival(n, n, fail_io, Loss::none);
    expect_survival(n, n, fail_full, Loss::none);
  }
}

TEST_F(PartialFault, ADyingProcessCostsOnlyTheWriteItWasIn) {
  for (std::uint64_t n = 1; n <= count_ + 1 && !HasFailure(); ++n)
    for (std::uint64_t seed = 1; seed <= 4; ++seed) expect_survival(n, seed, die, Loss::none);
}

TEST_F(PartialFault, LostPowerCostsBytesButNeverCorrectness) {
  for (std::uint64_t n = 1; n <= count_ + 1 && !HasFailure(); ++n) {
    expect_survival(n, n, die, Loss::all);
    for (std::uint64_t seed = 1; seed <= 12; ++seed) expect_survival(n, seed * 1000 + n, die, Loss::some);
  }
}

TEST_F(PartialFault, ARecoveryThatDiesItselfCostsNothingMore) {
  for (std::uint64_t n = 1; n <= count_ + 1 && !HasFailure(); ++n) {
    for (std::uint64_t again = 1; again <= 4; ++again) {
      SimFileSystem files(with_seed(n * 10 + again));
      files.plant("/cache/.keep", "");
      files.crash_at(n);
      ExtentSet kept;
      live(files, kept);
      files.crash(Loss::none);
      files.crash_at(again);
      {
        Process dying(files);
        (void)dying.open();
      }
      files.crash(Loss::none);
      SCOPED_TRACE("operation " + std::to_string(n) + ", then " + std::to_string(again) + "\n" + files.log_text());
      Process next(files);
      ASSERT_TRUE(next.open());
      expect_honest(next);
      expect_kept(next, kept);
      complete(next);
    }
  }
}

}  // namespace
}  // namespace hubd::transfer
