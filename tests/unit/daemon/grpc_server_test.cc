// SPDX-License-Identifier: Apache-2.0
#include "daemon/grpc_server.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_future.hpp>
#include <filesystem>
#include <future>
#include <thread>

#include "core/httpd/server.h"
#include "hubd/v1/admin.grpc.pb.h"
#include "hubd/v1/common.pb.h"

namespace hubd::daemon {
namespace {

constexpr std::size_t calls_max = 3;

/// Answers Hello when told to; Status always fails, with a long sentence.
class Slow {
 public:
  explicit Slow(asio::io_context& io) : released_(io) { released_.expires_at(asio::steady_timer::time_point::max()); }
  Async<v1::HelloResponse> hello(Principal, v1::HelloRequest) {
    if (++begun == calls_max) all_began.set_value();
    while (!open) {
      auto [woken] = co_await released_.async_wait(net::nothrow);
      (void)woken;
    }
    co_return v1::HelloResponse();
  }
  Async<v1::StatusResponse> status(Principal, v1::StatusRequest) {
    std::string what = "read /cache/\xff: ";
    for (int i = 0; i < 100'000; ++i) what += "\xc3\xa9";
    co_return fail(ErrorKind::io, std::move(what));
  }
  void release() {
    open = true;
    released_.cancel();
  }
  std::promise<void> all_began;

 private:
  asio::steady_timer released_;
  std::size_t begun = 0;
  bool open = false;
};

class GrpcServerTest : public testing::Test {
 protected:
  GrpcServerTest() {
    char name[] = "/tmp/hubd-grpc-XXXXXX";
    folder_ = mkdtemp(name);
    registry_.unary("/hubd.v1.Admin/Hello", slow_, &Slow::hello);
    registry_.unary("/hubd.v1.Admin/Status", slow_, &Slow::status);
    GrpcServer::Options options;
    options.calls_per_uid_max = calls_max;
    auto const listener = httpd::listen_unix(folder_ + "/s", 0600);
    EXPECT_TRUE(listener);
    auto server = GrpcServer::start(io_.get_executor(), *listener, options, registry_, policy_, calls_, log_);
    EXPECT_TRUE(server);
    server_ = std::move(*server);
    thread_ = std::thread([this] { io_.run(); });
    stub_ = v1::Admin::NewStub(grpc::CreateChannel("unix:" + folder_ + "/s", grpc::InsecureChannelCredentials()));
  }
  ~GrpcServerTest() override {
    auto stopping = server_->stop();
    asio::co_spawn(io_, std::move(stopping), asio::use_future).get();
    work_.reset();
    thread_.join();
    std::filesystem::remove_all(folder_);
  }

  struct Hello {
    grpc::ClientContext context;
    v1::HelloRequest request;
    v1::HelloResponse response;
    std::promise<grpc::Status> ended;
  };
  Hello* begin_hello() {
    auto* const call = hellos_.emplace_back(std::make_unique<Hello>()).get();
    stub_->async()->Hello(&call->context, &call->request, &call->response,
                          [call](grpc::Status status) { call->ended.set_value(std::move(status)); });
    return call;
  }
  void release() {
    asio::post(io_, [this] { slow_.release(); });
  }

  std::string folder_;
  asio::io_context io_;
  asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
  NullLog log_;
  PeerPolicy policy_{geteuid(), {}};
  CallCounter calls_;
  Registry registry_;
  Slow slow_{io_};
  std::unique_ptr<GrpcServer> server_;
  std::thread thread_;
  std::vector<std::unique_ptr<Hello>> hellos_;  // until the server has stopped
  std::unique_ptr<v1::Admin::Stub> stub_;
};

TEST_F(GrpcServerTest, OneUserCannotRunAnyNumberOfCalls) {
  std::vector<Hello*> running;
  for (std::size_t i = 0; i < calls_max; ++i) running.push_back(begin_hello());
  slow_.all_began.get_future().get();
  auto const refused = begin_hello()->ended.get_future().get();
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  v1::ErrorDetail detail;
  ASSERT_TRUE(detail.ParseFromString(refused.error_details()));
  EXPECT_EQ(detail.kind(), v1::ERROR_KIND_EXHAUSTED);
  release();
  for (auto const& call : running) EXPECT_TRUE(call->ended.get_future().get().ok());
  bool served = false;  // the server counts a call out a little after its client saw the end
  for (int attempt = 0; attempt < 10'000 && !served; ++attempt) served = begin_hello()->ended.get_future().get().ok();
  EXPECT_TRUE(served) << "ended calls make room";
}

TEST_F(GrpcServerTest, AnErrorOfAnySizeArrivesWithItsKind) {
  grpc::ClientContext context;
  v1::StatusResponse response;
  auto const status = stub_->Status(&context, {}, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INTERNAL);
  v1::ErrorDetail detail;
  ASSERT_TRUE(detail.ParseFromString(status.error_details()));
  EXPECT_EQ(detail.kind(), v1::ERROR_KIND_IO);
  EXPECT_TRUE(detail.message().starts_with("read /cache/\\xff: \xc3\xa9")) << detail.message();
  EXPECT_TRUE(detail.message().ends_with("\xc3\xa9..."));
  EXPECT_LE(detail.message().size(), 1024U);
}

}  // namespace
}  // namespace hubd::daemon
