// SPDX-License-Identifier: Apache-2.0
// The chunk store of a growing host: bytes per chunk, insert rate, lookups, memory. Fills one store with generated contents
// and stops at each wanted size to measure; prints a table (docs/benchmarks.md).
//   store_bench [--run N] [--folder DIR] CHUNKS...      e.g. store_bench 1e5 1e6 1e7
//     --run      chunks in a run shared with an earlier content, on average (108)
//     --folder   where the store is made and removed again (the folder for temporary files)
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/base/random.h"
#include "core/store/store.h"
#include "tests/support/generated_contents.h"

namespace {

using namespace hubd;

constexpr std::size_t kProbesMax = 20'000;
constexpr std::size_t kStride = 7919;      // neighbours in time are neighbours on disk: ask for others
constexpr std::size_t kColdProbes = 500;  // each reads pages of its own; more would warm the rest

using SteadyTime = std::chrono::steady_clock::time_point;
double seconds_since(SteadyTime start) { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); }

[[noreturn]] void die(std::string const& what) {
  std::fprintf(stderr, "store_bench: %s\n", what.c_str());
  std::exit(1);
}

template <class T>
T must(Result<T> result) {
  if (!result) die(result.error().what);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

/// Highest resident memory since the last reset, in MiB.
double peak_mib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) return std::stod(line.substr(6)) / 1024;
  return 0;
}
void reset_peak() { std::ofstream("/proc/self/clear_refs") << "5"; }

struct Percentiles {
  double p50_us = 0;
  double p99_us = 0;
};

/// `job(i)` for i below `count`, each timed alone.
Percentiles timed(std::size_t count, std::function<void(std::size_t)> const& job) {
  std::vector<double> taken;
  for (std::size_t i = 0; i < count; ++i) {
    auto const start = std::chrono::steady_clock::now();
    job(i);
    taken.push_back(seconds_since(start) * 1e6);
  }
  if (taken.empty()) return {};
  std::sort(taken.begin(), taken.end());
  return {taken[taken.size() / 2], taken[taken.size() * 99 / 100]};
}

/// Something that is in the store: a term, and the hash of a sampled chunk.
struct Probe {
  store::RecipeTerm term;
  std::optional<xet::MerkleHash> sample;
};

class Bench {
 public:
  Bench(std::string folder, std::uint32_t run) : folder_(std::move(folder)), generated_(run) { open(); }
  ~Bench() {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }
  Bench(Bench const&) = delete;
  Bench& operator=(Bench const&) = delete;

  static void print_head() {
    std::printf("| chunks | contents | chunks/term | bytes/chunk: recipes, index, all | inserted/s | find, warm p50 p99 us | find, cold p50 p99 us |"
                " not there p50 p99 us | by hash: there, not there, p50 us | peak MiB: insert, find |\n"
                "|---|---|---|---|---|---|---|---|---|---|\n");
  }

  void grow_to(std::uint64_t chunks) {
    reset_peak();
    double taken = 0;
    auto const before = chunks_;
    while (chunks_ < chunks) {
      auto const recipe = generated_.content(contents_++, chunks - chunks_);
      auto const start = std::chrono::steady_clock::now();
      must(store_->add(recipe));
      taken += seconds_since(start);
      chunks_ += recipe.chunks.size();
      keep_probes(recipe);
    }
    insert_rate_ = static_cast<double>(chunks_ - before) / taken;
    insert_peak_ = peak_mib();
  }

  void measure() {
    store_.reset();  // folds the log into the database, and forgets what was read
    auto const recipes = allocated(folder_ + "/recipes");
    auto const index = allocated(database());
    open();
    auto const cold = find(kColdProbes, true);
    open();
    reset_peak();
    find(probes_.size(), false);
    auto const warm = find(probes_.size(), false);
    auto const find_peak = peak_mib();
    auto const absent = timed(probes_.size(), [this](std::size_t i) {
      if (!must(store_->find(support::GeneratedContents::xorb(~i, 0), 0, 100)).empty()) die("found what was never there");
    });
    store_.reset();
    auto const by_hash = hashes();
    open();
    auto const per_chunk = [this](Bytes bytes) { return static_cast<double>(bytes) / static_cast<double>(chunks_); };
    std::printf("| %.0e | %llu | %.0f | %.1f, %.1f, %.1f | %.0f | %.0f %.0f | %.0f %.0f | %.0f %.0f | %.0f, %.0f | %.0f, %.0f |\n", static_cast<double>(chunks_),
                static_cast<unsigned long long>(contents_), static_cast<double>(chunks_) / static_cast<double>(terms_), per_chunk(recipes), per_chunk(index),
                per_chunk(recipes + index), insert_rate_, warm.p50_us, warm.p99_us, cold.p50_us, cold.p99_us, absent.p50_us, absent.p99_us,
                by_hash.first.p50_us, by_hash.second.p50_us, insert_peak_, find_peak);
    std::fflush(stdout);
  }

