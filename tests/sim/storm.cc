// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/storm.h"

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <vector>

#include "core/engine/insight.h"
#include "tests/sim/watch.h"

namespace hubd::sim {
namespace {

using Loss = support::SimFileSystem::Loss;
using namespace std::chrono_literals;

constexpr Bytes kib = 1024;
constexpr std::array<char const*, 4> repos{"acme/one", "acme/two", "acme/xet", "acme/next"};
constexpr char const* partials = "/cache/hubd/partials";
constexpr char const* cache_root = "/cache/hub";

engine::Options small_world() {
  engine::Options options;
  options.small_file_max = 48 * kib;
  options.block_size = 32 * kib;
  options.range_size = 64 * kib;
  options.xet_bridge_max = 8 * kib;
  options.files_in_flight = 3;
  options.tuning.free_floor = 0;
  return options;
}

class Storm {
 public:
  explicit Storm(std::uint64_t seed)
      : dice_(seeded_random(seed * 1'000'003 + 17)), world_(seed, options(seed)), watch_((fill(), world_)) {}

  std::string run() {
    set_out();
    auto const lives = 1 + roll(3);
    for (std::uint64_t life = 0; life < lives && fine(); ++life) live(life + 1 == lives);
    if (fine()) heal();
    if (fine()) check_end();
    if (fine()) return {};
    return watch_.problem() + "\n" + standing() + "what had happened:\n" + story_.str();
  }

 private:
  /// What hubd says of itself, for whoever looks for the reason.
  std::string standing() const {
    if (!world_.engine) return {};
    std::ostringstream text;
    text << world_.engine->budgets().connections << " connections in use, " << world_.hub.requests_for_bytes() << " requests for bytes\n";
    for (auto const uid : {1000U, 1001U})
      for (auto const& info : world_.engine->transfers({uid}, false)) {
        text << "transfer " << info.id << " of " << info.repo.id << ": " << info.state << ", " << info.progress.waiting_for << "\n";
        for (auto const& file : info.progress.files) text << "  " << file.path << ": " << file.state << ", " << file.done << " of " << file.total << "\n";
      }
    return text.str();
  }
  bool fine() const { return watch_.problem().empty(); }
  std::uint64_t roll(std::uint64_t sides) { return dice_->next() % sides; }
  bool once_in(std::uint64_t sides) { return roll(sides) == 0; }
  template <class T>
  T one_of(std::vector<T> const& choices) {
    return choices[roll(choices.size())];
  }
  void tell(std::string const& what) {
    story_ << std::chrono::duration_cast<std::chrono::milliseconds>(world_.time.now().time_since_epoch()).count() << " ms: " << what << "\n";
  }
  void pass(Duration time) { world_.time.run_for(time); }

  engine::Options options(std::uint64_t seed) {
    auto made = small_world();
    made.tuning.connections_total = 1 + roll(8);
    made.tuning.connections_per_host = 1 + roll(8);
    made.tuning.connections_per_file = 1 + roll(4);
    made.memory_max = (1 + roll(8)) * 4_MiB;
    made.files_in_flight = 1 + roll(4);
    if (seed % 3 == 0) made.transfers_at_work = 2 + seed % 4;
    made.xet = !once_in(6);
    return made;
  }

