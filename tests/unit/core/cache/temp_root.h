// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "core/base/random.h"
#include "core/base/repo.h"
#include "core/fs/file_system.h"

namespace hubd::cache {

/// A test with an own folder of real files, and short ways to put into it what others would.
class TempRoot : public testing::Test {
 protected:
  TempRoot() {
    char name[] = "/tmp/hubd-cache-XXXXXX";
    root_ = std::filesystem::canonical(mkdtemp(name));
  }
  ~TempRoot() override {
    std::error_code ignored;
    std::filesystem::remove_all(root_, ignored);
  }

  std::string at(std::string const& path) const { return root_ + "/" + path; }
  void put(std::string const& path, std::string const& text) const {
    std::filesystem::create_directories(std::filesystem::path(at(path)).parent_path());
    std::ofstream(at(path), std::ios::binary | std::ios::trunc) << text;
  }
  void link(std::string const& path, std::string const& text) const {
    std::filesystem::create_directories(std::filesystem::path(at(path)).parent_path());
    std::filesystem::create_symlink(text, at(path));
  }
  std::string text(std::string const& path) const {
    std::ifstream file(at(path), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  /// Is there an entry of this name, dangling links included?
  bool exists(std::string const& path) const { return std::filesystem::symlink_status(at(path)).type() != std::filesystem::file_type::not_found; }
  std::string link_text(std::string const& path) const { return std::filesystem::read_symlink(at(path)); }
  unsigned mode(std::string const& path) const {
    return static_cast<unsigned>(std::filesystem::symlink_status(at(path)).permissions());
  }
  std::size_t entries(std::string const& path) const {
    if (!std::filesystem::exists(at(path))) return 0;
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(at(path)), {}));
  }

  static Commit commit(char digit) { return *Commit::parse(std::string(40, digit)); }

  std::unique_ptr<fs::FileSystem> files_ = fs::system_files();
  std::unique_ptr<Random> random_ = seeded_random(1);
  std::string root_;
  RepoRef const repo_{"https://hub", RepoType::model, "org/name"};
  std::string const folder_ = "models--org--name";
};

}  // namespace hubd::cache
