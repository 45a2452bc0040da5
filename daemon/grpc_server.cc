// SPDX-License-Identifier: Apache-2.0
#include "daemon/grpc_server.h"

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/server_posix.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <map>
#include <mutex>
#include <set>
#include <vector>

#include "core/base/clock.h"
#include "core/httpd/acceptor.h"
#include "daemon/descriptor_ring.h"
#include "daemon/errors.h"
#include "daemon/text.h"

namespace hubd::daemon {
namespace {

constexpr auto shutdown_max = std::chrono::milliseconds(200);  // answers are flushed; a client that does not poll sees no GOAWAY
constexpr std::size_t error_text_max = 1024;
constexpr std::size_t error_field_max = 256;

grpc::Status to_status(Error const& error, std::string_view call = {}) {
  auto const code = static_cast<grpc::StatusCode>(status_code(error.kind));
  // Both texts travel in headers, which a client takes up to 8 KiB of.
  auto detail = to_detail(error, call);
  detail.set_message(shortened(detail.message(), error_text_max));
  detail.set_host(shortened(detail.host(), error_field_max));
  detail.set_request_id(shortened(detail.request_id(), error_field_max));
  return grpc::Status(code, shortened(valid_utf8(describe(error)), error_text_max), detail.SerializeAsString());
}

/// Descriptors handed to gRPC, per uid. gRPC closes them without telling; a slot is free again when the number no longer
/// names the same socket.
class HandedOver {
 public:
  [[nodiscard]] std::size_t count(uid_t uid) {
    purge();
    return static_cast<std::size_t>(
        std::count_if(entries_.begin(), entries_.end(), [&](Entry const& entry) { return entry.uid == uid; }));
  }
  [[nodiscard]] std::size_t count() {
    purge();
    return entries_.size();
  }
  void add(int descriptor, uid_t uid) {
    struct stat found {};
    if (fstat(descriptor, &found) == 0) entries_.push_back(Entry{descriptor, found.st_ino, uid});
  }

 private:
  struct Entry {
    int descriptor;
    ino_t inode;
    uid_t uid;
  };
  void purge() {
    std::erase_if(entries_, [](Entry const& entry) {
      struct stat found {};
      return fstat(entry.descriptor, &found) != 0 || found.st_ino != entry.inode;
    });
  }
  std::vector<Entry> entries_;
};

/// How many calls each user has begun and not ended. Safe from any thread.
class RunningCalls {
 public:
  /// One more, unless there are `most` already.
  bool add(uid_t uid, std::size_t most) {
    std::scoped_lock const lock(mutex_);
    auto& count = counts_[uid];
    if (count >= most) return false;
    ++count;
    return true;
  }
  void remove(uid_t uid) {
    std::scoped_lock const lock(mutex_);
    auto const found = counts_.find(uid);
    if (--found->second == 0) counts_.erase(found);
  }

 private:
  std::mutex mutex_;
  std::map<uid_t, std::size_t> counts_;  // guarded by mutex_
};

class Call;

/// What a call needs of its server, on the executor.
class Host {
 public:
  virtual ~Host() = default;
  virtual void begin(std::shared_ptr<Call> call) = 0;
  /// gRPC is done with a call of this user that was started. From any thread.
  virtual void done(uid_t uid) = 0;
  [[nodiscard]] virtual asio::any_io_executor executor() const = 0;
};

/// One call. Its On... functions run on gRPC's threads and only post; the rest runs on the executor.
/// Alive while gRPC (self_) or its coroutine holds it.
class Call final : public grpc::ServerGenericBidiReactor, public std::enable_shared_from_this<Call> {
 public:
  Call(Host& host, Method const* method, Principal principal)
      : host_(host), method_(method), principal_(principal), written_(host.executor()) {
    written_.expires_at(asio::steady_timer::time_point::max());
  }

  void start() {
    self_ = shared_from_this();
    counted_ = true;
    StartRead(&in_);
  }
  void refuse(grpc::Status status) {
    self_ = shared_from_this();
    Finish(std::move(status));
  }

  void OnReadDone(bool ok) override {
    if (!ok) {
      Finish(grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "the call ended before its request"));
      return;
    }
    request_ = method_->new_request();
    auto const parsed = grpc::SerializationTraits<google::protobuf::Message>::Deserialize(&in_, request_.get());
    if (!parsed.ok()) {
      Finish(grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "the request is not a message of this method"));
      return;
    }
    asio::post(host_.executor(), [call = shared_from_this()] { call->host_.begin(call); });
  }
  void OnWriteDone(bool ok) override {
    asio::post(host_.executor(), [call = shared_from_this(), ok] {
      call->writing_ = false;
      call->write_ok_ = ok;
      call->written_.cancel();
    });
  }
  void OnCancel() override {
    asio::post(host_.executor(), [call = shared_from_this()] { call->cancel(); });
  }
  void OnDone() override {
    if (counted_) host_.done(principal_.uid);
    self_.reset();
  }

