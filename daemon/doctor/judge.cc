// SPDX-License-Identifier: Apache-2.0
#include "daemon/doctor/judge.h"

#include <algorithm>
#include <ctime>

namespace hubd::daemon {
namespace {

using std::chrono::seconds;

constexpr auto skew_seen = seconds(30);  // a round trip and a whole second are no skew
constexpr auto skew_breaks = std::chrono::minutes(5);

std::string whole_seconds(Duration duration) {
  return std::to_string(std::chrono::ceil<seconds>(duration).count()) + " s";
}

}  // namespace

std::optional<WallTime> parse_http_date(std::string_view text) {
  std::tm parts{};
  std::string const copy(text);
  auto const* const end = strptime(copy.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  if (end == nullptr || end != copy.c_str() + copy.size()) return std::nullopt;
  return std::chrono::system_clock::from_time_t(timegm(&parts));
}

Finding judge_clock(std::string const& host, std::optional<std::string_view> date, WallTime now) {
  auto const theirs = date ? parse_http_date(*date) : std::nullopt;
  if (!theirs) return fine("clock", host + " does not tell the time; not compared");
  auto const ahead = std::chrono::duration_cast<seconds>(now - *theirs);
  auto const off = std::chrono::abs(ahead);
  if (off < skew_seen) return fine("clock", "within " + std::to_string(skew_seen.count()) + " s of " + host);
  auto const what = "this host's clock is " + std::to_string(off.count()) + " s " + (ahead.count() > 0 ? "ahead of " : "behind ") + host;
  auto const* const remedy = "set the clock, and keep it set (chrony, systemd-timesyncd): certificates and signed URLs are judged by it";
  return off < skew_breaks ? doubtful("clock", what, remedy) : broken("clock", what, remedy);
}

Finding judge_space(std::string const& folder, Bytes free, Bytes floor) {
  auto const what = human_size(free) + " free at " + folder + ", of which " + human_size(floor) + " are kept free";
  auto const* const remedy = "free space (`hubctl cache ls`, `hubctl cache prune`), or lower disk.free_floor";
  if (free <= floor) return broken("disk", what + ": no transfer begins", remedy);
  if (free - floor < 2_GiB) return doubtful("disk", what, remedy);
  return fine("disk", what);
}

Finding judge_windows(std::vector<sched::RateWindows::Window> const& windows) {
  auto const tightest = std::min_element(windows.begin(), windows.end(),
                                         [](auto const& a, auto const& b) { return a.remaining < b.remaining; });
  if (tightest == windows.end()) return fine("rate_limit", "no window is known to be running");
  auto const name = tightest->key.origin + " (" + tightest->key.category + ")";
  auto const who = tightest->key.who.empty() ? " without a token" : "";
  if (tightest->remaining > 0)
    return fine("rate_limit", std::to_string(tightest->remaining) + " requests left at " + name + who + ", for " + whole_seconds(tightest->reset));
  return doubtful("rate_limit", "no request is left at " + name + who + " for " + whole_seconds(tightest->reset),
                  tightest->key.who.empty() ? "log in (`hubctl auth login`): a token has a window of its own and a larger one"
                                            : "wait: what is asked meanwhile goes out when the window opens");
}

Findings judge_limits(std::vector<std::string> const& warnings) {
  Findings findings;
  for (auto const& warning : warnings) {
    if (warning.empty()) continue;
    auto const at = warning.rfind("; ");
    auto const end = at == std::string::npos ? warning.size() : at;
    findings.push_back(doubtful("limits", warning.substr(0, end), at == std::string::npos ? "raise it" : warning.substr(at + 2)));
  }
  if (findings.empty()) findings.push_back(fine("limits", "memory and open files suffice for the settings"));
  return findings;
}

std::string remedy_for(Error const& error) {
  auto const says = [&](std::string_view words) { return error.what.find(words) != std::string::npos; };
  switch (error.kind) {
    case ErrorKind::unreachable:
      if (says("certificate"))
        return "name the authority that signed it as network.ca_file (a proxy that opens TLS has its own), or correct the clock";
      if (says("proxy")) return "correct network.https_proxy and network.http_proxy (`hubctl config`), or add the host to network.no_proxy";
      return "look at this host's names, routes and firewall; behind a proxy, set network.https_proxy";
    case ErrorKind::stalled:
    case ErrorKind::deadline_exceeded:
      return "something swallows the packets: look at firewall, proxy and MTU on the way";
    case ErrorKind::unauthorized:
      return "log in again: `hubctl auth login`";
    case ErrorKind::gated_repo:
      return "ask for access on the repository's page, with the account that the token belongs to";
    case ErrorKind::repository_not_found:
    case ErrorKind::revision_not_found:
    case ErrorKind::entry_not_found:
      return "name a repository that this token may read: `hubctl doctor REPO`";
    case ErrorKind::rate_limited:
      return "wait until the window opens, or log in for a larger one";
    case ErrorKind::offline:
      return "`hubctl config set network.mode online`";
    default:
      return "try again; if it stays, look at hubd's log around this time";
  }
}

}  // namespace hubd::daemon
