// SPDX-License-Identifier: Apache-2.0
#include "client/client.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>
#include <unistd.h>

#include "client/calls.h"
#include "client/convert.h"
#include "client/ensure_call.h"
#include "client/socket_owner.h"
#include "hubd/v1/admin.grpc.pb.h"
#include "hubd/v1/auth.grpc.pb.h"
#include "hubd/v1/cache.grpc.pb.h"
#include "hubd/v1/downloads.grpc.pb.h"
#include "hubd/v1/hub.grpc.pb.h"
#include "hubd/v1/store.grpc.pb.h"
#include "hubd/v1/transfers.grpc.pb.h"

namespace hubd::client {
namespace {

using std::chrono::milliseconds;

constexpr int kMessageMax = 256 << 20;  // a listing of a million files

std::shared_ptr<grpc::Channel> open_channel(std::string const& socket) {
  grpc::ChannelArguments arguments;
  arguments.SetInt("grpc.enable_http_proxy", 0);
  arguments.SetInt("grpc.enable_retries", 0);  // a call that broke is the caller's to repeat
  arguments.SetInt("grpc.use_local_subchannel_pool", 1);
  arguments.SetString("grpc.default_authority", "localhost");
  arguments.SetMaxReceiveMessageSize(kMessageMax);
  return grpc::CreateCustomChannel("unix:" + socket, grpc::InsecureChannelCredentials(), arguments);
}

std::string seconds_text(milliseconds limit) {
  auto const seconds = (limit.count() + 999) / 1000;
  return std::to_string(seconds) + " s";
}

/// Ends the call when `stop` is requested, for as long as this lives.
class Cancelling {
 public:
  Cancelling(std::stop_token stop, grpc::ClientContext& context)
      : callback_(std::move(stop), [&context] { context.TryCancel(); }) {}

 private:
  std::stop_callback<std::function<void()>> callback_;
};

EnsureRequest one_file(OpenRequest const& request) {
  EnsureRequest ensure;
  ensure.caller = request.caller;
  ensure.repo = request.repo;
  ensure.selection.files = {request.path};
  ensure.require_verified = request.require_verified;
  return ensure;
}

Result<File> opened(OpenRequest const& request, Result<EnsureDone> const& done) {
  if (!done) return done.error();
  if (done->files.size() == 1) return File::open(done->files.front().absolute_path);
  return make_error(ErrorKind::internal, "hubd named " + std::to_string(done->files.size()) + " files for " +
                                             request.path + " of " + request.repo.id + ", and not one");
}

}  // namespace

namespace {

void heard(v1::WatchTransferEvent const& event, std::optional<Transfer>& last, WatchListener const& listener) {
  last = from_message(event.transfer());
  std::vector<FileProgress> files;
  for (auto const& file : event.files()) files.push_back(from_message(file));
  if (listener) listener(*last, files);
}

}  // namespace

struct Client::Impl {
  Impl(Options given, std::string path)
      : options(std::move(given)),
        socket(std::move(path)),
        calls(options.async_max),
        channel(open_channel(socket)),
        downloads(v1::Downloads::NewStub(channel)),
        transfers(v1::Transfers::NewStub(channel)),
        cache(v1::Cache::NewStub(channel)),
        auth(v1::Auth::NewStub(channel)),
        store(v1::Store::NewStub(channel)),
        hub(v1::Hub::NewStub(channel)),
        admin(v1::Admin::NewStub(channel)) {}

