// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/http/client.h"

namespace hubd::support {

/// What the fake answers: a whole answer, or the error that sending ends with.
struct FakeAnswer {
  int status = 200;
  http::Headers headers;
  std::string body;
  std::optional<Error> error;      ///< send() fails with it
  std::optional<Error> body_error; ///< comes after the body's bytes, instead of its end
  std::vector<std::pair<std::string, http::Headers>> hops;
  std::string redirected_to;       ///< where it comes from; empty: from where it was asked

  static FakeAnswer json(std::string text, int status = 200);
  static FakeAnswer failing(ErrorKind kind, std::string what);
  FakeAnswer& with(std::string name, std::string value);
};

/// An http::Client without a network: answers from a script in order, or from a function, and keeps what it was asked.
/// Knobs: block_max (how many bytes a read gives at most). Single-threaded.
class FakeHttpClient final : public http::Client {
 public:
  using Answering = std::function<FakeAnswer(http::Request const&)>;

  /// The next answer; when the script is used up the function is asked, and without one send() fails with unreachable.
  FakeAnswer& then(FakeAnswer answer);
  void answer_with(Answering answering) { answering_ = std::move(answering); }
  [[nodiscard]] std::vector<http::Request> const& requests() const { return requests_; }

  Async<std::unique_ptr<http::Response>> send(http::Request request) override;

  std::size_t block_max = 64 * 1024;

 private:
  std::deque<FakeAnswer> script_;
  Answering answering_;
  std::vector<http::Request> requests_;
};

}  // namespace hubd::support
