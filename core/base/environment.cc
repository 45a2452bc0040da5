// SPDX-License-Identifier: Apache-2.0
#include "core/base/environment.h"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>

extern char** environ;

namespace hubd {
namespace {

bool is_name(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

}  // namespace

Environment process_environment() {
  Environment environment;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    std::string_view const text(*entry);
    auto const equals = text.find('=');
    if (equals != std::string_view::npos) environment.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return environment;
}

std::string_view variable(Environment const& environment, std::string_view name) {
  auto const found = environment.find(name);
  return found == environment.end() ? std::string_view() : std::string_view(found->second);
}

std::string home_folder(Environment const& environment) {
  if (auto const set = variable(environment, "HOME"); !set.empty()) return std::string(set);
  std::array<char, 4096> buffer{};
  passwd entry{};
  passwd* found = nullptr;
  if (getpwuid_r(getuid(), &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr) return found->pw_dir;
  return "/";
}

std::string expand_path(std::string path, Environment const& environment) {
  if (path == "~" || path.starts_with("~/")) path = home_folder(environment) + path.substr(1);
  std::string out;
  for (std::size_t i = 0; i < path.size();) {
    if (path[i] != '$') {
      out += path[i++];
      continue;
    }
    bool const braced = i + 1 < path.size() && path[i + 1] == '{';
    auto const begin = i + (braced ? 2 : 1);
    auto end = begin;
    while (end < path.size() && (braced ? path[end] != '}' : is_name(path[end]))) ++end;
    auto const next = std::min(path.size(), end + (braced ? 1 : 0));
    auto const found = environment.find(std::string_view(path).substr(begin, end - begin));
    bool const open = braced && end == path.size();  // no closing brace: text
    out += open || found == environment.end() ? path.substr(i, next - i) : found->second;
    i = next;
  }
  return out;
}

}  // namespace hubd