  void cancel() {
    cancelled_ = true;
    if (tasks_ != nullptr) tasks_->cancel();
  }

  /// The whole call, on the executor; ends with Finish.
  asio::awaitable<void> serve(Log& log, CallCounter& counter) {
    auto const quiet = asio::this_coro::throw_if_cancelled(false);
    co_await quiet;
    auto const on_bug = [&log](std::exception_ptr) { log.error("a gRPC call ended by an exception"); };
    net::TaskGroup tasks(host_.executor(), on_bug);
    tasks_ = &tasks;
    Result<MessagePtr> answer = fail(ErrorKind::internal, "the call ended by an exception");
    auto const name = counter.name(*request_);
    if (cancelled_)
      answer = fail(ErrorKind::cancelled, "the caller went away");
    else
      tasks.spawn("grpc call", work(log, answer));
    while (tasks.size() > 0) {
      auto joining = tasks.join();
      co_await std::move(joining);
    }
    tasks_ = nullptr;
    auto const failure = answer ? std::optional<Error>() : std::optional<Error>(answer.error());
    note_end(log, *method_, principal_, name, failure ? &*failure : nullptr);
    if (!answer) {
      Finish(to_status(answer.error(), name));
    } else if (!*answer) {
      Finish(grpc::Status::OK);
    } else if (serialise(**answer)) {
      StartWriteAndFinish(&out_, grpc::WriteOptions(), grpc::Status::OK);
    } else {
      Finish(grpc::Status(grpc::StatusCode::INTERNAL, "the answer could not be serialised"));
    }
  }

 private:
  asio::awaitable<void> work(Log& log, Result<MessagePtr>& answer) {
    auto const quiet = asio::this_coro::throw_if_cancelled(false);
    co_await quiet;
    if (method_->unary) {
      auto running = method_->unary(principal_, std::move(request_));
      answer = co_await std::move(running);
      co_return;
    }
    auto write = [this](google::protobuf::Message const& event) { return send(event); };
    auto running = run_stream(*method_, principal_, std::move(request_), std::move(write), log);
    auto const done = co_await std::move(running);
    if (done)
      answer = MessagePtr();
    else
      answer = done.error();
  }

  Async<void> send(google::protobuf::Message const& event) {
    if (!serialise(event)) co_return fail(ErrorKind::internal, "an event could not be serialised");
    writing_ = true;
    StartWrite(&out_);
    // Also when cancelled: gRPC still holds the buffer, and ends the write soon.
    while (writing_) {
      auto [woken] = co_await written_.async_wait(net::nothrow);
      (void)woken;
    }
    if (!write_ok_) co_return fail(ErrorKind::cancelled, "the caller went away");
    co_return Result<void>();
  }

  bool serialise(google::protobuf::Message const& message) {
    bool own = false;
    out_.Clear();
    return grpc::SerializationTraits<google::protobuf::Message>::Serialize(message, &out_, &own).ok();
  }

  Host& host_;
  Method const* method_;
  Principal principal_;
  std::shared_ptr<Call> self_;  // gRPC's hold, until OnDone
  grpc::ByteBuffer in_;
  grpc::ByteBuffer out_;
  MessagePtr request_;
  asio::steady_timer written_;  // never expires; cancelled when a write ended
  bool writing_ = false;
  bool write_ok_ = false;
  bool cancelled_ = false;
  bool counted_ = false;
  net::TaskGroup* tasks_ = nullptr;  // of serve()'s frame, while the method runs
};

class GrpcServerImpl final : public GrpcServer, public Host, private grpc::CallbackGenericService {
 public:
  GrpcServerImpl(asio::any_io_executor executor, int listener, Options options, Registry const& registry,
                 PeerPolicy const& policy, CallCounter& calls, Log& log)
      : executor_(executor),
        options_(options),
        registry_(registry),
        policy_(policy),
        counter_(calls),
        log_(log),
        acceptor_(executor, listener, log),
        accepting_(executor, [&log](std::exception_ptr) { log.error("the gRPC accept loop ended by an exception"); }),
        serving_(executor, [&log](std::exception_ptr) { log.error("a gRPC call ended by an exception"); }) {}

  ~GrpcServerImpl() override {
    if (server_) server_->Shutdown();
  }

