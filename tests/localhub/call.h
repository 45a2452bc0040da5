// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/localhub/content.h"
#include "tests/localhub/url.h"

namespace hubd::localhub {

using Fields = std::vector<std::pair<std::string, std::string>>;

/// A request as the routes see it: whole, with its body read.
struct Call {
  std::string origin;  ///< hub, cdn, cas or xorbs
  std::string route;   ///< its class, as counters name it
  std::string method;  ///< HEAD, GET, ...
  std::string target;  ///< as sent
  std::string path;    ///< as sent, without query
  std::vector<std::string> segments;  ///< of `path`, still encoded
  Query query;
  std::function<std::string_view(std::string_view)> header;
  std::string body;
  std::string base;  ///< scheme://host of this request, as the client named us
  std::vector<boost::json::object> hostile_plans;   ///< actions of faults that make the CAS lie in reconstructions
  std::vector<boost::json::object> hostile_chunks;  ///< the same for xorb bytes

  [[nodiscard]] bool head() const { return method == "HEAD"; }
  /// Decoded segment, empty past the end.
  [[nodiscard]] std::string segment(std::size_t i) const {
    return i < segments.size() ? percent_decode(segments[i]) : std::string();
  }
  /// Segments from `i` on, decoded and joined by '/'.
  [[nodiscard]] std::string rest(std::size_t i) const;
};

/// Which bytes of a xorb an answer's body carries.
struct XorbPart {
  Bytes body_from = 0;  ///< where in the body they begin
  Bytes xorb_from = 0;
  Bytes length = 0;
};
struct XorbBody {
  std::string xorb;
  std::vector<Bytes> chunk_ends;  ///< of its records
  std::vector<XorbPart> parts;
};

/// What goes back: a text, or a part of a file.
struct Answer {
  int status = 200;
  Fields fields;
  std::string body;
  ContentPtr content;  ///< when set, the body is content[offset, offset + length)
  Bytes offset = 0;
  Bytes length = 0;
  std::shared_ptr<XorbBody const> xorb;  ///< for the counters

  [[nodiscard]] Bytes body_size() const { return content ? length : body.size(); }
  void set(std::string_view name, std::string value);
  void drop(std::string_view name);
  [[nodiscard]] std::string get(std::string_view name) const;
};

/// A JSON answer.
Answer json_answer(boost::json::value const& value, int status = 200);
Answer text_answer(int status, std::string text, std::string type = "text/plain; charset=utf-8");
/// The Hub's error form: X-Error-Code when not empty, X-Error-Message, {"error": message}.
Answer error_answer(int status, std::string const& code, std::string const& message);
/// Serves a file with ETag, Range (206, 416), If-None-Match (304), If-Range, Accept-Ranges.
Answer file_answer(Call const& call, ContentPtr content, std::string const& etag);
Fields content_disposition(std::string const& path, bool attachment);
/// The first byte of a "bytes=a-..." header; nothing for other forms.
std::optional<Bytes> range_from(std::string_view header);

}  // namespace hubd::localhub
