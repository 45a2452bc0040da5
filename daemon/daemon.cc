// SPDX-License-Identifier: Apache-2.0
#include "daemon/daemon.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <thread>

#include "core/base/random.h"
#include "core/cache/cache.h"
#include "core/cache/owner.h"
#include "core/engine/make_engine.h"
#include "core/fs/file_system.h"
#include "core/httpd/server.h"
#include "core/net/task_group.h"
#include "core/net/timers.h"
#include "daemon/activation.h"
#include "daemon/audit_file.h"
#include "daemon/connect.h"
#include "daemon/content_route.h"
#include "daemon/grpc_server.h"
#include "daemon/idle_threads.h"
#include "daemon/limits/budgets.h"
#include "daemon/live_config.h"
#include "daemon/metrics.h"
#include "daemon/metrics_port.h"
#include "daemon/paths.h"
#include "daemon/peer_policy.h"
#include "daemon/process_facts.h"
#include "daemon/services/admin.h"
#include "daemon/services/auth.h"
#include "daemon/services/cache.h"
#include "daemon/services/doctor.h"
#include "daemon/services/downloads.h"
#include "daemon/services/hub.h"
#include "daemon/services/store.h"
#include "daemon/services/transfers.h"
#include "daemon/socket_file.h"
#include "daemon/state_folder.h"
#include "daemon/stderr_log.h"
#include "daemon/token_store.h"
#include "daemon/upstream.h"
#include "daemon/version.h"

namespace hubd::daemon {
namespace {

constexpr int exit_failed = 1;
constexpr int exit_usage = 2;
constexpr int exit_busy = 3;
constexpr unsigned disk_threads = 4;
constexpr unsigned idle_threads = 2;
constexpr Bytes memory_per_connection = 2_MiB;
constexpr auto drain_max = std::chrono::seconds(2);  // for answers of calls that the engine has ended
constexpr auto drain_look = std::chrono::milliseconds(10);
constexpr auto disk_look = std::chrono::seconds(10);
constexpr auto idle_look_max = std::chrono::seconds(30);

int exit_code_of(Error const& error) {
  if (error.kind == ErrorKind::busy) return exit_busy;
  return error.kind == ErrorKind::bad_request ? exit_usage : exit_failed;
}

unsigned hash_threads() { return std::clamp(std::thread::hardware_concurrency(), 1U, 8U); }

/// What this process is allowed, which may be less than what the settings say.
struct Allowed {
  MemoryBudget memory;
  std::uint64_t descriptors = 0;
};

engine::Tuning tuning(Config const& config, Allowed const& allowed) {
  engine::Tuning tuning;
  tuning.network = config.network_mode == NetworkMode::offline        ? engine::Tuning::Network::offline
                   : config.network_mode == NetworkMode::prefer_local ? engine::Tuning::Network::prefer_local
                                                                      : engine::Tuning::Network::online;
  tuning.branch_max_age = config.branch_max_age;
  tuning.free_floor = config.free_floor;
  tuning.bandwidth = config.bandwidth;
  // A connection fills one buffer while another is written and hashed: memory bounds how many may move bytes.
  auto const affordable = std::max<std::size_t>(1, static_cast<std::size_t>(allowed.memory.bytes / memory_per_connection));
  auto const openable = descriptor_budget(allowed.descriptors, config.connections_total, config.connections_per_uid);
  tuning.connections_total = std::min({config.connections_total, affordable, openable.connections});
  tuning.connections_per_host = config.connections_per_host;
  tuning.connections_per_file = config.connections_per_file;
  return tuning;
}

cache::Cache::SharedStoreUse shared_store_use(SharedStoreUse use) {
  switch (use) {
    case SharedStoreUse::off: return cache::Cache::SharedStoreUse::off;
    case SharedStoreUse::read: return cache::Cache::SharedStoreUse::read;
    case SharedStoreUse::write: return cache::Cache::SharedStoreUse::write;
  }
  return cache::Cache::SharedStoreUse::read;
}

engine::Options engine_options(Config const& config, Allowed const& allowed, std::string const& state_folder) {
  engine::Options options;
  options.state_folder = state_folder;
  options.upstreams = config.upstreams;
  options.progress_timeout = config.progress_timeout;
  options.metadata_timeout = config.metadata_timeout;
  options.range_size = config.range_size;
  options.xet = config.xet;
  options.adopt = config.adopt;
  options.files_in_flight = config.files_in_flight;
  options.memory_max = allowed.memory.bytes;
  options.tuning = tuning(config, allowed);
  return options;
}

/// Has the operator let other users in?
bool has_guests(Config const& config) {
  auto const other = [](uid_t uid) { return uid != geteuid(); };
  return std::any_of(config.allow_uids.begin(), config.allow_uids.end(), other);
}

/// The process's objects, general to specific, and the one coroutine that starts, waits and stops.
class Daemon {
 public:
  Daemon(ConfigSources sources, Settings settings, std::uint64_t descriptors)
      : auto_started_(sources.auto_started),
        environment_(sources.environment),
        live_(std::move(sources), std::move(settings)),
        log_(live_.config().log_format, live_.config().log_level),
        allowed_{memory_budget(live_.config().memory_max, live_.config().memory_max_set, own_memory_limit()), descriptors},
        policy_(geteuid(), live_.config().allow_uids),
        notifier_(environment_),
        background_(io_.get_executor(), [this](std::exception_ptr bug) { report(bug); }),
        stop_asked_(io_),
        signals_(io_, SIGTERM, SIGINT, SIGHUP) {
    stop_asked_.expires_at(asio::steady_timer::time_point::max());
  }

