// SPDX-License-Identifier: Apache-2.0
#include "core/cas/client.h"

#include <zstd.h>

#include "core/http/rate_limit.h"
#include "core/http/url.h"
#include "core/net/backoff.h"

namespace hubd::cas {
namespace {

constexpr Bytes error_body_max = 16_KiB;
constexpr auto wait_max = std::chrono::minutes(2);  // a server may not make a transfer sleep for a day

std::string range_header(Extent extent) {
  return "bytes=" + std::to_string(extent.offset) + "-" + std::to_string(extent.end() - 1);
}

bool heals_by_waiting(int status) { return status == 408 || status == 429 || (status >= 500 && status != 501); }

/// Fails: bad_upstream for damaged data or more than `size_max` bytes.
Result<std::string> decompress(std::string const& data, Bytes size_max) {
  struct Free {
    void operator()(ZSTD_DStream* stream) const { ZSTD_freeDStream(stream); }
  };
  std::unique_ptr<ZSTD_DStream, Free> const stream(ZSTD_createDStream());
  std::string out;
  std::string block(ZSTD_DStreamOutSize(), '\0');
  ZSTD_inBuffer input{data.data(), data.size(), 0};
  std::size_t left = 1;
  while (left != 0) {
    ZSTD_outBuffer output{block.data(), block.size(), 0};
    left = ZSTD_decompressStream(stream.get(), &output, &input);
    if (ZSTD_isError(left) != 0) return fail(ErrorKind::bad_upstream, std::string("a damaged zstd body: ") + ZSTD_getErrorName(left));
    if (out.size() + output.pos > size_max) return fail(ErrorKind::bad_upstream, "a zstd body of more than " + std::to_string(size_max) + " bytes");
    out.append(block, 0, output.pos);
    if (left != 0 && input.pos == input.size && output.pos < block.size()) return fail(ErrorKind::bad_upstream, "a zstd body that was cut short");
  }
  return out;
}

Error about(http::Response const& response, ErrorKind kind, std::string what) {
  auto error = fail(kind, std::move(what));
  error.host = response.route().host;
  error.http_status = response.status();
  error.request_id = response.request_id();
  return error;
}

}  // namespace

/// An answer of which nothing is left to read.
struct Client::Asked {
  int status = 0;
  std::string body;
  std::string host;
  std::string request_id;
  std::string cas_url;  ///< that was asked

  [[nodiscard]] Error fail_as(ErrorKind kind, std::string what) const {
    auto error = fail(kind, std::move(what));
    error.host = host;
    error.http_status = status;
    error.request_id = request_id;
    return error;
  }
};

Async<Client::Asked> Client::get(TokenSource& tokens, std::string path, std::string range, Bytes body_max, CallContext context) {
  net::Backoff const backoff;
  bool renewed = false;
  for (unsigned attempt = 0;; ++attempt) {
    auto const access = co_await tokens.get();
    if (!access) co_return access.error();
    http::Request request;
    request.url = access->url + path;
    request.token = access->token;
    request.progress_deadline = context.progress_deadline;
    if (!context.user_agent.empty()) request.headers.set("User-Agent", context.user_agent);
    request.headers.set("Accept-Encoding", "zstd");
    if (!range.empty()) request.headers.set("Range", range);
    if (context.requests != nullptr) ++*context.requests;
    auto const sent = co_await client_.send(std::move(request));
    Error error;
    bool again = false;
    if (sent) {
      auto& response = **sent;
      auto const status = response.status();
      auto const good = status < 300;
      auto const size_max = good ? body_max : error_body_max;
      auto const body = co_await http::read_all(response, size_max);
      if (!body && body.error().kind == ErrorKind::cancelled) co_return body.error();
      bool const refused = status == 401 || status == 403;
      if (refused && !renewed) {
        renewed = true;
        tokens.refuse(*access);
        --attempt;  // wraps to 0 at the increment
        continue;
      }
      if (refused)
        co_return about(response, ErrorKind::unauthorized, response.route().host + " refuses a token that the Hub gave just now (status " +
                                                               std::to_string(status) + ")");
      if (good && !body) {
        error = body.error();
        again = error.kind != ErrorKind::exhausted;
      } else if (heals_by_waiting(status)) {
        error = about(response, status == 429 ? ErrorKind::rate_limited : ErrorKind::bad_upstream,
                      response.route().host + " answered with status " + std::to_string(status));
        error.retry_after = http::requested_wait(status, response.headers());
        again = true;
      } else {
        Asked asked{status, body ? *body : std::string(), response.route().host, response.request_id(), access->url};
        auto const coding = response.headers().get("Content-Encoding").value_or("identity");
        if (good && coding == "zstd") {
          auto plain = decompress(asked.body, body_max);
          if (!plain) co_return asked.fail_as(ErrorKind::bad_upstream, asked.host + " sent " + plain.error().what);
          asked.body = std::move(*plain);
        } else if (good && coding != "identity") {
          co_return asked.fail_as(ErrorKind::bad_upstream, asked.host + " answered in an encoding that was not asked for: " + std::string(coding));
        }
        co_return asked;
      }
    } else {
      error = sent.error();
      again = error.kind == ErrorKind::unreachable && attempt == 0;
    }
    if (!again || attempt >= context.retries) co_return error;
    Duration const wait = error.retry_after ? Duration(*error.retry_after) : backoff.wait(attempt);
    if (wait > wait_max) co_return error;
    log_.info("trying again in " + std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(wait).count()) + " ms: " + describe(error));
    bool const slept = co_await timers_.sleep_for(wait);
    if (!slept) co_return fail(ErrorKind::cancelled, error.what);
  }
}

