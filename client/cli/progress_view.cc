// SPDX-License-Identifier: Apache-2.0
#include "client/cli/progress_view.h"

#include <algorithm>
#include <cmath>

#include "client/cli/text.h"
#include "core/base/bytes.h"

namespace hubd::cli {
namespace {

constexpr std::size_t kBarMin = 8, kBarMax = 40, kLabelMax = 40;
constexpr double kEtaMax = 100.0 * 86400;

/// Whole percent, 100 only when all is there.
std::uint64_t percent(std::uint64_t done, std::uint64_t total) {
  if (total == 0 || done >= total) return 100;
  return std::min<std::uint64_t>(
      static_cast<std::uint64_t>(static_cast<double>(done) * 100.0 / static_cast<double>(total)), 99);
}

std::string percent_text(std::uint64_t done, std::uint64_t total) {
  auto text = std::to_string(percent(done, total)) + "%";
  return std::string(text.size() < 4 ? 4 - text.size() : 0, ' ') + text;
}

std::string rate_text(client::Progress const& progress) {
  return progress.rate >= 1.0 ? human_size(static_cast<Bytes>(progress.rate)) + "/s" : "";
}

std::string eta_text(client::Progress const& progress) {
  bool const known = std::isfinite(progress.eta_seconds) && progress.eta_seconds >= 0 && progress.eta_seconds < kEtaMax;
  return known && progress.bytes_done < progress.bytes_total
             ? duration_text(static_cast<std::int64_t>(std::ceil(progress.eta_seconds)))
             : "";
}

std::string deadline_text(client::Progress const& progress) {
  return duration_text(static_cast<std::int64_t>(std::ceil(progress.deadline_seconds)));
}

std::string bar(std::uint64_t done, std::uint64_t total, std::size_t width, bool unicode) {
  auto const filled = width * percent(done, total) / 100;
  std::string text;
  for (std::size_t i = 0; i < width; ++i) text += i < filled ? (unicode ? "\u2501" : "#") : (unicode ? "\u2500" : "-");
  return text;
}

bool in_flight(client::FileProgress const& file) {
  return file.state == "fetching" || file.state == "verifying" || file.state == "waiting";
}

/// Before it is known what there is to fetch.
bool looking_up(client::Progress const& progress) { return progress.files_total == 0 && progress.bytes_total == 0; }

}  // namespace

std::vector<std::string> bar_lines(ProgressView const& view, client::Progress const& progress) {
  if (looking_up(progress)) return {cut(printable(view.label) + "  waiting: " + printable(progress.waiting_for), view.width)};
  auto const label = cut(printable(view.label), std::min(kLabelMax, std::max<std::size_t>(view.width / 3, 4)));
  auto const share = " " + percent_text(progress.bytes_done, progress.bytes_total);
  auto const bytes = "  " + human_size(progress.bytes_done) + " / " + human_size(progress.bytes_total);
  // From the most to the least wanted; what does not fit beside a short bar is left out.
  std::vector<std::string> extras;
  if (auto const rate = rate_text(progress); !rate.empty()) extras.push_back("  " + rate);
  if (auto const eta = eta_text(progress); !eta.empty()) extras.push_back("  " + eta + " left");
  if (progress.deadline_seconds > 0) extras.push_back("  deadline in " + deadline_text(progress));
  extras.push_back("  " + std::to_string(progress.files_done) + " of " + count_text(progress.files_total, "file"));

  auto left = label + share;
  auto right = bytes;
  for (auto const& extra : extras)
    if (text_width(left) + text_width(right) + text_width(extra) + kBarMin + 1 <= view.width) right += extra;
  auto const used = text_width(left) + text_width(right) + 1;
  auto const room = view.width > used ? view.width - used : 0;
  if (room >= kBarMin)
    left += " " + bar(progress.bytes_done, progress.bytes_total, std::min(room, kBarMax), view.unicode);
  std::vector<std::string> lines{cut(left + right, view.width)};
  if (!progress.waiting_for.empty()) lines.push_back(cut("  waiting: " + printable(progress.waiting_for), view.width));
  std::size_t shown = 0;
  for (auto const& file : progress.files) {
    if (!in_flight(file) || shown == view.files_max) continue;
    ++shown;
    auto const numbers = percent_text(file.bytes_done, file.bytes_total) + "  " + human_size(file.bytes_total) +
                         (file.state == "fetching" ? "" : "  " + printable(file.state));
    auto const name_width = view.width > numbers.size() + 4 ? view.width - numbers.size() - 4 : 4;
    lines.push_back(cut("  " + cut(printable(file.path), std::min(name_width, kLabelMax)) + " " + numbers, view.width));
  }
  return lines;
}

std::string plain_line(ProgressView const& view, client::Progress const& progress) {
  if (looking_up(progress)) return printable(view.label) + ": waiting: " + printable(progress.waiting_for);
  auto text = printable(view.label) + ": " + std::to_string(percent(progress.bytes_done, progress.bytes_total)) +
              " % of " + human_size(progress.bytes_total);
  if (auto const rate = rate_text(progress); !rate.empty()) text += ", " + rate;
  if (auto const eta = eta_text(progress); !eta.empty()) text += ", " + eta + " left";
  if (progress.deadline_seconds > 0) text += ", deadline in " + deadline_text(progress);
  text += ", " + std::to_string(progress.files_done) + " of " + count_text(progress.files_total, "file");
  if (!progress.waiting_for.empty()) text += "; waiting: " + printable(progress.waiting_for);
  return text;
}

}  // namespace hubd::cli
