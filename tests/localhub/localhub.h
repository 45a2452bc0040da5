// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"

namespace hubd::localhub {

/// Requests and body bytes of one route class or client.
struct Count {
  std::uint64_t requests = 0;
  Bytes bytes = 0;     ///< body bytes sent
  Bytes bytes_in = 0;  ///< body bytes received
};

/// What was asked of the local Hub since the start or the last reset. Control requests are not in it.
struct Counters {
  Count total;
  std::map<std::string, Count> routes;   ///< by route class, see README.md
  std::map<std::string, Count> clients;  ///< by X-Localhub-Client, else User-Agent
  std::uint64_t cdn_authorization = 0;   ///< requests that carried Authorization to the CDN origin
  std::uint64_t in_flight = 0;
  std::uint64_t in_flight_max = 0;

  /// Zero for a class that was never asked.
  [[nodiscard]] Count route(std::string const& name) const;
  /// Sum of several classes.
  [[nodiscard]] Count routes_sum(std::vector<std::string> const& names) const;
};

/// What was served of one xorb.
struct XorbCount {
  std::uint64_t requests = 0;
  Bytes bytes = 0;
  std::map<std::pair<Bytes, Bytes>, Count> ranges;  ///< by [from, to) as asked
  std::vector<std::uint64_t> chunks;                ///< how often each chunk's record was served whole
};
using XorbCounts = std::map<std::string, XorbCount>;  ///< by xorb id

/// One answered request.
struct RequestLine {
  std::uint64_t seq = 0;
  double at = 0;  ///< seconds of the machine's monotonic clock when it came
  std::string origin;  ///< "hub", "cdn", "cas" or "xorbs"
  std::string route;
  std::string method;
  std::string target;
  int status = 0;  ///< 0: never answered
  Bytes bytes = 0;
  std::string range;
  std::string client;
  std::string session;  ///< X-Xet-Session-Id
  bool authorization = false;
  bool counter_header = false;  ///< X-HF-Download-Counter was sent
};

struct Options {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;
  std::string cdn_address;  ///< empty: as `address`
  std::uint16_t cdn_port = 0;
  std::uint16_t cas_port = 0;   ///< of the CAS, at `address`
  std::uint16_t xorb_port = 0;  ///< of signed xorb URLs, at the CDN's address
  std::string foreign_cas_url;               ///< hand out tokens for this CAS instead of our own
  std::filesystem::path foreign_cas_data;    ///< its data folder (local_cas_server's), to learn what was uploaded
  std::filesystem::path data;   ///< large files; empty: a temporary folder, removed at the end
  std::string tls_certificate;  ///< PEM paths, both or none
  std::string tls_key;
  std::vector<std::pair<std::string, std::string>> users;              ///< (name, token), role write
  std::vector<std::pair<std::string, std::vector<std::string>>> orgs;  ///< (name, members)
  std::string seed;                                                    ///< JSON text, see README.md
  bool sample = false;
};

/// A Hub with its CDN and its CAS on four loopback ports, on a thread of its own.
///
/// All members may be called from any thread. The destructor stops the servers and waits for their handlers.
class LocalHub {
 public:
  /// Fails: bad_request (seed), io (ports, data folder).
  static Result<std::unique_ptr<LocalHub>> start(Options options);
  ~LocalHub();
  LocalHub(LocalHub const&) = delete;
  LocalHub& operator=(LocalHub const&) = delete;

  [[nodiscard]] std::string url() const;
  [[nodiscard]] std::string cdn_url() const;
  [[nodiscard]] std::string cas_url() const;
  [[nodiscard]] std::string xorb_url() const;

  /// Adds repos, users, ...: the seed format of README.md. Fails: bad_request, io.
  Result<void> seed(std::string_view json);
  /// Appends a JSON list of faults. Fails: bad_request.
  Result<void> add_faults(std::string_view json);
  /// Forgets all faults; stalls and throttles in progress end.
  void clear_faults();
  /// Sets the knobs named in a JSON object. Fails: bad_request.
  Result<void> set_knobs(std::string_view json);
  /// Every URL signed so far is expired from now on.
  void expire_urls();
  /// Every CAS token handed out so far is expired from now on.
  void expire_tokens();

  [[nodiscard]] Counters counters() const;
  void reset_counters();
  /// Xorb bytes served to all clients together, or to one.
  [[nodiscard]] XorbCounts xorbs() const;
  [[nodiscard]] XorbCounts xorbs(std::string const& client) const;
  /// The last requests, oldest first.
  [[nodiscard]] std::vector<RequestLine> requests() const;

 private:
  struct Parts;
  explicit LocalHub(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace hubd::localhub
