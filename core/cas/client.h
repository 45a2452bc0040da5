// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "core/base/log.h"
#include "core/cas/token_source.h"
#include "core/http/client.h"
#include "core/net/timers.h"
#include "core/xet/merkle_hash.h"
#include "core/xet/reconstruction.h"

namespace hubd::cas {

/// What a call carries.
struct CallContext {
  std::string user_agent;
  Duration progress_deadline = std::chrono::seconds(60);
  unsigned retries = 4;                ///< of 408, 429, 5xx and broken connections
  std::uint64_t* requests = nullptr;   ///< counted up for each request sent
};

/// The read side of a Xet CAS (xet-protocol 6). All on the io executor; one client serves every CAS and caller.
/// Errors name the host; a 401 or 403 fetches a new token once.
class Client {
 public:
  struct Limits {
    Bytes json_max = 16_MiB;   ///< of a reconstruction answer, decompressed
    Bytes shard_max = 64_MiB;
  };
  Client(http::Client& client, net::Timers& timers, Log& log) : Client(client, timers, log, Limits{}) {}
  Client(http::Client& client, net::Timers& timers, Log& log, Limits limits)
      : client_(client), timers_(timers), log_(log), limits_(limits) {}

  /// How to build bytes [range) of a file, all of it without one; V2, and V1 of a server that has no V2.
  /// Fails: entry_not_found when the CAS does not know the file; bad_request when the range begins behind its end;
  /// unauthorized; rate_limited, unreachable, stalled, bad_upstream.
  Async<xet::Reconstruction> reconstruction(TokenSource& tokens, xet::MerkleHash file, std::optional<Extent> range, CallContext context);
  /// The shard that says what the CAS knows around a chunk; nothing when it does not know it. Fails: as above.
  Async<std::optional<std::string>> dedup_shard(TokenSource& tokens, xet::MerkleHash chunk, CallContext context);

  /// Bytes of a xorb by their signed URL, no retries: an answer whose body is exactly `bytes`. The token does not go there.
  /// Fails: as http::Client::send; bad_upstream, with http_status 403 when the signature is over or does not cover `bytes`.
  Async<std::unique_ptr<http::Response>> open_range(std::string url, Extent bytes, CallContext context);

 private:
  struct Asked;
  /// One GET with retries; statuses below 500 are answers, except 401 and 403, which cost one new token.
  Async<Asked> get(TokenSource& tokens, std::string path, std::string range, Bytes body_max, CallContext context);

  http::Client& client_;
  net::Timers& timers_;
  Log& log_;
  Limits limits_;
  std::set<std::string, std::less<>> only_v1_;  // CAS URLs without V2
};

}  // namespace hubd::cas
