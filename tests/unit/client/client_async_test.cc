// SPDX-License-Identifier: Apache-2.0
// Asynchronous calls and open() against a hubd whose answers the test chooses.
#include <fcntl.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <thread>

#include "client/client.h"
#include "hubd/v1/admin.grpc.pb.h"
#include "hubd/v1/downloads.grpc.pb.h"

namespace hubd::client {
namespace {

using std::chrono::seconds;

constexpr auto kHang = seconds(60);
constexpr char const* kRootId = "0123456789abcdef0123456789abcdef";
constexpr char const* kHubdsRoot = "/nonexistent/hubds/own/cache";

class FakeAdmin final : public v1::Admin::Service {
 public:
  grpc::Status Hello(grpc::ServerContext*, v1::HelloRequest const*, v1::HelloResponse* response) override {
    response->set_root_id(kRootId);
    response->set_cache_root(kHubdsRoot);
    return grpc::Status::OK;
  }
};

/// Ensure says `started`, two times `progress` and `done` with the repo's id as commit; a repo named "wait" gets
/// `started` only, until it is cancelled. Runs without a thread per call.
class FakeDownloads final : public v1::Downloads::CallbackService {
 public:
  grpc::ServerWriteReactor<v1::EnsureEvent>* Ensure(grpc::CallbackServerContext*,
                                                    v1::EnsureRequest const* request) override {
    std::lock_guard const lock(mutex_);
    asked_ = *request;
    return new Stream(*this, *request);
  }

  v1::EnsureRequest asked() {
    std::lock_guard const lock(mutex_);
    return asked_;
  }
  /// Waits until so many calls were cancelled by their client.
  bool see_cancelled(int count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kHang, [&] { return cancelled_ >= count; });
  }

  std::string snapshot;       ///< of every `done`; set before the first call
  v1::FileLocation location;  ///< of its only file

 private:
  class Stream final : public grpc::ServerWriteReactor<v1::EnsureEvent> {
   public:
    Stream(FakeDownloads& owner, v1::EnsureRequest const& request) : owner_(owner), id_(request.repo().id()) {
      event_.mutable_started()->set_commit(id_);
      StartWrite(&event_);
    }
    void OnWriteDone(bool ok) override {
      ++written_;
      if (!ok || id_ == "wait") return finish_if(!ok);
      if (written_ == 4) return finish_if(true);
      event_.Clear();
      if (written_ == 3) {
        event_.mutable_done()->set_commit(id_);
        event_.mutable_done()->set_snapshot_path(owner_.snapshot);
        *event_.mutable_done()->add_files() = owner_.location;
      } else {
        event_.mutable_progress()->set_files_done(static_cast<std::uint64_t>(written_));
      }
      StartWrite(&event_);
    }
    void OnCancel() override {
      owner_.count_cancelled();
      finish_if(true);
    }
    void OnDone() override { delete this; }

   private:
    void finish_if(bool now) {
      if (now && !finished_.exchange(true)) Finish(grpc::Status::OK);
    }

    FakeDownloads& owner_;
    std::string const id_;
    v1::EnsureEvent event_;
    int written_ = 0;
    std::atomic<bool> finished_ = false;
  };

  void count_cancelled() {
    std::lock_guard const lock(mutex_);
    ++cancelled_;
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  v1::EnsureRequest asked_;
  int cancelled_ = 0;
};

class ClientAsync : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_NE(nullptr, ::mkdtemp(folder_.data()));
    std::ofstream(folder_ + "/file") << "nine byte";
    downloads_.snapshot = folder_;
    downloads_.location.set_root_id(kRootId);
    downloads_.location.set_absolute_path(folder_ + "/file");
    downloads_.location.set_size(9);
    grpc::ServerBuilder builder;
    builder.AddListeningPort("unix:" + folder_ + "/s", grpc::InsecureServerCredentials());
    builder.RegisterService(&admin_);
    builder.RegisterService(&downloads_);
    server_ = builder.BuildAndStart();
    ASSERT_NE(nullptr, server_);
    connect({});
  }
  void TearDown() override {
    client_.reset();
    if (server_) server_->Shutdown();
    std::filesystem::remove_all(folder_);
  }

