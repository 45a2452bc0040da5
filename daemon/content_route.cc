// SPDX-License-Identifier: Apache-2.0
#include "daemon/content_route.h"

#include <charconv>

#include "core/fs/buffer.h"
#include "core/http/url.h"
#include "daemon/connect.h"
#include "daemon/errors.h"

namespace hubd::daemon {
namespace {

constexpr std::size_t block_size = 256 * 1024;  // in memory for each reader

std::optional<Bytes> number(std::string_view text) {
  Bytes value = 0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Result<v1::RepoType> parse_type(std::string_view text) {
  if (text.empty() || text == "model") return v1::REPO_TYPE_MODEL;
  if (text == "dataset") return v1::REPO_TYPE_DATASET;
  if (text == "space") return v1::REPO_TYPE_SPACE;
  if (text == "kernel") return v1::REPO_TYPE_KERNEL;
  return fail(ErrorKind::bad_request, "type is model, dataset, space or kernel, not " + std::string(text.substr(0, 40)));
}

asio::awaitable<void> refuse(httpd::Responder& responder, Error error, int status, httpd::Fields fields) {
  fields.emplace_back("Content-Type", "application/json");
  if (error.retry_after) fields.emplace_back("Retry-After", std::to_string(error.retry_after->count()));
  auto body = connect_error_json(error);
  auto const replied = co_await responder.reply(status, std::move(fields), std::move(body));
  (void)replied;  // the peer left: nobody to tell
}

}  // namespace

Result<std::optional<Extent>> parse_range(std::string_view header, Bytes size) {
  std::optional<Extent> none;
  if (!header.starts_with("bytes=") || header.find(',') != std::string_view::npos) return none;
  header.remove_prefix(6);
  auto const dash = header.find('-');
  if (dash == std::string_view::npos) return none;
  auto const from = number(header.substr(0, dash));
  auto const to = number(header.substr(dash + 1));
  bool const open_end = dash + 1 == header.size();
  if (!from && dash == 0 && to) {  // the last bytes
    if (*to == 0 || size == 0) return fail(ErrorKind::bad_request, "the range lies outside of the file");
    Bytes const length = std::min(*to, size);
    return std::optional<Extent>(Extent{size - length, length});
  }
  if (!from || (!to && !open_end) || (to && *to < *from)) return none;
  if (*from >= size) return fail(ErrorKind::bad_request, "the range lies outside of the file");
  Bytes const last = to ? std::min(*to, size - 1) : size - 1;
  return std::optional<Extent>(Extent{*from, last - *from + 1});
}

Result<engine::ContentRequest> ContentRoute::translate(Principal principal, httpd::Request const& request) const {
  auto const fields = http::parse_query(request.query());
  if (!fields) return fields.error();
  v1::Repo repo;
  engine::ContentRequest content;
  for (auto const& [name, value] : *fields) {
    if (name == "type") {
      auto const type = parse_type(value);
      if (!type) return type.error();
      repo.set_type(*type);
    } else if (name == "repo") {
      repo.set_id(value);
    } else if (name == "revision" && !value.empty()) {
      content.revision = value;
    } else if (name == "path") {
      content.path = value;
    }
  }
  auto const checked = check_repo_path(content.path);
  if (!checked) return checked.error();
  v1::Caller message;
  message.set_endpoint(std::string(request.header("X-Hubd-Endpoint")));
  message.set_user_agent(std::string(request.header("User-Agent")));
  message.set_offline(request.header("X-Hubd-Offline") == "1");
  if (request.header("X-Hubd-Anonymous") == "1") {
    message.set_token_mode(v1::Caller::TOKEN_MODE_NONE);
  } else if (auto const token = request.header("X-Hubd-Token"); !token.empty()) {
    message.set_token(std::string(token));
    message.set_token_mode(v1::Caller::TOKEN_MODE_GIVEN);
  }
  auto caller = callers_.caller(principal, message);
  if (!caller) return caller.error();
  content.caller = std::move(*caller);
  auto ref = callers_.repo(content.caller.endpoint, repo);
  if (!ref) return ref.error();
  content.repo = std::move(*ref);
  return content;
}

asio::awaitable<void> ContentRoute::handle(Principal principal, httpd::Request& request, httpd::Responder& responder) {
  auto wanted = translate(principal, request);
  Error failure;
  Result<std::shared_ptr<engine::Content>> content = fail(ErrorKind::internal, "");
  if (wanted)
    content = co_await engine_.content(std::move(*wanted));
  else
    content = wanted.error();
  if (!content) {
    auto refusing = refuse(responder, content.error(), connect_http_status(status_code(content.error().kind)), {});
    co_await std::move(refusing);
    co_return;
  }
  auto& file = **content;
  auto const range = parse_range(request.header("Range"), file.size());
  if (!range) {
    httpd::Fields outside{{"Content-Range", "bytes */" + std::to_string(file.size())}};
    auto refusing = refuse(responder, range.error(), 416, std::move(outside));
    co_await std::move(refusing);
    co_return;
  }
  auto const extent = range->value_or(Extent{0, file.size()});
  httpd::Fields fields{{"Content-Type", "application/octet-stream"},
                       {"Accept-Ranges", "bytes"},
                       {"ETag", "\"" + file.etag() + "\""},
                       {"X-Repo-Commit", file.commit().hex()}};
  if (*range)
    fields.emplace_back("Content-Range", "bytes " + std::to_string(extent.offset) + "-" + std::to_string(extent.end() - 1) + "/" +
                                             std::to_string(file.size()));
  int const status = *range ? 206 : 200;
  if (request.method() == "HEAD" || extent.length == 0) {
    auto const started = co_await responder.start(status, std::move(fields), extent.length);
    if (!started) co_return;
    auto const finished = co_await responder.finish();
    (void)finished;
    co_return;
  }
  auto stream = co_await file.open(extent);
  if (!stream) {
    auto refusing = refuse(responder, stream.error(), connect_http_status(status_code(stream.error().kind)), {});
    co_await std::move(refusing);
    co_return;
  }
  fields.emplace_back("X-Hubd-From", (*stream)->from_cache() ? "cache" : "network");
  auto const started = co_await responder.start(status, std::move(fields), extent.length);
  if (!started) co_return;
  fs::Buffer buffer(static_cast<std::size_t>(std::min<Bytes>(block_size, extent.length)));
  for (Bytes rest = extent.length; rest > 0;) {
    auto const room = buffer.span();
    auto const count = co_await (*stream)->read_some(room);
    if (!count || *count == 0) {
      responder.abort();  // the head promised more: a short answer must not look like an end
      co_return;
    }
    auto const part = std::as_const(buffer).span().first(*count);
    auto const written = co_await responder.write(part);
    if (!written) co_return;
    rest -= *count;
  }
  auto const finished = co_await responder.finish();
  (void)finished;
}

}  // namespace hubd::daemon
