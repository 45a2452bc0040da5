// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <chrono>
#include <iosfwd>
#include <mutex>
#include <optional>
#include <string>

#include "client/cli/progress_view.h"
#include "client/downloads.h"

namespace hubd::cli {

enum class ProgressMode { none, plain, bars };

/// Shows a transfer on stderr: bars that redraw themselves on a terminal, else a line every few seconds once it takes
/// over a second. Safe to call from several threads.
class ProgressPrinter {
 public:
  using Time = std::chrono::steady_clock::time_point;

  ProgressPrinter(ProgressMode mode, ProgressView view, std::ostream& err, Time now);

  void update(client::Progress const& progress, Time now);
  /// Takes the bars away, so that other lines can follow.
  void clear();
  /// The transfer that progress names; "" before the first event that does.
  [[nodiscard]] std::string transfer_id() const;
  void set_transfer_id(std::string id);

 private:
  void clear_locked();

  ProgressMode mode_;
  ProgressView view_;
  mutable std::mutex mutex_;
  std::ostream& err_;            // under mutex_
  std::string transfer_id_;      // under mutex_
  std::size_t lines_drawn_ = 0;  // under mutex_
  Time next_;                    // under mutex_: nothing is shown before
};

}  // namespace hubd::cli
