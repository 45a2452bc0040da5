// SPDX-License-Identifier: Apache-2.0
#include "tests/support/fake_http.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "core/http/url.h"

namespace hubd::support {
namespace {

class FakeResponse final : public http::Response {
 public:
  FakeResponse(FakeAnswer answer, std::string url, bool bodiless, std::size_t block_max)
      : answer_(std::move(answer)), url_(std::move(url)), bodiless_(bodiless), block_max_(block_max) {
    auto const parsed = http::parse_url(url_);
    route_.host = parsed ? parsed->origin.authority() : "nowhere:0";
    route_.address = "192.0.2.1:1";
    if (auto const id = answer_.headers.get("X-Request-Id")) request_id_ = std::string(*id);
    if (auto const text = answer_.headers.get("Content-Length")) {
      Bytes value = 0;
      auto const [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
      if (error == std::errc() && end == text->data() + text->size()) length_ = value;
    } else if (!bodiless_) {
      length_ = answer_.body.size();
    }
  }

  int status() const override { return answer_.status; }
  http::Headers const& headers() const override { return answer_.headers; }
  std::string const& url() const override { return url_; }
  std::vector<std::pair<std::string, http::Headers>> const& hops() const override { return answer_.hops; }
  http::Route const& route() const override { return route_; }
  std::string const& request_id() const override { return request_id_; }
  std::optional<Bytes> content_length() const override { return length_; }
  Async<std::size_t> read_some(std::span<std::byte> out) override {
    if (bodiless_) co_return std::size_t{0};
    auto const count = std::min({out.size(), block_max_, answer_.body.size() - taken_});
    if (count == 0 && answer_.body_error) co_return *answer_.body_error;
    std::memcpy(out.data(), answer_.body.data() + taken_, count);
    taken_ += count;
    co_return count;
  }

 private:
  FakeAnswer answer_;
  std::string url_;
  bool bodiless_;
  std::size_t block_max_;
  http::Route route_;
  std::string request_id_;
  std::optional<Bytes> length_;
  std::size_t taken_ = 0;
};

}  // namespace

FakeAnswer FakeAnswer::json(std::string text, int status) {
  FakeAnswer answer;
  answer.status = status;
  answer.body = std::move(text);
  answer.headers.set("Content-Type", "application/json; charset=utf-8");
  return answer;
}

FakeAnswer FakeAnswer::failing(ErrorKind kind, std::string what) {
  FakeAnswer answer;
  answer.error = fail(kind, std::move(what));
  return answer;
}

FakeAnswer& FakeAnswer::with(std::string name, std::string value) {
  headers.set(std::move(name), std::move(value));
  return *this;
}

FakeAnswer& FakeHttpClient::then(FakeAnswer answer) {
  script_.push_back(std::move(answer));
  return script_.back();
}

Async<std::unique_ptr<http::Response>> FakeHttpClient::send(http::Request request) {
  requests_.push_back(request);
  FakeAnswer answer;
  if (!script_.empty()) {
    answer = std::move(script_.front());
    script_.pop_front();
  } else if (answering_) {
    answer = answering_(request);
  } else {
    answer.error = fail(ErrorKind::unreachable, "the fake has no answer for " + request.method + " " + request.url);
  }
  if (answer.error) co_return *answer.error;
  bool const bodiless = request.method == "HEAD" || answer.status == 204 || answer.status == 304;
  auto const url = answer.redirected_to.empty() ? request.url : answer.redirected_to;
  auto response = std::make_unique<FakeResponse>(std::move(answer), url, bodiless, block_max);
  co_return std::unique_ptr<http::Response>(std::move(response));
}

}  // namespace hubd::support
