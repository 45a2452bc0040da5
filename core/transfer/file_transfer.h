// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "core/base/log.h"
#include "core/fs/buffer.h"
#include "core/net/signal.h"
#include "core/net/timers.h"
#include "core/transfer/headway.h"
#include "core/transfer/movement.h"
#include "core/transfer/partial.h"
#include "core/transfer/permits.h"
#include "core/transfer/source.h"

namespace hubd::transfer {

/// One file's bytes from a source into a partial, until the whole of it hashes to what the Hub announced.
///
/// Several ranges move at once inside a bounded window ahead of one hash frontier; what arrives is written in place and
/// noted in the partial's map, so an interruption costs at most a block per connection. A range that breaks, falls silent or is
/// slow beside others goes on behind its last byte, over another connection. When the whole hashes wrong, everything is fetched
/// once more over a fresh route; then it is `corrupt`.
///
/// Threading: all on `executor`; disk and hashing are offloaded. Cancelling run() stops soon, keeping the bytes.
class FileTransfer final : public Movement {
 public:
  struct Parts : Movement::Parts {
    Source& source;
  };
  struct Options {
    std::string name;    ///< "file model.bin of model org/name", for sentences
    std::string folder;  ///< of partials
    Bytes range_max = 16_MiB;
    std::size_t connections = 8;
    Bytes block_size = 1_MiB;  ///< one write, one record of the map
    Bytes small_max = 1_MiB;   ///< up to this a file is fetched into memory and written once
    Duration progress_timeout = std::chrono::seconds(60);
  };
  FileTransfer(Parts parts, Options options, ContentId id, Bytes size);
  ~FileTransfer() override;
  FileTransfer(FileTransfer const&) = delete;
  FileTransfer& operator=(FileTransfer const&) = delete;

  /// Fails: corrupt; disk_full, io; stalled, unreachable, bad_upstream, rate_limited when nothing arrived for
  /// progress_timeout; the Hub's refusals at once; cancelled.
  Async<void> run() override;

  /// Small files have no map.
  [[nodiscard]] std::string const& path() const override { return path_; }
  [[nodiscard]] fs::File& file() override { return partial_ ? partial_->file() : *small_file_; }
  Result<void> discard() override;

  [[nodiscard]] Bytes done() const override { return done_; }
  [[nodiscard]] Bytes fetched() const override { return received_; }
  [[nodiscard]] std::uint64_t requests() const override { return parts_.source.requests(); }
  [[nodiscard]] std::string const& waiting_for() const override { return waiting_for_; }
  [[nodiscard]] Duration silence() const override { return headway_.idle(); }
  [[nodiscard]] std::uint64_t mismatches() const override { return mismatches_; }

 private:
  /// How often one worker tried in vain since something came, and what came in the latest try.
  struct Tries {
    unsigned attempt = 0;
    unsigned malformed = 0;
    Bytes came = 0;
  };
  Async<void> pass();
  Async<void> small_pass();
  Async<void> fetch_small(Tries& tries);
  asio::awaitable<void> work();
  asio::awaitable<void> follow();
  Async<std::unique_ptr<http::Response>> open(Extent extent, unsigned attempt);
  Async<void> fetch(Extent extent, Permit& permit, Tries& tries);
  Async<void> flush(Extent& rest, fs::Buffer& buffer, std::size_t& filled);
  std::optional<Extent> take();
  void put_back(Extent extent);
  void end(Error error);
  /// What to do after a failed range: nothing, when it is over (end() was called); else how long to wait.
  std::optional<Duration> judge(Error const& error, Tries& tries);
  void arrived(Bytes count, Tries& tries);
  [[nodiscard]] bool complete() const { return hashed_ == size_; }
  [[nodiscard]] Error about(Error error) const;
  [[nodiscard]] Error odd(http::Response const& response, std::string const& why) const;

  Parts parts_;
  Options options_;
  ContentId id_;
  Bytes size_;
  std::string path_;
  std::unique_ptr<Partial> partial_;
  std::unique_ptr<fs::File> small_file_;
  std::optional<hash::ContentHasher> hasher_;
  std::deque<Extent> missing_;  // sorted
  std::size_t active_ = 0;      // workers with a range
  std::size_t with_permit_ = 0; // of these, past the queue
  bool ended_ = false;          // no worker begins anything new
  std::optional<Error> fatal_;
  Bytes frontier_ = 0;  // bytes that lead from 0
  Bytes hashed_ = 0;
  Bytes done_ = 0;
  Bytes received_ = 0;
  std::uint64_t mismatches_ = 0;
  Headway headway_;
  std::string waiting_for_;
  bool cancelled_ = false;
  net::Signal changed_;
};

}  // namespace hubd::transfer
