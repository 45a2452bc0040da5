// SPDX-License-Identifier: Apache-2.0
#include "client/cli/connector.h"

#include <unistd.h>

#include <charconv>
#include <cstdint>
#include <cstdio>
#include <filesystem>

#include "client/cli/ending.h"
#include "client/cli/starter.h"
#include "client/cli/version.h"

namespace hubd::cli {
namespace {

using client::Client;
using client::ErrorKind;
using client::make_error;
using Opened = client::Result<std::unique_ptr<Client>>;

bool same_folder(std::string const& a, std::string const& b) {
  if (a == b) return true;
  std::error_code error;
  return std::filesystem::equivalent(a, b, error) && !error;
}

std::uint64_t take_number(std::string_view& text) {
  std::uint64_t number = 0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  (void)error;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (text.starts_with('.'))
    text.remove_prefix(1);
  else
    text = {};
  return number;
}

}  // namespace

Connector::Connector(client::Variables const& variables, Options options)
    : variables_(variables), options_(std::move(options)) {}

std::string Connector::socket_of_root(std::string const& user_socket, std::string const& root) {
  std::uint64_t hash = 0xcbf29ce484222325U;  // FNV-1a: a short name, not a secret
  for (char const c : root) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  std::array<char, 17> name{};
  std::snprintf(name.data(), name.size(), "%016llx", static_cast<unsigned long long>(hash));
  return std::filesystem::path(user_socket).parent_path() / ("cache-" + std::string(name.data()) + ".sock");
}

bool Connector::is_older(std::string_view a, std::string_view b) {
  while (!a.empty() || !b.empty()) {
    auto const left = take_number(a);
    auto const right = take_number(b);
    if (left != right) return left < right;
  }
  return false;
}

Opened Connector::open(std::string const& socket) const {
  auto const mounts = client::mounts_from(variables_);
  if (!mounts) return mounts.error();
  Client::Options options;
  options.sockets = {socket};
  options.mounts = *mounts;
  options.check_owner = options_.socket.empty();
  options.name = "hubctl";
  options.version = kVersion;
  return Client::connect(std::move(options));
}

Opened Connector::start(std::string const& socket) const {
  auto const program = find_hubd(variables_);
  if (!program) return program.error();
  auto const started = start_hubd(plan_start(*program, socket, options_.wanted_root, variables_), socket);
  if (!started) return started.error();
  return open(socket);
}

Opened Connector::renewed(std::unique_ptr<Client> client) const {
  auto const& hello = client->hello();
  bool const old = hello.auto_started && is_older(hello.version, kVersion);
  if (!old || !options_.may_start || !options_.replace_older) return client;
  auto const status = client->status();
  if (!status || status->transfers_running + status->transfers_waiting > 0) return client;
  auto const socket = client->socket();
  Ending ending(socket, hello.pid);
  auto const stopped = client->shutdown();
  if (!stopped || !ending.wait()) return client;
  return start(socket);
}

Opened Connector::connect() {
  if (!options_.socket.empty()) {
    if (listens(options_.socket) || !options_.may_start) {
      auto opened = open(options_.socket);
      if (opened) return renewed(std::move(*opened));
      if (opened.error().kind != ErrorKind::unavailable || !options_.may_start) return opened.error();
    }
    return start(options_.socket);
  }
  auto const user = client::user_socket(variables_, ::getuid());
  auto const own = socket_of_root(user, options_.wanted_root);
  std::unique_ptr<Client> foreign;
  for (auto const& socket : {user, own, std::string(client::kSystemSocket)}) {
    if (!listens(socket)) continue;
    auto opened = open(socket);
    bool const skip = !opened && (opened.error().kind == ErrorKind::unavailable || socket == client::kSystemSocket);
    if (skip) continue;
    if (!opened) return opened.error();
    if (same_folder((*opened)->hello().cache_root, options_.wanted_root) || (*opened)->is_cache(options_.wanted_root)) return renewed(std::move(*opened));
    if (!foreign) foreign = std::move(*opened);
  }
  if (!options_.may_start) {
    if (foreign && options_.foreign_too) return foreign;
    return make_error(ErrorKind::unavailable, "hubd does not run for the cache " + options_.wanted_root +
                                                  ": nobody answers at " + user + " and " + client::kSystemSocket);
  }
  bool const usual = same_folder(client::cache_root(variables_), options_.wanted_root);
  return start(usual && !listens(user) ? user : own);
}

}  // namespace hubd::cli