  /// The typed error of a failed call: hubd's own detail, or what gRPC saw.
  [[nodiscard]] Error error_of(grpc::Status const& status, milliseconds limit) const {
    v1::ErrorDetail detail;
    if (!status.error_details().empty() && detail.ParseFromString(status.error_details()) && detail.kind() != 0)
      return from_message(detail);
    switch (status.error_code()) {
      case grpc::StatusCode::UNAVAILABLE:
        return make_error(ErrorKind::unavailable,
                          "hubd at " + socket + " went away or cannot be reached; run the command again");
      case grpc::StatusCode::DEADLINE_EXCEEDED:
        return make_error(ErrorKind::deadline_exceeded,
                          "hubd at " + socket + " did not answer within " + seconds_text(limit));
      case grpc::StatusCode::CANCELLED:
        return make_error(ErrorKind::cancelled, "the call to hubd was cancelled");
      case grpc::StatusCode::UNIMPLEMENTED:
        return make_error(ErrorKind::not_supported,
                          "this hubd does not know that call; it may be older than its client");
      case grpc::StatusCode::INVALID_ARGUMENT:
        return make_error(ErrorKind::bad_request, "hubd did not take the request: " + status.error_message());
      case grpc::StatusCode::RESOURCE_EXHAUSTED:
        return make_error(ErrorKind::exhausted, "a message for or from hubd is too large: " + status.error_message());
      default:
        return make_error(ErrorKind::internal, "the call to hubd failed: " + status.error_message());
    }
  }

  /// Reads one stream to its end, and gives what `on_event` has put into its second argument.
  template <class Done, class Stub, class Request, class Event, class OnEvent>
  Result<Done> follow(Stub& stub,
                      std::unique_ptr<grpc::ClientReaderInterface<Event>> (Stub::*method)(grpc::ClientContext*, Request const&),
                      Request const& message, std::stop_token stop, OnEvent const& on_event) const {
    grpc::ClientContext context;
    auto const reader = (stub.*method)(&context, message);
    Cancelling const cancelling(std::move(stop), context);
    std::optional<Done> done;
    Event event;
    while (reader->Read(&event)) on_event(event, done);
    auto const status = reader->Finish();
    if (!status.ok()) return error_of(status, milliseconds(0));
    if (!done) return make_error(ErrorKind::internal, "hubd ended the call without a result");
    return std::move(*done);
  }

  /// The caller's settings as hubd is told them: no path for its own cache that is mounted here.
  [[nodiscard]] v1::Caller placed(Caller const& caller) const {
    auto message = to_message(caller);
    bool const elsewhere = !caller.cache_root.empty() && caller.cache_root != hello.cache_root;
    if (elsewhere && (view.is_at(caller.cache_root) || (!caller.cache_named && view.is_mapped())))
      message.clear_cache_root();
    return message;
  }

  /// hubd's paths as this process sees them. Fails: not_mounted.
  Result<void> see(EnsureDone& done, Caller const& caller) const {
    if (done.files.empty()) return {};
    auto const named = done.snapshot_path;
    auto const found = view.find(named, caller.cache_root);
    if (!found) return found.error();
    done.snapshot_path = *found;
    for (auto& file : done.files)
      if (file.absolute_path.starts_with(named)) file.absolute_path.replace(0, named.size(), *found);
    return {};
  }

  [[nodiscard]] v1::EnsureRequest message_of(EnsureRequest const& request, EnsureListener const& listener) const {
    auto message = to_message(request);
    *message.mutable_caller() = placed(request.caller);
    if (!request.local_dir.empty()) message.set_local_dir(view.told(request.local_dir));
    message.set_want_progress(listener.started != nullptr || listener.progress != nullptr);
    return message;
  }

  /// How an Ensure ended, as this process sees it.
  [[nodiscard]] Result<EnsureDone> ended(grpc::Status const& status, std::optional<EnsureDone> done,
                                         Caller const& caller) const {
    if (!status.ok()) return error_of(status, milliseconds(0));
    if (!done) return make_error(ErrorKind::internal, "hubd ended the call without a result");
    auto const seen = see(*done, caller);
    if (!seen) return seen.error();
    return std::move(*done);
  }

