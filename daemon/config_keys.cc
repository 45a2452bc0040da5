// SPDX-License-Identifier: Apache-2.0
#include "daemon/config_keys.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cctype>
#include <limits>

#include "core/base/edit_distance.h"
#include "daemon/rate_text.h"
#include "daemon/text.h"

namespace hubd::daemon {
namespace {

using enum ValueKind;

constexpr Key keys[] = {
    {"cache.root", path, "", false, "The Hugging Face cache that this hubd owns."},
    {"cache.shared_store", choice, "read", false,
     "huggingface_hub's store of Xet payloads in the cache: read: link from it; write: also put Xet downloads into it.", 0, 0,
     "off|read|write"},
    {"state.folder", path, "", false,
     "Where partials and journals live; empty: beside the cache, where a rename into it works."},
    {"socket", path, "", false, "The gRPC socket; HTTP listens on the same path with .http appended."},
    {"network.mode", choice, "online", true,
     "online; prefer-local: ask the Hub only for what is not here; offline: no connection is opened.", 0, 0,
     "online|prefer-local|offline"},
    {"network.http_proxy", text, "", false, "Proxy for http addresses."},
    {"network.https_proxy", text, "", false, "Proxy for https addresses, asked with CONNECT."},
    {"network.no_proxy", list, "", false, "Hosts and domains that are reached without a proxy."},
    {"network.ca_file", path, "", false, "PEM file of certificate authorities to trust; empty: the system's."},
    {"network.ca_directory", path, "", false, "Folder of hashed certificate authorities to trust, alone or beside network.ca_file."},
    {"network.connections_per_host", count, "16", true, "Connections to one host at a time.", 1, 256},
    {"network.connections_total", count, "64", true, "Connections to all hosts at a time.", 1, 4096},
    {"network.progress_timeout_seconds", seconds, "60", false,
     "An attempt ends when no byte arrives for so long.", 1, 3600},
    {"upstream", urls, "https://huggingface.co", false,
     "Hubs, the default first; only the owner's calls may name another endpoint."},
    {"metadata.branch_max_age_seconds", seconds, "30", true,
     "A branch's commit is asked again when the last answer is older.", 0, 31536000},
    {"metadata.timeout_seconds", seconds, "10", false, "Time for one metadata answer of the Hub.", 1, 600},
    {"disk.free_floor", bytes, "1 GiB", true, "Space that transfers leave free on the cache's file system."},
    {"bandwidth.max", rate, "off", true, "Bytes per second that all transfers together may receive."},
    {"bandwidth.schedule", rate_windows, "", true,
     "Other rates by local time of day, \"08:00-18:00 20 MB/s\"; the first that holds the time wins."},
    {"transfer.range_size", bytes, "16 MiB", false, "Size of one ranged request of a large file.", 65536,
     std::uint64_t{1} << 30U},
    {"transfer.connections_per_file", count, "8", true, "Ranges of one file fetched at a time.", 1, 64},
    {"transfer.xet", choice, "on", false, "Fetch Xet-backed files by the Xet protocol, chunk by chunk.", 0, 0, "on|off"},
    {"store.adopt", choice, "on", false,
     "Read large files that came by another way than Xet once more, while idle, so that their chunks are reused.", 0, 0, "on|off"},
    {"transfer.files_in_flight", count, "8", false, "Files over 1 MiB of one transfer fetched at a time.", 1, 256},
    {"memory.max", bytes, "512 MiB", false, "Memory for buffers of transfers, all together.",
     std::uint64_t{16} << 20U},
    {"audit.to", choice, "file", false,
     "One record per published file: file: audit.jsonl in the state folder; log: hubd's own log; off: none.", 0, 0, "file|log|off"},
    {"audit.size_max", bytes, "64 MiB", false, "Of the audit file and the one before it, together.", std::uint64_t{64} << 10U},
    {"metrics.listen", loopback, "", false,
     "Also serve /metrics on loopback TCP, \"127.0.0.1:9464\"; empty: on the HTTP socket only."},
    {"log.level", choice, "info", true, "Least important lines to write.", 0, 0, "debug|info|warning|error"},
    {"log.format", choice, "text", false, "Lines for people, or one JSON object each.", 0, 0, "text|json"},
    {"lifetime.idle_exit_seconds", seconds, "0", true, "Exit after so long without clients and transfers; 0: never."},
    {"server.connections_per_uid", count, "256", false, "Connections of one user to each socket at a time.", 1, 65536},
    {"security.allow_uids", uids, "", true, "Other users who are served, acting as the owner of this hubd."},
};

bool all_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())) != 0) text.remove_prefix(1);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0) text.remove_suffix(1);
  return text;
}

Result<void> check_number(Key const& key, std::uint64_t value, std::string_view text) {
  if (value < key.min || value > key.max) {
    bool const open = key.max == std::numeric_limits<std::uint64_t>::max();
    return expected(open ? "at least " + std::to_string(key.min)
                         : "a value from " + std::to_string(key.min) + " to " + std::to_string(key.max),
                    text);
  }
  return {};
}

}  // namespace

std::span<Key const> config_keys() { return keys; }

Error expected(std::string_view what, std::string_view text) {
  return fail(ErrorKind::bad_request, "expected " + std::string(what) + ", found \"" + std::string(text) + "\"");
}

Key const* find_key(std::string_view name) {
  auto const* const found = std::find_if(std::begin(keys), std::end(keys), [&](Key const& key) { return key.name == name; });
  return found == std::end(keys) ? nullptr : found;
}

