// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

namespace hubd::fs {

/// A folder that goes away with the test.
class Folder {
 public:
  explicit Folder(std::string const& below = "/tmp") {
    auto name = below + "/hubd-fs-XXXXXX";
    path_ = mkdtemp(name.data()) == nullptr ? "" : name;
  }
  Folder(Folder const&) = delete;
  Folder& operator=(Folder const&) = delete;
  ~Folder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] bool made() const { return !path_.empty(); }
  [[nodiscard]] std::string const& path() const { return path_; }
  [[nodiscard]] std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }

 private:
  std::string path_;
};

}  // namespace hubd::fs
