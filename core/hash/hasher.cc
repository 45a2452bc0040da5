// SPDX-License-Identifier: Apache-2.0
#include "core/hash/hasher.h"

#include <blake3.h>
#include <openssl/evp.h>

#include <cassert>

#include "core/hash/git_blob_hasher.h"

namespace hubd::hash {
namespace {

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_MD_CTX, FreeContext>;

Context start(EVP_MD const* algorithm) {
  Context context(EVP_MD_CTX_new());
  [[maybe_unused]] int const ok = EVP_DigestInit_ex(context.get(), algorithm, nullptr);
  assert(ok == 1 && "OpenSSL lacks a digest it always has");
  return context;
}

void feed(Context const& context, std::span<std::byte const> data) { EVP_DigestUpdate(context.get(), data.data(), data.size()); }

template <class D>
D end(Context const& context) {
  D digest;
  unsigned size = 0;
  EVP_DigestFinal_ex(context.get(), reinterpret_cast<unsigned char*>(digest.bytes.data()), &size);
  assert(size == D::kSize);
  return digest;
}

std::string git_header(Bytes size) {
  auto header = "blob " + std::to_string(size);
  header.push_back('\0');
  return header;
}

}  // namespace

struct Sha256Hasher::State {
  Context context = start(EVP_sha256());
};
Sha256Hasher::Sha256Hasher() : state_(std::make_unique<State>()) {}
Sha256Hasher::~Sha256Hasher() = default;
Sha256Hasher::Sha256Hasher(Sha256Hasher&&) noexcept = default;
Sha256Hasher& Sha256Hasher::operator=(Sha256Hasher&&) noexcept = default;
void Sha256Hasher::update(std::span<std::byte const> data) { feed(state_->context, data); }
Sha256 Sha256Hasher::finish() { return end<Sha256>(state_->context); }

struct GitBlobHasher::State {
  Context context = start(EVP_sha1());
};
GitBlobHasher::GitBlobHasher(Bytes size) : state_(std::make_unique<State>()) { feed(state_->context, as_bytes(git_header(size))); }
GitBlobHasher::~GitBlobHasher() = default;
void GitBlobHasher::update(std::span<std::byte const> data) { feed(state_->context, data); }
GitSha1 GitBlobHasher::finish() { return end<GitSha1>(state_->context); }

struct ContentHasher::State {
  ContentId::Kind kind;
  Context context;
  Bytes fed = 0;
};
ContentHasher::ContentHasher(ContentId const& id, Bytes size) : state_(std::make_unique<State>()) {
  state_->kind = id.kind();
  state_->context = start(id.kind() == ContentId::Kind::sha256 ? EVP_sha256() : EVP_sha1());
  if (id.kind() == ContentId::Kind::git_sha1) feed(state_->context, as_bytes(git_header(size)));
}
ContentHasher::~ContentHasher() = default;
ContentHasher::ContentHasher(ContentHasher&&) noexcept = default;
ContentHasher& ContentHasher::operator=(ContentHasher&&) noexcept = default;
void ContentHasher::update(std::span<std::byte const> data) {
  feed(state_->context, data);
  state_->fed += data.size();
}
Bytes ContentHasher::fed() const { return state_->fed; }
std::string ContentHasher::finish() {
  if (state_->kind == ContentId::Kind::sha256) return end<Sha256>(state_->context).hex();
  return end<GitSha1>(state_->context).hex();
}

Sha256 sha256(std::span<std::byte const> data) {
  auto const context = start(EVP_sha256());
  feed(context, data);
  return end<Sha256>(context);
}

GitSha1 git_blob_sha1(std::span<std::byte const> data) {
  auto const context = start(EVP_sha1());
  feed(context, as_bytes(git_header(data.size())));
  feed(context, data);
  return end<GitSha1>(context);
}

Blake3 blake3(std::span<std::byte const> data) {
  blake3_hasher hasher;
  blake3_hasher_init(&hasher);
  blake3_hasher_update(&hasher, data.data(), data.size());
  Blake3 digest;
  blake3_hasher_finalize(&hasher, reinterpret_cast<std::uint8_t*>(digest.bytes.data()), Blake3::kSize);
  return digest;
}

}  // namespace hubd::hash
