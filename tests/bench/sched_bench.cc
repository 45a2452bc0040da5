// SPDX-License-Identifier: Apache-2.0
// What a scheduling step costs while many transfers are queued, and what their places in line weigh (docs/benchmarks.md).
//   sched_bench [TRANSFERS]      default 10000
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "core/sched/admission.h"
#include "core/sched/bandwidth.h"

namespace {

using namespace hubd;
using SteadyTime = std::chrono::steady_clock::time_point;

constexpr int steps = 20'000;

double us_since(SteadyTime start) { return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count(); }

double resident_mib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmRSS:")) return std::stod(line.substr(6)) / 1024;
  return 0;
}

void report(char const* what, std::vector<double> us, double mib) {
  std::sort(us.begin(), us.end());
  std::printf("%-28s median %7.2f us   p99 %7.2f us   max %8.2f us   + %.1f MiB\n", what, us[us.size() / 2], us[us.size() * 99 / 100],
              us.back(), mib);
}

sched::Admission::Who who(unsigned i) {
  return {Principal{1000 + i % 4}, sched::TransferKey{i}, sched::FileKey{i}, "huggingface.co", static_cast<sched::Priority>(i % 3)};
}

/// One step: a range ends, its permit goes to the next, and the file asks for its next range.
void admission(unsigned transfers) {
  auto const before = resident_mib();
  sched::Admission line({});
  std::vector<std::pair<sched::Admission::Ticket, unsigned>> held;
  std::vector<unsigned> owner(1);
  for (unsigned i = 0; i < transfers; ++i) {
    (void)line.ask(who(i));
    owner.push_back(i);
  }
  auto const mib = resident_mib() - before;
  while (auto const ticket = line.grant()) held.emplace_back(*ticket, owner[static_cast<std::size_t>(*ticket)]);
  std::vector<double> us;
  for (int step = 0; step < steps; ++step) {
    auto const [ended, file] = held[static_cast<std::size_t>(step) % held.size()];
    owner.push_back(file);
    auto const start = std::chrono::steady_clock::now();
    line.leave(ended);
    (void)line.ask(who(file));
    auto const next = line.grant();
    us.push_back(us_since(start));
    if (!next) std::abort();
    held[static_cast<std::size_t>(step) % held.size()] = {*next, owner[static_cast<std::size_t>(*next)]};
  }
  report("connections (Admission)", std::move(us), mib);
}

/// One step: somebody gets a quantum and asks for the next.
void bandwidth(unsigned transfers) {
  auto const before = resident_mib();
  sched::Bandwidth line;
  std::vector<unsigned> owner(1);
  auto const of = [](unsigned i) { return sched::Bandwidth::Who{Principal{1000 + i % 4}, sched::TransferKey{i}, static_cast<sched::Priority>(i % 3)}; };
  for (unsigned i = 0; i < transfers; ++i) {
    (void)line.ask(of(i));
    owner.push_back(i);
  }
  auto const mib = resident_mib() - before;
  std::vector<double> us;
  for (int step = 0; step < steps; ++step) {
    auto const start = std::chrono::steady_clock::now();
    auto const granted = line.grant(Time{});
    if (!granted) std::abort();
    auto const file = owner[static_cast<std::size_t>(granted->ticket)];
    (void)line.ask(of(file));
    us.push_back(us_since(start));
    owner.push_back(file);
  }
  report("bytes (Bandwidth)", std::move(us), mib);
}

}  // namespace

int main(int argc, char** argv) {
  auto const transfers = argc > 1 ? static_cast<unsigned>(std::strtoul(argv[1], nullptr, 10)) : 10'000U;
  std::printf("%u transfers in line, %d steps\n", transfers, steps);
  admission(transfers);
  bandwidth(transfers);
  return 0;
}
