// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/watch.h"

#include <algorithm>

#include "core/engine/insight.h"

namespace hubd::sim {
namespace {

constexpr auto unwanted_max = std::chrono::seconds(15);
constexpr Bytes read_max = 64 * 1024;               // SimHub gives no more at once

std::size_t connections_of(engine::Options const& options, engine::Tuning const& tuning) {
  auto const by_memory = std::max<std::size_t>(1, options.memory_max / 4_MiB);
  return std::min({tuning.connections_total, tuning.connections_per_host, by_memory});
}

Bytes quantum_of(std::optional<Bytes> rate) { return rate ? std::clamp<Bytes>(*rate / 20, 16_KiB, 1_MiB) : read_max; }

}  // namespace

Watch::Watch(World& world) : world_(world), last_sign_(world.time.now()), tuning_(world.options.tuning) {
  world_.disk.take_named();
  tune(tuning_);
  world_.time.on_step([this] { look(); });
}

Watch::~Watch() { world_.time.on_step({}); }

void Watch::fail(std::string what) {
  if (problem_.empty()) problem_ = std::move(what);
}

std::shared_ptr<World::Client> Watch::ensure(engine::EnsureRequest request) {
  auto client = world_.ensure(request);
  asked_.push_back({client, std::move(request), world_.time.now(), false, false});
  return client;
}

void Watch::leave(std::size_t number) {
  asked_[number].left = true;
  world_.leave(*asked_[number].client);
}

bool Watch::anybody_waits() const {
  return std::ranges::any_of(asked_, [](Asked const& asked) { return !asked.left && !asked.client->answer; });
}

void Watch::tune(engine::Tuning const& tuning) {
  quantum_max_ = std::max(quantum_of(tuning_.bandwidth.always), quantum_of(tuning.bandwidth.always));
  tuning_ = tuning;
  connections_ = std::max(connections_, connections_of(world_.options, tuning));
  set_ceilings();
  world_.options.tuning = tuning;
  if (world_.engine) world_.engine->tune(tuning);
}

/// Each connection may hold a quantum that it was granted and has not read.
void Watch::set_ceilings() {
  auto const rate = tuning_.bandwidth.always;
  world_.hub.set_ceilings({connections_, rate, connections_ * quantum_max_ + quantum_of(rate) + rate.value_or(0) / 20});
}

void Watch::follow_ceilings() {
  auto const limit = connections_of(world_.options, tuning_);
  if (connections_ == limit) return;
  // What was granted under wider limits may still be used; nothing new is granted until it is back.
  auto const granted = world_.engine ? world_.engine->budgets().connections : 0;
  if (granted >= connections_) return;
  connections_ = std::max<std::size_t>(limit, granted);
  set_ceilings();
}

void Watch::life_ended() {
  asked_.clear();
  unwanted_.clear();
  excuse();
}

void Watch::excuse() { excused_ = last_sign_ = world_.time.now(); }

void Watch::look() {
  if (!problem_.empty()) return;
  auto const now = world_.time.now();
  auto const sign = world_.hub.delivered + world_.hub.good;
  if (sign != sign_) last_sign_ = now;
  sign_ = sign;
  follow_ceilings();
  if (!world_.hub.broken_ceiling.empty()) return fail(world_.hub.broken_ceiling);
  if (world_.hub.into_the_empty > 0) return fail("a request was sent into a rate-limit window that was known to be empty");
  look_at_names();
  bool waits = false;
  for (auto& asked : asked_) {
    look_at(asked);
    waits = waits || (!asked.left && !asked.client->answer);
  }
  if (!waits) last_sign_ = now;
  if (now - last_sign_ > idle_max) fail("a client waits, nothing came for " + std::to_string(std::chrono::duration_cast<std::chrono::seconds>(now - last_sign_).count()) + " s, and nobody told it");
}

void Watch::look_at(Asked& asked) {
  auto const& client = *asked.client;
  auto const now = world_.time.now();
  auto const who = "the client of " + asked.request.repo.id + " that asked at " + std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(asked.at.time_since_epoch()).count()) + " ms";
  if (client.answers > 1) return fail(who + " was answered twice");
  if (client.went_back) return fail(who + " saw its progress go back");
  if (!client.answer) {
    auto const& deadline = asked.request.caller.deadline;
    if (deadline && !asked.left && now > std::max(*deadline, excused_) + late_max) fail(who + " was not answered by its deadline");
    return;
  }
  if (asked.seen) return;
  asked.seen = true;
  last_sign_ = now;
  if (!client.answer->has_value()) {
    if (client.answer->error().what.empty()) fail(who + " got an error without words");
    return;
  }
  if (excused_ >= asked.at || world_.disk.dead()) return;  // somebody meddled meanwhile
  // Two models into one folder: who comes last has the names that both have, as with stock clients.
  bool const shares_folder = !asked.request.local_dir.empty() && std::ranges::any_of(asked_, [&](Asked const& other) {
    return other.request.local_dir == asked.request.local_dir && other.request.repo.id != asked.request.repo.id;
  });
  if (shares_folder) return;
  for (auto const& file : (*client.answer)->files) {
    auto const& right = world_.hub.content(asked.request.repo.id, file.path);
    if (world_.disk.content(file.absolute_path) != right) return fail(who + " was told that " + file.absolute_path + " is there, and it is not right");
  }
}

void Watch::look_at_names() {
  for (auto const& path : world_.disk.take_named()) {
    auto const slash = path.rfind('/');
    bool const in_repo = path.find("/models--") != std::string::npos;
    if (!in_repo || !path.substr(0, slash).ends_with("/blobs")) continue;
    auto const* const right = world_.hub.content_of(path.substr(slash + 1));
    if (right == nullptr) return fail("a foreign name: " + path);
    if (!world_.disk.dead() && world_.disk.content(path) != *right) return fail("unverified bytes were published as " + path);
  }
}

void Watch::look_at_leases() {
  auto const now = world_.time.now();
  if (!world_.engine || world_.disk.dead()) return;
  std::map<std::string, Time> unwanted;
  for (auto const& info : world_.engine->transfers({1000}, false)) {
    auto const waiting = std::ranges::count_if(asked_, [&](Asked const& asked) { return !asked.left && !asked.client->answer && asked.client->transfer == info.id; });
    if (info.leases > static_cast<std::uint32_t>(waiting))
      return fail("transfer " + info.id + " of " + info.repo.id + " has " + std::to_string(info.leases) + " leases of " + std::to_string(waiting) + " clients");
    bool const moves = info.state != "parked" && info.state != "paused";
    if (info.leases > 0 || info.detached || !moves) continue;
    auto const known = unwanted_.find(info.id);
    auto const since = known == unwanted_.end() ? now : known->second;
    if (now - std::max(since, excused_) > unwanted_max) return fail("transfer " + info.id + " of " + info.repo.id + " goes on although nobody wants it");
    unwanted[info.id] = since;
  }
  unwanted_ = std::move(unwanted);
}

}  // namespace hubd::sim
