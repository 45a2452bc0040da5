// SPDX-License-Identifier: Apache-2.0
#include "client/cli/progress_printer.h"

#include <ostream>

namespace hubd::cli {
namespace {

constexpr auto kBarsEvery = std::chrono::milliseconds(100);
constexpr auto kPlainFirst = std::chrono::seconds(1);
constexpr auto kPlainEvery = std::chrono::seconds(5);

}  // namespace

ProgressPrinter::ProgressPrinter(ProgressMode mode, ProgressView view, std::ostream& err, Time now)
    : mode_(mode), view_(std::move(view)), err_(err), next_(mode == ProgressMode::plain ? now + kPlainFirst : now) {}

void ProgressPrinter::update(client::Progress const& progress, Time now) {
  std::lock_guard const lock(mutex_);
  if (!progress.transfer_id.empty()) transfer_id_ = progress.transfer_id;
  if (mode_ == ProgressMode::none || now < next_) return;
  if (mode_ == ProgressMode::plain) {
    next_ = now + kPlainEvery;
    err_ << plain_line(view_, progress) << std::endl;
    return;
  }
  next_ = now + kBarsEvery;
  clear_locked();
  auto const lines = bar_lines(view_, progress);
  for (auto const& line : lines) err_ << line << '\n';
  err_.flush();
  lines_drawn_ = lines.size();
}

void ProgressPrinter::clear() {
  std::lock_guard const lock(mutex_);
  clear_locked();
  err_.flush();
}

void ProgressPrinter::clear_locked() {
  for (; lines_drawn_ > 0; --lines_drawn_) err_ << "\x1b[1A\x1b[2K";
}

std::string ProgressPrinter::transfer_id() const {
  std::lock_guard const lock(mutex_);
  return transfer_id_;
}

void ProgressPrinter::set_transfer_id(std::string id) {
  std::lock_guard const lock(mutex_);
  transfer_id_ = std::move(id);
}

}  // namespace hubd::cli