  int run() {
    net::TaskGroup root(io_.get_executor(), [this](std::exception_ptr bug) {
      report(bug);
      exit_code_ = exit_failed;
      io_.stop();
    });
    root.spawn("hubd", serve());
    io_.run();
    disk_.join();
    hash_.join();
    idle_.join();
    return exit_code_;
  }

 private:
  void report(std::exception_ptr bug) {
    try {
      std::rethrow_exception(bug);
    } catch (std::exception const& error) {
      log_.error(std::string("a task ended by an exception: ") + error.what());
    }
  }

  void ask_stop(std::string const& why) {
    if (!stopping_) log_.info("stopping: " + why);
    stopping_ = true;
    stop_asked_.cancel();
  }

  asio::awaitable<void> serve() {
    auto const started = co_await start();
    if (!started) {
      std::fprintf(stderr, "hubd: %s [%s]\n", describe(started.error()).c_str(),
                   std::string(name_of(started.error().kind)).c_str());
      exit_code_ = exit_code_of(started.error());
    } else {
      background_.spawn("signals", handle_signals());
      background_.spawn("idle", exit_when_idle());
      background_.spawn("disk look", look_at_disk());
      if (notifier_.watchdog()) background_.spawn("watchdog", feed_watchdog());
      log_.info(std::string("hubd ") + kVersion + " owns " + owner_->root() + " and serves " + live_.config().socket);
      notifier_.tell("READY=1");
      while (!stopping_) {
        auto const [ignored] = co_await stop_asked_.async_wait(net::nothrow);
        (void)ignored;
      }
      notifier_.tell("STOPPING=1");
    }
    auto stopping = stop();
    co_await std::move(stopping);
  }

  Async<void> start() {
    auto const& config = live_.config();
    auto take = [&] { return cache::Owner::take(*files_, *random_, config.cache_root, getpid(), config.socket); };
    auto owner = co_await net::offload(disk_executor(), take);
    if (!owner) co_return owner.error();
    owner_ = std::move(*owner);
    auto choose = [&] {
      return choose_state_folder(*files_, *random_, environment_, config.state_folder, owner_->root());
    };
    auto state = co_await net::offload(disk_executor(), choose);
    if (!state) co_return state.error();
    state_folder_ = std::move(*state);
    say_budgets();
    auto audited = open_audit();
    if (!audited) co_return audited.error();
    audit_ = std::move(*audited);
    auto upstream = Upstream::make(io_.get_executor(), config, timers_, log_);
    if (!upstream) co_return upstream.error();
    upstream_ = std::move(*upstream);
    cache::Cache::Options cache_options;
    cache_options.root = owner_->root();
    cache_options.shared_store = shared_store_use(config.shared_store);
    cache_.emplace(*files_, *random_, std::move(cache_options), [this] { return owner_->check(); });
    engine::Parts parts{io_.get_executor(), disk_executor(),  hash_executor(), *files_,  *cache_, upstream_->http(),
                        upstream_->hub(),   entitlement_, timers_,         *random_, log_, &upstream_->http(),
                        &upstream_->routes(), idle_.executor(), audit_.get()};
    engine_ = engine::make_engine(engine_options(config, allowed_, state_folder_), parts);
    auto starting = engine_->start();
    auto const engine_started = co_await std::move(starting);
    if (!engine_started) co_return engine_started.error();
    build_services();
    auto const listening = listen();
    co_return listening;
  }

  void say_budgets() {
    auto const& config = live_.config();
    auto const& memory = allowed_.memory;
    if (memory.bytes != config.memory_max) log_.info("buffers of transfers get " + human_size(memory.bytes) + ": " + memory.why);
    for (auto const& warning : limit_warnings()) log_.warning(warning);
  }