bool is_plain_address(std::string_view text) {
  return (text.starts_with("http://") || text.starts_with("https://")) && text.find('@') == std::string_view::npos;
}

std::string_view nearest_key(std::string_view name) {
  std::string_view nearest;
  auto best = std::max<std::size_t>(2, name.size() / 3) + 1;
  auto const consider = [&](std::string_view candidate, std::string_view key) {
    auto const edits = edit_distance(name, candidate);
    if (edits < best) {
      best = edits;
      nearest = key;
    }
  };
  for (auto const& key : keys) consider(key.name, key.name);
  if (!nearest.empty()) return nearest;
  for (auto const& key : keys)  // "offline_mode" or "free_floor" at the wrong level
    if (auto const dot = key.name.find('.'); dot != std::string_view::npos) consider(key.name.substr(dot + 1), key.name);
  return nearest;
}

std::uint64_t parse_count(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

Result<Bytes> parse_bytes(std::string_view text) {
  struct Unit {
    std::string_view name;
    Bytes factor;
  };
  static constexpr Unit units[] = {
      {"", 1},           {"b", 1},         {"k", 1000},           {"kb", 1000},         {"kib", 1_KiB},
      {"m", 1000000},    {"mb", 1000000},  {"mib", 1_MiB},        {"g", 1000000000},    {"gb", 1000000000},
      {"gib", 1_GiB},    {"t", 1000000000000}, {"tb", 1000000000000}, {"tib", 1_GiB * 1024},
  };
  auto const* const wanted = "a number of bytes, as 1073741824, \"1 GiB\" or \"500 MB\"";
  auto const trimmed = trim(text);
  Bytes value = 0;
  auto const [end, error] = std::from_chars(trimmed.data(), trimmed.data() + trimmed.size(), value);
  if (error != std::errc()) return expected(wanted, text);
  std::string unit(trim(trimmed.substr(static_cast<std::size_t>(end - trimmed.data()))));
  for (char& c : unit) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  for (auto const& [name, factor] : units)
    if (name == unit && value <= std::numeric_limits<Bytes>::max() / factor) return value * factor;
  return expected(wanted, text);
}

std::vector<std::string> parse_list(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    auto const comma = std::min(text.find(','), text.size());
    if (auto const part = trim(text.substr(0, comma)); !part.empty()) parts.emplace_back(part);
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return parts;
}

Result<std::pair<std::string, std::uint16_t>> parse_loopback(std::string_view text) {
  auto const* const wanted = "a loopback address with a port, as \"127.0.0.1:9464\" or \"[::1]:9464\"";
  auto const colon = text.rfind(':');
  if (colon == std::string_view::npos) return expected(wanted, text);
  auto host = text.substr(0, colon);
  auto const port = text.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  std::string const address(host);
  in_addr in4{};
  in6_addr in6{};
  bool const near = (inet_pton(AF_INET, address.c_str(), &in4) == 1 && (ntohl(in4.s_addr) >> 24U) == 127U) ||
                    (inet_pton(AF_INET6, address.c_str(), &in6) == 1 && IN6_IS_ADDR_LOOPBACK(&in6));
  if (!near || !all_digits(port) || port.size() > 5 || parse_count(port) > 65535) return expected(wanted, text);
  return std::pair(address, static_cast<std::uint16_t>(parse_count(port)));
}

Result<void> check_value(Key const& key, std::string_view text) {
  if (text.find('\0') != std::string_view::npos || text.find('\n') != std::string_view::npos)
    return expected("one line of text", text.substr(0, text.find_first_of(std::string_view("\0\n", 2))));
  switch (key.kind) {
    case ValueKind::text:
    case list:
      return {};
    case path:
      if (!text.empty() && text.front() != '/') return expected("an absolute path", text);
      return {};
    case choice: {
      std::string_view rest = key.choices;
      while (!rest.empty()) {
        auto const bar = std::min(rest.find('|'), rest.size());
        if (rest.substr(0, bar) == text) return {};
        rest.remove_prefix(std::min(bar + 1, rest.size()));
      }
      return expected("one of " + std::string(key.choices), text);
    }
    case count:
    case seconds:
      if (!all_digits(text) || text.size() > 18) return expected("a whole number", text);
      return check_number(key, parse_count(text), text);
    case bytes: {
      auto const value = parse_bytes(text);
      if (!value) return value.error();
      return check_number(key, *value, text);
    }
    case rate: {
      auto const value = parse_rate(text);
      if (!value) return value.error();
      return {};
    }
    case rate_windows:
      for (auto const& window : parse_list(text)) {
        auto const value = parse_rate_window(window);
        if (!value) return value.error();
      }
      return {};
    case urls: {
      auto const found = parse_list(text);
      if (found.empty()) return expected("at least one address", text);
      for (auto const& url : found)
        if (!is_plain_address(url))
          return expected("an http or https address without user name and password", without_password(url));
      return {};
    }
    case loopback: {
      if (text.empty()) return {};
      auto const value = parse_loopback(text);
      if (!value) return value.error();
      return {};
    }
    case uids:
      for (auto const& uid : parse_list(text))
        if (!all_digits(uid) || uid.size() > 10 || parse_count(uid) >= 0xffffffffULL) return expected("numeric user ids", uid);
      return {};
  }
  return {};
}

}  // namespace hubd::daemon