Async<xet::Reconstruction> Client::reconstruction(TokenSource& tokens, xet::MerkleHash file, std::optional<Extent> range, CallContext context) {
  auto const wanted = range ? range_header(*range) : std::string();
  auto const access = co_await tokens.get();
  if (!access) co_return access.error();
  bool v1 = only_v1_.contains(access->url);
  std::string const first_path = (v1 ? "/v1/reconstructions/" : "/v2/reconstructions/") + file.text();
  std::string const old_path = "/v1/reconstructions/" + file.text();
  auto asked = co_await get(tokens, first_path, wanted, limits_.json_max, context);
  if (!asked) co_return asked.error();
  if (!v1 && (asked->status == 404 || asked->status == 501)) {
    v1 = true;
    asked = co_await get(tokens, old_path, wanted, limits_.json_max, context);
    if (!asked) co_return asked.error();
    if (asked->status == 200) only_v1_.insert(asked->cas_url);
  }
  if (asked->status == 404) co_return asked->fail_as(ErrorKind::entry_not_found, asked->host + " does not know the content " + file.text());
  if (asked->status == 416)
    co_return asked->fail_as(ErrorKind::bad_request, asked->host + " has nothing of the content " + file.text() + " at " + wanted);
  if (asked->status != 200)
    co_return asked->fail_as(ErrorKind::bad_upstream, asked->host + " answered the question for the content " + file.text() + " with status " +
                                                          std::to_string(asked->status));
  auto parsed = v1 ? xet::parse_reconstruction_v1(asked->body) : xet::parse_reconstruction_v2(asked->body);
  if (!parsed)
    co_return asked->fail_as(ErrorKind::bad_upstream, asked->host + " sent a reconstruction of " + file.text() + " that cannot be right: " +
                                                          parsed.error().what);
  co_return std::move(*parsed);
}

Async<std::optional<std::string>> Client::dedup_shard(TokenSource& tokens, xet::MerkleHash chunk, CallContext context) {
  std::string const path = "/v1/chunks/default/" + chunk.text();
  auto asked = co_await get(tokens, path, "", limits_.shard_max, context);
  if (!asked) co_return asked.error();
  std::optional<std::string> shard;
  if (asked->status == 200) shard = std::move(asked->body);
  if (asked->status != 200 && asked->status != 404)
    co_return asked->fail_as(ErrorKind::bad_upstream, asked->host + " answered a dedup query with status " + std::to_string(asked->status));
  co_return shard;
}

Async<std::unique_ptr<http::Response>> Client::open_range(std::string url, Extent bytes, CallContext context) {
  http::Request request;
  request.url = std::move(url);
  if (!context.user_agent.empty()) request.headers.set("User-Agent", context.user_agent);
  request.headers.set("Range", range_header(bytes));
  request.progress_deadline = context.progress_deadline;
  if (context.requests != nullptr) ++*context.requests;
  auto answer = co_await client_.send(std::move(request));
  if (!answer) co_return answer.error();
  auto& response = **answer;
  auto const status = response.status();
  auto const& host = response.route().host;
  if (status == 200 || status == 206) {
    auto const length = response.content_length();
    auto const said = http::parse_content_range(response.headers().get("Content-Range").value_or(""));
    bool const other = (length && *length != bytes.length) || (status == 206 && said && said->extent != bytes);
    auto const coding = response.headers().get("Content-Encoding").value_or("identity");
    if (!other && coding == "identity") co_return std::move(*answer);
    co_return about(response, ErrorKind::bad_upstream, host + " sent other bytes of a xorb than " + range_header(bytes) + ", which were asked for");
  }
  auto const kind = status == 429 ? ErrorKind::rate_limited : ErrorKind::bad_upstream;
  auto error = about(response, kind, host + " answered a range of a xorb with status " + std::to_string(status));
  error.retry_after = http::requested_wait(status, response.headers());
  co_return error;
}

}  // namespace hubd::cas