  void connect(Client::Options options) {
    options.sockets = {folder_ + "/s"};
    options.check_owner = false;
    auto connected = Client::connect(options);
    ASSERT_TRUE(connected) << connected.error().message;
    client_ = std::move(*connected);
  }

  static EnsureRequest request(std::string id) {
    EnsureRequest request;
    request.repo.id = std::move(id);
    return request;
  }

  std::string folder_ = testing::TempDir() + "hubd-XXXXXX";
  FakeAdmin admin_;
  FakeDownloads downloads_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<Client> client_;
};

std::size_t threads_now() {
  auto const tasks = std::filesystem::directory_iterator("/proc/self/task");
  return static_cast<std::size_t>(std::distance(begin(tasks), end(tasks)));
}

TEST_F(ClientAsync, TellsEveryEventInOrderAndThenTheAnswer) {
  std::vector<std::string> events;  // one after the other, and seen by us when the future is ready
  EnsureListener listener;
  listener.started = [&](EnsureStarted const& started) { events.push_back("started " + started.commit); };
  listener.progress = [&](Progress const& at) { events.push_back("progress " + std::to_string(at.files_done)); };
  listener.finished = [&](Result<EnsureDone> const& done) { events.push_back("finished " + done->commit); };
  auto future = client_->ensure_async(request("a"), listener);
  ASSERT_TRUE(future.wait_for(kHang));
  EXPECT_TRUE(future.ready());
  auto const done = future.get();
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ("a", done->commit);
  EXPECT_FALSE(future.valid());
  EXPECT_EQ((std::vector<std::string>{"started a", "progress 1", "progress 2", "finished a"}), events);
}

TEST_F(ClientAsync, CancelEndsTheCallAsCancelled) {
  auto future = client_->ensure_async(request("wait"));
  EXPECT_FALSE(future.wait_for(seconds(0)));
  EXPECT_FALSE(future.ready());
  future.cancel();
  ASSERT_TRUE(future.wait_for(kHang));
  auto const done = future.get();
  ASSERT_FALSE(done);
  EXPECT_EQ(ErrorKind::cancelled, done.error().kind);
}

TEST_F(ClientAsync, AStopTokenEndsItToo) {
  std::stop_source stop;
  auto future = client_->ensure_async(request("wait"), {}, stop.get_token());
  auto opening = client_->open_async({{}, request("wait").repo, "file"}, stop.get_token());
  stop.request_stop();
  ASSERT_TRUE(future.wait_for(kHang) && opening.wait_for(kHang));
  EXPECT_EQ(ErrorKind::cancelled, future.get().error().kind);
  EXPECT_EQ(ErrorKind::cancelled, opening.get().error().kind);
}

TEST_F(ClientAsync, DroppingAFutureCancelsItsCall) {
  std::promise<ErrorKind> ended;
  std::promise<void> begun;
  EnsureListener listener;
  listener.started = [&](EnsureStarted const&) { begun.set_value(); };
  listener.finished = [&](Result<EnsureDone> const& done) { ended.set_value(done.error().kind); };
  {
    auto const future = client_->ensure_async(request("wait"), listener);
    ASSERT_EQ(std::future_status::ready, begun.get_future().wait_for(kHang));
  }
  EXPECT_TRUE(downloads_.see_cancelled(1));
  EXPECT_EQ(ErrorKind::cancelled, ended.get_future().get());
}

TEST_F(ClientAsync, AReleasedCallGoesOnForItsListener) {
  std::promise<std::string> ended;
  EnsureListener listener;
  listener.finished = [&](Result<EnsureDone> const& done) {
    ended.set_value(done ? done->commit : done.error().message);
  };
  client_->ensure_async(request("a"), listener).release();
  EXPECT_EQ("a", ended.get_future().get());
}

