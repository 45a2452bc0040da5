// SPDX-License-Identifier: Apache-2.0
// What core/cache sees and removes, as JSON, for comparison with the stock client's own answers.
//
//   cache_scan_tool scan ROOT                          the scan
//   cache_scan_tool plan|remove ROOT TARGET...         what a removal would do; does it
//   cache_scan_tool plan-prune|prune ROOT
//   cache_scan_tool tree FILE                          a stored listing, read and written again
//   cache_scan_tool local FOLDER PATH...               what a local_dir says about files
#include <boost/json.hpp>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.h"
#include "core/cache/local_dir.h"
#include "core/cache/removal.h"
#include "core/cache/scan.h"
#include "core/cache/trees.h"

namespace hubd::cache {
namespace {

namespace json = boost::json;

double seconds(WallTime time) { return std::chrono::duration<double>(time.time_since_epoch()).count(); }

json::value to_json(Scan const& scan) {
  json::array repos;
  for (auto const& repo : scan.repos) {
    json::array revisions;
    for (auto const& revision : repo.revisions) {
      json::array files;
      for (auto const& file : revision.files)
        files.push_back(json::object{{"path", file.pointer},
                                     {"blob", file.blob},
                                     {"size", file.stat.size},
                                     {"accessed", static_cast<double>(file.stat.atime_ns) / 1e9},
                                     {"modified", static_cast<double>(file.stat.mtime_ns) / 1e9}});
      revisions.push_back(json::object{{"commit", revision.commit},
                                       {"path", revision.snapshot},
                                       {"refs", json::value_from(revision.refs)},
                                       {"size", revision.size},
                                       {"modified", seconds(revision.modified)},
                                       {"files", std::move(files)}});
    }
    repos.push_back(json::object{{"id", repo.id},
                                 {"type", name_of(repo.type)},
                                 {"path", repo.path},
                                 {"size", repo.size},
                                 {"blobs", repo.blobs},
                                 {"accessed", seconds(repo.accessed)},
                                 {"modified", seconds(repo.modified)},
                                 {"revisions", std::move(revisions)}});
  }
  json::array incomplete;
  for (auto const& file : scan.incomplete) incomplete.push_back(json::object{{"path", file.path}, {"size", file.size}});
  return json::object{{"size", scan.size},
                      {"repos", std::move(repos)},
                      {"warnings", json::value_from(scan.warnings)},
                      {"incomplete", std::move(incomplete)},
                      {"unused_payloads", scan.unused_payloads.size()}};
}

json::object to_json(RemovalPlan const& plan) {
  json::array repos;
  for (auto const& repo : plan.repos) {
    json::array commits;
    for (auto const& revision : repo.revisions) commits.push_back(json::value(revision.commit));
    repos.push_back(json::object{{"id", std::string(name_of(repo.type)) + "/" + repo.id},
                                 {"entire", repo.entire},
                                 {"revisions", std::move(commits)}});
  }
  return {{"freed", plan.freed},
          {"repos", std::move(repos)},
          {"files", plan.files.size()},
          {"incomplete", plan.incomplete.size()},
          {"payloads", plan.payloads.size()},
          {"unknown", json::value_from(plan.unknown_targets)}};
}

int failed(Error const& error) {
  std::cerr << describe(error) << "\n";
  return 1;
}

int run_removal(fs::FileSystem& files, std::string_view verb, std::string const& root,
                std::vector<std::string> const& targets) {
  auto const seen = scan(files, root);
  if (!seen) return failed(seen.error());
  bool const prunes = verb.ends_with("prune");
  auto const plan = prunes ? plan_prune(files, *seen) : plan_removal(files, *seen, targets);
  if (!plan) return failed(plan.error());
  auto answer = to_json(*plan);
  if (!verb.starts_with("plan")) {
    auto const random = system_random();
    auto const removed = remove(files, *random, root, *plan);
    answer["problems"] = json::value_from(removed.problems);
  }
  std::cout << json::serialize(answer) << "\n";
  return 0;
}

int run_local(fs::FileSystem& files, std::string const& folder, std::vector<std::string> const& paths) {
  auto const random = system_random();
  SystemClock const clock;
  LocalDir dir(files, *random, clock, folder);
  json::object answer;
  for (auto const& path : paths) {
    auto const found = dir.find(path);
    if (!found) return failed(found.error());
    json::value value = nullptr;
    if (*found) {
      json::object entry{{"size", (*found)->stat.size}};
      if ((*found)->metadata) {
        entry["commit"] = (*found)->metadata->commit;
        entry["etag"] = (*found)->metadata->etag;
      }
      value = std::move(entry);
    }
    answer[path] = std::move(value);
  }
  std::cout << json::serialize(answer) << "\n";
  return 0;
}

int run(std::vector<std::string> const& arguments) {
  if (arguments.size() < 2) {
    std::cerr << "usage: cache_scan_tool scan|plan|remove|plan-prune|prune|tree|local PATH [TARGET...]\n";
    return 2;
  }
  auto const files = fs::system_files();
  auto const& verb = arguments[0];
  std::vector<std::string> const rest(arguments.begin() + 2, arguments.end());
  if (verb == "local") return run_local(*files, arguments[1], rest);
  if (verb == "tree") {
    auto const listing = read_tree_file(*files, arguments[1]);
    if (!listing) return failed(listing.error());
    if (!*listing) return 3;
    std::cout << encode_tree(**listing).value_or("");
    return 0;
  }
  if (verb != "scan") return run_removal(*files, verb, arguments[1], rest);
  auto const seen = scan(*files, arguments[1]);
  if (!seen) return failed(seen.error());
  std::cout << json::serialize(to_json(*seen)) << "\n";
  return 0;
}

}  // namespace
}  // namespace hubd::cache

int main(int argc, char** argv) { return hubd::cache::run({argv + 1, argv + argc}); }
