// SPDX-License-Identifier: Apache-2.0
#include "daemon/services/admin.h"

#include <unistd.h>

#include "core/engine/insight.h"
#include "daemon/process_facts.h"
#include "daemon/text.h"

namespace hubd::daemon {
namespace {

v1::ConfigValue to_message(Key const& key, Setting const& setting) {
  v1::ConfigValue message;
  message.set_key(std::string(key.name));
  bool const one_address = key.kind == ValueKind::text;  // a proxy, whose password is for the proxy only
  message.set_value(valid_utf8(one_address ? without_password(setting.value) : setting.value));
  message.set_source(valid_utf8(setting.source));
  message.set_help(std::string(key.help));
  message.set_live(key.live);
  return message;
}

}  // namespace

void Admin::add_to(Registry& registry) {
  registry.unary("/hubd.v1.Admin/Hello", *this, &Admin::hello);
  registry.unary("/hubd.v1.Admin/Status", *this, &Admin::status);
  registry.unary("/hubd.v1.Admin/GetConfig", *this, &Admin::get_config);
  registry.unary("/hubd.v1.Admin/SetConfig", *this, &Admin::set_config);
  registry.unary("/hubd.v1.Admin/Shutdown", *this, &Admin::shutdown);
}

Async<v1::HelloResponse> Admin::hello(Principal principal, v1::HelloRequest) {
  v1::HelloResponse response;
  response.set_version(facts_.version);
  for (auto const* const feature : {"downloads", "transfers", "cache", "auth", "config", "local_dir", "hub", "content", "store", "doctor"})
    response.add_features(feature);
  response.set_root_id(facts_.root_id);
  response.set_cache_root(valid_utf8(facts_.cache_root));
  response.set_auto_started(facts_.auto_started);
  response.set_pid(getpid());
  response.set_uid(principal.uid);
  co_return response;
}

Async<v1::StatusResponse> Admin::status(Principal, v1::StatusRequest) {
  auto const look = [this] { return parts_.files.free_space(facts_.cache_root); };
  auto const free_space = co_await net::offload(parts_.disk, look);
  auto const totals = parts_.engine.totals();
  auto const& config = parts_.config.config();
  auto const uptime = parts_.clock.now() - facts_.started;
  v1::StatusResponse response;
  response.set_version(facts_.version);
  response.set_pid(getpid());
  response.set_uptime_seconds(std::chrono::duration_cast<std::chrono::seconds>(uptime).count());
  response.set_mode("user");
  response.set_cache_root(valid_utf8(facts_.cache_root));
  response.set_root_id(facts_.root_id);
  response.set_state_folder(valid_utf8(facts_.state_folder));
  response.set_socket(valid_utf8(facts_.socket));
  response.set_network(std::string(name_of(config.network_mode)));
  if (free_space) response.set_bytes_free(*free_space);
  response.set_bytes_floor(config.free_floor);
  response.set_transfers_running(totals.transfers_running);
  response.set_transfers_waiting(totals.transfers_waiting);
  response.set_clients(parts_.clients());
  response.set_bytes_fetched(totals.bytes_fetched);
  response.set_requests(parts_.traffic.requests);
  response.set_calls(parts_.calls.total());
  response.set_bytes_published(totals.bytes_published);
  response.set_integrity_failures(totals.integrity_failures);
  response.set_xet_files(totals.xet_files);
  response.set_bytes_reused(totals.bytes_reused);
  response.set_bytes_bridged(totals.bytes_bridged);
  response.set_xet_fallbacks(totals.xet_fallbacks);
  response.set_rss_bytes(resident_bytes());
  response.set_memory_max(parts_.engine.budgets().memory_max);
  response.set_memory_why(facts_.memory_why);
  response.set_open_files(open_files());
  response.set_open_files_max(open_files_max());
  response.set_problem(valid_utf8(totals.problem.empty() && !free_space ? free_space.error().what : totals.problem));
  response.set_unverified_blobs(totals.unverified_blobs);
  co_return response;
}

Async<v1::GetConfigResponse> Admin::get_config(Principal, v1::GetConfigRequest) {
  v1::GetConfigResponse response;
  for (auto const& key : config_keys())
    *response.add_values() = to_message(key, parts_.config.settings().find(key.name)->second);
  co_return response;
}

Async<v1::SetConfigResponse> Admin::set_config(Principal principal, v1::SetConfigRequest request) {
  if (principal.uid != parts_.policy.own())
    co_return fail(ErrorKind::permission_denied, "only the user that hubd runs as may change its settings");
  auto const change = parts_.config.set(request.key(), request.value());
  if (!change) co_return change.error();
  v1::SetConfigResponse response;
  *response.mutable_value() = to_message(*find_key(request.key()), change->setting);
  response.set_restart_needed(change->restart_needed);
  co_return response;
}

Async<v1::ShutdownResponse> Admin::shutdown(Principal principal, v1::ShutdownRequest) {
  if (principal.uid != parts_.policy.own())
    co_return fail(ErrorKind::permission_denied, "only the user that hubd runs as may stop it");
  parts_.stop();
  co_return v1::ShutdownResponse();
}

}  // namespace hubd::daemon