TEST_F(ClientAsync, TheEndOfTheClientEndsItsCalls) {
  std::vector<Future<EnsureDone>> futures;
  for (int i = 0; i < 20; ++i) futures.push_back(client_->ensure_async(request("wait")));
  client_.reset();
  for (auto& future : futures) {
    ASSERT_TRUE(future.ready());
    EXPECT_EQ(ErrorKind::cancelled, future.get().error().kind);
  }
}

TEST_F(ClientAsync, ManyCallsHaveFewThreads) {
  auto const before = threads_now();
  std::vector<Future<EnsureDone>> futures;
  for (int i = 0; i < 300; ++i) futures.push_back(client_->ensure_async(request("wait")));
  auto answered = client_->ensure_async(request("a"));
  ASSERT_TRUE(answered.wait_for(kHang));  // a call among many that wait is served
  EXPECT_TRUE(answered.get());
  EXPECT_LT(threads_now(), before + 50);
}

TEST_F(ClientAsync, MoreThanTheLimitAreExhausted) {
  Client::Options options;
  options.async_max = 2;
  connect(options);
  auto one = client_->ensure_async(request("wait"));
  auto two = client_->ensure_async(request("wait"));
  auto three = client_->ensure_async(request("a"));
  ASSERT_TRUE(three.ready());
  EXPECT_EQ(ErrorKind::exhausted, three.get().error().kind);
  EXPECT_TRUE(client_->ensure(request("a"))) << "calls that block have no such limit";
  one.cancel();
  one.wait();
  // The call leaves after its answer is there: until then the limit may still hold.
  auto const deadline = std::chrono::steady_clock::now() + kHang;
  auto four = client_->ensure_async(request("a")).get();
  while (!four && std::chrono::steady_clock::now() < deadline) four = client_->ensure_async(request("a")).get();
  EXPECT_TRUE(four);
}

TEST_F(ClientAsync, ServesManyThreadsAtOnce) {
  std::atomic<int> right = 0;
  std::vector<std::jthread> threads;
  for (int t = 0; t < 16; ++t)
    threads.emplace_back([this, t, &right] {
      std::vector<Future<EnsureDone>> futures;
      std::vector<std::string> ids;
      for (int i = 0; i < 20; ++i) {
        ids.push_back(std::to_string(t) + "/" + std::to_string(i));
        futures.push_back(client_->ensure_async(request(ids.back())));
        if (i % 5 == 0) client_->ensure_async(request("wait")).cancel();
        if (i % 4 == 0) right += client_->ensure(request(ids.back()))->commit == ids.back() ? 1 : 0;
        if (i % 4 == 1) right += client_->open({{}, request(ids.back()).repo, "file"})->size() == 9 ? 1 : 0;
      }
      for (std::size_t i = 0; i < futures.size(); ++i) {
        auto const done = futures[i].get();
        right += done && done->commit == ids[i] ? 1 : 0;
      }
    });
  threads.clear();
  EXPECT_EQ(16 * 30, right);
}

TEST_F(ClientAsync, AHubdThatGoesAwayIsUnavailable) {
  auto future = client_->ensure_async(request("wait"));
  server_->Shutdown(std::chrono::system_clock::now());
  ASSERT_TRUE(future.wait_for(kHang));
  auto const kind = future.get().error().kind;
  EXPECT_TRUE(kind == ErrorKind::unavailable || kind == ErrorKind::cancelled) << name_of(kind);
  auto after = client_->ensure_async(request("a"));
  ASSERT_TRUE(after.wait_for(kHang));
  EXPECT_EQ(ErrorKind::unavailable, after.get().error().kind);
}

