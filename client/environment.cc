// SPDX-License-Identifier: Apache-2.0
#include "client/environment.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <fstream>

#include "core/base/environment.h"

namespace hubd::client {
namespace {

constexpr char const* kStagingEndpoint = "https://hub-ci.huggingface.co";
constexpr std::array kCacheVariables{"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME"};
constexpr std::size_t kTokenFileMax = 64 << 10;

std::string trimmed(std::string_view text) {
  std::string out;
  for (char const c : text)
    if (c != '\r' && c != '\n') out += c;
  auto const first = out.find_first_not_of(" \t");
  if (first == std::string::npos) return "";
  return out.substr(first, out.find_last_not_of(" \t") - first + 1);
}

}  // namespace

Variables process_variables() {
  return process_environment();
}

std::string_view variable(Variables const& variables, std::string_view name) {
  return hubd::variable(variables, name);
}

bool is_true(Variables const& variables, std::string_view name) {
  std::string value(variable(variables, name));
  for (auto& c : value) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return value == "1" || value == "ON" || value == "YES" || value == "TRUE";
}

std::string expand_path(std::string path, Variables const& variables) {
  std::error_code unused;
  auto const whole =
      std::filesystem::absolute(hubd::expand_path(std::move(path), variables), unused).lexically_normal().string();
  return whole.size() > 1 && whole.ends_with('/') ? whole.substr(0, whole.size() - 1) : whole;
}

std::string hf_home(Variables const& variables) {
  if (auto const set = variable(variables, "HF_HOME"); !set.empty()) return expand_path(std::string(set), variables);
  auto const xdg = variable(variables, "XDG_CACHE_HOME");
  return expand_path((xdg.empty() ? home_folder(variables) + "/.cache" : std::string(xdg)) + "/huggingface", variables);
}

std::string cache_root(Variables const& variables) {
  for (auto const* const name : {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"})
    if (auto const set = variable(variables, name); !set.empty()) return expand_path(std::string(set), variables);
  return hf_home(variables) + "/hub";
}

std::string given_token(Variables const& variables) {
  for (auto const* const name : {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"})
    if (auto token = trimmed(variable(variables, name)); !token.empty()) return token;
  return "";
}

std::string token_path(Variables const& variables) {
  if (auto const set = variable(variables, "HF_TOKEN_PATH"); !set.empty())
    return expand_path(std::string(set), variables);
  return hf_home(variables) + "/token";
}

std::string file_token(Variables const& variables) {
  std::ifstream file(token_path(variables), std::ios::binary);
  std::string text(kTokenFileMax, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  return trimmed(text);
}

Caller caller_from(Variables const& variables) {
  Caller caller;
  caller.endpoint = variable(variables, "HF_ENDPOINT");
  if (is_true(variables, "HUGGINGFACE_CO_STAGING")) caller.endpoint = kStagingEndpoint;
  while (caller.endpoint.ends_with('/')) caller.endpoint.pop_back();
  // "Implicit" covers the variable too: huggingface_hub sends neither unless a token is asked for.
  if (is_true(variables, "HF_HUB_DISABLE_IMPLICIT_TOKEN")) {
    caller.token_mode = TokenMode::none;
  } else {
    caller.token = given_token(variables);
    if (caller.token.empty()) caller.token = file_token(variables);
    if (!caller.token.empty()) caller.token_mode = TokenMode::given;
  }
  caller.cache_root = cache_root(variables);
  caller.cache_named = std::any_of(kCacheVariables.begin(), kCacheVariables.end(),
                                   [&](auto const* const name) { return !variable(variables, name).empty(); });
  caller.disable_xet = is_true(variables, "HF_HUB_DISABLE_XET");
  caller.offline = is_true(variables, "HF_HUB_OFFLINE") || is_true(variables, "TRANSFORMERS_OFFLINE");
  return caller;
}

std::string user_socket(Variables const& variables, uid_t uid) {
  auto const runtime = variable(variables, "XDG_RUNTIME_DIR");
  if (runtime.starts_with('/')) return std::string(runtime) + "/hubd/hubd.sock";
  return "/tmp/hubd-" + std::to_string(uid) + "/hubd.sock";
}

std::vector<std::string> sockets(Variables const& variables, uid_t uid) {
  if (auto const set = variable(variables, "HUBD_SOCKET"); !set.empty())
    return {expand_path(std::string(set), variables)};
  return {user_socket(variables, uid), kSystemSocket};
}

}  // namespace hubd::client