  void fill() {
    auto& hub = world_.hub;
    hub.add_file("acme/one", "config.json", 100, 1);
    hub.add_file("acme/one", "empty.txt", 0, 2);
    hub.add_file("acme/one", "sub/tiny.bin", 1, 3);
    hub.add_file("acme/one", "sub/small.bin", 20'000, 4);
    hub.add_file("acme/one", "model.safetensors", 300'000, 5);
    hub.add_file("acme/two", "shared.safetensors", 300'000, 5);
    hub.add_file("acme/two", "own.bin", 150'000, 6);
    constexpr auto x = SimHub::first_small_xorb;
    std::vector<SimHub::Run> const old{{x + 1, 0, 24}, {x + 2, 0, 10}};
    std::vector<SimHub::Run> const next{{x + 1, 0, 20}, {x + 9, 0, 6}, {x + 2, 3, 10}, {x + 9, 6, 9}};
    hub.add_xet_file("acme/xet", "model.safetensors", old);
    hub.add_xet_file("acme/next", "model.safetensors", next);
    hub.add_file("acme/next", "readme.md", 3'000, 7);
    distinct_ = 100 + 1 + 20'000 + 300'000 + 150'000 + 3'000 + hub.size_of({x + 1, 0, 24}) + hub.size_of({x + 2, 0, 10}) + hub.size_of({x + 9, 0, 9}) + 43 * 8;
    whole_ = 2 * 300'000 + 173'101 + hub.content("acme/xet", "model.safetensors").size() + hub.content("acme/next", "model.safetensors").size();
  }

  void set_out() {
    auto& faults = world_.hub.faults;
    auto const percent = [&](std::uint64_t below) { return once_in(2) ? 0U : static_cast<unsigned>(roll(below)); };
    faults.refuse = percent(12);
    faults.silent = percent(5);
    faults.error = percent(15);
    faults.cut = percent(30);
    faults.stall = percent(8);
    faults.corrupt = percent(5);
    faults.expire = percent(25);
    faults.forbid = percent(10);
    faults.slow = percent(6);
    mild_ = faults.corrupt == 0 && faults.forbid == 0;
    if (once_in(5)) world_.shared_store = cache::Cache::SharedStoreUse::write;
    world_.hub.bytes_per_ms = 1 * kib << roll(9);
    world_.hub.cas_has_v2 = !once_in(8);
    if (once_in(4)) world_.hub.token_life = std::chrono::seconds(20 + roll(100));
    if (once_in(6)) world_.hub.window = {static_cast<std::int64_t>(4 + roll(8)), 20s};
  }

  // --- One life of the process ---------------------------------------------------------------------------------------

  void live(bool last) {
    auto const started = world_.start();
    if (!started) return watch_.fail("hubd does not start: " + started.error().what);
    tell("started");
    watch_.tune(world_.options.tuning);
    client();
    for (auto events = 2 + roll(7); events > 0 && fine(); --events) {
      event();
      if (fine()) pass(std::chrono::milliseconds(once_in(4) ? roll(20'000) : roll(1500)));
      if (fine() && once_in(3)) {
        pass(1s);
        watch_.look_at_leases();
      }
    }
    if (!fine()) return;
    lock_.reset();
    if (last && once_in(2)) return;  // the world heals while this life goes on
    end_life();
  }

  /// How the process ends; what it may cost is accounted.
  void end_life() {
    account_life();
    note_owed();
    if (once_in(2)) {
      auto const loss = static_cast<Loss>(roll(3));
      tell("the process dies, loss " + std::to_string(static_cast<int>(loss)));
      if (loss != Loss::none) lost_ += in_partials() + distinct_ / 2;  // blobs are durable; of recipes and maps the last may be gone
      world_.crash(loss);
    } else {
      tell("hubd is stopped");
      world_.stop();
      world_.disk.crash(Loss::none);  // whatever fault was still planned ends with the process
    }
    watch_.life_ended();
    free_the_disk();
    if (fine() && world_.hub.open > 0) watch_.fail("an answer was left open");
    auto const broken = world_.broken_promise();
    if (fine() && !broken.empty()) watch_.fail(broken);
  }

  void account_life() {
    lost_ += connections_max() * 2 * 64 * kib;  // what each had in hand: a block, a small file, a record
    auto const totals = world_.engine->totals();
    lost_ += totals.bytes_bridged;
    lost_ += totals.xet_fallbacks * 2 * 450'000;  // by the plain route no chunk is known beforehand
  }
  /// Detached transfers that hubd has taken on: they outlive the process.
  void note_owed() {
    for (auto const& info : world_.engine->transfers({1000}, false)) {
      auto const mine = std::ranges::find_if(watch_.asked(), [&](Watch::Asked const& asked) {
        auto const& request = asked.request;
        return asked.client->transfer == info.id && request.detach && request.local_dir.empty();
      });
      if (mine != watch_.asked().end() && !world_.disk.dead()) owed_.insert(info.repo.id);
    }
  }
  Bytes connections_max() const { return 8; }

  Bytes in_partials() {
    Bytes sum = 0;
    auto const names = world_.disk.list(partials);
    for (auto const& name : names ? *names : std::vector<std::string>{}) {
      auto const stat = world_.disk.lstat(std::string(partials) + "/" + name);
      if (stat) sum += stat->size;
    }
    return sum;
  }

  void event() {
    switch (roll(15)) {
      case 0: return leave();
      case 1: return outage();
      case 2: return dead_host();
      case 3: return tune();
      case 4: return full_disk();
      case 5: return failing_operation();
      case 6: return deletion();
      case 7: return clock();
      case 8: return foreign_lock();
      case 9: return hub_changes();
      default: return client();
    }
  }

  void client() {
    auto request = world_.request(repos[roll(repos.size())]);
    std::string told = "a client asks for " + request.repo.id;
    if (once_in(5)) request.revision = world_.hub.commit_of(request.repo.id);
    if (once_in(20)) {
      request.force = true;
      lost_ += whole_;
      told += ", by force";
    }
    if (once_in(8)) {
      request.detach = true;
      told += ", detached";
    }
    if (once_in(8)) {
      request.caller.deadline = world_.time.now() + std::chrono::milliseconds(roll(60'000));
      told += ", with a deadline";
    }
    if (once_in(8)) {
      request.caller.disable_xet = true;
      lost_ += 2 * 450'000;
      told += ", by the plain route";
    }
    if (once_in(10)) {
      request.local_dir = "/home/user/model" + std::to_string(roll(2));
      lost_ += whole_;  // its files are others' to change, and no blobs
      told += ", into " + request.local_dir;
    }
    if (once_in(10)) request.require_verified = true;
    if (once_in(10)) request.max_workers = 1 + roll(2);
    if (once_in(10)) request.caller.principal.uid = 1001;
    tell(told);
    watch_.ensure(std::move(request));
    if (!once_in(6)) return;
    pass(std::chrono::milliseconds(roll(60)));
    lost_ += connections_max() * 64 * kib;
    tell("and dies at once");
    watch_.leave(watch_.asked().size() - 1);
  }

  void leave() {
    if (watch_.asked().empty()) return;
    auto const number = roll(watch_.asked().size());
    tell("client " + std::to_string(number) + " dies");
    lost_ += connections_max() * 64 * kib;
    watch_.leave(number);
    pass(1s);
    if (fine()) watch_.look_at_leases();
  }

  void outage() {
    auto const time = once_in(5) ? Duration(std::chrono::seconds(60 + roll(1200))) : Duration(std::chrono::milliseconds(roll(90'000)));
    tell("no network for " + std::to_string(std::chrono::duration_cast<std::chrono::seconds>(time).count()) + " s");
    lost_ += connections_max() * 64 * kib;
    world_.hub.down = true;
    pass(time);
    world_.hub.down = false;
  }

  void dead_host() {
    auto& dead = world_.hub.dead_hosts;
    auto const* const host = one_of<char const*>({"hub.sim", "cdn.sim", "cas.sim", "xorbs.sim"});
    tell(std::string(host) + (dead.contains(host) ? " is back" : " cannot be reached"));
    if (dead.erase(host) == 0) dead.insert(host);
  }

  void tune() {
    auto tuning = world_.options.tuning;
    tuning.connections_total = 1 + roll(8);
    tuning.connections_per_host = 1 + roll(8);
    tuning.connections_per_file = 1 + roll(4);
    tuning.bandwidth.always.reset();
    if (!once_in(3)) tuning.bandwidth.always = Bytes{20'000} << roll(6);
    tell("tuned: " + std::to_string(tuning.connections_total) + ", " + std::to_string(tuning.connections_per_host) + ", " +
         std::to_string(tuning.connections_per_file) + " connections, " + std::to_string(tuning.bandwidth.always.value_or(0)) + " bytes/s");
    watch_.tune(tuning);
  }

  void free_the_disk() { world_.disk.set_capacity(Bytes{1} << 40U); }
  void full_disk() {
    auto const room = roll(250'000);
    tell("the disk has room for " + std::to_string(room) + " bytes");
    lost_ += connections_max() * 64 * kib + distinct_ / 2;
    world_.disk.set_capacity(world_.disk.used() + room);
    pass(std::chrono::milliseconds(once_in(3) ? roll(400'000) : roll(5000)));
    tell("the disk has space again");
    free_the_disk();
  }

  void failing_operation() {
    auto const n = 1 + roll(60);
    if (once_in(3)) {
      tell("the process is to die in disk operation " + std::to_string(n) + " from now");
      world_.disk.crash_at(n);
      pass(std::chrono::milliseconds(roll(4000)));
      if (!fine()) return;
      account_life();
      note_owed();
      world_.crash(Loss::none);
      watch_.life_ended();
      auto const started = world_.start();
      if (!started) return watch_.fail("hubd does not start: " + started.error().what);
      watch_.tune(world_.options.tuning);
      return;
    }
    bool const full = once_in(2);
    tell("disk operation " + std::to_string(n) + " from now fails, " + (full ? "no space" : "I/O error"));
    lost_ += 450'000;
    mild_ = false;
    world_.disk.fail_operation(n, full ? ErrorKind::disk_full : ErrorKind::io);
  }

  /// Somebody removes a file that is hubd's or everybody's.
  void deletion() {
    std::vector<std::string> paths;
    auto const gather = [&](std::string const& folder) {
      auto const names = world_.disk.list(folder);
      for (auto const& name : names ? *names : std::vector<std::string>{}) paths.push_back(folder + "/" + name);
    };
    auto const what = roll(5);
    for (auto const* const repo : {"models--acme--one", "models--acme--two", "models--acme--xet", "models--acme--next"}) {
      auto const folder = std::string(cache_root) + "/" + repo;
      if (what == 0) gather(folder + "/blobs");
      if (what == 1) gather(std::string(cache_root) + "/.locks/" + repo);
      if (what == 4) paths.push_back(folder);
    }
    if (what == 2) gather(partials);
    if (what == 3) gather("/cache/hubd/recipes");
    if (paths.empty()) return;
    auto const path = paths[roll(paths.size())];
    tell("somebody deletes " + path);
    mild_ = false;
    watch_.excuse();
    auto const stat = world_.disk.lstat(path);
    bool const all = stat && stat->type == fs::Stat::Type::directory;
    lost_ += all || what == 3 ? distinct_ : stat ? 2 * stat->size + 450'000 : 0;
    auto const removed = world_.disk.remove_tree(path);
    (void)removed;  // a planned fault may have hit this instead
  }

  void clock() {
    auto const by = std::chrono::seconds(roll(200'000));
    switch (roll(3)) {
      case 0:
        tell("the wall clock goes ahead by " + std::to_string(by.count()) + " s");
        return world_.time.set_wall(by);
      case 1:
        tell("the wall clock goes back by " + std::to_string(by.count()) + " s");
        return world_.time.set_wall(-by);
      default:
        tell("the machine sleeps for " + std::to_string(by.count() / 50) + " s");
        world_.time.skip(by / 50);
        return watch_.excuse();
    }
  }

  /// A stock client downloads the same file and holds its lock.
  void foreign_lock() {
    auto const* const repo = repos[roll(repos.size())];
    auto const& files = world_.hub.files(repo);
    auto flat = std::string("models--") + repo;
    flat.replace(flat.find('/'), 1, "--");
    for (auto const& [path, bytes] : files) {
      if (!once_in(files.size())) continue;
      auto const folder = std::string(cache_root) + "/.locks/" + flat;
      auto const etag = world_.hub.etag_of(repo, path);
      auto const made = world_.disk.make_directories(folder);
      if (!made) return;
      auto lock = world_.disk.try_lock(folder + "/" + etag + ".lock");
      if (!lock || !*lock) return;
      tell("somebody holds the lock of " + path + " of " + repo);
      lock_ = std::move(*lock);
      pass(std::chrono::milliseconds(roll(once_in(4) ? 100'000 : 10'000)));
      lock_.reset();
      return;
    }
  }

  void hub_changes() {
    switch (roll(3)) {
      case 0: world_.hub.bytes_per_ms = 1 * kib << roll(9); return tell("the network has another speed");
      case 1: world_.hub.cas_down = !world_.hub.cas_down; return tell(world_.hub.cas_down ? "the CAS is down" : "the CAS is up");
      default: world_.hub.faults.expire = 100; pass(200ms); world_.hub.faults.expire = 5; return tell("all signed addresses were over");
    }
  }

  // --- The end -------------------------------------------------------------------------------------------------------

  void heal() {
    if (!world_.engine) {
      auto const started = world_.start();
      if (!started) return watch_.fail("hubd does not start: " + started.error().what);
    }
    tell("the world heals");
    auto& hub = world_.hub;
    hub.faults = {};
    hub.dead_hosts.clear();
    hub.cas_down = false;
    hub.window = {};
    hub.bytes_per_ms = 256 * kib;
    world_.disk.heal();
    free_the_disk();
    lost_ += 450'000;
    auto tuning = world_.options.tuning;
    tuning.bandwidth.always.reset();
    watch_.tune(tuning);
    // What had stopped goes on by itself.
    for (int i = 0; i < 40 && fine() && (i < 1 || unfinished() > 0 || watch_.anybody_waits()); ++i) pass(20s);
    if (!fine()) return;
    if (unfinished() > 0) return watch_.fail(std::to_string(unfinished()) + " transfers did not end although the world is back");
    if (watch_.anybody_waits()) return watch_.fail("a client was never answered");
    watch_.look_at_leases();
    if (!mild_) return;
    for (auto const& repo : owed_) {
      auto const lacking = world_.snapshot_problem(repo);
      if (!lacking.empty()) return watch_.fail("a detached transfer of " + repo + " was forgotten: " + lacking);
    }
  }

  std::size_t unfinished() {
    return world_.engine->transfers({1000}, false).size() + world_.engine->transfers({1001}, false).size();
  }

  void everything_by(Duration time, std::string const& why) {
    auto const before = watch_.asked().size();
    for (auto const* const repo : repos) watch_.ensure(world_.request(repo));
    for (auto passed = Duration::zero(); passed < time && fine() && watch_.anybody_waits(); passed += 1s) pass(1s);
    for (auto i = before; i < watch_.asked().size() && fine(); ++i) {
      auto const& [client, request, at, left, seen] = watch_.asked()[i];
      if (!client->answer) return watch_.fail(request.repo.id + " was not answered: " + why);
      if (!client->answer->has_value()) return watch_.fail(request.repo.id + ": " + client->answer->error().what + ": " + why);
    }
  }

  void check_end() {
    everything_by(5min, "the world is in order");
    if (!fine()) return;
    for (auto const* const repo : repos) {
      auto const problem = world_.snapshot_problem(repo);
      if (!problem.empty()) return watch_.fail(problem);
    }
    auto const broken = world_.broken_promise();
    if (!broken.empty()) return watch_.fail(broken);
    account_life();
    auto const& hub = world_.hub;
    auto const accounted = distinct_ + lost_ + 3 * hub.at_stake + hub.broken * 64 * kib;
    if (hub.delivered > accounted)
      return watch_.fail(std::to_string(hub.delivered) + " bytes were fetched; " + std::to_string(distinct_) + " are distinct, and faults account for " + std::to_string(accounted - distinct_));
    // One connection for all: a permit that was not given back would end everything.
    auto tuning = world_.options.tuning;
    tuning.connections_total = tuning.connections_per_host = tuning.connections_per_file = 1;
    watch_.tune(tuning);
    constexpr auto x = SimHub::first_small_xorb;
    world_.hub.add_file("acme/last", "plain.bin", 150'000, 8);
    world_.hub.add_xet_file("acme/last", "xet.bin", {{x + 12, 0, 8}});
    auto const last = watch_.ensure(world_.request("acme/last"));
    for (int i = 0; i < 60 && fine() && !last->answer; ++i) pass(1s);
    if (fine() && !last->answer) return watch_.fail("by one connection nothing comes any more: a permit was lost");
    if (fine() && !last->answer->has_value()) return watch_.fail("acme/last: " + last->answer->error().what);
    if (fine() && world_.hub.open > 0) return watch_.fail("an answer was left open");
    if (fine() && world_.engine->totals().transfers_running > 0) return watch_.fail("a transfer runs for nobody");
    if (fine() && world_.disk.locks_held() > 0) return watch_.fail("a lock is still held");
    if (!fine()) return;
    check_leftovers();
  }

  void check_leftovers() {
    pass(30s);  // what was never recorded is hashed while nothing moves
    world_.stop();
    watch_.life_ended();
    auto const started = world_.start();
    if (!started) return watch_.fail("hubd does not start: " + started.error().what);
    auto const left = world_.disk.list(partials);
    if (!left) return watch_.fail(left.error().what);
    for (auto const& name : *left)
      return watch_.fail("an orphan is left in " + std::string(partials) + ": " + name);
    auto const locks = world_.disk.list(std::string(cache_root) + "/.locks");
    for (auto const& folder : locks ? *locks : std::vector<std::string>{}) {
      auto const names = world_.disk.list(std::string(cache_root) + "/.locks/" + folder);
      for (auto const& name : names ? *names : std::vector<std::string>{})
        if (!name.ends_with(".lock")) return watch_.fail("scratch is left: " + name);
    }
    world_.stop();
  }

  std::unique_ptr<Random> dice_;
  World world_;
  Bytes distinct_ = 0;  // of all contents, each chunk once
  Bytes whole_ = 0;     // of all files
  Watch watch_;
  Bytes lost_ = 0;      // what faults may have cost
  bool mild_ = true;    // nothing happened that may end a transfer for good
  std::set<std::string> owed_;  // repos
  std::unique_ptr<fs::Lock> lock_;
  std::ostringstream story_;
};

}  // namespace

std::string storm(std::uint64_t seed) { return Storm(seed).run(); }

}  // namespace hubd::sim
