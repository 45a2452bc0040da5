// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <sstream>

#include "client/cli/progress_printer.h"
#include "client/cli/progress_view.h"
#include "client/cli/text.h"

namespace hubd::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

client::Progress sample() {
  client::Progress progress;
  progress.transfer_id = "t1";
  progress.files_done = 2;
  progress.files_total = 23;
  progress.bytes_done = 11'250'000;
  progress.bytes_total = 25'000'000;
  progress.rate = 4'000'000;
  progress.eta_seconds = 3.2;
  progress.files = {{"a.safetensors", 20'000'000, 9'000'000, "fetching"},
                    {"b.safetensors", 5'000'000, 5'000'000, "verifying"},
                    {"done.txt", 10, 10, "published"}};
  return progress;
}

ProgressView view(std::size_t width) {
  ProgressView view;
  view.label = "acme/model";
  view.width = width;
  view.unicode = false;
  return view;
}

TEST(BarLines, ShowAllThatFits) {
  auto const lines = bar_lines(view(100), sample());
  ASSERT_EQ(3U, lines.size());
  EXPECT_EQ("acme/model  45% #############-----------------  11.2 MB / 25.0 MB  4.0 MB/s  4 s left  2 of 23 files",
            lines[0]);
  EXPECT_EQ("  a.safetensors  45%  20.0 MB", lines[1]);
  EXPECT_EQ("  b.safetensors 100%  5.0 MB  verifying", lines[2]);
}

TEST(BarLines, NeverExceedTheWidth) {
  auto progress = sample();
  progress.waiting_for = "the lock of models--acme--model is held by pid 12 on this very long host name";
  progress.files[0].path = std::string(300, 'x') + "/\u00e8.bin";
  for (std::size_t width = 1; width < 140; ++width)
    for (auto const& line : bar_lines(view(width), progress)) EXPECT_LE(text_width(line), width) << line;
}

TEST(BarLines, SayWhatItWaitsFor) {
  auto progress = sample();
  progress.waiting_for = "rate window, 40 s";
  EXPECT_EQ("  waiting: rate window, 40 s", bar_lines(view(80), progress)[1]);
}

TEST(BarLines, AreNeverAtHundredBeforeTheEnd) {
  auto progress = sample();
  progress.bytes_done = progress.bytes_total - 1;
  EXPECT_NE(std::string::npos, bar_lines(view(80), progress)[0].find(" 99%"));
  progress.bytes_done = progress.bytes_total = 0;
  EXPECT_NE(std::string::npos, bar_lines(view(80), progress)[0].find("100%"));
}

TEST(PlainLine, IsASentenceForALog) {
  EXPECT_EQ("acme/model: 45 % of 25.0 MB, 4.0 MB/s, 4 s left, 2 of 23 files", plain_line(view(80), sample()));
  auto progress = sample();
  progress.rate = 0;
  progress.eta_seconds = -1;
  progress.waiting_for = "the disk";
  EXPECT_EQ("acme/model: 45 % of 25.0 MB, 2 of 23 files; waiting: the disk", plain_line(view(80), progress));
}

TEST(ProgressPrinter, PlainIsSilentForTheFirstSecondThenEveryFew) {
  std::ostringstream err;
  ProgressPrinter::Time const start{};
  ProgressPrinter printer(ProgressMode::plain, view(80), err, start);
  printer.update(sample(), start + milliseconds(900));
  EXPECT_EQ("", err.str());
  printer.update(sample(), start + milliseconds(1100));
  auto const once = err.str();
  EXPECT_FALSE(once.empty());
  printer.update(sample(), start + seconds(3));
  EXPECT_EQ(once, err.str());
  printer.update(sample(), start + seconds(7));
  EXPECT_EQ(once + once, err.str());
}

TEST(ProgressPrinter, BarsTakeThemselvesAway) {
  std::ostringstream err;
  ProgressPrinter::Time const start{};
  ProgressPrinter printer(ProgressMode::bars, view(80), err, start);
  printer.update(sample(), start);
  auto const drawn = err.str().size();
  printer.clear();
  std::string wipe;
  for (int i = 0; i < 3; ++i) wipe += "\x1b[1A\x1b[2K";
  EXPECT_EQ(wipe, err.str().substr(drawn));
  printer.clear();
  EXPECT_EQ(wipe, err.str().substr(drawn));
}

TEST(ProgressPrinter, NoneIsSilentButKnowsTheTransfer) {
  std::ostringstream err;
  ProgressPrinter::Time const start{};
  ProgressPrinter printer(ProgressMode::none, view(80), err, start);
  EXPECT_EQ("", printer.transfer_id());
  printer.update(sample(), start + seconds(9));
  EXPECT_EQ("", err.str());
  EXPECT_EQ("t1", printer.transfer_id());
}

}  // namespace
}  // namespace hubd::cli
