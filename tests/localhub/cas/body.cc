// SPDX-License-Identifier: Apache-2.0
#include "tests/localhub/cas/body.h"

#include <algorithm>
#include <cstring>

namespace hubd::localhub {
namespace {

class Patched : public ByteSource {
 public:
  Patched(std::shared_ptr<ByteSource const> base, std::map<Bytes, std::string> patches) : base_(std::move(base)), patches_(std::move(patches)) {}
  Result<std::size_t> read(Bytes offset, std::span<std::byte> out) const override {
    auto const got = base_->read(offset, out);
    if (!got) return got.error();
    for (auto const& [at, text] : patches_) {
      auto const from = std::max(at, offset);
      auto const to = std::min(at + text.size(), offset + *got);
      if (from < to) std::memcpy(out.data() + (from - offset), text.data() + (from - at), static_cast<std::size_t>(to - from));
    }
    return *got;
  }

 private:
  std::shared_ptr<ByteSource const> base_;
  std::map<Bytes, std::string> patches_;
};

class Joined : public ByteSource {
 public:
  explicit Joined(std::vector<Part> parts) : parts_(std::move(parts)) {}
  Result<std::size_t> read(Bytes offset, std::span<std::byte> out) const override {
    for (auto const& part : parts_) {
      auto const size = size_of(part);
      if (offset >= size) {
        offset -= size;
        continue;
      }
      auto const room = out.first(static_cast<std::size_t>(std::min<Bytes>(out.size(), size - offset)));
      if (auto const* stretch = std::get_if<Stretch>(&part)) return stretch->source->read(stretch->offset + offset, room);
      std::memcpy(room.data(), std::get<std::string>(part).data() + offset, room.size());
      return room.size();
    }
    return std::size_t{0};
  }

 private:
  std::vector<Part> parts_;
};

class Kept : public ByteSource {
 public:
  explicit Kept(ContentPtr content) : content_(std::move(content)) {}
  Result<std::size_t> read(Bytes offset, std::span<std::byte> out) const override {
    auto const opened = content_->open();
    if (!opened) return opened.error();
    return (*opened)->read(offset, out);
  }

 private:
  ContentPtr content_;
};

class Repeated : public ByteSource {
 public:
  explicit Repeated(std::string unit) : unit_(std::move(unit)) {}
  Result<std::size_t> read(Bytes offset, std::span<std::byte> out) const override {
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<std::byte>(unit_[static_cast<std::size_t>((offset + i) % unit_.size())]);
    return out.size();
  }

 private:
  std::string unit_;
};

}  // namespace

Bytes size_of(Part const& part) {
  if (auto const* stretch = std::get_if<Stretch>(&part)) return stretch->length;
  return std::get<std::string>(part).size();
}

std::shared_ptr<ByteSource const> patched(std::shared_ptr<ByteSource const> base, std::map<Bytes, std::string> patches) {
  return std::make_shared<Patched const>(std::move(base), std::move(patches));
}
std::shared_ptr<ByteSource const> joined(std::vector<Part> parts) { return std::make_shared<Joined const>(std::move(parts)); }
std::shared_ptr<ByteSource const> repeated(std::string unit) { return std::make_shared<Repeated const>(std::move(unit)); }

std::shared_ptr<ByteSource const> source_of(ContentPtr content) { return std::make_shared<Kept const>(std::move(content)); }

ContentPtr made_content(std::shared_ptr<ByteSource const> source, Bytes size) {
  auto content = std::make_shared<Content>();
  content->size = size;
  content->source = std::move(source);
  return content;
}

}  // namespace hubd::localhub