  /// One Ensure that the library's threads serve; `finish` gets its end.
  void ensure(EnsureRequest const& request, EnsureListener listener, std::vector<std::stop_token> stops,
              std::function<void(Result<EnsureDone>)> finish) {
    if (!calls.enter()) {
      auto const what = "more than " + std::to_string(options.async_max) + " calls to hubd at " + socket +
                        " go on at once; wait for some of them first";
      return finish(make_error(ErrorKind::exhausted, what));
    }
    stops.push_back(calls.closing());
    auto message = message_of(request, listener);
    EnsureCall::start(*downloads, std::move(message), std::move(listener), std::move(stops), calls,
                      [this, caller = request.caller, finish = std::move(finish)](grpc::Status const& status,
                                                                                  std::optional<EnsureDone> done) {
                        finish(ended(status, std::move(done), caller));
                      });
  }

  /// One unary call: `method` of `stub`, within `limit`.
  template <class Response, class Stub, class Request>
  Result<Response> call(Stub& stub, grpc::Status (Stub::*method)(grpc::ClientContext*, Request const&, Response*),
                        Request const& request, milliseconds limit) const {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + limit);
    Response response;
    auto const status = (stub.*method)(&context, request, &response);
    if (!status.ok()) return error_of(status, limit);
    return response;
  }

  Options options;
  std::string socket;
  Calls calls;
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<v1::Downloads::StubInterface> downloads;
  std::unique_ptr<v1::Transfers::StubInterface> transfers;
  std::unique_ptr<v1::Cache::StubInterface> cache;
  std::unique_ptr<v1::Auth::StubInterface> auth;
  std::unique_ptr<v1::Store::StubInterface> store;
  std::unique_ptr<v1::Hub::StubInterface> hub;
  std::unique_ptr<v1::Admin::StubInterface> admin;
  Hello hello;
  CacheView view;
};

