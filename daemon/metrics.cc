// SPDX-License-Identifier: Apache-2.0
#include "daemon/metrics.h"

#include <map>
#include <utility>

namespace hubd::daemon {

std::string format_metrics(engine::Totals const& totals, engine::Budgets const& budgets, Traffic const& traffic, ServerCounts const& server) {
  std::string text;
  auto const describe = [&](char const* name, char const* type, char const* help) {
    text += std::string("# HELP ") + name + ' ' + help + "\n# TYPE " + name + ' ' + type + '\n';
  };
  auto const add = [&](char const* name, char const* type, char const* help, std::uint64_t value) {
    describe(name, type, help);
    text += std::string(name) + ' ' + std::to_string(value) + '\n';
  };
  add("hubd_transfers_running", "gauge", "Transfers that move bytes.", totals.transfers_running);
  add("hubd_transfers_waiting", "gauge", "Transfers that wait for something.", totals.transfers_waiting);
  add("hubd_transfers_parked", "gauge", "Transfers that stopped, keep their bytes, and are begun again by themselves.", totals.transfers_parked);
  add("hubd_permits", "gauge", "Connections that may move bytes of files now.", budgets.connections);
  add("hubd_permits_limit", "gauge", "Connections that may move bytes of files at a time, by connections and memory.", budgets.connections_max);
  add("hubd_permits_waiting", "gauge", "Ranges that wait for a connection.", budgets.connections_waiting);
  if (budgets.bandwidth_max)
    add("hubd_bandwidth_limit_bytes_per_second", "gauge", "Limit of received bytes in force now; absent without one.", *budgets.bandwidth_max);
  add("hubd_memory_limit_bytes", "gauge", "Memory for buffers of transfers, all together.", budgets.memory_max);
  add("hubd_resident_bytes", "gauge", "Memory of the process that is resident.", server.resident);
  add("hubd_open_files", "gauge", "Descriptors open now.", server.open_files);
  add("hubd_open_files_limit", "gauge", "Descriptors that may be open.", server.open_files_max);
  if (server.disk_free)
    add("hubd_disk_free_bytes", "gauge", "Free space of the cache's file system, at most 10 s old.", *server.disk_free);
  add("hubd_disk_floor_bytes", "gauge", "Space that transfers leave free.", budgets.disk_floor);
  add("hubd_upstream_connections", "gauge", "Connections to Hubs and CDNs, idle ones too.", server.upstream_connections);
  add("hubd_upstream_connections_limit", "gauge", "Connections to all hosts at a time.", server.upstream_connections_max);
  add("hubd_fetched_bytes_total", "counter", "Bytes fetched from the network since start.", totals.bytes_fetched);
  add("hubd_upstream_requests_total", "counter", "Requests made upstream since start.", traffic.requests);
  add("hubd_upstream_received_bytes_total", "counter", "Body bytes received from upstream since start.",
      traffic.bytes_received);
  describe("hubd_upstream_answers_total", "counter", "Answers of upstream since start, by class of their status.");
  for (std::size_t i = 0; i < traffic.answers.size(); ++i)
    text += "hubd_upstream_answers_total{class=\"" + std::to_string(i + 1) + "xx\"} " +
            std::to_string(traffic.answers[i]) + '\n';
  std::map<std::pair<std::string, std::string>, sched::RateWindows::Window const*> tightest;
  for (auto const& window : budgets.windows) {
    auto& place = tightest[{window.key.origin, window.key.category}];
    if (place == nullptr || window.remaining < place->remaining) place = &window;
  }
  describe("hubd_rate_window_remaining", "gauge", "Requests left in a rate-limit window that is open now.");
  for (auto const& [key, window] : tightest)
    text += "hubd_rate_window_remaining{host=\"" + key.first + "\",class=\"" + key.second + "\"} " + std::to_string(window->remaining) + '\n';
  add("hubd_published_bytes_total", "counter", "Bytes published into the cache since start.", totals.bytes_published);
  add("hubd_integrity_failures_total", "counter", "Contents that did not match their hash.", totals.integrity_failures);
  add("hubd_xet_files_total", "counter", "Files that came by the Xet route since start.", totals.xet_files);
  add("hubd_bridged_bytes_total", "counter", "Bytes of chunks on this host that were fetched all the same since start.", totals.bytes_bridged);
  add("hubd_reused_bytes_total", "counter", "Bytes of files that came from chunks on this host since start.", totals.bytes_reused);
  add("hubd_xet_fallbacks_total", "counter", "Files that the Xet route could not bring.", totals.xet_fallbacks);
  add("hubd_unverified_blobs", "gauge", "Blobs of others that hubd has not hashed yet.", totals.unverified_blobs);
  add("hubd_connections", "gauge", "Client connections open now.", server.connections);
  add("hubd_calls_running", "gauge", "Calls under way.", server.calls_running);
  add("hubd_calls_total", "counter", "Calls begun since start.", server.calls_total);
  return text;
}

}  // namespace hubd::daemon