  bool build() {
    grpc::ServerBuilder builder;
    builder.RegisterCallbackGenericService(this);
    builder.SetMaxReceiveMessageSize(static_cast<int>(options_.message_max));
    builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, static_cast<int>(options_.calls_per_connection_max));
    builder.SetSyncServerOption(grpc::ServerBuilder::MAX_POLLERS, 1);
    server_ = builder.BuildAndStart();
    if (!server_) return false;
    auto take = [this](int, int descriptor, httpd::Peer peer) { admit(descriptor, peer); };
    accepting_.spawn("grpc accept", acceptor_.run(std::move(take)));
    return true;
  }

  void stop_accepting() override {
    acceptor_.close();
    accepting_.cancel();
  }

  asio::awaitable<void> stop() override {
    stop_accepting();
    stopping_ = true;
    for (auto const& call : running_) call->cancel();
    asio::thread_pool waiter(1);  // Shutdown blocks until every call has ended, which needs this executor
    auto shut_down = [this] {
      server_->Shutdown(SystemClock().wall() + shutdown_max);
      return true;
    };
    auto const pool = asio::any_io_executor(waiter.get_executor());
    bool const shut = co_await net::offload(pool, shut_down);
    (void)shut;
    auto accepts = accepting_.join();
    co_await std::move(accepts);
    auto calls = serving_.join();
    co_await std::move(calls);
    waiter.join();
  }

  std::size_t connections() override { return handed_over_.count(); }

 private:
  void admit(int descriptor, httpd::Peer const& peer) {
    bool const named = peer.credentials.has_value();
    if (!named || handed_over_.count(peer.credentials->uid) >= options_.connections_per_uid_max) {
      if (named) log_.warning("a gRPC connection of user " + std::to_string(peer.credentials->uid) + " was closed: too many are open");
      ::close(descriptor);
      return;
    }
    // A call may be looked at after its connection has gone: then its number must not name the connection of somebody else.
    int const number = ring_.take(descriptor);
    if (number < 0) {
      log_.warning("a gRPC connection of user " + std::to_string(peer.credentials->uid) + " was closed: no descriptor is free");
      return;
    }
    handed_over_.add(number, peer.credentials->uid);
    grpc::AddInsecureChannelFromFd(server_.get(), number);
  }

  /// On a gRPC thread.
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override {
    auto const descriptor = descriptor_in(context->peer());
    std::optional<uid_t> uid;
    if (descriptor) uid = uid_of_peer(*descriptor);
    auto const asking = uid.value_or(static_cast<uid_t>(-1));
    auto const* const method = registry_.find(context->method());
    auto const call = std::make_shared<Call>(*this, method, Principal{asking});
    if (!uid || !policy_.serves(asking)) {
      call->refuse(to_status(policy_.refusal(uid)));
    } else if (method == nullptr) {
      call->refuse(to_status(fail(ErrorKind::not_supported, "this hubd has no method " + context->method())));
    } else if (!admitted_.add(asking, options_.calls_per_uid_max)) {
      call->refuse(to_status(fail(ErrorKind::exhausted, "user " + std::to_string(asking) + " has " +
                                                            std::to_string(options_.calls_per_uid_max) + " calls running")));
    } else {
      call->start();
    }
    return call.get();
  }

  void done(uid_t uid) override { admitted_.remove(uid); }

  void begin(std::shared_ptr<Call> call) override {
    if (stopping_) call->cancel();
    serving_.spawn("grpc call", run(std::move(call)));
  }

  asio::awaitable<void> run(std::shared_ptr<Call> call) {
    auto const quiet = asio::this_coro::throw_if_cancelled(false);
    co_await quiet;
    running_.insert(call);
    counter_.began();
    auto serving = call->serve(log_, counter_);
    co_await std::move(serving);
    counter_.ended();
    running_.erase(call);
  }

  [[nodiscard]] asio::any_io_executor executor() const override { return executor_; }

  asio::any_io_executor executor_;
  Options options_;
  Registry const& registry_;
  PeerPolicy const& policy_;
  CallCounter& counter_;
  Log& log_;
  HandedOver handed_over_;
  DescriptorRing ring_ = DescriptorRing::make();
  RunningCalls admitted_;
  std::set<std::shared_ptr<Call>> running_;
  bool stopping_ = false;
  httpd::Acceptor acceptor_;
  net::TaskGroup accepting_;
  net::TaskGroup serving_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace

Result<std::unique_ptr<GrpcServer>> GrpcServer::start(asio::any_io_executor executor, int listener, Options options,
                                                      Registry const& registry, PeerPolicy const& policy,
                                                      CallCounter& calls, Log& log) {
  auto server = std::make_unique<GrpcServerImpl>(std::move(executor), listener, options, registry, policy, calls, log);
  if (!server->build()) return fail(ErrorKind::internal, "gRPC's server could not be started");
  return std::unique_ptr<GrpcServer>(std::move(server));
}

}  // namespace hubd::daemon
