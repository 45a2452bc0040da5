// SPDX-License-Identifier: Apache-2.0
#include "core/cache/trees.h"

#include <algorithm>
#include <boost/json.hpp>
#include <exception>

#include "core/base/digest.h"
#include "core/base/repo.h"
#include "core/cache/small_file.h"

namespace hubd::cache {
namespace {

namespace json = boost::json;

constexpr int format_version = 1;
constexpr Bytes tree_size_max = 128_MiB;

void append_escape(std::string& out, std::uint32_t unit) {
  static constexpr char kDigits[] = "0123456789abcdef";
  out += "\\u";
  for (unsigned shift = 16; shift > 0;) {
    shift -= 4;
    out += kDigits[(unit >> shift) & 15U];
  }
}

/// Reads one code point at `at` and moves past it; nothing for what is not UTF-8.
std::optional<std::uint32_t> next_code_point(std::string_view text, std::size_t& at) {
  auto const byte_at = [&text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  std::uint32_t const first = byte_at(at);
  std::size_t more = 0;
  std::uint32_t point = first;
  if (first >= 0xf0 && first < 0xf5) {
    more = 3;
    point = first & 7U;
  } else if (first >= 0xe0 && first < 0xf0) {
    more = 2;
    point = first & 15U;
  } else if (first >= 0xc2 && first < 0xe0) {
    more = 1;
    point = first & 31U;
  } else if (first >= 0x80) {
    return std::nullopt;
  }
  if (text.size() - at <= more) return std::nullopt;
  for (std::size_t i = 1; i <= more; ++i) {
    auto const next = byte_at(at + i);
    if ((next & 0xc0U) != 0x80U) return std::nullopt;
    point = (point << 6U) | (next & 63U);
  }
  bool const overlong = (more == 2 && point < 0x800) || (more == 3 && point < 0x10000);
  bool const surrogate = point >= 0xd800 && point < 0xe000;
  if (overlong || surrogate || point > 0x10ffff) return std::nullopt;
  at += more + 1;
  return point;
}

/// A JSON string in ASCII, with Python's choice of escapes; false for what is not UTF-8.
bool append_string(std::string& out, std::string_view text) {
  out += '"';
  for (std::size_t at = 0; at < text.size();) {
    auto const point = next_code_point(text, at);
    if (!point) return false;
    switch (*point) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      case '\f': out += "\\f"; break;
      case '\b': out += "\\b"; break;
      default:
        if (*point >= 0x20 && *point < 0x7f) {
          out += static_cast<char>(*point);
        } else if (*point < 0x10000) {
          append_escape(out, *point);
        } else {
          append_escape(out, 0xd800U + ((*point - 0x10000U) >> 10U));
          append_escape(out, 0xdc00U + ((*point - 0x10000U) & 0x3ffU));
        }
    }
  }
  out += '"';
  return true;
}

bool is_hash(std::string_view text) { return Sha256::parse(text).has_value(); }

bool append_file(std::string& out, ListedFile const& file) {
  if (!file.xet_hash.empty() && !is_hash(file.xet_hash)) return false;
  auto const size = std::to_string(file.size);
  out += "\n  ";
  if (!append_string(out, file.path)) return false;
  out.append(": {\n   \"size\": ").append(size).append(",\n   \"blob_id\": ");
  if (!append_string(out, file.blob_id)) return false;
  if (!file.lfs_sha256.empty()) {
    out += ",\n   \"lfs_sha256\": ";
    if (!append_string(out, file.lfs_sha256)) return false;
    out.append(",\n   \"lfs_size\": ").append(size);
  }
  if (!file.xet_hash.empty()) out.append(",\n   \"xet_hash\": \"").append(file.xet_hash).append(1, '"');
  out += "\n  }";
  return true;
}

std::optional<Bytes> size_in(json::object const& object, std::string_view key) {
  auto const* value = object.if_contains(key);
  if (value == nullptr) return std::nullopt;
  if (auto const* count = value->if_int64(); count != nullptr && *count >= 0) return static_cast<Bytes>(*count);
  return std::nullopt;  // negative, fractional, or beyond 2^63
}

/// The string under `key`, empty for null or absent; nothing for another type.
std::optional<std::string> text_in(json::object const& object, std::string_view key) {
  auto const* value = object.if_contains(key);
  if (value == nullptr || value->is_null()) return std::string();
  auto const* text = value->if_string();
  if (text == nullptr) return std::nullopt;
  return std::string(text->data(), text->size());
}

std::optional<ListedFile> parse_file(std::string_view path, json::value const& value) {
  auto const* info = value.if_object();
  if (info == nullptr || !check_repo_path(path)) return std::nullopt;
  auto const size = size_in(*info, "size");
  auto const blob_id = text_in(*info, "blob_id");
  auto const sha256 = text_in(*info, "lfs_sha256");
  auto const xet_hash = text_in(*info, "xet_hash");
  if (!size || !blob_id || !sha256 || !xet_hash) return std::nullopt;
  if (!GitSha1::parse(*blob_id)) return std::nullopt;
  if (!sha256->empty() && !is_hash(*sha256)) return std::nullopt;
  if (!xet_hash->empty() && !is_hash(*xet_hash)) return std::nullopt;
  ListedFile file;
  file.path = path;
  file.size = *size;
  file.blob_id = *blob_id;
  file.lfs_sha256 = *sha256;
  file.xet_hash = *xet_hash;
  if (!sha256->empty()) file.size = size_in(*info, "lfs_size").value_or(*size);
  return file;
}

bool by_path(ListedFile const& a, ListedFile const& b) { return a.path < b.path; }

}  // namespace

std::optional<std::string> encode_tree(Listing listing) {
  std::sort(listing.begin(), listing.end(), by_path);
  std::string text = "{\n \"format_version\": " + std::to_string(format_version) + ",\n \"files\": {";
  bool first = true;
  for (auto const& file : listing) {
    if (!first) text += ',';
    first = false;
    if (!append_file(text, file)) return std::nullopt;
  }
  text += first ? "}\n}" : "\n }\n}";
  return text;
}

std::optional<Listing> parse_tree(std::string_view text) try {
  json::error_code code;
  auto const document = json::parse(text, code);
  if (code) return std::nullopt;
  auto const* top = document.if_object();
  if (top == nullptr) return std::nullopt;
  auto const* version = top->if_contains("format_version");
  if (version == nullptr || !version->is_int64() || version->get_int64() != format_version) return std::nullopt;
  auto const* entries = top->if_contains("files");
  if (entries == nullptr || !entries->is_object()) return std::nullopt;
  Listing listing;
  listing.reserve(entries->get_object().size());
  for (auto const& [path, info] : entries->get_object()) {
    auto file = parse_file({path.data(), path.size()}, info);
    if (!file) return std::nullopt;
    listing.push_back(std::move(*file));
  }
  std::sort(listing.begin(), listing.end(), by_path);
  return listing;
} catch (std::exception const&) {
  return std::nullopt;  // Boost.JSON's own limits and memory
}

Result<std::optional<Listing>> read_tree_file(fs::FileSystem& files, std::string const& path) {
  auto const text = read_small_file(files, path, tree_size_max);
  if (!text) return text.error();
  if (!*text) return std::optional<Listing>();
  return parse_tree(**text);
}

Result<void> write_tree_file(fs::FileSystem& files, Random& random, std::string const& path, Listing const& listing) {
  auto const text = encode_tree(listing);
  if (!text) return {};
  auto const temporary = path.substr(0, path.find_last_of('/')) + "/tmp" + random.hex(8) + ".tmp";
  return fs::write_file_atomic(files, path, temporary, *text, 0600, true);
}

}  // namespace hubd::cache
