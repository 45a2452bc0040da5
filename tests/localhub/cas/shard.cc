// SPDX-License-Identifier: Apache-2.0
#include "tests/localhub/cas/shard.h"

#include <algorithm>

namespace hubd::localhub {
namespace {

constexpr std::size_t kRecord = 48;
constexpr std::uint64_t kFooterSize = 200;
constexpr std::uint32_t kVerification = 0x80000000U;
constexpr std::uint32_t kMetadata = 0x40000000U;

std::string tag() { return std::string("HFRepoMetaData") + '\0' + "\x55\x69\x67\x45\x6a\x7b\x81\x57\x83\xa5\xbd\xd9\x5c\xcd\xd1\x4a\xa9"; }

Error wrong(std::string const& what) { return fail(ErrorKind::bad_request, "shard: " + what); }

std::uint64_t number(std::string_view bytes, std::size_t at, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = size; i-- > 0;) value = (value << 8U) | static_cast<unsigned char>(bytes[at + i]);
  return value;
}
std::uint32_t u32(std::string_view record, std::size_t at) { return static_cast<std::uint32_t>(number(record, at, 4)); }
XetHash hash_at(std::string_view record) { return XetHash::from_raw(record.data()); }

void put(std::string& out, std::uint64_t value, unsigned size) {
  for (unsigned shift = 0; shift < 8 * size; shift += 8) out.push_back(static_cast<char>((value >> shift) & 0xffU));
}
void put_hash(std::string& out, XetHash const& hash) { out.append(reinterpret_cast<char const*>(hash.raw.data()), hash.raw.size()); }

// 48-byte records one after the other.
class Records {
 public:
  explicit Records(std::string_view bytes) : rest_(bytes) {}
  [[nodiscard]] std::optional<std::string_view> next() {
    if (rest_.size() < kRecord) return std::nullopt;
    auto const record = rest_.substr(0, kRecord);
    rest_.remove_prefix(kRecord);
    return record;
  }
  [[nodiscard]] std::uint64_t left() const { return rest_.size() / kRecord; }

 private:
  std::string_view rest_;
};

bool is_bookend(std::string_view record) {
  return std::all_of(record.begin(), record.begin() + 32, [](char c) { return static_cast<unsigned char>(c) == 0xff; });
}

Result<void> read_file(Records& records, std::string_view head, std::vector<ShardFile>& files) {
  ShardFile file;
  file.hash = hash_at(head);
  auto const flags = u32(head, 32);
  std::uint64_t const count = u32(head, 36);
  if ((flags & ~(kVerification | kMetadata)) != 0) return wrong("file " + file.hash.text() + " has unknown flags");
  file.verified = (flags & kVerification) != 0;
  auto const needed = count * (file.verified ? 2 : 1) + ((flags & kMetadata) != 0 ? 1 : 0);
  if (needed > records.left()) return wrong("file " + file.hash.text() + " announces more records than the body holds");
  for (std::uint64_t i = 0; i < count; ++i) {
    auto const record = *records.next();
    file.segments.push_back({hash_at(record), u32(record, 36), u32(record, 40), u32(record, 44)});
    if (file.segments.back().first >= file.segments.back().end) return wrong("file " + file.hash.text() + " has a segment without chunks");
  }
  for (std::uint64_t i = 0; file.verified && i < count; ++i) file.verification.push_back(hash_at(*records.next()));
  if ((flags & kMetadata) != 0) file.sha256 = hash_at(*records.next());
  if (!files.empty() && files.front().verified != file.verified) return wrong("some files have verification entries and some have not");
  files.push_back(std::move(file));
  return {};
}

Result<void> read_xorb(Records& records, std::string_view head, std::vector<ShardXorb>& xorbs) {
  ShardXorb xorb;
  xorb.hash = hash_at(head);
  std::uint64_t const count = u32(head, 36);
  xorb.length = u32(head, 40);
  xorb.on_disk = u32(head, 44);
  if (count > records.left()) return wrong("xorb " + xorb.hash.text() + " announces more chunks than the body holds");
  for (std::uint64_t i = 0; i < count; ++i) {
    auto const record = *records.next();
    xorb.chunks.push_back({hash_at(record), u32(record, 32), u32(record, 36), (u32(record, 40) & 0x80000000U) != 0});
  }
  xorbs.push_back(std::move(xorb));
  return {};
}

}  // namespace

