// SPDX-License-Identifier: Apache-2.0
#include "client/cli/json_text.h"

#include <array>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdio>

namespace hubd::cli {
namespace {

namespace json = boost::json;

/// The shortest form that reads back the same: plain between 1e-4 and 1e16, else with an exponent.
std::string number_text(double number) {
  std::array<char, 64> buffer{};
  auto const size = std::fabs(number);
  bool const plain = number == 0 || (size >= 1e-4 && size < 1e16);
  auto const [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number,
                                          plain ? std::chars_format::fixed : std::chars_format::scientific);
  (void)error;  // 64 characters hold both forms
  std::string text(buffer.data(), end);
  if (plain && text.find('.') == std::string::npos) text += ".0";
  return text;
}

/// One code point of UTF-8; what is no UTF-8 counts as one byte.
std::uint32_t next_point(std::string_view text, std::size_t& at) {
  auto const byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  std::uint32_t const first = byte(at);
  std::size_t const length = first < 0x80 ? 1 : first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC0 ? 2 : 1;
  if (length == 1 || at + length > text.size()) {
    ++at;
    return first;
  }
  std::uint32_t point = first & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) point = (point << 6U) | (byte(at + i) & 0x3FU);
  at += length;
  return point;
}

void append_escape(std::string& out, std::uint32_t unit) {
  std::array<char, 16> escape{};
  std::snprintf(escape.data(), escape.size(), "\\u%04x", unit);
  out += escape.data();
}

std::string string_text(std::string_view text, bool ascii) {
  if (!ascii) return json::serialize(json::string_view(text.data(), text.size()));
  std::string out = "\"";
  for (std::size_t at = 0; at < text.size();) {
    auto const point = next_point(text, at);
    switch (point) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      default:
        if (point >= 0x20 && point < 0x7F) {
          out += static_cast<char>(point);
        } else if (point < 0x10000) {
          if (point == 0x7F)
            out += '\x7f';  // as Python, which takes it for printable
          else
            append_escape(out, point);
        } else {
          append_escape(out, 0xD800 + ((point - 0x10000) >> 10U));
          append_escape(out, 0xDC00 + ((point - 0x10000) & 0x3FFU));
        }
    }
  }
  return out + "\"";
}

class Writer {
 public:
  explicit Writer(JsonStyle style) : style_(style) {}

  void write(json::value const& value, int level) {
    switch (value.kind()) {
      case json::kind::object: {
        bool first = true;
        open('{');
        for (auto const& [key, member] : value.get_object()) {
          between(first, level + 1);
          out_ += string_text({key.data(), key.size()}, style_.ascii);
          out_ += style_.spaced ? ": " : ":";
          write(member, level + 1);
        }
        close('}', first, level);
        return;
      }
      case json::kind::array: {
        bool first = true;
        open('[');
        for (auto const& member : value.get_array()) {
          between(first, level + 1);
          write(member, level + 1);
        }
        close(']', first, level);
        return;
      }
      case json::kind::string:
        out_ += string_text({value.get_string().data(), value.get_string().size()}, style_.ascii);
        return;
      case json::kind::double_:
        out_ += number_text(value.get_double());
        return;
      default:
        out_ += json::serialize(value);
    }
  }

  std::string take() { return std::move(out_); }

 private:
  void open(char bracket) { out_ += bracket; }
  void between(bool& first, int level) {
    if (!first) out_ += style_.spaced && style_.indent == 0 ? ", " : ",";
    first = false;
    line(level);
  }
  void close(char bracket, bool empty, int level) {
    if (!empty) line(level);
    out_ += bracket;
  }
  void line(int level) {
    if (style_.indent > 0) out_ += "\n" + std::string(static_cast<std::size_t>(style_.indent * level), ' ');
  }

  JsonStyle style_;
  std::string out_;
};

}  // namespace

std::string to_text(json::value const& value, JsonStyle style) {
  Writer writer(style);
  writer.write(value, 0);
  return writer.take();
}

}  // namespace hubd::cli
