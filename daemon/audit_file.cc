// SPDX-License-Identifier: Apache-2.0
#include "daemon/audit_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>

#include "core/base/call_note.h"
#include "daemon/text.h"

namespace hubd::daemon {
namespace {

constexpr auto complain_again = std::chrono::minutes(1);

std::string time_text(WallTime now) {
  auto const seconds = std::chrono::system_clock::to_time_t(now);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

void add(std::string& line, std::string_view name, std::string_view text) {
  line += ",\"";
  line += name;
  line += "\":" + json_text(text);
}

Error errno_error(std::string const& what) {
  auto const code = errno;
  auto const kind = code == EACCES || code == EPERM || code == EROFS ? ErrorKind::permission_denied : ErrorKind::io;
  return fail(kind, what + ": " + std::strerror(code), std::error_code(code, std::generic_category()));
}

}  // namespace

std::string audit_line(engine::Published const& what, WallTime now) {
  std::string line = "{\"time\":\"" + time_text(now) + "\",\"event\":\"publish\",\"uid\":" + std::to_string(what.who.uid);
  add(line, "call", what.call);
  add(line, "endpoint", what.repo.endpoint);
  add(line, "repo_type", name_of(what.repo.type));
  add(line, "repo", what.repo.id);
  add(line, "commit", what.commit.hex());
  add(line, "path", what.path);
  add(line, "etag", what.etag);
  line += ",\"bytes\":" + std::to_string(what.size) + ",\"bytes_fetched\":" + std::to_string(what.fetched);
  add(line, "source", name_of(what.source));
  add(line, "place", what.place);
  return line + "}";
}

AuditFile::AuditFile(std::string path, Bytes size_max, Clock const& clock, Log& log)
    : path_(std::move(path)), size_max_(size_max), clock_(clock), log_(log) {}

AuditFile::~AuditFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<std::unique_ptr<AuditFile>> AuditFile::open(std::string path, Bytes size_max, Clock const& clock, Log& log) {
  std::unique_ptr<AuditFile> file(new AuditFile(std::move(path), size_max, clock, log));
  auto const opened = file->reopen();
  if (!opened) return opened.error();
  return file;
}

Result<void> AuditFile::reopen() {
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (descriptor_ < 0) return errno_error("open audit file " + path_);
  struct stat found {};
  if (::fstat(descriptor_, &found) != 0) return errno_error("look at audit file " + path_);
  size_ = static_cast<Bytes>(found.st_size);
  return {};
}

Result<void> AuditFile::append(std::string const& line) {
  bool const full = size_ > 0 && size_ + line.size() > size_max_ / 2;
  if (full && ::rename(path_.c_str(), (path_ + ".1").c_str()) != 0) return errno_error("put audit file " + path_ + " aside");
  if (full || descriptor_ < 0) {
    auto const opened = reopen();
    if (!opened) return opened;
  }
  // One write, so that no crash and no other program leaves half a line in the middle.
  auto const count = ::write(descriptor_, line.data(), line.size());
  if (count < 0) return errno_error("write to audit file " + path_);
  size_ += static_cast<Bytes>(count);
  if (static_cast<std::size_t>(count) == line.size()) return {};
  return fail(ErrorKind::disk_full, "audit file " + path_ + " took a part of a record only; free space");
}

void AuditFile::published(engine::Published const& what) {
  auto const line = audit_line(what, clock_.wall()) + "\n";
  std::scoped_lock const guard(mutex_);
  auto const written = append(line);
  if (written) return;
  auto const now = clock_.now();
  if (complained_ != Time{} && now - complained_ < complain_again) return;
  complained_ = now;
  log_.warning(about_call(written.error().what + "; the publish of " + what.path + " is not in the audit", what.call));
}

void AuditLog::published(engine::Published const& what) { log_.info(about_call("audit: " + audit_line(what, clock_.wall()), what.call)); }

}  // namespace hubd::daemon