Result<Shard> parse_shard(std::string_view bytes) {
  if (bytes.size() > kShardMax) return wrong("longer than 64 MiB");
  if (bytes.size() < kRecord || bytes.substr(0, 32) != tag()) return wrong("the header's tag is not there");
  if (number(bytes, 32, 8) != 2) return wrong("version " + std::to_string(number(bytes, 32, 8)) + " is not 2");
  auto const footer = number(bytes, 40, 8);
  if (footer != 0 && footer != kFooterSize) return wrong("the footer's size is neither 0 nor 200");
  Records records(bytes.substr(kRecord));
  Shard shard;
  shard.id = chunk_hash(as_bytes(bytes));
  for (bool const in_files : {true, false}) {
    for (;;) {
      auto const head = records.next();
      if (!head) return wrong(in_files ? "the file section has no bookend" : "the xorb section has no bookend");
      if (is_bookend(*head)) break;
      auto const read = in_files ? read_file(records, *head, shard.files) : read_xorb(records, *head, shard.xorbs);
      if (!read) return read.error();
    }
  }
  return shard;
}

std::string dedup_shard(std::vector<XorbPtr> const& xorbs, std::set<XetHash> const& eligible, DedupForm const& form) {
  std::string const bookend = std::string(32, '\xff') + std::string(16, '\0');
  std::string out = tag();
  put(out, 2, 8);
  put(out, kFooterSize, 8);
  out += bookend;  // no files
  auto const section = out.size();

  struct Found {
    std::uint64_t key;
    std::uint32_t record;
    std::uint32_t chunk;
  };
  std::vector<Found> found_xorbs;
  std::vector<Found> found_chunks;
  std::uint32_t record = 0;
  Bytes stored = 0;
  Bytes length = 0;
  for (auto const& xorb : xorbs) {
    auto const& chunks = xorb->chunks();
    found_xorbs.push_back({xorb->hash().word(0), record, 0});
    put_hash(out, xorb->hash());
    put(out, 0, 4);
    put(out, chunks.size(), 4);
    put(out, xorb->length(), 4);
    put(out, xorb->records(), 4);
    std::uint64_t start = 0;
    for (std::uint32_t n = 0; n < chunks.size(); ++n) {
      auto const name = form.key.zero() ? chunks[n].hash : keyed(chunks[n].hash, form.key);
      found_chunks.push_back({name.word(0), record, n});
      put_hash(out, name);
      put(out, start, 4);
      put(out, chunks[n].length, 4);
      put(out, eligible.contains(chunks[n].hash) ? 0x80000000U : 0, 4);
      put(out, 0, 4);
      start += chunks[n].length;
    }
    record += 1 + static_cast<std::uint32_t>(chunks.size());
    stored += xorb->records();
    length += xorb->length();
  }
  out += bookend;

  auto const by_key = [](Found const& a, Found const& b) { return a.key < b.key; };
  std::sort(found_xorbs.begin(), found_xorbs.end(), by_key);
  std::sort(found_chunks.begin(), found_chunks.end(), by_key);
  if (!form.lookups) {
    found_xorbs.clear();
    found_chunks.clear();
  }
  auto const lookups = out.size();
  for (auto const& one : found_xorbs) {
    put(out, one.key, 8);
    put(out, one.record, 4);
  }
  auto const chunk_lookup = out.size();
  for (auto const& one : found_chunks) {
    put(out, one.key, 8);
    put(out, one.record, 4);
    put(out, one.chunk, 4);
  }
  auto const footer = out.size();
  put(out, 1, 8);
  put(out, kRecord, 8);
  put(out, section, 8);
  put(out, lookups, 8);
  put(out, 0, 8);
  put(out, lookups, 8);
  put(out, found_xorbs.size(), 8);
  put(out, chunk_lookup, 8);
  put(out, found_chunks.size(), 8);
  put_hash(out, form.key);
  put(out, static_cast<std::uint64_t>(form.created_s), 8);
  put(out, static_cast<std::uint64_t>(form.expires_s), 8);
  out.append(48, '\0');
  put(out, stored, 8);
  put(out, 0, 8);
  put(out, length, 8);
  put(out, footer, 8);
  return out;
}

}  // namespace hubd::localhub
