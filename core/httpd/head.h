// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/bytes.h"

namespace hubd::httpd {

/// The head of a request: its first line and fields, checked.
struct RequestHead {
  std::string method;
  std::string target;
  std::vector<std::pair<std::string, std::string>> fields;
  bool http_1_0 = false;
  bool keep_alive = true;
  bool chunked = false;
  std::optional<Bytes> content_length;
  bool expects_continue = false;

  /// First value of a field, any case; empty when absent.
  [[nodiscard]] std::string_view field(std::string_view name) const;
  [[nodiscard]] bool has_body() const { return chunked || content_length.value_or(0) > 0; }
};

bool same_name(std::string_view a, std::string_view b);

/// Parses one head out of bytes that somebody else reads. No I/O.
class HeadParser {
 public:
  explicit HeadParser(Bytes head_max);
  ~HeadParser();

  struct Outcome {
    enum class Kind : std::uint8_t { more, ready, refused } kind = Kind::more;
    int status = 0;  ///< refused: what to answer
  };
  /// Looks at `in`, which starts with the bytes that the last call did not consume; adds to `consumed` what it took.
  Outcome feed(std::string_view in, std::size_t& consumed);
  /// After `ready`.
  RequestHead take();

 private:
  struct State;
  std::unique_ptr<State> state_;  // Beast's parser
};

/// The head of an answer as bytes. CR and LF inside fields are dropped, so that no value can add a field.
std::string format_head(int status, std::vector<std::pair<std::string, std::string>> const& fields);
/// "Not Found"; "" for an unknown status.
std::string_view reason_of(int status);
/// "Tue, 24 Nov 2026 05:50:36 GMT".
std::string http_date(std::int64_t unix_seconds);

}  // namespace hubd::httpd