  /// What takes long: making the index anew, and tidying up after a tenth of the contents went.
  void measure_care() {
    store_.reset();
    for (char const* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(database() + suffix);
    reset_peak();
    auto start = std::chrono::steady_clock::now();
    open();
    auto const rebuilt = seconds_since(start);
    auto const rebuild_peak = peak_mib();
    reset_peak();
    start = std::chrono::steady_clock::now();
    std::uint64_t number = 0;
    auto const gone = must(store_->collect([&number](std::string const&) { return ++number % 10 != 0; }));
    std::printf("index made anew in %.1f s (peak %.0f MiB); %llu contents collected in %.1f s (peak %.0f MiB)\n", rebuilt, rebuild_peak,
                static_cast<unsigned long long>(gone), seconds_since(start), peak_mib());
  }

 private:
  [[nodiscard]] std::string database() const { return folder_ + "/chunks.db"; }
  void open() {
    store_.reset();
    store_ = must(store::Store::open(*files_, folder_ + "/recipes", database()));
  }

  void keep_probes(store::Recipe const& recipe) {
    std::size_t ordinal = 0;
    for (auto const& term : recipe.terms) {
      auto const slot = terms_ < kProbesMax ? terms_ : random_->next() % (terms_ + 1);
      ++terms_;
      auto const chunks = std::span(recipe.chunks).subspan(ordinal, term.end - term.first);
      ordinal += chunks.size();
      if (slot >= kProbesMax) continue;
      Probe probe{term, std::nullopt};
      auto const sampled = std::find_if(chunks.begin(), chunks.end(), [](auto const& one) { return store::ChunkIndex::is_sampled(one.hash); });
      if (sampled != chunks.end()) probe.sample = sampled->hash;
      if (slot < probes_.size())
        probes_[slot] = probe;
      else
        probes_.push_back(probe);
    }
  }

  Percentiles find(std::size_t count, bool cold) {
    if (cold) drop_pages();
    return timed(std::min(count, probes_.size()), [this](std::size_t i) {
      auto const& term = probes_[i * kStride % probes_.size()].term;
      auto const runs = must(store_->find(term.xorb, term.first, term.end));
      auto next = term.first;
      for (auto const& run : runs) next = run.first == next ? run.end : next;
      if (next != term.end) die("a chunk that was put in was not found");
    });
  }

  std::pair<Percentiles, Percentiles> hashes() {
    auto const index = must(store::ChunkIndex::open(*files_, database()));
    auto const there = [&](std::size_t i) {
      if (probes_[i].sample && must(index->places(*probes_[i].sample)).empty()) die("a sampled chunk was not found");
    };
    auto const absent = [&](std::size_t i) {
      if (!must(index->places(support::GeneratedContents::xorb(i, 1U << 30U))).empty()) die("found what was never there");
    };
    (void)timed(probes_.size(), there);
    return {timed(probes_.size(), there), timed(probes_.size(), absent)};
  }

  [[nodiscard]] Bytes allocated(std::string const& path) const {
    Bytes sum = 0;
    each_file(path, [&](std::string const& file) {
      auto const stat = files_->lstat(file);
      if (stat) sum += stat->allocated;
    });
    return sum;
  }

  static void each_file(std::string const& path, std::function<void(std::string const&)> const& visit) {
    if (!std::filesystem::is_directory(path)) return visit(path);
    for (auto const& entry : std::filesystem::recursive_directory_iterator(path))
      if (entry.is_regular_file()) visit(entry.path());
  }

  /// Our own files only: whatever else the machine holds stays.
  void drop_pages() const {
    each_file(folder_, [](std::string const& file) {
      int const descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
      if (descriptor < 0) return;
      (void)::fdatasync(descriptor);
      (void)::posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED);
      ::close(descriptor);
    });
  }

  std::unique_ptr<fs::FileSystem> files_ = fs::system_files();
  std::unique_ptr<Random> random_ = seeded_random(1);
  std::string folder_;
  support::GeneratedContents generated_;
  std::unique_ptr<store::Store> store_;
  std::vector<Probe> probes_;
  std::uint64_t contents_ = 0;
  std::uint64_t chunks_ = 0;
  std::uint64_t terms_ = 0;
  double insert_rate_ = 0;
  double insert_peak_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  std::string folder = std::filesystem::temp_directory_path();
  std::uint32_t run = 108;
  std::vector<std::uint64_t> sizes;
  for (int i = 1; i < argc; ++i) {
    std::string const argument = argv[i];
    if (argument == "--folder" && i + 1 < argc)
      folder = argv[++i];
    else if (argument == "--run" && i + 1 < argc)
      run = static_cast<std::uint32_t>(std::max(1.0, std::strtod(argv[++i], nullptr)));
    else
      sizes.push_back(static_cast<std::uint64_t>(std::strtod(argument.c_str(), nullptr)));
  }
  if (sizes.empty() || !std::is_sorted(sizes.begin(), sizes.end()) || sizes.front() == 0) {
    std::fprintf(stderr, "usage: store_bench [--run N] [--folder DIR] CHUNKS...   (growing, as 1e5 1e6 1e7)\n");
    return 2;
  }
  auto place = std::filesystem::absolute(folder).string() + "/store-bench-XXXXXX";
  if (::mkdtemp(place.data()) == nullptr) die("no folder can be made in " + folder);
  Bench bench(place, run);
  Bench::print_head();
  for (auto const size : sizes) {
    bench.grow_to(size);
    bench.measure();
  }
  bench.measure_care();
  return 0;
}