Client::Client(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Client::~Client() {
  impl_->calls.close();
}

Result<Client::Options> Client::options_from(Variables const& variables) {
  auto mounts = mounts_from(variables);
  if (!mounts) return mounts.error();
  Options options;
  options.sockets = client::sockets(variables, ::getuid());
  options.check_owner = variable(variables, "HUBD_SOCKET").empty();
  options.mounts = std::move(*mounts);
  return options;
}

Result<std::unique_ptr<Client>> Client::connect(Options options) {
  auto last = make_error(ErrorKind::unavailable, "no socket of hubd was named");
  std::string tried;
  for (auto const& socket : options.sockets) {
    auto impl = std::make_unique<Impl>(options, socket);
    v1::HelloRequest request;
    request.set_client(options.name);
    request.set_client_version(options.version);
    auto const trusted = options.check_owner ? check_socket_owner(socket) : Result<void>();
    auto const answer = trusted
                            ? impl->call(*impl->admin, &v1::Admin::StubInterface::Hello, request, options.hello_limit)
                            : Result<v1::HelloResponse>(trusted.error());
    if (answer) {
      impl->hello = from_message(*answer);
      impl->view = CacheView(impl->hello.cache_root, impl->hello.root_id, options.mounts);
      return std::unique_ptr<Client>(new Client(std::move(impl)));
    }
    tried += (tried.empty() ? "" : " and ") + socket;
    // An answer that says more than "nobody there" is what the caller wants to read.
    if (answer.error().kind == ErrorKind::unavailable && last.kind == ErrorKind::unavailable)
      last = make_error(ErrorKind::unavailable, "hubd does not run: nobody answers at " + tried);
    else if (answer.error().kind != ErrorKind::unavailable)
      last = answer.error();
  }
  return last;
}

std::string const& Client::socket() const {
  return impl_->socket;
}
Hello const& Client::hello() const {
  return impl_->hello;
}
bool Client::is_cache(std::string const& folder) const {
  return impl_->view.is_at(folder);
}

// --- Downloads

Result<EnsureDone> Client::ensure(EnsureRequest const& request, EnsureListener const& listener, std::stop_token stop) {
  auto const message = impl_->message_of(request, listener);
  grpc::ClientContext context;
  auto const reader = impl_->downloads->Ensure(&context, message);
  Cancelling const cancelling(std::move(stop), context);
  std::optional<EnsureDone> done;
  v1::EnsureEvent event;
  while (reader->Read(&event)) {
    if (event.has_started() && listener.started) listener.started(from_message(event.started()));
    if (event.has_progress() && listener.progress) listener.progress(from_message(event.progress()));
    if (event.has_done()) done = from_message(event.done());
  }
  auto result = impl_->ended(reader->Finish(), std::move(done), request.caller);
  if (listener.finished) listener.finished(result);
  return result;
}

Future<EnsureDone> Client::ensure_async(EnsureRequest const& request, EnsureListener listener, std::stop_token stop) {
  auto const promise = std::make_shared<std::promise<Result<EnsureDone>>>();
  std::stop_source source;
  Future<EnsureDone> future(promise->get_future(), source);
  auto finished = std::move(listener.finished);
  listener.finished = nullptr;
  impl_->ensure(request, std::move(listener), {std::move(stop), source.get_token()},
                [promise, finished = std::move(finished)](Result<EnsureDone> result) {
                  if (finished) finished(result);
                  promise->set_value(std::move(result));
                });
  return future;
}

Result<Plan> Client::plan(PlanRequest const& request) {
  auto message = to_message(request);
  *message.mutable_caller() = impl_->placed(request.caller);
  if (!request.local_dir.empty()) message.set_local_dir(impl_->view.told(request.local_dir));
  auto const answer =
      impl_->call(*impl_->downloads, &v1::Downloads::StubInterface::Plan, message, impl_->options.hub_limit);
  if (!answer) return answer.error();
  auto plan = from_message(*answer);
  for (auto& file : plan.files) file.local_path = impl_->view.seen(file.local_path, request.caller.cache_root);
  return plan;
}

Result<Readiness> Client::ready(ReadyRequest const& request) {
  auto message = to_message(request);
  *message.mutable_caller() = impl_->placed(request.caller);
  auto const answer =
      impl_->call(*impl_->downloads, &v1::Downloads::StubInterface::Ready, message, impl_->options.call_limit);
  if (!answer) return answer.error();
  return from_message(*answer);
}

// --- Files, open for reading

Result<File> Client::open(OpenRequest const& request, std::stop_token stop) {
  return opened(request, ensure(one_file(request), {}, std::move(stop)));
}

Future<File> Client::open_async(OpenRequest const& request, std::stop_token stop) {
  auto const promise = std::make_shared<std::promise<Result<File>>>();
  std::stop_source source;
  Future<File> future(promise->get_future(), source);
  impl_->ensure(one_file(request), {}, {std::move(stop), source.get_token()},
                [promise, request](Result<EnsureDone> const& done) { promise->set_value(opened(request, done)); });
  return future;
}

// --- Transfers

Result<std::vector<Transfer>> Client::transfers(bool include_finished) {
  v1::ListTransfersRequest request;
  request.set_include_finished(include_finished);
  auto const answer =
      impl_->call(*impl_->transfers, &v1::Transfers::StubInterface::List, request, impl_->options.call_limit);
  if (!answer) return answer.error();
  std::vector<Transfer> transfers;
  for (auto const& transfer : answer->transfers()) transfers.push_back(from_message(transfer));
  return transfers;
}

Result<Transfer> Client::watch(std::string const& id, WatchListener const& listener, std::stop_token stop) {
  v1::WatchTransferRequest request;
  request.set_id(id);
  auto const on_event = [&](v1::WatchTransferEvent const& event, std::optional<Transfer>& last) {
    heard(event, last, listener);
  };
  return impl_->follow<Transfer>(*impl_->transfers, &v1::Transfers::StubInterface::Watch, request, std::move(stop), on_event);
}

Result<Transfer> Client::cancel(std::string const& id) {
  v1::CancelTransferRequest request;
  request.set_id(id);
  auto const answer =
      impl_->call(*impl_->transfers, &v1::Transfers::StubInterface::Cancel, request, impl_->options.call_limit);
  if (!answer) return answer.error();
  return from_message(answer->transfer());
}

Result<Transfer> Client::detach(std::string const& id, milliseconds limit) {
  v1::DetachTransferRequest request;
  request.set_id(id);
  auto const answer = impl_->call(*impl_->transfers, &v1::Transfers::StubInterface::Detach, request, limit);
  if (!answer) return answer.error();
  return from_message(answer->transfer());
}

Result<Transfer> Client::pause(std::string const& id) {
  v1::PauseTransferRequest request;
  request.set_id(id);
  auto const answer = impl_->call(*impl_->transfers, &v1::Transfers::StubInterface::Pause, request, impl_->options.call_limit);
  if (!answer) return answer.error();
  return from_message(answer->transfer());
}

Result<Transfer> Client::resume(std::string const& id) {
  v1::ResumeTransferRequest request;
  request.set_id(id);
  auto const answer = impl_->call(*impl_->transfers, &v1::Transfers::StubInterface::Resume, request, impl_->options.call_limit);
  if (!answer) return answer.error();
  return from_message(answer->transfer());
}

Result<TransferWhy> Client::why(std::string const& id) {
  v1::WhyRequest request;
  request.set_id(id);
  auto const answer = impl_->call(*impl_->transfers, &v1::Transfers::StubInterface::Why, request, impl_->options.call_limit);
  if (!answer) return answer.error();
  return from_message(*answer);
}

Result<Overview> Client::overview() {
  v1::OverviewRequest const request;
  auto const answer = impl_->call(*impl_->transfers, &v1::Transfers::StubInterface::Overview, request, impl_->options.call_limit);
  if (!answer) return answer.error();
  return from_message(*answer);
}

Result<Transfer> Client::attach(std::string const& id, WatchListener const& listener, milliseconds limit, std::stop_token stop) {
  v1::AttachTransferRequest request;
  request.set_id(id);
  request.set_deadline_ms(limit.count());
  auto const on_event = [&](v1::WatchTransferEvent const& event, std::optional<Transfer>& last) { heard(event, last, listener); };
  return impl_->follow<Transfer>(*impl_->transfers, &v1::Transfers::StubInterface::Attach, request, std::move(stop), on_event);
}

// --- Cache

Result<CacheScan> Client::scan_cache(Caller const& caller, bool without_files) {
  v1::ScanCacheRequest request;
  *request.mutable_caller() = impl_->placed(caller);
  request.set_without_files(without_files);
  auto const answer = impl_->call(*impl_->cache, &v1::Cache::StubInterface::Scan, request, impl_->options.hub_limit);
  if (!answer) return answer.error();
  return from_message(*answer);
}

Result<Removal> Client::remove_cache(RemoveRequest const& request) {
  v1::RemoveCacheRequest message;
  *message.mutable_caller() = impl_->placed(request.caller);
  for (auto const& target : request.targets) message.add_targets(target);
  message.set_dry_run(request.dry_run);
  auto const answer = impl_->call(*impl_->cache, &v1::Cache::StubInterface::Remove, message, impl_->options.hub_limit);
  if (!answer) return answer.error();
  return from_message(*answer);
}

Result<Pruned> Client::prune_cache(PruneRequest const& request) {
  v1::PruneCacheRequest message;
  *message.mutable_caller() = impl_->placed(request.caller);
  message.set_dry_run(request.dry_run);
  auto const answer = impl_->call(*impl_->cache, &v1::Cache::StubInterface::Prune, message, impl_->options.hub_limit);
  if (!answer) return answer.error();
  return from_message(*answer);
}

Result<Verification> Client::verify_cache(VerifyRequest const& request, VerifyListener const& listener,
                                          std::stop_token stop) {
  v1::VerifyCacheRequest message;
  *message.mutable_caller() = impl_->placed(request.caller);
  *message.mutable_repo() = to_message(request.repo);
  message.set_local_dir(impl_->view.told(request.local_dir));
  auto const on_event = [&](v1::VerifyCacheEvent const& event, std::optional<Verification>& summary) {
    if (event.has_summary()) summary = from_message(event.summary());
    if (event.has_file() && listener) listener(from_message(event.file()));
  };
  return impl_->follow<Verification>(*impl_->cache, &v1::Cache::StubInterface::Verify, message, std::move(stop), on_event);
}

// --- Store

Result<StoreStats> Client::store_stats(Caller const& caller) {
  v1::StoreStatsRequest request;
  *request.mutable_caller() = impl_->placed(caller);
  auto const answer = impl_->call(*impl_->store, &v1::Store::StubInterface::Stats, request, impl_->options.hub_limit);
  if (!answer) return answer.error();
  return from_message(*answer);
}

Result<StoreRebuilt> Client::rebuild_store(Caller const& caller, StoreListener const& listener, std::stop_token stop) {
  v1::RebuildStoreRequest request;
  *request.mutable_caller() = impl_->placed(caller);
  auto const on_event = [&](v1::RebuildStoreEvent const& event, std::optional<StoreRebuilt>& done) {
    if (event.has_progress() && listener.progress) listener.progress(from_message(event.progress()));
    if (event.has_done()) done = from_message(event.done());
  };
  return impl_->follow<StoreRebuilt>(*impl_->store, &v1::Store::StubInterface::Rebuild, request, std::move(stop), on_event);
}

Result<StoreChecked> Client::verify_store(Caller const& caller, StoreListener const& listener, std::stop_token stop) {
  v1::VerifyStoreRequest request;
  *request.mutable_caller() = impl_->placed(caller);
  auto const on_event = [&](v1::VerifyStoreEvent const& event, std::optional<StoreChecked>& done) {
    if (event.has_progress() && listener.progress) listener.progress(from_message(event.progress()));
    if (event.has_damaged() && listener.damaged) listener.damaged(from_message(event.damaged()));
    if (event.has_done()) done = from_message(event.done());
  };
  return impl_->follow<StoreChecked>(*impl_->store, &v1::Store::StubInterface::Verify, request, std::move(stop), on_event);
}

Result<StoreAdopted> Client::adopt(AdoptRequest const& request, StoreListener const& listener, std::stop_token stop) {
  v1::AdoptRequest message;
  *message.mutable_caller() = impl_->placed(request.caller);
  message.set_folder(impl_->view.told(request.folder));
  if (!request.repo.id.empty()) *message.mutable_repo() = to_message(request.repo);
  auto const on_event = [&](v1::AdoptEvent const& event, std::optional<StoreAdopted>& done) {
    if (event.has_progress() && listener.progress) listener.progress(from_message(event.progress()));
    if (event.has_file() && listener.file) listener.file(from_message(event.file()));
    if (event.has_done()) done = from_message(event.done());
  };
  return impl_->follow<StoreAdopted>(*impl_->store, &v1::Store::StubInterface::Adopt, message, std::move(stop), on_event);
}

// --- Hub

Result<HubAnswer> Client::ask_hub(HubQuestion const& question) {
  auto message = to_message(question);
  *message.mutable_caller() = impl_->placed(question.caller);
  auto answer = impl_->call(*impl_->hub, &v1::Hub::StubInterface::Invoke, message, impl_->options.hub_limit);
  if (!answer) return answer.error();
  return from_message(std::move(*answer));
}

// --- Auth

Result<Account> Client::whoami(Caller const& caller) {
  v1::WhoAmIRequest request;
  *request.mutable_caller() = impl_->placed(caller);
  auto const answer = impl_->call(*impl_->auth, &v1::Auth::StubInterface::WhoAmI, request, impl_->options.hub_limit);
  if (!answer) return answer.error();
  return from_message(*answer);
}

Result<LoggedIn> Client::login(Caller const& caller) {
  v1::LoginRequest request;
  *request.mutable_caller() = impl_->placed(caller);
  auto const answer = impl_->call(*impl_->auth, &v1::Auth::StubInterface::Login, request, impl_->options.hub_limit);
  if (!answer) return answer.error();
  return from_message(*answer);
}

Result<LoggedOut> Client::logout(std::string const& token_name) {
  v1::LogoutRequest request;
  request.set_token_name(token_name);
  auto const answer = impl_->call(*impl_->auth, &v1::Auth::StubInterface::Logout, request, impl_->options.call_limit);
  if (!answer) return answer.error();
  return from_message(*answer);
}

Result<StoredTokens> Client::tokens() {
  v1::ListTokensRequest const request;
  auto const answer =
      impl_->call(*impl_->auth, &v1::Auth::StubInterface::ListTokens, request, impl_->options.call_limit);
  if (!answer) return answer.error();
  return from_message(*answer);
}

Result<SwitchedToken> Client::switch_token(std::string const& token_name) {
  v1::SwitchTokenRequest request;
  request.set_token_name(token_name);
  auto const answer =
      impl_->call(*impl_->auth, &v1::Auth::StubInterface::SwitchToken, request, impl_->options.call_limit);
  if (!answer) return answer.error();
  return from_message(*answer);
}

Result<std::string> Client::token() {
  v1::GetTokenRequest const request;
  auto const answer = impl_->call(*impl_->auth, &v1::Auth::StubInterface::GetToken, request, impl_->options.call_limit);
  if (!answer) return answer.error();
  return answer->token();
}

// --- Admin

Result<Status> Client::status() {
  v1::StatusRequest const request;
  auto const answer = impl_->call(*impl_->admin, &v1::Admin::StubInterface::Status, request, impl_->options.call_limit);
  if (!answer) return answer.error();
  return from_message(*answer);
}

Result<std::vector<Check>> Client::examine(Caller const& caller, Repo const& repo) {
  v1::ExamineRequest request;
  *request.mutable_caller() = impl_->placed(caller);
  if (!repo.id.empty()) *request.mutable_repo() = to_message(repo);
  auto const answer =
      impl_->call(*impl_->admin, &v1::Admin::StubInterface::Examine, request, impl_->options.call_limit);
  if (!answer) return answer.error();
  std::vector<Check> checks;
  for (auto const& check : answer->checks())
    checks.push_back({check.check(), check.level(), check.what(), check.remedy()});
  return checks;
}

Result<std::vector<ConfigValue>> Client::config() {
  v1::GetConfigRequest const request;
  auto const answer =
      impl_->call(*impl_->admin, &v1::Admin::StubInterface::GetConfig, request, impl_->options.call_limit);
  if (!answer) return answer.error();
  std::vector<ConfigValue> values;
  for (auto const& value : answer->values()) values.push_back(from_message(value));
  return values;
}

Result<ConfigChange> Client::set_config(std::string const& key, std::string const& value) {
  v1::SetConfigRequest request;
  request.set_key(key);
  request.set_value(value);
  auto const answer =
      impl_->call(*impl_->admin, &v1::Admin::StubInterface::SetConfig, request, impl_->options.call_limit);
  if (!answer) return answer.error();
  ConfigChange change;
  change.value = from_message(answer->value());
  change.restart_needed = answer->restart_needed();
  return change;
}

Result<void> Client::shutdown() {
  v1::ShutdownRequest request;
  request.set_drain(true);
  auto const answer =
      impl_->call(*impl_->admin, &v1::Admin::StubInterface::Shutdown, request, impl_->options.call_limit);
  if (!answer) return answer.error();
  return {};
}

}  // namespace hubd::client
