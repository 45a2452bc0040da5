// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "tests/localhub/content.h"

namespace hubd::localhub {

/// `base`, with some bytes replaced.
std::shared_ptr<ByteSource const> patched(std::shared_ptr<ByteSource const> base, std::map<Bytes, std::string> patches);

/// A stretch of a source.
struct Stretch {
  std::shared_ptr<ByteSource const> source;
  Bytes offset = 0;
  Bytes length = 0;
};
using Part = std::variant<std::string, Stretch>;
Bytes size_of(Part const& part);
/// Texts and stretches one after the other.
std::shared_ptr<ByteSource const> joined(std::vector<Part> parts);
/// `unit` again and again, without end.
std::shared_ptr<ByteSource const> repeated(std::string unit);

/// The bytes of a content, which it keeps alive.
std::shared_ptr<ByteSource const> source_of(ContentPtr content);
/// A body that `source` makes.
ContentPtr made_content(std::shared_ptr<ByteSource const> source, Bytes size);

}  // namespace hubd::localhub
