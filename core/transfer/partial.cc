// SPDX-License-Identifier: Apache-2.0
#include "core/transfer/partial.h"

#include <algorithm>
#include <cassert>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "core/fs/buffer.h"
#include "core/transfer/map_format.h"
#include "core/xet/hashes.h"

namespace hubd::transfer {
namespace {

constexpr std::string_view kPartialSuffix = ".partial";
constexpr std::string_view kMapSuffix = ".map";
// Nobody else has a business here before the bytes are verified; publishing sets the cache's mode.
constexpr mode_t kFileMode = 0600;
constexpr mode_t kFolderMode = 0700;

std::string pair_path(std::string const& folder, std::string_view etag, std::string_view suffix) {
  return folder + "/" + std::string(etag) + std::string(suffix);
}

/// The map as far as it may be read; nothing when it is no map. Fails: io.
Result<std::optional<Map>> read_map(fs::File const& file) {
  auto const stat = file.stat();
  if (!stat) return stat.error();
  fs::Buffer buffer(static_cast<std::size_t>(std::min(stat->size, kMapSizeMax)));
  auto const count = file.read_at(0, buffer.span());
  if (!count) return count.error();
  auto map = parse_map(buffer.span().first(static_cast<std::size_t>(*count)));
  if (map && stat->size > kMapSizeMax) map->whole = false;
  return map;
}

Blake3 as_digest(xet::MerkleHash const& hash) {
  Blake3 digest;
  digest.bytes = hash.bytes;
  return digest;
}

/// The claim that the file bears out; null when none.
MapRecord const* holds(fs::File const& file, Extent extent, std::span<std::byte> block, std::span<MapRecord const> claims) {
  auto const count = file.read_at(extent.offset, block);
  // A sector that cannot be read is as good as never written: fetched again, it is written elsewhere.
  if (!count || *count != block.size()) return nullptr;
  std::optional<Blake3> plain;
  std::optional<Blake3> chunk;
  for (auto const& claim : claims) {
    auto& digest = claim.kind == MapRecord::Kind::chunk ? chunk : plain;
    if (!digest) digest = claim.kind == MapRecord::Kind::chunk ? as_digest(xet::chunk_hash(block)) : hash::blake3(block);
    if (claim.digest == *digest) return &claim;
  }
  return nullptr;
}

/// What of `claims` the file bears out, read once in order of offset; the leading bytes go to `frontier`.
/// Fails: cancelled, once the process wants to stop.
Result<ExtentSet> verify(fs::FileSystem const& files, fs::File const& file, Bytes size, std::vector<MapRecord> claims,
                         hash::ContentHasher* frontier, std::vector<std::pair<Bytes, WrittenChunk>>& chunks) {
  // The longer of two that begin together goes first and may spare reading the other.
  std::sort(claims.begin(), claims.end(), [](MapRecord const& a, MapRecord const& b) {
    return a.extent.offset != b.extent.offset ? a.extent.offset < b.extent.offset : a.extent.length > b.extent.length;
  });
  fs::Buffer buffer(static_cast<std::size_t>(std::min(size, kMapRecordLengthMax)));
  ExtentSet verified;
  // An honest map overlaps little; one that claims a thousand times the file must not keep the disk busy for a day.
  Bytes readable = 2 * size + kMapRecordLengthMax;
  std::span<MapRecord const> rest = claims;
  while (!rest.empty()) {
    auto const extent = rest.front().extent;
    std::size_t same = 1;
    while (same < rest.size() && rest[same].extent == extent) ++same;
    auto const rivals = rest.first(same);
    rest = rest.subspan(same);
    if (verified.contains(extent) || extent.length > readable) continue;
    readable -= extent.length;
    auto const block = buffer.span().first(static_cast<std::size_t>(extent.length));
    if (files.interrupted()) return fail(ErrorKind::cancelled, "reading back a partial was stopped");
    auto const* const claim = holds(file, extent, block, rivals);
    if (claim == nullptr) continue;
    verified.add(extent);
    if (claim->kind == MapRecord::Kind::chunk) {
      WrittenChunk chunk{static_cast<std::uint32_t>(extent.length), {}};
      chunk.hash.bytes = claim->digest.bytes;
      chunks.emplace_back(extent.offset, chunk);
    }
    if (frontier == nullptr) continue;
    auto const fed = frontier->fed();
    if (extent.offset <= fed && fed < extent.end()) frontier->update(block.subspan(static_cast<std::size_t>(fed - extent.offset)));
  }
  return verified;
}

}  // namespace

Partial::Partial(fs::FileSystem& files, std::string const& folder, ContentId id, Bytes size)
    : files_(files),
      id_(std::move(id)),
      size_(size),
      path_(pair_path(folder, id_.etag(), kPartialSuffix)),
      map_path_(pair_path(folder, id_.etag(), kMapSuffix)) {}

Partial::~Partial() = default;

Result<std::unique_ptr<Partial>> Partial::open(fs::FileSystem& files, std::string const& folder, ContentId const& id, Bytes size,
                                               hash::ContentHasher* frontier) {
  assert((frontier == nullptr || frontier->fed() == 0) && "recovery feeds the frontier from its beginning");
  std::unique_ptr<Partial> partial(new Partial(files, folder, id, size));
  auto const opened = partial->open_files(folder);
  if (!opened) return opened.error();
  auto const recovered = partial->recover(frontier);
  if (!recovered) return recovered.error();
  return partial;
}

Result<void> Partial::open_files(std::string const& folder) {
  auto const made = files_.make_directories(folder, kFolderMode);
  if (!made) return made;
  auto file = files_.open(path_, fs::OpenMode::create, kFileMode, true);
  if (!file) return file.error();
  file_ = std::move(*file);
  auto map = files_.open(map_path_, fs::OpenMode::create, kFileMode, true);
  if (!map) return map.error();
  map_ = std::move(*map);
  return {};
}

Result<void> Partial::recover(hash::ContentHasher* frontier) {
  auto const map = read_map(*map_);
  if (!map) return map.error();
  if (!*map || (*map)->id != id_ || (*map)->size != size_) return begin_anew();
  auto const& records = (*map)->records;
  auto borne_out = verify(files_, *file_, size_, records, frontier, chunks_);
  if (!borne_out) return borne_out.error();
  present_ = std::move(*borne_out);

  auto const stat = file_->stat();
  if (!stat) return stat.error();
  if (stat->size > size_) {
    auto const cut = file_->truncate(size_);
    if (!cut) return cut;
  }
  std::vector<MapRecord> kept;
  kept.reserve(records.size());
  for (auto const& record : records)
    if (present_.contains(record.extent)) kept.push_back(record);
  map_end_ = kMapHeaderSize + records.size() * kMapRecordSize;
  if ((*map)->whole && kept.size() == records.size()) return {};
  // In place, moving records only towards the front: wherever this stops, every record kept is still somewhere.
  map_end_ = kMapHeaderSize;
  auto const noted = note(kept);
  if (!noted) return noted;
  return map_->truncate(map_end_);
}

Result<void> Partial::begin_anew() {
  present_.clear();
  auto const forgotten = map_->truncate(0);
  if (!forgotten) return forgotten;
  auto const emptied = file_->truncate(0);
  if (!emptied) return emptied;
  auto const header = encode_map_header(id_, size_);
  auto const written = map_->write_at(0, header);
  if (!written) return written;
  map_end_ = kMapHeaderSize;
  return {};
}

Result<void> Partial::note(std::vector<MapRecord> const& records) {
  // A map at its limit takes no more: the bytes count in this process, and are fetched again after a crash.
  auto const room = static_cast<std::size_t>((kMapSizeMax - map_end_) / kMapRecordSize);
  auto const count = std::min(room, records.size());
  if (count == 0) return {};
  std::vector<std::byte> blocks;
  blocks.reserve(count * kMapRecordSize);
  for (auto const& record : std::span(records).first(count)) {
    auto const block = encode_map_record(record);
    blocks.insert(blocks.end(), block.begin(), block.end());
  }
  auto const written = map_->write_at(map_end_, blocks);
  if (!written) return written;
  map_end_ += blocks.size();
  return {};
}

std::vector<Extent> Partial::present() const {
  std::scoped_lock const lock(mutex_);
  return present_.extents();
}

Bytes Partial::present_bytes() const {
  std::scoped_lock const lock(mutex_);
  return present_.total();
}

std::vector<Extent> Partial::missing(Bytes length_max) const {
  std::scoped_lock const lock(mutex_);
  return present_.gaps(size_, length_max);
}

Result<void> Partial::reserve() { return file_->reserve(size_); }

Result<void> Partial::write(Bytes offset, std::span<std::byte const> data) {
  std::vector<MapRecord> records;
  for (auto rest = data; !rest.empty();) {
    auto const piece = rest.first(std::min<std::size_t>(rest.size(), kMapRecordLengthMax));
    records.push_back({{offset + (data.size() - rest.size()), piece.size()}, hash::blake3(piece), MapRecord::Kind::bytes});
    rest = rest.subspan(piece.size());
  }
  return write_noted(offset, data, records);
}

Result<void> Partial::write_chunks(Bytes offset, std::span<std::byte const> data, std::span<WrittenChunk const> chunks) {
  std::vector<MapRecord> records;
  records.reserve(chunks.size());
  Bytes at = offset;
  for (auto const& chunk : chunks) {
    records.push_back({{at, chunk.length}, as_digest(chunk.hash), MapRecord::Kind::chunk});
    at += chunk.length;
  }
  assert(at == offset + data.size());
  return write_noted(offset, data, records);
}

Result<void> Partial::write_noted(Bytes offset, std::span<std::byte const> data, std::vector<MapRecord> const& records) {
  assert(offset <= size_ && data.size() <= size_ - offset && "a write beyond the file");
  Extent const extent{offset, data.size()};
  auto const written = file_->write_at(offset, data);
  if (written) file_->begin_writeback(offset, data.size());
  std::scoped_lock const lock(mutex_);
  auto const noted = written ? note(records) : written;
  // Nobody knows how far a failed write came, so also what stood there before is gone.
  if (noted)
    present_.add(extent);
  else
    present_.subtract(extent);
  return noted;
}

Result<Bytes> Partial::read(Bytes offset, std::span<std::byte> out) const { return file_->read_at(offset, out); }

Result<void> Partial::reset() {
  std::scoped_lock const lock(mutex_);
  // The bytes stay where they are, unclaimed, so that the reserved space stays ours.
  present_.clear();
  auto const cut = map_->truncate(kMapHeaderSize);
  if (!cut) return cut;
  map_end_ = kMapHeaderSize;
  return {};
}

Result<void> Partial::discard() {
  auto const removed = files_.remove(path_);
  if (!removed) return removed;
  return files_.remove(map_path_);
}

std::string Partial::path_of(std::string const& folder, std::string const& etag) { return pair_path(folder, etag, kPartialSuffix); }

Result<std::vector<Partial::Entry>> Partial::list(fs::FileSystem& files, std::string const& folder) {
  auto const names = files.list(folder);
  if (!names) {
    if (names.error().kind == ErrorKind::local_entry_not_found) return std::vector<Entry>{};
    return names.error();
  }
  std::map<std::string, Entry> entries;
  for (auto const& name : *names) {
    auto const dot = name.find('.');
    if (dot == std::string::npos) continue;
    auto const suffix = std::string_view(name).substr(dot);
    auto const id = ContentId::parse(std::string_view(name).substr(0, dot));
    if (!id || (suffix != kPartialSuffix && suffix != kMapSuffix)) continue;
    auto const stat = files.lstat(folder + "/" + name);
    if (!stat) {
      if (stat.error().kind == ErrorKind::local_entry_not_found) continue;  // went away meanwhile
      return stat.error();
    }
    if (stat->type != fs::Stat::Type::regular) continue;
    auto& entry = entries[id->etag()];
    entry.etag = id->etag();
    entry.allocated += stat->allocated;
    entry.mtime_ns = std::max(entry.mtime_ns, stat->mtime_ns);
  }
  std::vector<Entry> found;
  found.reserve(entries.size());
  for (auto& [etag, entry] : entries) found.push_back(std::move(entry));
  return found;
}

Result<void> Partial::remove(fs::FileSystem& files, std::string const& folder, std::string const& etag) {
  if (!ContentId::parse(etag)) return fail(ErrorKind::bad_request, "remove a partial: \"" + etag + "\" names no content");
  auto const removed = files.remove(pair_path(folder, etag, kPartialSuffix));
  if (!removed) return removed;
  return files.remove(pair_path(folder, etag, kMapSuffix));
}

namespace {

ExtentSet claims_of(fs::FileSystem& files, std::string const& folder, std::string const& etag, Bytes size, bool chunks_only) {
  ExtentSet claims;
  auto const data = files.lstat(pair_path(folder, etag, kPartialSuffix));
  if (!data) return claims;
  auto const file = files.open(pair_path(folder, etag, kMapSuffix), fs::OpenMode::read, kFileMode, true);
  if (!file) return claims;
  auto const map = read_map(**file);
  if (!map || !*map || (*map)->id.etag() != etag || (*map)->size != size) return claims;
  for (auto const& record : (*map)->records)
    if (record.extent.end() <= data->size && (!chunks_only || record.kind == MapRecord::Kind::chunk)) claims.add(record.extent);
  return claims;
}

}  // namespace

Bytes Partial::claimed(fs::FileSystem& files, std::string const& folder, std::string const& etag, Bytes size) {
  return claims_of(files, folder, etag, size, false).total();
}

ExtentSet Partial::claimed_chunks(fs::FileSystem& files, std::string const& folder, std::string const& etag, Bytes size) {
  return claims_of(files, folder, etag, size, true);
}

}  // namespace hubd::transfer
