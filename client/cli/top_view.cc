// SPDX-License-Identifier: Apache-2.0
#include "client/cli/top_view.h"

#include <algorithm>
#include <functional>
#include <array>
#include <boost/json/array.hpp>
#include <cmath>
#include <map>

#include "client/cli/text.h"
#include "client/cli/transfer_view.h"
#include "core/base/bytes.h"

namespace hubd::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t kRoutesMax = 4, kWindowsMax = 3;

/// Requests by where they go.
struct Route {
  std::uint64_t requests = 0;
  std::uint64_t bytes = 0;
  double silent_seconds = 0;  ///< of the one that is silent longest
};

std::map<std::string, Route> routes_of(client::Overview const& overview) {
  std::map<std::string, Route> routes;
  for (auto const& range : overview.ranges) {
    auto& route = routes[route_text(range)];
    ++route.requests;
    route.bytes += range.bytes;
    route.silent_seconds = std::max(route.silent_seconds, range.silent_seconds);
  }
  return routes;
}

std::string seconds_text(double seconds) { return duration_text(static_cast<std::int64_t>(std::ceil(std::max(seconds, 0.0)))); }

std::string entry(std::string name, std::string const& text) {
  name.resize(13, ' ');
  return name + text;
}

std::vector<std::string> budget_lines(TopFrame const& frame) {
  auto const& budgets = frame.overview.budgets;
  auto const& status = frame.status;
  std::size_t moving = 0;
  for (auto const& transfer : frame.overview.transfers) moving += transfer.state == "running" ? 1 : 0;
  std::vector<std::string> lines;
  lines.push_back("hubd " + status.version + ", up " + duration_text(status.uptime_seconds) + ": " + count_text(moving, "transfer") + " moving, " +
                  std::to_string(frame.overview.transfers.size() - moving) + " not; " + human_size(status.bytes_fetched) + " fetched, " +
                  count_text(status.requests, "request"));
  if (!status.problem.empty()) lines.push_back(entry("problem", status.problem));
  auto const now = budgets.bandwidth >= 1 ? rate_text(budgets.bandwidth) : "0 B/s";
  lines.push_back(entry("bandwidth", now + (budgets.bandwidth_max > 0 ? " of " + rate_text(static_cast<double>(budgets.bandwidth_max)) : ", no limit") +
                                         (budgets.bandwidth_waiting > 0 ? "; " + std::to_string(budgets.bandwidth_waiting) + " wait for bytes" : "")));
  std::string hosts;
  for (auto const& host : budgets.hosts)
    hosts += "; " + host.host + " " + std::to_string(host.connections) + " of " + std::to_string(budgets.connections_per_host_max);
  lines.push_back(entry("connections", std::to_string(budgets.connections) + " of " + std::to_string(budgets.connections_max) +
                                           (budgets.connections_waiting > 0 ? ", " + std::to_string(budgets.connections_waiting) + " wait" : "") + hosts));
  lines.push_back(entry("memory", "at most " + human_size(budgets.memory) + " of " + human_size(budgets.memory_max) + " in buffers; resident " +
                                      human_size(status.rss_bytes)));
  lines.push_back(entry("disk", human_size(status.bytes_free) + " free, " + human_size(budgets.disk_reserved) + " of it reserved, " +
                                    human_size(budgets.disk_floor) + " stay free"));
  for (std::size_t i = 0; i < std::min(budgets.windows.size(), kWindowsMax); ++i) {
    auto const& window = budgets.windows[i];
    lines.push_back(entry(i == 0 ? "windows" : "", window.origin + " (" + window.category + "): " + std::to_string(window.remaining) + " left for " +
                                                      seconds_text(window.reset_seconds) +
                                                      (window.waiting > 0 ? ", " + count_text(window.waiting, "request") + " wait" : "")));
  }
  auto const routes = routes_of(frame.overview);
  std::size_t shown = 0;
  for (auto const& [name, route] : routes) {
    if (shown == kRoutesMax) break;
    auto const silent = route.silent_seconds >= 2 ? ", silent for " + seconds_text(route.silent_seconds) : "";
    lines.push_back(entry(shown++ == 0 ? "routes" : "", name + ": " + count_text(route.requests, "request") + ", " + human_size(route.bytes) + silent));
  }
  return lines;
}

using Row = std::array<std::string, 8>;

