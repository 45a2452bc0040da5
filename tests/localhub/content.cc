// SPDX-License-Identifier: Apache-2.0
#include "tests/localhub/content.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <vector>

#include "tests/localhub/crypto.h"

namespace hubd::localhub {
namespace {

constexpr Bytes kInMemoryMax = 1_MiB;
constexpr Bytes kRegularMax = 64_MiB;

Error io_error(std::string const& what) {
  return fail(ErrorKind::io, "localhub: " + what + ": " + std::strerror(errno), {errno, std::generic_category()});
}

void name_all(Content& content) {
  content.pointer = lfs_pointer(content.sha256, content.size);
  content.pointer_sha1 = git_blob_hex(content.pointer);
}

}  // namespace

std::string lfs_pointer(std::string const& sha256, Bytes size) {
  return "version https://git-lfs.github.com/spec/v1\noid sha256:" + sha256 + "\nsize " + std::to_string(size) + "\n";
}

namespace {

// One of the three ways a content has its bytes.
class OpenContent : public ByteSource {
 public:
  OpenContent(Content const& content, int descriptor) : content_(content), descriptor_(descriptor) {}
  OpenContent(OpenContent const&) = delete;
  OpenContent& operator=(OpenContent const&) = delete;
  ~OpenContent() override {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  Result<std::size_t> read(Bytes offset, std::span<std::byte> out) const override {
    if (offset >= content_.size || out.empty()) return std::size_t{0};
    auto const want = static_cast<std::size_t>(std::min<Bytes>(out.size(), content_.size - offset));
    if (content_.source) return content_.source->read(offset, out.first(want));
    if (descriptor_ < 0) {
      std::memcpy(out.data(), content_.text.data() + offset, want);
      return want;
    }
    auto const got = ::pread(descriptor_, out.data(), want, static_cast<off_t>(offset));
    if (got <= 0) return io_error("read " + content_.file.string());
    return static_cast<std::size_t>(got);
  }

 private:
  Content const& content_;
  int const descriptor_;
};

}  // namespace

Result<std::unique_ptr<ByteSource const>> Content::open() const {
  int descriptor = -1;
  if (!file.empty()) {
    descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return io_error("open " + file.string());
  }
  return std::unique_ptr<ByteSource const>(std::make_unique<OpenContent const>(*this, descriptor));
}

ContentStore::ContentStore(std::filesystem::path root) : root_(std::move(root)) {
  std::filesystem::create_directories(root_ / "objects");
  std::filesystem::create_directories(root_ / "tmp");
}

ContentPtr ContentStore::keep(std::shared_ptr<Content> content) {
  name_all(*content);
  std::scoped_lock const lock(mutex_);
  auto& place = by_sha256_[content->sha256];
  if (!place || (place->git_sha1.empty() && !content->git_sha1.empty())) place = std::move(content);
  return place;
}

ContentPtr ContentStore::from_text(std::string text) {
  auto content = std::make_shared<Content>();
  content->size = text.size();
  content->sha256 = sha256_hex(text);
  content->git_sha1 = git_blob_hex(text);
  if (auto known = find(content->sha256); known && !known->git_sha1.empty()) return known;
  content->text = std::move(text);
  return keep(std::move(content));
}

Result<ContentPtr> ContentStore::from_file(std::filesystem::path const& path) {
  std::error_code error;
  auto const size = std::filesystem::file_size(path, error);
  if (error) return fail(ErrorKind::io, "localhub: cannot read " + path.string() + ": " + error.message(), error);
  if (size <= kInMemoryMax) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream all;
    all << in.rdbuf();
    return from_text(std::move(all).str());
  }
  int const descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return io_error("open " + path.string());
  Hash sha256(Hash::Kind::sha256);
  Hash sha1(Hash::Kind::sha1);
  sha1.update("blob " + std::to_string(size) + std::string(1, '\0'));
  std::vector<std::byte> buffer(1_MiB);
  for (;;) {
    auto const got = ::read(descriptor, buffer.data(), buffer.size());
    if (got < 0) {
      ::close(descriptor);
      return io_error("read " + path.string());
    }
    if (got == 0) break;
    auto const part = std::span(buffer).first(static_cast<std::size_t>(got));
    sha256.update(part);
    if (size <= kRegularMax) sha1.update(part);
  }
  ::close(descriptor);
  auto content = std::make_shared<Content>();
  content->size = size;
  content->sha256 = sha256.hex();
  if (size <= kRegularMax) content->git_sha1 = sha1.hex();
  content->file = std::filesystem::absolute(path);
  return keep(std::move(content));
}

void generate_bytes(std::uint64_t seed, Bytes offset, std::span<std::byte> out) {
  std::uint64_t state = seed + (offset / 8) * 0x9e3779b97f4a7c15ULL;
  for (std::size_t at = 0; at < out.size(); at += 8) {
    state += 0x9e3779b97f4a7c15ULL;
    auto z = state;
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebULL;
    z ^= z >> 31U;
    std::memcpy(out.data() + at, &z, std::min<std::size_t>(8, out.size() - at));
  }
}

Result<ContentPtr> ContentStore::generated(Bytes size, std::uint64_t seed) {
  if (size <= kInMemoryMax) {
    std::string text(size, '\0');
    generate_bytes(seed, 0, std::as_writable_bytes(std::span(text)));
    return from_text(std::move(text));
  }
  auto const path = root_ / "objects" / ("generated-" + std::to_string(size) + "-" + std::to_string(seed));
  auto const note = path.string() + ".sha256";
  std::error_code error;
  if (std::filesystem::file_size(path, error) == size && !error) {
    std::ifstream in(note);
    auto content = std::make_shared<Content>();
    in >> content->sha256;
    if (content->sha256.size() == 64) {
      if (size <= kRegularMax) return from_file(path);
      content->size = size;
      content->file = path;
      return keep(std::move(content));
    }
  }
  auto const partial = temporary();
  int const descriptor = ::open(partial.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (descriptor < 0) return io_error("create " + partial.string());
  std::vector<std::byte> buffer(1_MiB);
  for (Bytes at = 0; at < size;) {
    auto const part = std::span(buffer).first(static_cast<std::size_t>(std::min<Bytes>(buffer.size(), size - at)));
    generate_bytes(seed, at, part);
    if (::write(descriptor, part.data(), part.size()) != static_cast<ssize_t>(part.size())) {
      auto const problem = io_error("write " + partial.string());
      ::close(descriptor);
      return problem;
    }
    at += part.size();
  }
  ::close(descriptor);
  std::filesystem::rename(partial, path, error);
  if (error) return fail(ErrorKind::io, "localhub: cannot place " + path.string(), error);
  auto made = from_file(path);
  if (made) std::ofstream(note) << (*made)->sha256;
  return made;
}

Result<ContentPtr> ContentStore::adopt(std::filesystem::path const& temporary, std::string const& sha256, Bytes size) {
  std::error_code error;
  if (auto known = find(sha256)) {
    std::filesystem::remove(temporary, error);
    return known;
  }
  if (size <= kInMemoryMax) {
    auto made = from_file(temporary);
    std::filesystem::remove(temporary, error);
    return made;
  }
  auto const path = root_ / "objects" / sha256;
  std::filesystem::rename(temporary, path, error);
  if (error) return fail(ErrorKind::io, "localhub: cannot place " + path.string(), error);
  auto content = std::make_shared<Content>();
  content->size = size;
  content->sha256 = sha256;
  content->file = path;
  return keep(std::move(content));
}

ContentPtr ContentStore::from_source(std::shared_ptr<ByteSource const> source, std::string const& sha256, Bytes size) {
  if (auto known = find(sha256)) return known;
  auto content = std::make_shared<Content>();
  content->size = size;
  content->sha256 = sha256;
  content->source = std::move(source);
  return keep(std::move(content));
}

ContentPtr ContentStore::find(std::string const& sha256) const {
  std::scoped_lock const lock(mutex_);
  auto const it = by_sha256_.find(sha256);
  return it == by_sha256_.end() ? nullptr : it->second;
}

std::filesystem::path ContentStore::temporary() {
  std::scoped_lock const lock(mutex_);
  return root_ / "tmp" / (std::to_string(::getpid()) + "-" + std::to_string(++serial_));
}

}  // namespace hubd::localhub
