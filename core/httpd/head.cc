// SPDX-License-Identifier: Apache-2.0
#include "core/httpd/head.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <ctime>

namespace hubd::httpd {

namespace http = boost::beast::http;

bool same_name(std::string_view a, std::string_view b) {
  auto const lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return lower(x) == lower(y); });
}

std::string_view RequestHead::field(std::string_view name) const {
  for (auto const& [key, value] : fields)
    if (same_name(key, name)) return value;
  return {};
}

struct HeadParser::State {
  http::request_parser<http::empty_body> parser;
};

HeadParser::HeadParser(Bytes head_max) : state_(std::make_unique<State>()) {
  state_->parser.header_limit(static_cast<std::uint32_t>(std::min<Bytes>(head_max, 1_MiB)));
  state_->parser.body_limit(boost::none);
}

HeadParser::~HeadParser() = default;

HeadParser::Outcome HeadParser::feed(std::string_view in, std::size_t& consumed) {
  using Kind = Outcome::Kind;
  auto& parser = state_->parser;
  while (!parser.is_header_done()) {
    boost::beast::error_code error;
    auto const rest = in.substr(consumed);
    auto const count = parser.put(boost::asio::buffer(rest.data(), rest.size()), error);
    consumed += count;
    if (error == http::error::need_more) return {Kind::more, 0};
    if (error == http::error::header_limit) return {Kind::refused, 431};
    if (error == http::error::bad_version) return {Kind::refused, 505};
    if (error == http::error::bad_transfer_encoding) return {Kind::refused, 501};
    if (error) return {Kind::refused, 400};
    if (count == 0 && !parser.is_header_done()) return {Kind::more, 0};
  }
  auto const& request = parser.get();
  auto const encoding = request[http::field::transfer_encoding];
  if (!encoding.empty() && !same_name({encoding.data(), encoding.size()}, "chunked")) return {Kind::refused, 501};
  if (request.version() == 11 && request.find(http::field::host) == request.end()) return {Kind::refused, 400};
  auto const expect = request[http::field::expect];
  if (!expect.empty() && !same_name({expect.data(), expect.size()}, "100-continue")) return {Kind::refused, 417};
  return {Kind::ready, 0};
}

RequestHead HeadParser::take() {
  auto const& parser = state_->parser;
  auto const& request = parser.get();
  RequestHead head;
  head.method = std::string(request.method_string());
  head.target = std::string(request.target());
  for (auto const& field : request) head.fields.emplace_back(std::string(field.name_string()), std::string(field.value()));
  head.http_1_0 = request.version() < 11;
  head.keep_alive = request.keep_alive();
  head.chunked = parser.chunked();
  if (auto const length = parser.content_length()) head.content_length = *length;
  head.expects_continue = !head.http_1_0 && head.has_body() && request.find(http::field::expect) != request.end();
  return head;
}

std::string_view reason_of(int status) {
  auto const reason = http::obsolete_reason(static_cast<http::status>(status));
  std::string_view const text(reason.data(), reason.size());
  return text.starts_with("<") ? std::string_view() : text;
}

std::string format_head(int status, std::vector<std::pair<std::string, std::string>> const& fields) {
  std::string text = "HTTP/1.1 " + std::to_string(status) + ' ';
  text += reason_of(status);
  text += "\r\n";
  auto const append = [&](std::string_view part) {
    for (char const c : part)
      if (c != '\r' && c != '\n' && c != '\0') text += c;
  };
  for (auto const& [name, value] : fields) {
    append(name);
    text += ": ";
    append(value);
    text += "\r\n";
  }
  text += "\r\n";
  return text;
}

std::string http_date(std::int64_t unix_seconds) {
  static constexpr char const* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr char const* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                           "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  auto const seconds = static_cast<std::time_t>(unix_seconds);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[64];
  // Not strftime's %a and %b: those follow the locale.
  std::snprintf(text, sizeof text, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[parts.tm_wday], parts.tm_mday,
                months[parts.tm_mon], parts.tm_year + 1900, parts.tm_hour, parts.tm_min, parts.tm_sec);
  return text;
}

}  // namespace hubd::httpd