Row row_of(client::Transfer const& transfer) {
  bool const moves = transfer.state == "running";
  bool const known = moves && std::isfinite(transfer.eta_seconds) && transfer.eta_seconds >= 0;
  return {transfer.id,
          repo_text(transfer),
          transfer.state,
          share_text(transfer),
          human_size(transfer.bytes_total),
          moves ? rate_text(transfer.rate) : "",
          known ? seconds_text(transfer.eta_seconds) : "",
          std::string(name_of(transfer.priority))};
}

}  // namespace

std::vector<std::string> top_lines(TopFrame const& frame, std::size_t width, std::size_t height) {
  auto lines = budget_lines(frame);
  for (auto& line : lines) line = printable(line);
  lines.emplace_back();
  std::vector<client::Transfer const*> order;  // what moves fastest first
  for (auto const& transfer : frame.overview.transfers) order.push_back(&transfer);
  // Equal ones stay in the order of the list, in which they stand side by side.
  std::sort(order.begin(), order.end(), [](auto const* a, auto const* b) { return a->rate != b->rate ? a->rate > b->rate : std::less<>()(a, b); });
  std::size_t const room = height == 0 ? order.size() : height > lines.size() + 2 ? height - lines.size() - 2 : 0;
  std::size_t const shown = std::min(order.size(), room);
  std::vector<Row> rows{{"id", "repo", "state", "done", "size", "rate", "left", "priority"}};
  for (std::size_t i = 0; i < shown; ++i) rows.push_back(row_of(*order[i]));
  std::array<std::size_t, 8> widths{};
  for (auto const& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], std::min<std::size_t>(text_width(printable(row[i])), 40));
  for (std::size_t n = 0; n < rows.size(); ++n) {
    std::string line;
    for (std::size_t i = 0; i < rows[n].size(); ++i) {
      auto cell = cut(printable(rows[n][i]), widths[i]);
      line += cell + std::string(widths[i] - text_width(cell) + 2, ' ');
    }
    if (n > 0) line += printable(order[n - 1]->waiting_for);
    else line += "waiting for";
    while (line.ends_with(' ')) line.pop_back();
    lines.push_back(std::move(line));
  }
  if (order.empty()) lines.emplace_back("No transfers.");
  if (shown < order.size()) lines.push_back("... and " + std::to_string(order.size() - shown) + " more");
  if (height > 0 && lines.size() > height) lines.resize(height);
  for (auto& line : lines)
    if (width > 0) line = cut(line, width);
  return lines;
}

json::object top_json(TopFrame const& frame) {
  auto const& budgets = frame.overview.budgets;
  json::object document;
  document["unix_ms"] = frame.overview.unix_ms;
  json::array transfers;
  for (auto const& transfer : frame.overview.transfers) transfers.emplace_back(to_json(transfer));
  document["transfers"] = std::move(transfers);
  json::array ranges;
  for (auto const& range : frame.overview.ranges) ranges.emplace_back(to_json(range));
  document["ranges"] = std::move(ranges);
  json::object hosts;
  for (auto const& host : budgets.hosts) hosts[host.host] = host.connections;
  json::array windows;
  for (auto const& window : budgets.windows)
    windows.emplace_back(json::object{{"origin", window.origin},
                                      {"category", window.category},
                                      {"remaining", window.remaining},
                                      {"reset_seconds", window.reset_seconds},
                                      {"waiting", window.waiting}});
  json::object budget;
  budget["bandwidth"] = budgets.bandwidth;
  budget["bandwidth_max"] = budgets.bandwidth_max > 0 ? json::value(budgets.bandwidth_max) : json::value(nullptr);
  budget["bandwidth_waiting"] = budgets.bandwidth_waiting;
  budget["connections"] = budgets.connections;
  budget["connections_max"] = budgets.connections_max;
  budget["connections_per_host_max"] = budgets.connections_per_host_max;
  budget["connections_waiting"] = budgets.connections_waiting;
  budget["hosts"] = std::move(hosts);
  budget["memory"] = budgets.memory;
  budget["memory_max"] = budgets.memory_max;
  budget["rss"] = frame.status.rss_bytes;
  budget["disk_free"] = frame.status.bytes_free;
  budget["disk_reserved"] = budgets.disk_reserved;
  budget["disk_floor"] = budgets.disk_floor;
  budget["windows"] = std::move(windows);
  document["budgets"] = std::move(budget);
  return document;
}

}  // namespace hubd::cli
