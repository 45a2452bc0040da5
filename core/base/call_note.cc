// SPDX-License-Identifier: Apache-2.0
#include "core/base/call_note.h"

#include <algorithm>

namespace hubd {
namespace {

constexpr std::string_view opening = " [call ";
constexpr std::size_t id_max = 64;

}  // namespace

std::string about_call(std::string line, std::string_view id) {
  if (id.empty()) return line;
  line += opening;
  line += id;
  line += ']';
  return line;
}

NotedLine split_call(std::string_view line) {
  auto const at = line.rfind(opening);
  if (at == std::string_view::npos || !line.ends_with(']')) return {line, {}};
  auto const id = line.substr(at + opening.size(), line.size() - at - opening.size() - 1);
  if (!is_call_id(id)) return {line, {}};
  return {line.substr(0, at), id};
}

bool is_call_id(std::string_view text) {
  auto const plain = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '_' || c == '-'; };
  return !text.empty() && text.size() <= id_max && std::all_of(text.begin(), text.end(), plain);
}

}  // namespace hubd
