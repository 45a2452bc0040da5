// SPDX-License-Identifier: Apache-2.0
#include "tests/localhub/call.h"

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>

namespace hubd::localhub {
namespace {

std::optional<Bytes> number(std::string_view text) {
  Bytes value = 0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

struct Range {
  Bytes from = 0;
  Bytes end = 0;  // exclusive
};

// One range only, as object stores do; anything else is answered with the whole file.
std::optional<Range> parse_range(std::string_view header, Bytes size, bool& unsatisfiable) {
  unsatisfiable = false;
  if (!header.starts_with("bytes=")) return std::nullopt;
  auto const spec = trim(header.substr(6));
  auto const dash = spec.find('-');
  if (dash == std::string_view::npos || spec.find(',') != std::string_view::npos) return std::nullopt;
  auto const first = number(trim(spec.substr(0, dash)));
  auto const last = number(trim(spec.substr(dash + 1)));
  if (!first && !last) return std::nullopt;
  if (!first) {
    unsatisfiable = *last == 0 || size == 0;
    return Range{size - std::min(size, *last), size};
  }
  if (last && *last < *first) return std::nullopt;
  unsatisfiable = *first >= size;
  return Range{*first, last ? std::min(size, *last + 1) : size};
}

bool tag_listed(std::string_view header, std::string const& etag) {
  for (auto const& part : split(header, ',')) {
    auto tag = trim(part);
    if (tag.starts_with("W/")) tag.remove_prefix(2);
    if (tag == "*" || tag == "\"" + etag + "\"") return true;
  }
  return false;
}

}  // namespace

std::string Call::rest(std::size_t i) const {
  std::string out;
  for (; i < segments.size(); ++i) {
    if (!out.empty()) out.push_back('/');
    out += percent_decode(segments[i]);
  }
  return out;
}

void Answer::set(std::string_view name, std::string value) {
  drop(name);
  fields.emplace_back(std::string(name), std::move(value));
}
void Answer::drop(std::string_view name) {
  std::erase_if(fields, [&](auto const& field) { return lower(field.first) == lower(name); });
}
std::string Answer::get(std::string_view name) const {
  for (auto const& [key, value] : fields) {
    if (lower(key) == lower(name)) return value;
  }
  return {};
}

Answer json_answer(boost::json::value const& value, int status) {
  Answer answer;
  answer.status = status;
  answer.body = boost::json::serialize(value);
  answer.set("Content-Type", "application/json; charset=utf-8");
  return answer;
}

Answer text_answer(int status, std::string text, std::string type) {
  Answer answer;
  answer.status = status;
  answer.body = std::move(text);
  answer.set("Content-Type", std::move(type));
  return answer;
}

Answer error_answer(int status, std::string const& code, std::string const& message) {
  boost::json::object body;
  body["error"] = message;
  auto answer = json_answer(body, status);
  if (!code.empty()) answer.set("X-Error-Code", code);
  answer.set("X-Error-Message", message);
  return answer;
}

Answer file_answer(Call const& call, ContentPtr content, std::string const& etag) {
  Answer answer;
  answer.set("ETag", "\"" + etag + "\"");
  answer.set("Accept-Ranges", "bytes");
  if (auto const tags = call.header("if-none-match"); !tags.empty() && tag_listed(tags, etag)) {
    answer.status = 304;
    return answer;
  }
  answer.length = content->size;
  answer.content = std::move(content);
  auto const condition = call.header("if-range");
  auto const header = call.header("range");
  if (header.empty() || (!condition.empty() && condition != "\"" + etag + "\"")) return answer;
  bool unsatisfiable = false;
  auto const size = answer.content->size;
  auto const range = parse_range(header, size, unsatisfiable);
  if (!range) return answer;
  if (unsatisfiable) {
    answer.content.reset();
    answer.status = 416;
    answer.set("Content-Range", "bytes */" + std::to_string(size));
    return answer;
  }
  answer.status = 206;
  answer.offset = range->from;
  answer.length = range->end - range->from;
  answer.set("Content-Range",
             "bytes " + std::to_string(range->from) + "-" + std::to_string(range->end - 1) + "/" + std::to_string(size));
  return answer;
}

Fields content_disposition(std::string const& path, bool attachment) {
  auto const name = path.substr(path.rfind('/') + 1);
  std::string plain;
  for (char const c : name) plain.push_back(c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7e ? '_' : c);
  return {{"Content-Disposition", std::string(attachment ? "attachment" : "inline") + "; filename*=UTF-8''" + percent_encode(name) +
                                      "; filename=\"" + plain + "\";"}};
}

std::optional<Bytes> range_from(std::string_view header) {
  if (!header.starts_with("bytes=")) return std::nullopt;
  auto const spec = header.substr(6);
  return number(trim(spec.substr(0, spec.find('-'))));
}

}  // namespace hubd::localhub
