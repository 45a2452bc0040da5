// SPDX-License-Identifier: Apache-2.0
#include "tests/localhub/crypto.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <array>
#include <cstdlib>

#include "core/base/bytes.h"

namespace hubd::localhub {

struct Hash::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  ~State() { EVP_MD_CTX_free(context); }
};

Hash::Hash(Kind kind) : state_(std::make_unique<State>()) {
  auto const* type = kind == Kind::sha256 ? EVP_sha256() : kind == Kind::sha1 ? EVP_sha1() : EVP_md5();
  EVP_DigestInit_ex(state_->context, type, nullptr);
}
Hash::~Hash() = default;
Hash::Hash(Hash&&) noexcept = default;
Hash& Hash::operator=(Hash&&) noexcept = default;

void Hash::update(std::string_view data) { EVP_DigestUpdate(state_->context, data.data(), data.size()); }
void Hash::update(std::span<std::byte const> data) { EVP_DigestUpdate(state_->context, data.data(), data.size()); }

std::string Hash::raw() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
  unsigned int size = 0;
  EVP_DigestFinal_ex(state_->context, out.data(), &size);
  return {reinterpret_cast<char const*>(out.data()), size};
}
std::string Hash::hex() { return hex_of(raw()); }

namespace {
std::string one_shot(Hash::Kind kind, std::string_view data) {
  Hash hash(kind);
  hash.update(data);
  return hash.hex();
}
int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}
}  // namespace

std::string sha256_hex(std::string_view data) { return one_shot(Hash::Kind::sha256, data); }
std::string sha1_hex(std::string_view data) { return one_shot(Hash::Kind::sha1, data); }
std::string md5_hex(std::string_view data) { return one_shot(Hash::Kind::md5, data); }

std::string git_blob_hex(std::string_view content) {
  Hash hash(Hash::Kind::sha1);
  hash.update("blob " + std::to_string(content.size()) + std::string(1, '\0'));
  hash.update(content);
  return hash.hex();
}

std::string hmac_sha256_hex(std::string_view key, std::string_view data) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
  unsigned int size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<unsigned char const*>(data.data()),
       data.size(), out.data(), &size);
  return hex_of({reinterpret_cast<char const*>(out.data()), size});
}

std::optional<std::string> base64_decode(std::string_view text) {
  static constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::array<signed char, 256> values{};
  values.fill(-1);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
    values[static_cast<unsigned char>(kAlphabet[i])] = static_cast<signed char>(i);
  }
  std::string out;
  out.reserve(text.size() / 4 * 3);
  unsigned bits = 0;
  int held = 0;
  std::size_t symbols = 0;
  bool padded = false;
  for (char const c : text) {
    if (c == '\r' || c == '\n') continue;
    ++symbols;
    if (c == '=') {
      padded = true;
      continue;
    }
    int const value = values[static_cast<unsigned char>(c)];
    if (value < 0 || padded) return std::nullopt;
    bits = ((bits << 6U) | static_cast<unsigned>(value)) & 0xffffffU;
    held += 6;
    if (held >= 8) {
      held -= 8;
      out.push_back(static_cast<char>((bits >> static_cast<unsigned>(held)) & 0xffU));
    }
  }
  if (symbols % 4 != 0) return std::nullopt;
  return out;
}

std::string hex_of(std::string_view raw) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  out.reserve(raw.size() * 2);
  for (char const c : raw) {
    auto const byte = static_cast<unsigned char>(c);
    out.push_back(kDigits[byte >> 4U]);
    out.push_back(kDigits[byte & 15U]);
  }
  return out;
}

std::string raw_of(std::string_view hex) {
  std::string out;
  if (hex.size() % 2 != 0) return out;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    int const high = digit(hex[i]);
    int const low = digit(hex[i + 1]);
    if (high < 0 || low < 0) return {};
    out.push_back(static_cast<char>(high * 16 + low));
  }
  return out;
}

std::string random_hex(std::size_t bytes) {
  std::string raw(bytes, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(raw.data()), static_cast<int>(bytes)) != 1) std::abort();
  return hex_of(raw);
}

}  // namespace hubd::localhub
