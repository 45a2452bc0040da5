// SPDX-License-Identifier: Apache-2.0
// The cache commands against a hubd whose answers the test chooses.
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "client/cli/app.h"
#include "hubd/v1/admin.grpc.pb.h"
#include "hubd/v1/cache.grpc.pb.h"

namespace hubd::cli {
namespace {

class FakeAdmin final : public v1::Admin::Service {
 public:
  grpc::Status Hello(grpc::ServerContext*, v1::HelloRequest const*, v1::HelloResponse*) override {
    return grpc::Status::OK;
  }
};

class FakeCache final : public v1::Cache::Service {
 public:
  grpc::Status Scan(grpc::ServerContext*, v1::ScanCacheRequest const* request,
                    v1::ScanCacheResponse* response) override {
    scanned = *request;
    *response = scan;
    return grpc::Status::OK;
  }
  grpc::Status Remove(grpc::ServerContext*, v1::RemoveCacheRequest const* request,
                      v1::RemoveCacheResponse* response) override {
    *response = request->dry_run() ? removal_planned : removal;
    return grpc::Status::OK;
  }
  grpc::Status Prune(grpc::ServerContext*, v1::PruneCacheRequest const* request,
                     v1::PruneCacheResponse* response) override {
    pruned_for_real = pruned_for_real || !request->dry_run();
    *response = request->dry_run() ? prune_planned : prune;
    return grpc::Status::OK;
  }

  v1::ScanCacheRequest scanned;
  v1::ScanCacheResponse scan;
  v1::RemoveCacheResponse removal_planned;
  v1::RemoveCacheResponse removal;
  v1::PruneCacheResponse prune_planned;
  v1::PruneCacheResponse prune;
  bool pruned_for_real = false;
};

class CacheCommand : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_NE(nullptr, ::mkdtemp(folder_.data()));
    grpc::ServerBuilder builder;
    builder.AddListeningPort("unix:" + socket(), grpc::InsecureServerCredentials());
    builder.RegisterService(&admin_);
    builder.RegisterService(&cache_);
    server_ = builder.BuildAndStart();
    ASSERT_NE(nullptr, server_);
  }
  void TearDown() override {
    if (server_) server_->Shutdown();
    std::filesystem::remove_all(folder_);
  }

  std::string socket() const { return folder_ + "/s"; }

  int hubctl(std::vector<std::string> const& arguments) {
    out_.str("");
    err_.str("");
    return run(arguments, {{"HOME", "/nonexistent"}, {"HUBD_SOCKET", socket()}, {"HUBD_NO_AUTOSTART", "1"}}, out_,
               err_);
  }

  FakeAdmin admin_;
  FakeCache cache_;
  std::ostringstream out_;
  std::ostringstream err_;

 private:
  std::string folder_ = testing::TempDir() + "hubd-XXXXXX";
  std::unique_ptr<grpc::Server> server_;
};

TEST_F(CacheCommand, RmTellsWhatCouldNotBeRemovedAndFails) {
  cache_.removal_planned.set_repos_deleted(1);
  cache_.removal_planned.set_bytes_freed(5000);
  cache_.removal.add_problems("remove /cache/a: Permission denied");
  cache_.removal.add_problems("remove /cache/b: Read-only file system");
  EXPECT_EQ(1, hubctl({"cache", "rm", "model/a/b", "--yes", "--json"}));
  EXPECT_EQ("{\"repos_deleted\":0,\"revisions_deleted\":0,\"freed\":\"0.0\"}\n", out_.str());
  EXPECT_EQ(
      "Warning: remove /cache/a: Permission denied\nWarning: remove /cache/b: Read-only file system\n"
      "{\"error\":{\"kind\":\"io\",\"message\":\"2 paths could not be removed\"}}\n",
      err_.str());
  cache_.removal.clear_problems();
  EXPECT_EQ(0, hubctl({"cache", "rm", "model/a/b", "--yes"}));
  EXPECT_EQ("", err_.str());
}

TEST_F(CacheCommand, PruneTellsWhatCouldNotBeRemovedAndFails) {
  cache_.prune_planned.set_incomplete_deleted(2);
  cache_.prune.set_incomplete_deleted(1);
  cache_.prune.add_problems("remove /cache/a.incomplete: Permission denied");
  EXPECT_EQ(1, hubctl({"cache", "prune", "--yes", "--json"}));
  EXPECT_EQ("{\"revisions_deleted\":0,\"incomplete_deleted\":1,\"shared_blobs_deleted\":0,\"freed\":\"0.0\"}\n",
            out_.str());
  EXPECT_NE(std::string::npos, err_.str().find("Warning: remove /cache/a.incomplete: Permission denied\n"));
}

TEST_F(CacheCommand, PruneSaysWhatItWouldDeleteAndDeletesOnlyWhenAllowed) {
  cache_.prune_planned.set_revisions_deleted(1);
  cache_.prune_planned.set_shared_blobs_deleted(3);
  cache_.prune_planned.set_bytes_freed(1'200'000);
  auto& repo = *cache_.prune_planned.add_repos();
  repo.set_id("a/b");
  auto& revision = *repo.add_revisions();
  revision.set_commit("c0ffee");
  revision.set_size(1'200'000);
  EXPECT_EQ(0, hubctl({"cache", "prune", "--dry-run"}));
  EXPECT_TRUE(out_.str().starts_with("About to delete 1 revision(s), 3 unused shared blob(s) totalling 1.2M.\n"
                                     "  - model/a/b:\n      c0ffee [(detached)] 1.2M\n"))
      << out_.str();
  EXPECT_EQ(0, hubctl({"cache", "prune", "--dry-run", "--json"}));
  EXPECT_EQ("{\"dry_run\":true,\"revisions\":1,\"incomplete\":0,\"shared_blobs\":3,\"size\":\"1.2M\"}\n", out_.str());
  EXPECT_EQ(1, hubctl({"cache", "prune", "--json"}));  // nobody can be asked
  EXPECT_NE(std::string::npos, err_.str().find("--yes")) << err_.str();
  EXPECT_FALSE(cache_.pruned_for_real);
  EXPECT_EQ(0, hubctl({"cache", "prune", "--yes"}));
  EXPECT_TRUE(cache_.pruned_for_real);
}

TEST_F(CacheCommand, PruneOfATidyCacheDeletesNothing) {
  EXPECT_EQ(0, hubctl({"cache", "prune"}));
  EXPECT_EQ("Nothing to delete.\n", out_.str());
  EXPECT_EQ(0, hubctl({"cache", "prune", "--dry-run", "--json"}));
  EXPECT_EQ("{\"dry_run\":true,\"revisions\":0,\"incomplete\":0,\"shared_blobs\":0,\"size\":\"0.0\"}\n", out_.str());
  EXPECT_FALSE(cache_.pruned_for_real);
}

TEST_F(CacheCommand, LsDoesNotAskForTheFilesOfRevisions) {
  EXPECT_EQ(0, hubctl({"cache", "ls"}));
  EXPECT_TRUE(cache_.scanned.without_files());
}

}  // namespace
}  // namespace hubd::cli
