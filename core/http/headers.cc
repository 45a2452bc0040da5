// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "core/http/client.h"

namespace hubd::http {
namespace {

bool same_name(std::string_view a, std::string_view b) {
  auto const lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [lower](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace

void Headers::set(std::string name, std::string value) {
  std::erase_if(fields_, [&name](auto const& field) { return same_name(field.first, name); });
  add(std::move(name), std::move(value));
}

void Headers::add(std::string name, std::string value) { fields_.emplace_back(std::move(name), std::move(value)); }

std::optional<std::string_view> Headers::get(std::string_view name) const {
  for (auto const& [key, value] : fields_)
    if (same_name(key, name)) return value;
  return std::nullopt;
}

std::vector<std::string_view> Headers::get_all(std::string_view name) const {
  std::vector<std::string_view> values;
  for (auto const& [key, value] : fields_)
    if (same_name(key, name)) values.emplace_back(value);
  return values;
}

Async<std::string> read_all(Response& response, Bytes size_max) {
  std::string text;
  if (auto const length = response.content_length()) {
    if (*length > size_max)
      co_return fail(ErrorKind::exhausted, "answer of " + response.route().host + " is " + std::to_string(*length) +
                                               " bytes, more than the " + std::to_string(size_max) + " accepted");
    text.reserve(static_cast<std::size_t>(*length));
  }
  std::vector<std::byte> block(16_KiB);
  while (true) {
    auto const count = co_await response.read_some(block);
    if (!count) co_return count.error();
    if (*count == 0) co_return text;
    if (text.size() + *count > size_max)
      co_return fail(ErrorKind::exhausted, "answer of " + response.route().host + " is longer than the " +
                                               std::to_string(size_max) + " bytes accepted");
    text.append(reinterpret_cast<char const*>(block.data()), *count);
  }
}

}  // namespace hubd::http
