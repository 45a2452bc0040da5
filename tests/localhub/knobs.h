// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <boost/json/value.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "tests/localhub/call.h"

namespace hubd::localhub {

struct RateLimit {
  std::uint64_t quota = 0;
  std::int64_t window_s = 300;
};

/// What can be set while the Hub runs; README.md lists it.
struct Knobs {
  std::uint64_t delay_ms = 0;
  Bytes throttle = 0;
  std::vector<std::string> black_hole;  // origins
  std::int64_t url_lifetime_s = 3600;
  std::size_t tree_page = 1000;
  std::size_t tree_page_expand = 50;
  std::size_t list_page = 1000;
  bool error_code_on_401 = true;
  Bytes lfs_multipart_min = 100'000'000;
  Bytes lfs_chunk = 20'000'000;
  std::map<std::string, RateLimit> rate_limits;
  // The CAS.
  std::int64_t xet_token_lifetime_s = 3600;
  std::size_t xet_token_length = 0;
  bool xet_token_headers = true;
  bool lfs_batch_xet = true;
  bool xorb_grants = true;
  std::string xorb_ranges = "within";
  std::size_t xorb_ranges_per_url = 500;
  std::string dedup_form = "mixed";
  std::int64_t dedup_lifetime_s = 86400;
  bool cas_repo_check = true;
  bool cas_compression = true;

  /// Sets the named ones. Fails: bad_request (unknown name, wrong type); then nothing is set.
  Result<void> set(boost::json::value const& object);
  [[nodiscard]] boost::json::value to_json() const;
};

/// Fixed windows per (class, caller).
class RateWindows {
 public:
  struct State {
    std::uint64_t remaining = 0;
    std::int64_t reset_s = 0;
    bool allowed = true;
  };
  State take(std::string const& limit_class, RateLimit const& limit, std::string const& caller, std::int64_t now_s);
  void forget() { windows_.clear(); }

 private:
  std::map<std::pair<std::string, std::string>, std::pair<std::int64_t, std::uint64_t>> windows_;  // start, used
};

}  // namespace hubd::localhub