  [[nodiscard]] std::vector<std::string> limit_warnings() const {
    auto const& config = live_.config();
    auto const openable = descriptor_budget(allowed_.descriptors, config.connections_total, config.connections_per_uid);
    std::vector<std::string> warnings;
    for (auto const& warning : {allowed_.memory.warning, openable.warning})
      if (!warning.empty()) warnings.push_back(warning);
    return warnings;
  }

  /// Null: nobody wants records.
  Result<std::unique_ptr<engine::Audit>> open_audit() {
    auto const& config = live_.config();
    if (config.audit_to == AuditTo::off) return std::unique_ptr<engine::Audit>();
    if (config.audit_to == AuditTo::log) return std::unique_ptr<engine::Audit>(std::make_unique<AuditLog>(clock_, log_));
    auto file = AuditFile::open(state_folder_ + "/audit.jsonl", config.audit_size_max, clock_, log_);
    if (!file) return file.error();
    return std::unique_ptr<engine::Audit>(std::move(*file));
  }

  void build_services() {
    auto const& config = live_.config();
    // Whoever is served acts as the owner, so the owner's token is the stored one of everybody.
    auto stored_token = [this](Principal) { return tokens_.active(); };
    callers_.emplace(Callers::Facts{config.upstreams, owner_->root()}, policy_, clock_, stored_token);
    downloads_.emplace(*engine_, *callers_, owner_->root_id());
    transfers_.emplace(*engine_, timers_);
    auto stop = [this] { ask_stop("asked by a client"); };
    auto clients = [this] { return connections(); };
    Auth::Parts auth_parts{tokens_, upstream_->hub(), *callers_, policy_, timers_, disk_executor(), config.metadata_timeout};
    auth_.emplace(std::move(auth_parts));
    auto ask_hub = [this] { return live_.config().network_mode == NetworkMode::online; };
    auto may_change = [this] { return owner_->check(); };
    CacheService::Parts cache_parts{*engine_,     *callers_,       *cache_,         *files_, *random_,  clock_,
                                    upstream_->hub(), disk_executor(), hash_executor(), ask_hub, may_change, config.metadata_timeout};
    cache_service_.emplace(std::move(cache_parts));
    cache_service_->add_to(registry_);
    Admin::Facts facts{kVersion,      owner_->root(), owner_->root_id(), state_folder_,
                       config.socket, allowed_.memory.why, auto_started_,  clock_.now()};
    Admin::Parts parts{*engine_, live_, policy_, clock_, *files_, upstream_->traffic(), calls_, disk_executor(), clients, stop};
    admin_.emplace(std::move(facts), std::move(parts));
    Checkup::Parts checkup{upstream_->resolver(), upstream_->http(), upstream_->hub(),    *files_,        *random_,
                           timers_,               log_,              io_.get_executor(), disk_executor()};
    doctor_.emplace(Doctor::Parts{*engine_, live_, *callers_, owner_->root(), state_folder_, limit_warnings()}, checkup);
    doctor_->add_to(registry_);
    auth_->add_to(registry_);
    downloads_->add_to(registry_);
    transfers_->add_to(registry_);
    admin_->add_to(registry_);
    hub_service_.emplace(*engine_, *callers_);
    hub_service_->add_to(registry_);
    store_service_.emplace(*engine_, *callers_);
    store_service_->add_to(registry_);
    auto metrics = [this] { return metrics_text(); };
    content_.emplace(*engine_, *callers_);
    auto content = [this](Principal principal, httpd::Request& request, httpd::Responder& responder) {
      return content_->handle(principal, request, responder);
    };
    connect_.emplace(registry_, policy_, calls_, metrics, content, log_);
    live_.on_change([this](Config const& changed) {
      log_.set_level(changed.log_level);
      policy_.list(changed.allow_uids);
      for (auto* const file : {&grpc_file_, &http_file_})
        if (*file) (*file)->admit(has_guests(changed));
      upstream_->tune(changed);
      engine_->tune(tuning(changed, allowed_));
    });
  }

  [[nodiscard]] std::string metrics_text() {
    ServerCounts counts;
    counts.connections = connections();
    counts.calls_running = calls_.running();
    counts.calls_total = calls_.total();
    counts.upstream_connections = upstream_->connections();
    counts.upstream_connections_max = live_.config().connections_total;
    counts.resident = resident_bytes();
    counts.open_files = open_files();
    counts.open_files_max = open_files_max();
    counts.disk_free = disk_free_;
    return format_metrics(engine_->totals(), engine_->budgets(), upstream_->traffic(), counts);
  }

