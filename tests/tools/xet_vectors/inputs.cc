// SPDX-License-Identifier: Apache-2.0
#include "tests/tools/xet_vectors/inputs.h"

#include <algorithm>

#include "core/base/digest.h"
#include "core/hash/hasher.h"
#include "core/xet/chunker.h"
#include "core/xet/file_hasher.h"
#include "tests/tools/xet_vectors/report.h"

namespace hubd::vectors {
namespace {

constexpr std::size_t kInputMax = std::size_t{1} << 30U;

std::size_t size_of(json::value const& value) {
  auto const size = number_of(value);
  require(size <= kInputMax, "an input of " + std::to_string(size) + " bytes is more than this program makes");
  return size;
}

Buffer cycle(Buffer const& of, std::size_t size) {
  require(!of.empty() || size == 0, "nothing cannot be repeated");
  Buffer bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = of[i % of.size()];
  return bytes;
}

}  // namespace

Buffer splitmix64(std::uint64_t seed, std::size_t size) {
  Buffer bytes(size);
  auto state = seed;
  for (std::size_t at = 0; at < size; at += 8) {
    state += 0x9E3779B97F4A7C15U;
    auto z = state;
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
    z ^= z >> 31U;
    for (std::size_t i = 0; i < 8 && at + i < size; ++i) bytes[at + i] = static_cast<std::byte>(z >> (8U * i));
  }
  return bytes;
}

Buffer from_hex_text(std::string const& hex) {
  Buffer bytes(hex.size() / 2);
  require(hex.size() % 2 == 0 && from_hex(hex, bytes.data(), bytes.size()), "'" + hex.substr(0, 40) + "' is not hex");
  return bytes;
}

std::string hex_of(std::span<std::byte const> bytes) {
  return to_hex(bytes.data(), bytes.size());
}
std::string sha256_of(std::span<std::byte const> bytes) {
  return hash::sha256(bytes).hex();
}

xet::MerkleHash hash_of(json::value const& text) {
  auto const hash = xet::MerkleHash::parse(text_of(text));
  require(hash.has_value(), "'" + text_of(text) + "' is not a hash");
  return *hash;
}

Buffer make_input(json::value const& generator, json::object const& document) {
  if (generator.is_string())
    return make_input(document.at("named_inputs").as_object().at(generator.get_string()), document);
  auto const& object = generator.as_object();
  auto const kind = text_of(object.at("gen"));
  if (kind == "hex") {
    only_known(object, {"gen", "hex"});
    return from_hex_text(text_of(object.at("hex")));
  }
  if (kind == "utf8") {
    only_known(object, {"gen", "text"});
    auto const text = text_of(object.at("text"));
    auto const bytes = as_bytes(text);
    return {bytes.begin(), bytes.end()};
  }
  if (kind == "fill") {
    only_known(object, {"gen", "byte", "size"});
    auto const byte = number_of(object.at("byte"));
    require(byte < 256, "a byte is below 256");
    return Buffer(size_of(object.at("size")), static_cast<std::byte>(byte));
  }
  if (kind == "splitmix64") {
    only_known(object, {"gen", "seed", "size"});
    return splitmix64(number_of(object.at("seed")), size_of(object.at("size")));
  }
  if (kind == "concat") {
    only_known(object, {"gen", "parts"});
    Buffer bytes;
    for (auto const& part : object.at("parts").as_array()) {
      auto const more = make_input(part, document);
      require(bytes.size() + more.size() <= kInputMax, "the parts are more than this program makes");
      bytes.insert(bytes.end(), more.begin(), more.end());
    }
    return bytes;
  }
  if (kind == "slice") {
    only_known(object, {"gen", "of", "start", "end"});
    auto const whole = make_input(object.at("of"), document);
    auto const start = number_of(object.at("start"));
    auto const end = number_of(object.at("end"));
    require(start <= end && end <= whole.size(), "a slice lies in its input");
    return {whole.begin() + static_cast<std::ptrdiff_t>(start), whole.begin() + static_cast<std::ptrdiff_t>(end)};
  }
  if (kind == "cycle") {
    only_known(object, {"gen", "of", "size"});
    return cycle(make_input(object.at("of"), document), size_of(object.at("size")));
  }
  if (kind == "u32le") {
    only_known(object, {"gen", "start", "step", "count"});
    auto const start = static_cast<std::uint32_t>(number_of(object.at("start")));
    auto const step = static_cast<std::uint32_t>(number_of(object.at("step")));
    auto const count = size_of(object.at("count"));
    Buffer bytes(4 * count);
    for (std::size_t i = 0; i < count; ++i) {
      auto const value = static_cast<std::uint32_t>(start + step * i);
      for (std::size_t k = 0; k < 4; ++k) bytes[4 * i + k] = static_cast<std::byte>(value >> (8U * k));
    }
    return bytes;
  }
  throw Mismatch("input '" + kind + "' is not known");
}

std::vector<Bytes> CutFile::boundaries() const {
  std::vector<Bytes> all{0};
  for (auto const& chunk : chunks) all.push_back(all.back() + chunk.size);
  return all;
}

CutFile cut(std::span<std::byte const> bytes) {
  CutFile first;
  bool begun = false;
  for (std::size_t const piece : {std::size_t{8'000'000}, std::size_t{65'521}, std::size_t{4'093}}) {
    CutFile file;
    xet::FileHasher hasher;
    auto const keep = [&file](xet::HashedSize const& chunk) { file.chunks.push_back(chunk); };
    for (std::size_t at = 0; at < bytes.size(); at += piece)
      hasher.update(bytes.subspan(at, std::min(piece, bytes.size() - at)), keep);
    auto const total = hasher.finish(keep);
    require_number(total.size, bytes.size(), "the size of all chunks");
    require(total.file == xet::file_hash(file.chunks), "the file's hash depends on how it is computed");
    if (begun) require(file.chunks == first.chunks, "the cuts depend on how the file is fed");
    first = std::move(file);
    begun = true;
  }
  return first;
}

}  // namespace hubd::vectors
