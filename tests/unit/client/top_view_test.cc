// SPDX-License-Identifier: Apache-2.0
#include "client/cli/top_view.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "client/cli/text.h"

namespace hubd::cli {
namespace {

TopFrame busy() {
  TopFrame frame;
  frame.status.version = "1.0";
  frame.status.uptime_seconds = 3600;
  frame.status.bytes_free = 120'000'000'000;
  auto& budgets = frame.overview.budgets;
  budgets.bandwidth = 12'000'000;
  budgets.bandwidth_max = 50'000'000;
  budgets.connections = 12;
  budgets.connections_max = 64;
  budgets.connections_per_host_max = 16;
  budgets.connections_waiting = 5;
  budgets.hosts = {{"hub.example:443", 12}};
  budgets.windows = {{"hub.example:443", "api", 3, 41.2, 2}};
  for (int i = 0; i < 30; ++i) {
    client::Transfer transfer;
    transfer.id = "t" + std::to_string(i);
    transfer.repo.id = "acme/model-" + std::to_string(i);
    transfer.state = i == 7 ? "running" : "waiting";
    transfer.rate = i == 7 ? 12e6 : 0;
    transfer.bytes_total = 1'000'000'000;
    transfer.bytes_done = 420'000'000;
    if (i != 7) transfer.waiting_for = "its turn\x1b[2J";
    frame.overview.transfers.push_back(transfer);
  }
  for (int i = 0; i < 3; ++i)
    frame.overview.ranges.push_back({"t7", "model.bin", std::to_string(i), "cdn.example", "10.0.0.1", "plain", 1'000'000, 9, i == 1 ? 6.5 : 0.1});
  return frame;
}

bool any_has(std::vector<std::string> const& lines, std::string const& text) {
  return std::any_of(lines.begin(), lines.end(), [&](std::string const& line) { return line.find(text) != std::string::npos; });
}

TEST(TopView, FitsTheTerminalAndCountsWhatHasNoRoom) {
  for (std::size_t const width : {20U, 80U, 200U})
    for (std::size_t const height : {3U, 12U, 24U, 60U}) {
      auto const lines = top_lines(busy(), width, height);
      EXPECT_LE(lines.size(), height);
      for (auto const& line : lines) EXPECT_LE(text_width(line), width) << line;
    }
  auto const lines = top_lines(busy(), 200, 24);
  EXPECT_TRUE(any_has(lines, "more"));
  EXPECT_EQ("... and " + std::to_string(30 - (24 - 7 - 1 - 2)) + " more", lines.back());
}

TEST(TopView, SaysBudgetsAndRoutesAndPutsWhatMovesFirst) {
  auto const lines = top_lines(busy(), 200, 0);
  EXPECT_TRUE(any_has(lines, "bandwidth    12.0 MB/s of 50.0 MB/s"));
  EXPECT_TRUE(any_has(lines, "connections  12 of 64, 5 wait; hub.example:443 12 of 16"));
  EXPECT_TRUE(any_has(lines, "hub.example:443 (api): 3 left for 42 s, 2 requests wait"));
  EXPECT_TRUE(any_has(lines, "cdn.example (10.0.0.1) plain: 3 requests, 3.0 MB, silent for 7 s"));
  auto const header = std::find_if(lines.begin(), lines.end(), [](auto const& line) { return line.starts_with("id"); });
  ASSERT_NE(lines.end(), header);
  EXPECT_TRUE((header + 1)->starts_with("t7 ")) << *(header + 1);
  EXPECT_EQ(30, lines.end() - header - 1) << "all of them where nothing is cut";
  for (auto const& line : lines) EXPECT_EQ(std::string::npos, line.find('\x1b')) << "a name steers no terminal";
}

TEST(TopView, AnIdleHubdIsNamedSo) {
  TopFrame frame;
  frame.status.version = "1.0";
  auto const lines = top_lines(frame, 80, 24);
  EXPECT_EQ("No transfers.", lines.back());
  EXPECT_TRUE(any_has(lines, "bandwidth    0 B/s, no limit"));
}

TEST(TopView, AFrameOfJsonHasAllOfIt) {
  auto const document = top_json(busy());
  EXPECT_EQ(30U, document.at("transfers").as_array().size());
  EXPECT_EQ(3U, document.at("ranges").as_array().size());
  auto const& budgets = document.at("budgets").as_object();
  EXPECT_EQ(50'000'000, budgets.at("bandwidth_max").to_number<std::int64_t>());
  EXPECT_EQ(12, budgets.at("hosts").at("hub.example:443").to_number<std::int64_t>());
  EXPECT_EQ("api", budgets.at("windows").at(0).at("category").as_string());
}

}  // namespace
}  // namespace hubd::cli
