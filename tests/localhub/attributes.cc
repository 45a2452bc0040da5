// SPDX-License-Identifier: Apache-2.0
// .gitattributes: which files go to LFS.
#include <array>

#include "tests/localhub/hub.h"

namespace hubd::localhub {
namespace {

// gitattributes' own globs: `*` and `?` stay inside a segment, `**` crosses; [a-z] classes.
bool glob(std::string_view pattern, std::string_view text) {
  while (!pattern.empty()) {
    if (pattern.starts_with("**/")) {
      if (glob(pattern.substr(3), text)) return true;
      for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '/' && glob(pattern.substr(3), text.substr(i + 1))) return true;
      }
      return false;
    }
    if (pattern == "**") return true;
    if (pattern.front() == '*') {
      for (std::size_t i = 0;; ++i) {
        if (glob(pattern.substr(1), text.substr(i))) return true;
        if (i >= text.size() || text[i] == '/') return false;
      }
    }
    if (text.empty()) return false;
    if (pattern.front() == '[') {
      auto const close = pattern.find(']', 2);
      if (close != std::string_view::npos) {
        bool const negated = pattern[1] == '!' || pattern[1] == '^';
        bool found = false;
        for (std::size_t i = negated ? 2 : 1; i < close; ++i) {
          if (i + 2 < close && pattern[i + 1] == '-') {
            found = found || (text.front() >= pattern[i] && text.front() <= pattern[i + 2]);
            i += 2;
          } else {
            found = found || text.front() == pattern[i];
          }
        }
        if (found == negated || text.front() == '/') return false;
        pattern.remove_prefix(close + 1);
        text.remove_prefix(1);
        continue;
      }
    }
    if (pattern.front() != '?' && pattern.front() != text.front()) return false;
    if (pattern.front() == '?' && text.front() == '/') return false;
    pattern.remove_prefix(1);
    text.remove_prefix(1);
  }
  return text.empty();
}

bool matches(std::string_view pattern, std::string_view path) {
  if (pattern.starts_with('/')) return glob(pattern.substr(1), path);
  if (pattern.find('/') != std::string_view::npos) return glob(pattern, path);
  return glob(pattern, path.substr(path.rfind('/') + 1));
}

}  // namespace

std::string default_gitattributes() {
  static constexpr std::array<std::string_view, 35> kPatterns{
      "*.7z", "*.arrow", "*.bin", "*.bz2", "*.ckpt", "*.ftz", "*.gz", "*.h5", "*.joblib", "*.lfs.*", "*.mlmodel", "*.model",
      "*.msgpack", "*.npy", "*.npz", "*.onnx", "*.ot", "*.parquet", "*.pb", "*.pickle", "*.pkl", "*.pt", "*.pth", "*.rar",
      "*.safetensors", "saved_model/**/*", "*.tar.*", "*.tar", "*.tflite", "*.tgz", "*.wasm", "*.xz", "*.zip", "*.zst", "*tfevents*"};
  std::string out;
  for (auto const pattern : kPatterns) out += std::string(pattern) + " filter=lfs diff=lfs merge=lfs -text\n";
  return out;
}

bool attributes_lfs(std::string_view attributes, std::string_view path) {
  bool lfs = false;
  for (auto const& line : split(attributes, '\n')) {
    auto const text = trim(line);
    if (text.empty() || text.starts_with('#')) continue;
    auto const blank = text.find_first_of(" \t");
    if (blank == std::string_view::npos || !matches(text.substr(0, blank), path)) continue;
    auto const rest = text.substr(blank);
    if (rest.find("filter=lfs") != std::string_view::npos) lfs = true;  // the last line that says something wins
    if (rest.find("-filter") != std::string_view::npos || rest.find("!filter") != std::string_view::npos) lfs = false;
  }
  return lfs;
}

bool gitignored(std::string_view ignore, std::string_view path) {
  bool ignored = false;
  for (auto const& line : split(ignore, '\n')) {
    auto text = trim(line);
    if (text.empty() || text.starts_with('#')) continue;
    bool const negated = text.starts_with('!');
    if (negated) text.remove_prefix(1);
    bool const folder = text.ends_with('/');
    if (folder) text.remove_suffix(1);
    bool hit = !folder && matches(text, path);
    for (auto slash = path.find('/'); !hit && slash != std::string_view::npos; slash = path.find('/', slash + 1)) {
      hit = matches(text, path.substr(0, slash));
    }
    if (hit) ignored = !negated;
  }
  return ignored;
}

}  // namespace hubd::localhub
