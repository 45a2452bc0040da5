// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/world.h"

#include <cstdlib>
#include <iostream>

#include "core/engine/windowed_http.h"
#include "core/hash/hasher.h"
#include "core/hub/hub_client.h"
#include "core/net/signal.h"

namespace hubd::sim {
namespace {

constexpr char const* root = "/cache/hub";
constexpr char const* state = "/cache/hubd";

class Listener final : public engine::EnsureListener {
 public:
  explicit Listener(World::Client& client) : client_(client) {}
  void started(std::string const& transfer_id, Commit const&, std::uint64_t, Bytes, Bytes) override {
    client_.transfer = transfer_id;
    if (client_.on_started) client_.on_started();
  }
  void progress(engine::Progress const& progress) override {
    client_.went_back = client_.went_back || progress.bytes_done < client_.last_done;
    client_.last_done = progress.bytes_done;
    if (!progress.waiting_for.empty()) client_.waited_for = progress.waiting_for;
  }

 private:
  World::Client& client_;
};

/// What hubd logs, in virtual time, when HUBD_SIM_LOG is set.
class StderrLog final : public Log {
 public:
  explicit StderrLog(Clock const& clock) : clock_(clock), on_(std::getenv("HUBD_SIM_LOG") != nullptr) {}
  bool enabled(LogLevel) const override { return on_; }
  void write(LogLevel, std::string_view line) override {
    if (on_) std::cerr << std::chrono::duration<double>(clock_.now().time_since_epoch()).count() << " " << line << "\n";
  }

 private:
  Clock const& clock_;
  bool on_;
};

asio::awaitable<void> ask(engine::Engine& engine, engine::EnsureRequest request, std::shared_ptr<World::Client> client) {
  auto quiet = net::no_unwinding();
  co_await std::move(quiet);
  Listener listener(*client);
  auto result = co_await engine.ensure(std::move(request), &listener);
  client->answer.emplace(std::move(result));
  ++client->answers;
}

std::string content_of(support::SimFileSystem& disk, std::string const& path) {
  auto const text = fs::read_file(disk, path, 1_GiB);
  return text ? *text : "unreadable: " + text.error().what;
}

}  // namespace

/// What one life of the process consists of.
class World::Parts {
 public:
  explicit Parts(World& world)
      : log(world.time),
        random(seeded_random(world.seed * 31 + 7 + 1'000'003 * world.lives)),
        cache(world.disk, *random, {root, world.shared_store}, [] { return Result<void>(); }),
        http(world.hub, world.time, log),
        hub(http, world.time, log) {}
  StderrLog log;
  std::unique_ptr<Random> random;
  cache::Cache cache;
  engine::WindowedHttp http;
  hub::HubClient hub;
  hub::OwnersCache entitlement;
};

World::World(std::uint64_t s, engine::Options o)
    : seed(s), time(io), disk({.seed = s, .clock = &time}), databases(disk), hub(time, s + 1), options(std::move(o)) {
  options.state_folder = state;
  options.upstreams = {SimHub::kEndpoint};
  disk.plant(std::string(root) + "/.locks/.hubd-owner", "");
  disk.plant(std::string(state) + "/keep", "");
}

World::~World() {
  if (engine) stop();
  end_clients();
}

Result<void> World::start() {
  ++lives;
  hub.new_client();
  parts_ = std::make_unique<Parts>(*this);
  auto const executor = io.get_executor();
  engine::Parts const parts{executor,   executor, executor,    disk, parts_->cache,   parts_->http,
                            parts_->hub, parts_->entitlement, time, *parts_->random, parts_->log, &parts_->http};
  engine = engine::make_engine(options, parts);
  return run(engine->start());
}

void World::stop() {
  auto const wrapped = [](engine::Engine& the) -> Async<void> {
    auto stopping = the.stop();
    co_await std::move(stopping);
    co_return Result<void>();
  };
  auto const stopped = run(wrapped(*engine));
  (void)stopped;
  end_clients();
  engine.reset();
  parts_.reset();
}

void World::crash(support::SimFileSystem::Loss loss) {
  disk.crash_at(1);  // from now on nothing reaches the disk any more
  if (engine) stop();
  disk.crash(loss);
}

engine::EnsureRequest World::request(std::string const& repo, std::string const& revision) const {
  engine::EnsureRequest request;
  request.caller.principal.uid = 1000;
  request.caller.endpoint = SimHub::kEndpoint;
  request.repo = RepoRef{SimHub::kEndpoint, RepoType::model, repo};
  request.revision = revision;
  return request;
}

std::shared_ptr<World::Client> World::ensure(std::string const& repo, std::string const& revision,
                                             std::function<void(engine::EnsureRequest&)> adjust) {
  auto asked = request(repo, revision);
  if (adjust) adjust(asked);
  return ensure(std::move(asked));
}

std::shared_ptr<World::Client> World::ensure(engine::EnsureRequest asked) {
  auto client = std::make_shared<Client>();
  auto on_bug = [client](std::exception_ptr) {
    client->answer.emplace(fail(ErrorKind::internal, "an exception left ensure()"));
    ++client->answers;
  };
  auto group = std::make_unique<net::TaskGroup>(io.get_executor(), on_bug);
  group->spawn("client", ask(*engine, std::move(asked), client));
  tasks_.push_back({client, std::move(group)});
  return client;
}

void World::leave(Client& client) {
  for (auto& task : tasks_)
    if (task.client.get() == &client) task.group->cancel();
}

void World::end_clients() {
  for (auto& task : tasks_) task.group->cancel();
  for (int i = 0; i < 300; ++i) {
    bool any = false;
    for (auto& task : tasks_) any = any || task.group->size() > 0;
    if (!any) break;
    time.run_for(std::chrono::seconds(1));
  }
  tasks_.clear();
}

std::string World::broken_promise() {
  for (auto const& task : tasks_) {
    if (task.client->answers > 1) return "a client was answered twice";
    if (task.client->went_back) return "a client's progress went back";
  }
  if (hub.open_max > options.tuning.connections_total + 8) return std::to_string(hub.open_max) + " connections were open at once";
  if (disk.dead()) return {};
  auto const folders = disk.list(root);
  if (!folders) return folders.error().what;
  for (auto const& folder : *folders) {
    auto const blobs = std::string(root) + "/" + folder + "/blobs";
    auto const names = disk.list(blobs);
    if (!names) continue;
    for (auto const& name : *names) {
      auto const id = ContentId::parse(name);
      if (!id) return "a foreign name in " + blobs + ": " + name;
      auto const bytes = content_of(disk, blobs + "/" + name);
      if (auto const* const right = hub.content_of(name)) {
        if (bytes != *right) return "wrong bytes are visible as " + blobs + "/" + name;
        continue;
      }
      hash::ContentHasher hasher(*id, bytes.size());
      hasher.update(as_bytes(bytes));
      if (hasher.finish() != name) return "wrong bytes are visible as " + blobs + "/" + name;
    }
  }
  return {};
}

std::string World::snapshot_problem(std::string const& repo) {
  auto flat = repo;
  flat.replace(flat.find('/'), 1, "--");
  auto const snapshot = std::string(root) + "/models--" + flat + "/snapshots/" + hub.commit_of(repo);
  for (auto const& [path, bytes] : hub.files(repo))
    if (content_of(disk, snapshot + "/" + path) != *bytes) return snapshot + "/" + path + " is not right: " + content_of(disk, snapshot + "/" + path).substr(0, 120);
  return {};
}

}  // namespace hubd::sim