  Result<void> serve_metrics() {
    auto const& where = live_.config().metrics_listen;
    if (where.empty()) return {};
    auto const place = parse_loopback(where);
    if (!place) return place.error();
    auto port = MetricsPort::start(io_.get_executor(), place->first, place->second, [this] { return metrics_text(); }, log_);
    if (!port) return port.error();
    metrics_port_ = std::move(*port);
    log_.info("metrics are served on " + place->first + " port " + std::to_string(metrics_port_->port()));
    return {};
  }

  Result<void> listen() {
    auto const& config = live_.config();
    auto const handed = handed_sockets(environment_);
    if (!handed) return handed.error();
    int grpc = -1;
    int http = -1;
    if (*handed) {
      grpc = (*handed)->grpc;
      http = (*handed)->http;
    } else {
      auto const folder = prepare_socket_folder(config.socket);
      if (!folder) return folder.error();
      auto const grpc_made = httpd::listen_unix(config.socket, SocketFile::mode_own);
      if (!grpc_made) return grpc_made.error();
      grpc = *grpc_made;
      grpc_file_.emplace(config.socket);
      grpc_file_->admit(has_guests(config));
      auto const http_made = httpd::listen_unix(config.socket + ".http", SocketFile::mode_own);
      if (!http_made) {
        ::close(grpc);
        return http_made.error();
      }
      http = *http_made;
      http_file_.emplace(config.socket + ".http");
      http_file_->admit(has_guests(config));
    }
    httpd::Options http_options;
    auto const openable = descriptor_budget(allowed_.descriptors, config.connections_total, config.connections_per_uid);
    http_options.connections_per_uid_max = openable.connections_of_uid;
    http_options.connections_max = std::max<std::size_t>(http_options.connections_max, config.connections_per_uid);
    auto handler = [this](httpd::Request& request, httpd::Responder& responder) {
      return connect_->handle(request, responder);
    };
    auto http_server = httpd::Server::start(io_.get_executor(), http, http_options, handler, log_);
    if (!http_server) return http_server.error();
    http_server_ = std::move(*http_server);
    GrpcServer::Options grpc_options;
    grpc_options.connections_per_uid_max = openable.connections_of_uid;
    auto grpc_server = GrpcServer::start(io_.get_executor(), grpc, grpc_options, registry_, policy_, calls_, log_);
    if (!grpc_server) return grpc_server.error();
    grpc_server_ = std::move(*grpc_server);
    return serve_metrics();
  }

  asio::awaitable<void> stop() {
    if (http_server_) http_server_->stop_accepting();
    if (grpc_server_) grpc_server_->stop_accepting();
    if (cache_service_) cache_service_->stop();
    if (engine_) {
      auto engine_stopping = engine_->stop();
      co_await std::move(engine_stopping);
    }
    auto const until = clock_.now() + drain_max;
    while (calls_.running() > 0 && clock_.now() < until) {
      bool const slept = co_await timers_.sleep_for(drain_look);
      if (!slept) break;
    }
    if (grpc_server_) {
      auto grpc_stopping = grpc_server_->stop();
      co_await std::move(grpc_stopping);
    }
    if (http_server_) {
      auto http_stopping = http_server_->stop();
      co_await std::move(http_stopping);
    }
    if (metrics_port_) {
      auto port_stopping = metrics_port_->stop();
      co_await std::move(port_stopping);
    }
    background_.cancel();
    auto joining = background_.join();
    co_await std::move(joining);
    grpc_file_.reset();
    http_file_.reset();
    engine_.reset();
    cache_.reset();
    upstream_.reset();
    owner_.reset();
    if (stopping_) log_.info("stopped");
  }

  asio::awaitable<void> handle_signals() {
    auto const quiet = asio::this_coro::throw_if_cancelled(false);
    co_await quiet;
    while (true) {
      auto const [error, number] = co_await signals_.async_wait(net::nothrow);
      if (error) co_return;
      if (number == SIGHUP)
        reload();
      else
        ask_stop(number == SIGTERM ? "SIGTERM" : "SIGINT");
    }
  }

  void reload() {
    notifier_.tell("RELOADING=1");
    auto const waiting = live_.reload();
    if (!waiting) log_.error("the configuration was not reloaded: " + waiting.error().what);
    if (waiting) {
      std::string text = "the configuration was reloaded";
      for (auto const& key : *waiting) text += "; " + key + " needs a restart";
      log_.info(text);
    }
    notifier_.tell("READY=1");
  }

