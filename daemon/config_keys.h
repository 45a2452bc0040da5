// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"

namespace hubd::daemon {

/// What a key's text must look like.
enum class ValueKind : std::uint8_t {
  text,     ///< anything
  path,     ///< absolute after ~ and $VAR were expanded; empty: chosen by hubd
  choice,   ///< one of a few words
  count,    ///< a whole number
  seconds,  ///< a whole number
  bytes,    ///< a whole number, or with a unit: "10 GiB", "500MB"
  rate,     ///< "off", or bytes per second: "50 MB/s", "400 Mbit/s"
  rate_windows,  ///< "08:00-18:00 20 MB/s"; in text form joined by commas
  list,     ///< texts; in text form joined by commas
  urls,     ///< http or https addresses; in TOML one [[upstream]] table each
  loopback,  ///< empty, or a loopback address with a port: "127.0.0.1:9464", "[::1]:9464"
  uids,     ///< user ids; in text form joined by commas
};

/// One key of the configuration: everything that is known about it stands here, once.
struct Key {
  std::string_view name;  ///< "network.mode"
  ValueKind kind;
  std::string_view default_value;
  bool live;  ///< applies on SIGHUP or SetConfig, without a restart
  std::string_view help;
  std::uint64_t min = 0;  ///< count, seconds, bytes
  std::uint64_t max = ~std::uint64_t{0};
  std::string_view choices = {};  ///< "a|b|c"
};

std::span<Key const> config_keys();
/// Null for an unknown name.
Key const* find_key(std::string_view name);
/// The known name that `name` was probably meant to be; empty when none is near.
std::string_view nearest_key(std::string_view name);

/// An http or https address that shows no user name or password to whoever reads it.
bool is_plain_address(std::string_view text);

/// bad_request: what a value must look like, and what stood there.
Error expected(std::string_view what, std::string_view text);
/// Checks a text against its key. Fails: bad_request, saying what is expected; the caller adds where it stood.
Result<void> check_value(Key const& key, std::string_view text);
std::uint64_t parse_count(std::string_view text);  ///< after check_value
Result<Bytes> parse_bytes(std::string_view text);
std::vector<std::string> parse_list(std::string_view text);
/// Address and port; port 0 picks one. Fails: bad_request for any other address than one of this host's loopback.
Result<std::pair<std::string, std::uint16_t>> parse_loopback(std::string_view text);

}  // namespace hubd::daemon
