// SPDX-License-Identifier: Apache-2.0
// How long an ensure of a cached, pinned commit takes over gRPC: one JSON line {"p50_us": ..., "p99_us": ...}.
//   warm_ensure_bench SOCKET REPO COMMIT ENDPOINT ROUNDS        (tests/bench/downloads.py runs it)
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "client/client.h"

int main(int argc, char** argv) {
  if (argc != 6) {
    std::fprintf(stderr, "usage: warm_ensure_bench SOCKET REPO COMMIT ENDPOINT ROUNDS\n");
    return 2;
  }
  hubd::client::Client::Options options;
  options.sockets = {argv[1]};
  options.check_owner = false;
  auto const client = hubd::client::Client::connect(options);
  if (!client) {
    std::fprintf(stderr, "%s\n", client.error().message.c_str());
    return 1;
  }
  hubd::client::EnsureRequest request;
  request.repo.id = argv[2];
  request.repo.revision = argv[3];
  request.caller.endpoint = argv[4];
  std::vector<double> taken;
  for (int round = std::atoi(argv[5]); round > 0; --round) {
    auto const start = std::chrono::steady_clock::now();
    auto const done = (*client)->ensure(request);
    std::chrono::duration<double, std::micro> const time = std::chrono::steady_clock::now() - start;
    if (!done) {
      std::fprintf(stderr, "%s\n", done.error().message.c_str());
      return 1;
    }
    taken.push_back(time.count());
  }
  if (taken.empty()) return 2;
  std::sort(taken.begin(), taken.end());
  std::printf("{\"p50_us\": %.1f, \"p99_us\": %.1f}\n", taken[taken.size() / 2], taken[taken.size() * 99 / 100]);
  return 0;
}