  asio::awaitable<void> exit_when_idle() {
    auto const quiet = asio::this_coro::throw_if_cancelled(false);
    co_await quiet;
    auto busy_last = clock_.now();
    std::uint64_t calls_seen = 0;
    while (true) {
      auto const limit = live_.config().idle_exit;
      Duration const look = limit.count() == 0 ? Duration(idle_look_max) : std::min<Duration>(limit, idle_look_max) / 4;
      bool const slept = co_await timers_.sleep_for(look);
      if (!slept) co_return;
      auto const totals = engine_->totals();
      bool const busy = calls_.running() > 0 || calls_.total() != calls_seen || totals.transfers_running > 0 ||
                        totals.transfers_waiting > 0;
      calls_seen = calls_.total();
      if (busy) busy_last = clock_.now();
      if (limit.count() > 0 && clock_.now() - busy_last >= limit) ask_stop("idle");
    }
  }

  /// Metrics answer at once, also when the disk does not: they show the last look.
  asio::awaitable<void> look_at_disk() {
    auto const quiet = asio::this_coro::throw_if_cancelled(false);
    co_await quiet;
    while (true) {
      auto look = [this] { return files_->free_space(owner_->root()); };
      auto const free = co_await net::offload(disk_executor(), look);
      disk_free_ = free ? std::optional<Bytes>(*free) : std::nullopt;
      bool const slept = co_await timers_.sleep_for(disk_look);
      if (!slept) co_return;
    }
  }

  asio::awaitable<void> feed_watchdog() {
    auto const quiet = asio::this_coro::throw_if_cancelled(false);
    co_await quiet;
    Duration const interval = *notifier_.watchdog() / 2;
    while (true) {
      notifier_.tell("WATCHDOG=1");
      bool const slept = co_await timers_.sleep_for(interval);
      if (!slept) co_return;
    }
  }

  [[nodiscard]] std::uint64_t connections() {
    std::uint64_t count = http_server_ ? http_server_->connections() : 0;
    return count + (grpc_server_ ? grpc_server_->connections() : 0);
  }
  asio::any_io_executor disk_executor() { return disk_.get_executor(); }
  asio::any_io_executor hash_executor() { return hash_.get_executor(); }

  bool auto_started_;
  Environment environment_;
  LiveConfig live_;
  StderrLog log_;
  Allowed const allowed_;
  SystemClock clock_;
  std::unique_ptr<Random> random_ = system_random();
  std::unique_ptr<fs::FileSystem> files_ = fs::system_files();
  PeerPolicy policy_;
  Notifier notifier_;
  asio::io_context io_{1};
  asio::thread_pool disk_{disk_threads};
  asio::thread_pool hash_{hash_threads()};
  IdleThreads idle_{idle_threads};
  net::SystemTimers timers_{clock_};
  TokenStore tokens_{*files_, *random_, token_path(environment_)};
  std::unique_ptr<cache::Owner> owner_;
  std::string state_folder_;
  std::unique_ptr<Upstream> upstream_;
  std::optional<cache::Cache> cache_;
  hub::OwnersCache entitlement_;
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<engine::Audit> audit_;
  CallCounter calls_{random_->hex(6)};
  Registry registry_;
  std::optional<Callers> callers_;
  std::optional<Downloads> downloads_;
  std::optional<Transfers> transfers_;
  std::optional<Auth> auth_;
  std::optional<CacheService> cache_service_;
  std::optional<Admin> admin_;
  std::optional<Doctor> doctor_;
  std::optional<HubService> hub_service_;
  std::optional<StoreService> store_service_;
  std::optional<ContentRoute> content_;
  std::optional<ConnectApi> connect_;
  std::optional<SocketFile> grpc_file_;
  std::optional<SocketFile> http_file_;
  std::unique_ptr<httpd::Server> http_server_;
  std::unique_ptr<GrpcServer> grpc_server_;
  std::unique_ptr<MetricsPort> metrics_port_;
  std::optional<Bytes> disk_free_;
  net::TaskGroup background_;
  asio::steady_timer stop_asked_;  // never expires; cancelled by ask_stop
  asio::signal_set signals_;
  bool stopping_ = false;
  int exit_code_ = 0;
};

}  // namespace

int run(Options options) {
  auto settings = load_settings(options.sources);
  if (!settings) {
    std::fprintf(stderr, "hubd: %s\n", settings.error().what.c_str());
    return exit_code_of(settings.error());
  }
  rlimit const no_core{0, 0};  // tokens are in memory
  (void)setrlimit(RLIMIT_CORE, &no_core);
  auto const descriptors = raise_descriptor_limit();
  Daemon daemon(std::move(options.sources), std::move(*settings), descriptors);
  return daemon.run();
}

}  // namespace hubd::daemon
