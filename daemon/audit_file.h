// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>
#include <mutex>
#include <string>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/engine/audit.h"

namespace hubd::daemon {

/// One JSON object a line, without a token in it: {"time":...,"event":"publish","uid":...,...} (docs/audit.md).
std::string audit_line(engine::Published const& what, WallTime now);

/// Audit records in an append-only file of mode 0600, which survive kill -9; after lost power the last ones may lack.
///
/// Bounded: at half of `size_max` the file becomes `<path>.1`, in place of the one before. A record that cannot be written
/// is a warning in the log, at most one a minute, and stops nothing.
/// Blocking. Thread-safe.
class AuditFile final : public engine::Audit {
 public:
  /// `path` is absolute. Fails: permission_denied, io.
  static Result<std::unique_ptr<AuditFile>> open(std::string path, Bytes size_max, Clock const& clock, Log& log);
  ~AuditFile() override;
  AuditFile(AuditFile const&) = delete;
  AuditFile& operator=(AuditFile const&) = delete;
  void published(engine::Published const& what) override;

 private:
  AuditFile(std::string path, Bytes size_max, Clock const& clock, Log& log);
  /// Opens the file to append. Fails: permission_denied, io.
  Result<void> reopen();
  Result<void> append(std::string const& line);

  std::string path_;
  Bytes size_max_;
  Clock const& clock_;
  Log& log_;
  std::mutex mutex_;  // guards what follows
  int descriptor_ = -1;
  Bytes size_ = 0;
  Time complained_{};
};

/// The same lines in hubd's own log, which systemd's journal keeps. Thread-safe.
class AuditLog final : public engine::Audit {
 public:
  AuditLog(Clock const& clock, Log& log) : clock_(clock), log_(log) {}
  void published(engine::Published const& what) override;

 private:
  Clock const& clock_;
  Log& log_;
};

}  // namespace hubd::daemon
