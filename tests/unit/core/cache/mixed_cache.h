// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <map>
#include <string>

#include "core/cache/scan.h"
#include "tests/unit/core/cache/temp_root.h"

namespace hubd::cache {

/// A cache as several programs leave it: plain blobs, a shared payload that two repos use, a file that a client without
/// symlinks moved into its snapshot.
class MixedCache : public TempRoot {
 protected:
  void add(std::string const& folder, char commit_digit, std::string const& path, std::string const& etag) const {
    std::string up = "../../";
    for (char const c : path)
      if (c == '/') up += "../";
    link(snapshot(folder, commit_digit) + "/" + path, up + "blobs/" + etag);
  }
  void ref(std::string const& folder, std::string const& name, char commit_digit) const {
    put(folder + "/refs/" + name, commit(commit_digit).hex());
  }
  static std::string snapshot(std::string const& folder, char digit) { return folder + "/snapshots/" + commit(digit).hex(); }

  MixedCache() {
    put("CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55\n");
    put(".locks/models--org--name/x.lock", "");
    put("blobs/.huggingface-shared-blobs", "1\n");
    put(payload(), std::string(1000, 'p'));
    put(payload() + ".refs", a_ + "/blobs/" + sha_ + "\n" + b_ + "/blobs/" + sha_ + "\n" + b_ + "/blobs/" + sha_ + "\n");

    put(a_ + "/blobs/small", "12345");
    put(a_ + "/blobs/both", "1234567890");
    put(a_ + "/blobs/new", std::string(100, 'n'));
    link(a_ + "/blobs/" + sha_, "../../" + payload());
    add(a_, '1', "config.json", "small");
    add(a_, '1', "sub/shared.txt", "both");
    add(a_, '1', "copy of shared.txt", "both");
    add(a_, '2', "sub/shared.txt", "both");
    add(a_, '2', "new.bin", "new");
    add(a_, '2', "weights.bin", sha_);
    ref(a_, "main", '2');
    ref(a_, "refs/pr/1", '2');

    link(b_ + "/blobs/" + sha_, "../../" + payload());
    add(b_, '3', "weights.bin", sha_);
    put(snapshot(b_, '3') + "/moved.txt", "moved in");
    ref(b_, "main", '3');
  }

  std::string payload() const { return "blobs/ab/" + hash_; }
  Scan scanned() const { return scan(*files_, root_).value(); }

  std::string const a_ = "models--org--a";
  std::string const b_ = "datasets--org--b";
  std::string const sha_ = std::string(64, 'f');
  std::string const hash_ = "ab" + std::string(62, '1');
};

}  // namespace hubd::cache
