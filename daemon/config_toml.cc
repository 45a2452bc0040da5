// SPDX-License-Identifier: Apache-2.0
// The one translation unit that knows toml++.
#include <toml++/toml.h>

#include "daemon/config.h"

namespace hubd::daemon {
namespace {

std::string_view described(toml::node const& node) {
  switch (node.type()) {
    case toml::node_type::string:
      return "a string";
    case toml::node_type::integer:
      return "a whole number";
    case toml::node_type::floating_point:
      return "a fractional number";
    case toml::node_type::boolean:
      return "true or false";
    case toml::node_type::array:
      return "an array";
    case toml::node_type::table:
      return "a table";
    default:
      return "a date or time";
  }
}

/// What TOML must hold for a kind of value.
std::string_view wanted(ValueKind kind) {
  switch (kind) {
    case ValueKind::count:
    case ValueKind::seconds:
      return "a whole number";
    case ValueKind::bytes:
      return "a whole number, or a string with a unit";
    case ValueKind::rate_windows:
    case ValueKind::list:
      return "an array of strings";
    case ValueKind::uids:
      return "an array of whole numbers";
    case ValueKind::urls:
      return "[[upstream]] tables with a url each";
    default:
      return "a string";
  }
}

class Reader {
 public:
  explicit Reader(std::string const& name) : name_(name) {}

  Result<void> read(toml::table const& table, std::string const& prefix) {
    for (auto const& [key, node] : table) {
      auto const full = prefix + std::string(key.str());
      auto const* const known = find_key(full);
      Result<void> done;
      if (known != nullptr)
        done = known->kind == ValueKind::urls ? urls(*known, node) : value(*known, node);
      else if (auto const* const inner = node.as_table(); inner != nullptr && is_section(full))
        done = read(*inner, full + ".");
      else
        done = unknown(full, line_of(key));
      if (!done) return done;
    }
    return {};
  }

  std::vector<FileSetting> found;

 private:
  template <class Node>
  static std::size_t line_of(Node const& node) {
    return node.source().begin.line;
  }
  Error at(std::size_t line, std::string what) const {
    return fail(ErrorKind::bad_request, name_ + ":" + std::to_string(line) + ": " + std::move(what));
  }
  Error mistyped(Key const& key, toml::node const& node) const {
    return at(line_of(node), std::string(key.name) + " must be " + std::string(wanted(key.kind)) + ", found " +
                                 std::string(described(node)));
  }
  static bool is_section(std::string_view name) {
    for (auto const& key : config_keys())
      if (key.name.starts_with(name) && key.name.substr(name.size()).starts_with('.')) return true;
    return false;
  }
  Error unknown(std::string const& name, std::size_t line) const {
    auto const near = nearest_key(name);
    return at(line, "unknown key " + name + (near.empty() ? std::string() : "; did you mean " + std::string(near) + "?"));
  }

  Result<void> value(Key const& key, toml::node const& node) {
    std::string text;
    auto const* const string = node.as_string();
    auto const* const integer = node.as_integer();
    auto const* const array = node.as_array();
    switch (key.kind) {
      case ValueKind::count:
      case ValueKind::seconds:
        if (integer == nullptr) return mistyped(key, node);
        text = std::to_string(integer->get());
        break;
      case ValueKind::bytes:
        if (integer == nullptr && string == nullptr) return mistyped(key, node);
        text = integer != nullptr ? std::to_string(integer->get()) : string->get();
        break;
      case ValueKind::list:
      case ValueKind::rate_windows:
      case ValueKind::uids:
        if (array == nullptr) return mistyped(key, node);
        for (auto const& element : *array) {
          auto const* const word = element.as_string();
          auto const* const number = element.as_integer();
          bool const fits = key.kind == ValueKind::uids ? number != nullptr : word != nullptr;
          if (!fits) return mistyped(key, element);
          text += (text.empty() ? "" : ",") + (number != nullptr ? std::to_string(number->get()) : word->get());
        }
        break;
      default:
        if (string == nullptr) return mistyped(key, node);
        text = string->get();
    }
    found.push_back(FileSetting{std::string(key.name), std::move(text), line_of(node)});
    return {};
  }

  Result<void> urls(Key const& key, toml::node const& node) {
    auto const* const array = node.as_array();
    if (array == nullptr || array->empty()) return mistyped(key, node);
    std::string text;
    for (auto const& element : *array) {
      auto const* const table = element.as_table();
      if (table == nullptr) return mistyped(key, element);
      for (auto const& [name, field] : *table)
        if (name.str() != "url")
          return at(line_of(name), "unknown key " + std::string(name.str()) + " in [[upstream]]; did you mean url?");
      auto const* const url = table->get_as<std::string>("url");
      if (url == nullptr) return mistyped(key, element);
      text += (text.empty() ? "" : ",") + url->get();
    }
    found.push_back(FileSetting{std::string(key.name), std::move(text), line_of((*array)[0])});
    return {};
  }

  std::string const& name_;
};

/// As a basic string, which takes control characters only escaped.
std::string quoted(std::string_view text) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string out = "\"";
  for (char const c : text) {
    auto const value = static_cast<unsigned char>(c);
    if (value < 0x20 || value == 0x7f) {
      out += "\\u00";
      out += digits[value >> 4U];
      out += digits[value & 15U];
      continue;
    }
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

/// Without leading zeros, which TOML's whole numbers do not have.
std::string whole_number(std::string_view text) { return std::to_string(parse_count(text)); }

}  // namespace

Result<std::vector<FileSetting>> parse_toml(std::string_view text, std::string const& name) {
  try {
    auto const table = toml::parse(text, name);
    Reader reader(name);
    auto const done = reader.read(table, "");
    if (!done) return done.error();
    return std::move(reader.found);
  } catch (toml::parse_error const& error) {
    return fail(ErrorKind::bad_request, name + ":" + std::to_string(error.source().begin.line) + ": " +
                                            std::string(error.description()));
  }
}

std::string format_toml(std::map<std::string, std::string> const& values) {
  std::string text = "# Written by hubd when a setting is changed at run time; hubd.toml is yours.\n";
  std::string tables;
  for (auto const& [name, value] : values) {
    auto const* const key = find_key(name);
    if (key == nullptr) continue;
    if (key->kind == ValueKind::urls) {
      for (auto const& url : parse_list(value)) tables += "[[" + name + "]]\nurl = " + quoted(url) + "\n";
      continue;
    }
    text += name + " = ";
    if (key->kind == ValueKind::list || key->kind == ValueKind::rate_windows || key->kind == ValueKind::uids) {
      text += "[";
      bool first = true;
      for (auto const& element : parse_list(value)) {
        text += (first ? "" : ", ") + (key->kind == ValueKind::uids ? whole_number(element) : quoted(element));
        first = false;
      }
      text += "]";
    } else {
      bool const plain = key->kind == ValueKind::count || key->kind == ValueKind::seconds;
      text += plain ? whole_number(value) : quoted(value);
    }
    text += "\n";
  }
  return text + tables;
}

}  // namespace hubd::daemon
