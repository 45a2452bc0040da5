// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace hubd::localhub {

/// The local Hub's own hashing, straight on OpenSSL: it must not agree with hubd by sharing its code.
/// Incremental SHA-256, SHA-1 or MD5; hex() ends it.
class Hash {
 public:
  enum class Kind { sha256, sha1, md5 };
  explicit Hash(Kind kind);
  ~Hash();
  Hash(Hash&&) noexcept;
  Hash& operator=(Hash&&) noexcept;
  void update(std::string_view data);
  void update(std::span<std::byte const> data);
  std::string hex();
  /// The digest's bytes; ends it too.
  std::string raw();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string sha256_hex(std::string_view data);
std::string sha1_hex(std::string_view data);
std::string md5_hex(std::string_view data);
/// sha1 of "blob <len>\0<content>".
std::string git_blob_hex(std::string_view content);
std::string hmac_sha256_hex(std::string_view key, std::string_view data);
/// Standard alphabet with padding; line breaks are skipped. Nothing when malformed.
std::optional<std::string> base64_decode(std::string_view text);
std::string hex_of(std::string_view raw);
/// Empty when `hex` is not hex.
std::string raw_of(std::string_view hex);
/// `bytes` random bytes as hex, from the kernel.
std::string random_hex(std::size_t bytes);

}  // namespace hubd::localhub
