// SPDX-License-Identifier: Apache-2.0
// xet_vectors FILE.json: holds core/xet to test vectors of the Xet protocol, schema "xet-vectors/1".
// Ends with "N passed, N failed"; exit code 0 when there were cases and none failed. What it does not know has failed.
#include <cstdio>
#include <fstream>
#include <iterator>
#include <map>

#include "tests/tools/xet_vectors/checks.h"

namespace hubd::vectors {
namespace {

std::map<std::string, Check, std::less<>> const kChecks{
    {"prng", check_prng},
    {"named_inputs", check_named_inputs},
    {"keyed_hashes", check_keyed_hashes},
    {"hash_text", check_hash_text},
    {"hmac", check_hmac},
    {"dedup_eligibility", check_dedup_eligibility},
    {"merkle", check_merkle},
    {"merkle_subtrees", check_subtrees},
    {"chunking", check_chunking},
    {"padding_cases", check_padding},
    {"next_stable_chunk_boundary", check_stable_boundary},
    {"legacy_chunker_divergence", check_legacy},
    {"bg4_split", check_groups},
    {"bg4_predictor", check_predictor},
    {"lz4_frames", check_frames},
    {"xorbs", check_xorbs},
    {"shards", check_shards},
    {"empty_shard_local_hex", check_empty_shard},
    {"reconstruction", check_reconstruction},
    {"end_to_end", check_end_to_end},
};

int run(char const* path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    std::cerr << "xet_vectors: " << path << " cannot be opened\n";
    return 1;
  }
  std::string const text{std::istreambuf_iterator<char>(file), {}};
  json::error_code error;
  auto const value = json::parse(text, error);
  if (error || !value.is_object()) {
    std::cerr << "xet_vectors: " << path << " is not a JSON object\n";
    return 1;
  }
  auto const& document = value.get_object();
  Report report;
  for (auto const& [key, kind] : document) {
    std::string const name(key);
    if (name == "about") continue;
    if (name == "schema") {
      if (kind != "xet-vectors/1") report.run(name, [] { throw Mismatch("it is not xet-vectors/1"); });
      continue;
    }
    auto const check = kChecks.find(name);
    if (check == kChecks.end()) {
      report.run(name, [] { throw Mismatch("this kind is not known"); });
      continue;
    }
    auto const before = report.passed() + report.failed();
    // What a kind holds besides its cases is read here, so that one wrong shape does not end the run.
    try {
      check->second(report, kind, document);
    } catch (std::exception const& broken) {
      std::string const what = broken.what();
      report.run(name, [&what] { throw Mismatch(what); });
    }
    std::printf("%s: %zu cases\n", name.c_str(), report.passed() + report.failed() - before);
  }
  std::fflush(stdout);
  std::cout << std::flush;
  std::printf("%zu passed, %zu failed\n", report.passed(), report.failed());
  return report.failed() == 0 && report.passed() != 0 ? 0 : 1;
}

}  // namespace
}  // namespace hubd::vectors

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: xet_vectors FILE.json\n";
    return 1;
  }
  return hubd::vectors::run(argv[1]);
}
