// SPDX-License-Identifier: Apache-2.0
#include "daemon/connect.h"

#include <google/protobuf/util/json_util.h>

#include <boost/asio/this_coro.hpp>

#include "daemon/errors.h"
#include "daemon/text.h"

namespace hubd::daemon {
namespace {

constexpr Bytes request_max = 16_MiB;
constexpr std::size_t envelope_size = 5;
constexpr char end_of_stream = 2;

std::string base64(std::string_view in) {
  static constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  std::uint32_t bits = 0;
  int count = 0;
  for (char const c : in) {
    bits = (bits << 8U) | static_cast<unsigned char>(c);
    count += 8;
    while (count >= 6) {
      count -= 6;
      out += digits[(bits >> static_cast<unsigned>(count)) & 63U];
    }
  }
  if (count > 0) out += digits[(bits << static_cast<unsigned>(6 - count)) & 63U];
  return out;  // unpadded, as Connect wants it
}

std::string to_json(google::protobuf::Message const& message) {
  std::string json;
  google::protobuf::util::JsonPrintOptions const options;
  if (!google::protobuf::util::MessageToJsonString(message, &json, options).ok()) json = "{}";
  return json;
}

Result<void> from_json(std::string const& json, google::protobuf::Message& message) {
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;
  auto const status = google::protobuf::util::JsonStringToMessage(json.empty() ? "{}" : json, &message, options);
  if (status.ok()) return {};
  return fail(ErrorKind::bad_request, "the request's JSON does not fit its message: " + status.message().ToString());
}

std::string envelope(char flags, std::string_view json) {
  std::string out;
  auto const size = static_cast<std::uint32_t>(json.size());
  out += flags;
  for (unsigned shift = 24;; shift -= 8) {
    out += static_cast<char>((size >> shift) & 0xffU);
    if (shift == 0) break;
  }
  out += json;
  return out;
}

/// The one message of a stream's request.
Result<std::string> open_envelope(std::string body) {
  if (body.size() < envelope_size) return fail(ErrorKind::bad_request, "the request's envelope is cut short");
  std::size_t size = 0;
  for (std::size_t i = 1; i < envelope_size; ++i) size = size << 8U | static_cast<unsigned char>(body[i]);
  if (body[0] != 0) return fail(ErrorKind::not_supported, "compressed request envelopes are not supported");
  if (body.size() != envelope_size + size)
    return fail(ErrorKind::bad_request, "the request's envelope does not hold exactly one message");
  body.erase(0, envelope_size);
  return body;
}

bool is_type(std::string_view header, std::string_view type) {
  auto const bare = header.substr(0, header.find_first_of("; "));
  return bare == type;
}

asio::awaitable<void> reply_error(httpd::Responder& responder, Error error, std::string call = {}) {
  httpd::Fields fields{{"Content-Type", "application/json"}};
  if (error.retry_after) fields.emplace_back("Retry-After", std::to_string(error.retry_after->count()));
  auto body = connect_error_json(error, call);
  auto const status = connect_http_status(status_code(error.kind));
  auto const replied = co_await responder.reply(status, std::move(fields), std::move(body));
  (void)replied;  // the peer left: nobody to tell
}

asio::awaitable<void> reply_text(httpd::Responder& responder, int status, std::string body) {
  httpd::Fields fields{{"Content-Type", "text/plain; version=0.0.4; charset=utf-8"}};
  auto const replied = co_await responder.reply(status, std::move(fields), std::move(body));
  (void)replied;
}

/// Ends the other tasks of a call when its peer leaves.
asio::awaitable<void> watch_peer(httpd::Responder& responder, net::TaskGroup& tasks) {
  auto const quiet = asio::this_coro::throw_if_cancelled(false);
  co_await quiet;
  auto leaving = responder.peer_gone();
  co_await std::move(leaving);
  tasks.cancel();
}

asio::awaitable<void> run_unary(Method const& method, Principal principal, MessagePtr message, Result<MessagePtr>& answer,
                                net::TaskGroup& tasks) {
  auto const quiet = asio::this_coro::throw_if_cancelled(false);
  co_await quiet;
  auto running = method.unary(principal, std::move(message));
  answer = co_await std::move(running);
  tasks.cancel();  // ends the watch
}

using Write = std::function<Async<void>(google::protobuf::Message const&)>;

asio::awaitable<void> run_streaming(Method const& method, Principal principal, MessagePtr message, Write write,
                                    Result<void>& result, net::TaskGroup& tasks, Log& log) {
  auto const quiet = asio::this_coro::throw_if_cancelled(false);
  co_await quiet;
  auto running = run_stream(method, principal, std::move(message), std::move(write), log);
  result = co_await std::move(running);
  tasks.cancel();
}

Async<void> write_text(httpd::Responder& responder, std::string text) {
  auto const written = co_await responder.write(as_bytes(text));
  co_return written;
}

}  // namespace

std::string connect_error_json(Error const& error, std::string_view call) {
  auto const detail = to_detail(error, call);
  std::string json = "{\"code\":" + json_text(connect_code(status_code(error.kind)));
  json += ",\"message\":" + json_text(valid_utf8(describe(error)));
  json += ",\"details\":[{\"type\":\"hubd.v1.ErrorDetail\",\"value\":\"" + base64(detail.SerializeAsString());
  json += "\",\"debug\":" + to_json(detail) + "}]}";
  return json;
}

ConnectApi::ConnectApi(Registry const& registry, PeerPolicy const& policy, CallCounter& calls,
                       std::function<std::string()> metrics, Content content, Log& log)
    : registry_(registry), policy_(policy), calls_(calls), metrics_(std::move(metrics)), content_(std::move(content)), log_(log) {}

asio::awaitable<void> ConnectApi::handle(httpd::Request& request, httpd::Responder& responder) {
  auto const& credentials = request.peer().credentials;
  Error refusal;
  if (!credentials || !policy_.serves(credentials->uid)) {
    refusal = policy_.refusal(credentials ? std::optional(credentials->uid) : std::nullopt);
  } else if (request.path() == "/healthz") {
    auto replying = reply_text(responder, 200, "ok\n");
    co_await std::move(replying);
    co_return;
  } else if (request.path() == "/metrics") {
    auto replying = reply_text(responder, 200, metrics_());
    co_await std::move(replying);
    co_return;
  } else if (request.path() == "/content" && (request.method() == "GET" || request.method() == "HEAD")) {
    calls_.began();
    auto giving = hand_over(Principal{credentials->uid}, request, responder);
    co_await std::move(giving);
    calls_.ended();
    co_return;
  } else if (auto const* const method = registry_.find(request.path()); method != nullptr && request.method() == "POST") {
    calls_.began();
    auto calling = answer_call(*method, Principal{credentials->uid}, request, responder);
    co_await std::move(calling);
    calls_.ended();
    co_return;
  } else if (method != nullptr) {
    auto replying = reply_text(responder, 405, "methods of the API are called with POST\n");
    co_await std::move(replying);
    co_return;
  } else {
    refusal = fail(ErrorKind::not_supported, "this hubd has no method " + std::string(request.path()));
  }
  auto refusing = reply_error(responder, std::move(refusal));
  co_await std::move(refusing);
}

asio::awaitable<void> ConnectApi::answer_call(Method const& method, Principal principal, httpd::Request& request,
                                              httpd::Responder& responder) {
  auto const type = request.header("Content-Type");
  bool const enveloped = is_type(type, "application/connect+json");
  bool const known = enveloped ? static_cast<bool>(method.stream) : is_type(type, "application/json");
  if (!known) {
    auto const* const wanted = method.stream ? "application/connect+json or application/json\n" : "application/json\n";
    auto replying = reply_text(responder, 415, std::string("this method takes Content-Type ") + wanted);
    co_await std::move(replying);
    co_return;
  }
  auto body = co_await request.read_all(request_max);
  Result<std::string> json = fail(ErrorKind::internal, "");
  if (!body)
    json = body.error();
  else if (enveloped)
    json = open_envelope(std::move(*body));
  else
    json = std::move(*body);
  auto message = method.new_request();
  Result<void> parsed;
  if (!json)
    parsed = json.error();
  else
    parsed = from_json(*json, *message);
  if (!parsed) {
    auto replying = reply_error(responder, parsed.error());
    co_await std::move(replying);
    co_return;
  }
  auto call = calls_.name(*message);
  if (method.unary) {
    auto running = unary(method, principal, std::move(message), std::move(call), responder);
    co_await std::move(running);
  } else {
    auto running = stream(method, principal, std::move(message), std::move(call), enveloped, responder);
    co_await std::move(running);
  }
}

asio::awaitable<void> ConnectApi::unary(Method const& method, Principal principal, MessagePtr message, std::string call,
                                        httpd::Responder& responder) {
  auto const executor = co_await asio::this_coro::executor;
  Result<MessagePtr> answer = fail(ErrorKind::internal, "the call ended by an exception");
  net::TaskGroup tasks(executor, [this](std::exception_ptr) { log_.error("a call ended by an exception"); });
  tasks.spawn("call", run_unary(method, principal, std::move(message), answer, tasks));
  if (tasks.size() > 0) tasks.spawn("watch peer", watch_peer(responder, tasks));
  auto joining = tasks.join();
  co_await std::move(joining);
  auto const failure = answer ? std::optional<Error>() : std::optional<Error>(answer.error());
  note_end(log_, method, principal, call, failure ? &*failure : nullptr);
  if (!answer) {
    auto replying = reply_error(responder, answer.error(), std::move(call));
    co_await std::move(replying);
    co_return;
  }
  httpd::Fields fields{{"Content-Type", "application/json"}};
  auto body = to_json(**answer);
  auto const replied = co_await responder.reply(200, std::move(fields), std::move(body));
  (void)replied;
}

asio::awaitable<void> ConnectApi::stream(Method const& method, Principal principal, MessagePtr message, std::string call, bool enveloped,
                                         httpd::Responder& responder) {
  auto const executor = co_await asio::this_coro::executor;
  httpd::Fields fields{{"Content-Type", enveloped ? "application/connect+json" : "application/x-ndjson"}};
  auto const started = co_await responder.start(200, std::move(fields), std::nullopt);
  if (!started) co_return;
  auto const frame = [enveloped](char flags, std::string const& json) {
    return enveloped ? envelope(flags, json) : json + "\n";
  };
  auto write = [&responder, frame](google::protobuf::Message const& event) {
    return write_text(responder, frame(0, to_json(event)));
  };
  Result<void> result = fail(ErrorKind::internal, "the call ended by an exception");
  net::TaskGroup tasks(executor, [this](std::exception_ptr) { log_.error("a call ended by an exception"); });
  tasks.spawn("stream", run_streaming(method, principal, std::move(message), std::move(write), result, tasks, log_));
  tasks.spawn("watch peer", watch_peer(responder, tasks));
  auto joining = tasks.join();
  co_await std::move(joining);
  auto const failure = result ? std::optional<Error>() : std::optional<Error>(result.error());
  note_end(log_, method, principal, call, failure ? &*failure : nullptr);
  std::string last;
  if (!result)
    last = frame(end_of_stream, "{\"error\":" + connect_error_json(result.error(), call) + "}");
  else if (enveloped)
    last = frame(end_of_stream, "{}");
  if (!last.empty()) {
    auto const written = co_await write_text(responder, std::move(last));
    if (!written) co_return;
  }
  auto const finished = co_await responder.finish();
  (void)finished;
}

}  // namespace hubd::daemon