TEST_F(ClientAsync, OpensAFileReadOnlyAndNotForChildren) {
  auto opening = client_->open_async({{}, request("a").repo, "file"});
  auto const file = opening.get();
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(O_RDONLY, ::fcntl(file->descriptor(), F_GETFL) & O_ACCMODE);
  EXPECT_EQ(FD_CLOEXEC, ::fcntl(file->descriptor(), F_GETFD));
  EXPECT_EQ(9, file->size());
  EXPECT_EQ(folder_ + "/file", file->path());
  auto const asked = downloads_.asked();
  EXPECT_TRUE(asked.require_verified());
  EXPECT_FALSE(asked.want_progress());
  std::array<std::byte, 6> bytes{};
  EXPECT_EQ(6, *file->read_at(bytes, 2));
  EXPECT_EQ(std::byte('n'), bytes.front());
  EXPECT_EQ(2, *file->read_at(bytes, 7));
  EXPECT_EQ(0, *file->read_at(bytes, 9));
  ASSERT_EQ(1, asked.selection().files_size());
  EXPECT_EQ("file", asked.selection().files(0));
}

TEST_F(ClientAsync, AFileIsClosedOnceByItsLastOwner) {
  auto file = client_->open({{}, request("a").repo, "file"});
  ASSERT_TRUE(file) << file.error().message;
  int const descriptor = file->descriptor();
  auto moved = std::move(*file);
  EXPECT_EQ(descriptor, moved.descriptor());
  EXPECT_EQ(descriptor, moved.release());
  EXPECT_EQ(-1, moved.descriptor());
  EXPECT_EQ(0, ::close(descriptor));
}

TEST_F(ClientAsync, OpensAFileWhereTheMountsSay) {
  Client::Options options;
  options.mounts = {{kHubdsRoot, folder_}};
  connect(options);
  downloads_.snapshot = std::string(kHubdsRoot) + "/sub";
  downloads_.location.set_absolute_path(std::string(kHubdsRoot) + "/sub/file");
  std::filesystem::create_directory(folder_ + "/sub");
  std::ofstream(folder_ + "/sub/file") << "nine byte";
  auto const file = client_->open({{}, request("a").repo, "file"});
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(folder_ + "/sub/file", file->path());
}

TEST_F(ClientAsync, AFileThatThisProcessDoesNotSeeIsNotMounted) {
  downloads_.location.set_absolute_path(folder_ + "/absent");
  auto const one = client_->open({{}, request("a").repo, "absent"});
  downloads_.snapshot = std::string(kHubdsRoot) + "/sub";
  downloads_.location.set_absolute_path(std::string(kHubdsRoot) + "/sub/file");
  auto const two = client_->open_async({{}, request("a").repo, "file"}).get();
  for (auto const* const failed : {&one, &two}) {
    ASSERT_FALSE(*failed);
    EXPECT_EQ(ErrorKind::not_mounted, failed->error().kind);
    EXPECT_NE(std::string::npos, failed->error().message.find("mount map (HUBD_MOUNT_MAP)"));
  }
}

TEST_F(ClientAsync, AFolderIsNoFile) {
  downloads_.location.set_absolute_path(folder_);
  auto const file = client_->open({{}, request("a").repo, "file"});
  ASSERT_FALSE(file);
  EXPECT_EQ(ErrorKind::io, file.error().kind);
}

TEST_F(ClientAsync, TheSameCacheUnderAnotherPathIsNotForeign) {
  std::filesystem::create_directories(folder_ + "/mount/.locks");
  std::ofstream(folder_ + "/mount/.locks/.hubd-owner") << "root_id=" << kRootId << "\npid=1\n";
  auto asking = request("a");
  asking.caller.cache_root = folder_ + "/mount";
  EXPECT_TRUE(client_->ensure(asking));
  EXPECT_EQ("", downloads_.asked().caller().cache_root());
  asking.caller.cache_root = folder_ + "/other";
  asking.caller.cache_named = true;
  EXPECT_TRUE(client_->ensure(asking));
  EXPECT_EQ(folder_ + "/other", downloads_.asked().caller().cache_root());
  asking.caller.cache_root = kHubdsRoot;
  EXPECT_TRUE(client_->ensure(asking));
  EXPECT_EQ(kHubdsRoot, downloads_.asked().caller().cache_root());
}

}  // namespace
}  // namespace hubd::client
