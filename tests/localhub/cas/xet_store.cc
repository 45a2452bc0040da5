// SPDX-License-Identifier: Apache-2.0
#include "tests/localhub/cas/xet_store.h"

#include <algorithm>
#include <fstream>
#include <mutex>
#include <sstream>

#include "tests/localhub/cas/chunker.h"

namespace hubd::localhub {
namespace {

Error wrong(std::string const& what) { return fail(ErrorKind::bad_request, "shard: " + what); }

// The bytes of a file, chunk by chunk; the last one unpacked is kept.
class FileBytes : public ByteSource {
 public:
  FileBytes(std::vector<Segment> const& segments, XorbLookup const& lookup) {
    Bytes end = 0;
    for (auto const& segment : segments) {
      auto const xorb = lookup(segment.xorb);
      for (std::size_t n = segment.first; n < segment.end; ++n) places_.push_back({end += xorb->chunks()[n].length, xorb, n});
    }
  }
  Result<std::size_t> read(Bytes offset, std::span<std::byte> out) const override {
    auto const at = std::upper_bound(places_.begin(), places_.end(), offset, [](Bytes value, At const& place) { return value < place.end; });
    if (at == places_.end() || out.empty()) return std::size_t{0};
    auto const n = static_cast<std::size_t>(at - places_.begin());
    std::scoped_lock const lock(mutex_);
    if (held_ != n) {
      auto plain = at->xorb->chunk(at->chunk);
      if (!plain) return plain.error();
      plain_ = std::move(*plain);
      held_ = n;
    }
    auto const inside = static_cast<std::size_t>(offset - (at->end - plain_.size()));
    auto const count = std::min(out.size(), plain_.size() - inside);
    std::copy_n(as_bytes(plain_).begin() + static_cast<std::ptrdiff_t>(inside), count, out.begin());
    return count;
  }

 private:
  struct At {
    Bytes end;
    XorbPtr xorb;
    std::size_t chunk;
  };
  std::vector<At> places_;
  mutable std::mutex mutex_;
  mutable std::size_t held_ = static_cast<std::size_t>(-1);  // guarded by mutex_
  mutable std::string plain_;                                // guarded by mutex_
};

std::vector<XetHash> hashes_of(Xorb const& xorb, std::size_t first, std::size_t end) {
  std::vector<XetHash> out;
  for (; first < end; ++first) out.push_back(xorb.chunks()[first].hash);
  return out;
}

}  // namespace

XetStore::XetStore(std::filesystem::path root) : root_(std::move(root)) {
  std::filesystem::create_directories(root_ / "xorbs");
  std::filesystem::create_directories(root_ / "chunks");
}

XorbPtr XetStore::xorb(XetHash const& hash) const {
  auto const it = xorbs_.find(hash);
  return it == xorbs_.end() ? nullptr : it->second;
}
XetFile const* XetStore::file(XetHash const& hash) const {
  auto const it = files_.find(hash);
  return it == files_.end() ? nullptr : &it->second;
}
XetFile const* XetStore::file_by_sha256(std::string const& sha256, std::string const& repo) const {
  auto const it = by_sha256_.find(sha256);
  if (it == by_sha256_.end()) return nullptr;
  auto const& hashes = it->second;
  auto const found = std::find_if(hashes.rbegin(), hashes.rend(), [&](XetHash const& hash) { return files_.at(hash).allows(repo); });
  return found == hashes.rend() ? nullptr : file(*found);
}
void XetStore::name(std::string const& sha256, XetHash const& hash) {
  auto& hashes = by_sha256_[sha256];
  std::erase(hashes, hash);
  hashes.push_back(hash);
}
XorbLookup XetStore::lookup() const {
  return [this](XetHash const& hash) { return xorb(hash); };
}
void XetStore::allow(XetHash const& hash, std::string const& repo) {
  auto const it = files_.find(hash);
  if (it != files_.end()) it->second.repos.insert(repo);
}
std::shared_ptr<ByteSource const> XetStore::bytes_of(XetFile const& file) const {
  return std::make_shared<FileBytes const>(file.segments, lookup());
}

std::vector<TreeNode> XetStore::chunks_of(XetFile const& file) const {
  std::vector<TreeNode> out;
  for (auto const& segment : file.segments) {
    auto const& chunks = xorbs_.at(segment.xorb)->chunks();
    for (std::size_t n = segment.first; n < segment.end; ++n) out.push_back({chunks[n].hash, chunks[n].length});
  }
  return out;
}

Result<bool> XetStore::put_xorb(std::filesystem::path const& temporary, XetHash const& hash, bool exact) {
  std::error_code ignored;
  auto const parsed = parse_xorb(temporary);
  auto const refuse = [&](Error error) {
    std::filesystem::remove(temporary, ignored);
    return error;
  };
  if (!parsed) return refuse(parsed.error());
  if (exact && parsed->footer) return refuse(fail(ErrorKind::corrupt, "xorb: something follows the chunk records"));
  if (parsed->hash != hash) return refuse(fail(ErrorKind::corrupt, "xorb: the body is " + parsed->hash.text() + ", not " + hash.text()));
  if (xorbs_.contains(hash)) {
    std::filesystem::remove(temporary, ignored);
    return false;
  }
  std::error_code error;
  std::filesystem::resize_file(temporary, parsed->chunks.back().end, error);
  std::ofstream(temporary, std::ios::binary | std::ios::app) << xorb_footer(hash, parsed->chunks);
  auto const path = root_ / "xorbs" / ("default." + hash.text());
  if (!error) std::filesystem::rename(temporary, path, error);
  if (error) return refuse(fail(ErrorKind::io, "localhub: cannot place " + path.string() + ": " + error.message(), error));
  xorbs_[hash] = file_xorb(hash, parsed->chunks, path);
  return true;
}

Result<void> XetStore::check_xorb(ShardXorb const& described) const {
  auto const name = "xorb " + described.hash.text();
  auto const known = xorb(described.hash);
  if (!known) return wrong(name + " was not uploaded");
  if (described.chunks.size() != known->chunks().size()) return wrong(name + " has another number of chunks");
  if (described.length != known->length()) return wrong(name + " has another length");
  std::uint64_t start = 0;
  for (std::size_t n = 0; n < described.chunks.size(); ++n) {
    auto const& chunk = described.chunks[n];
    bool const same = chunk.hash == known->chunks()[n].hash && chunk.length == known->chunks()[n].length && chunk.start == start;
    if (!same) return wrong(name + ": chunk " + std::to_string(n) + " is not the one that was uploaded");
    start += chunk.length;
  }
  return {};
}

Result<void> XetStore::check_file(ShardFile const& file) const {
  auto const name = "file " + file.hash.text();
  if (!file.verified) return wrong(name + " has no verification entries");
  std::vector<TreeNode> leaves;
  for (std::size_t i = 0; i < file.segments.size(); ++i) {
    auto const& segment = file.segments[i];
    auto const known = xorb(segment.xorb);
    auto const where = name + ", segment " + std::to_string(i);
    if (!known) return wrong(where + ": xorb " + segment.xorb.text() + " was not uploaded");
    if (segment.end > known->chunks().size()) return wrong(where + " goes past its xorb");
    std::uint64_t length = 0;
    for (std::size_t n = segment.first; n < segment.end; ++n) {
      leaves.push_back({known->chunks()[n].hash, known->chunks()[n].length});
      length += known->chunks()[n].length;
    }
    if (length != segment.length) return wrong(where + " has another length than its chunks");
    if (file.verification[i] != verification_hash(hashes_of(*known, segment.first, segment.end))) return wrong(where + ": the verification hash is wrong");
  }
  if (file_hash(std::move(leaves)) != file.hash) return wrong(name + ": its chunks have another file hash");
  return {};
}

Result<bool> XetStore::add_shard(Shard const& shard, std::string const& repo) {
  for (auto const& one : shard.xorbs) {
    auto const good = check_xorb(one);
    if (!good) return good.error();
  }
  for (auto const& one : shard.files) {
    auto const good = check_file(one);
    if (!good) return good.error();
  }
  return register_shard(shard, repo);
}

Result<bool> XetStore::register_shard(Shard const& shard, std::string const& repo) {
  std::vector<XorbPtr> xorbs;
  std::set<XetHash> marked;
  for (auto const& one : shard.xorbs) {
    xorbs.push_back(xorb(one.hash));
    for (auto const& chunk : one.chunks) {
      if (chunk.eligible) marked.insert(chunk.hash);
    }
  }
  std::vector<XetFile> files;
  for (auto const& one : shard.files) {
    XetFile file;
    file.hash = one.hash;
    file.segments = one.segments;
    for (auto const& segment : one.segments) {
      file.size += segment.length;
      file.verification.push_back(verification_hash(hashes_of(*xorb(segment.xorb), segment.first, segment.end)));
    }
    if (one.sha256 && !one.sha256->zero()) file.sha256 = one.sha256->text();
    if (repo.empty()) {
      file.anywhere = true;
    } else {
      file.repos.insert(repo);
    }
    files.push_back(std::move(file));
  }
  return enter(xorbs, std::move(files), marked);
}

bool XetStore::enter(std::vector<XorbPtr> const& xorbs, std::vector<XetFile> files, std::set<XetHash> const& marked) {
  bool fresh = false;
  std::vector<XetHash> here;
  for (auto const& one : xorbs) {
    here.push_back(one->hash());
    if (!home_.emplace(one->hash(), shards_.size()).second) continue;
    fresh = true;
    for (std::uint32_t n = 0; n < one->chunks().size(); ++n) chunks_.try_emplace(one->chunks()[n].hash, Place{one->hash(), n});
  }
  shards_.push_back(std::move(here));
  eligible_.insert(marked.begin(), marked.end());
  for (auto& file : files) {
    if (!file.segments.empty()) eligible_.insert(xorbs_.at(file.segments[0].xorb)->chunks()[file.segments[0].first].hash);
    if (!file.sha256.empty()) name(file.sha256, file.hash);
    auto const [known, inserted] = files_.try_emplace(file.hash, file);
    fresh = fresh || inserted;
    if (!inserted) {  // the first way to rebuild it stays; rights and names add up
      known->second.repos.merge(file.repos);
      known->second.anywhere = known->second.anywhere || file.anywhere;
      if (known->second.sha256.empty()) known->second.sha256 = file.sha256;
    }
  }
  return fresh;
}

std::optional<XetStore::Dedup> XetStore::dedup(XetHash const& chunk) const {
  auto const place = chunks_.find(chunk);
  if (place == chunks_.end()) return std::nullopt;
  if (!eligible_.contains(chunk) && chunk.word(3) % 1024 != 0) return std::nullopt;
  Dedup out;
  for (auto const& hash : shards_[home_.at(place->second.xorb)]) {
    out.xorbs.push_back(xorbs_.at(hash));
    for (auto const& one : out.xorbs.back()->chunks()) {
      if (eligible_.contains(one.hash)) out.eligible.insert(one.hash);
    }
  }
  return out;
}

Result<std::vector<TreeNode>> XetStore::noted_chunks(Content const& content) const {
  if (content.size <= 1_MiB) return localhub::chunks_of(content);
  auto const note = root_ / "chunks" / content.sha256;
  std::vector<TreeNode> chunks;
  Bytes total = 0;
  {
    std::ifstream in(note);
    std::string hash;
    Bytes size = 0;
    while (in >> hash >> size) {
      auto const parsed = XetHash::parse(hash);
      if (!parsed) break;
      chunks.push_back({*parsed, size});
      total += size;
    }
  }
  if (total == content.size) return chunks;
  auto made = localhub::chunks_of(content);
  if (!made) return made.error();
  std::ofstream out(note);
  for (auto const& chunk : *made) out << chunk.hash.text() << " " << chunk.size << "\n";
  return made;
}

// Cuts xorbs as an uploader does, in file order.
class XetStore::Seeding {
 public:
  Seeding(XetStore& store, ContentPtr content, SeedForm form) : store_(store), content_(std::move(content)), form_(form) {}

  Result<void> add(TreeNode const& chunk) {
    auto const offset = at_;
    at_ += chunk.size;
    if (auto const known = store_.chunks_.find(chunk.hash); form_.dedup && known != store_.chunks_.end()) {
      extend(known->second.xorb, known->second.index, chunk.size);
      return {};
    }
    if (auto const earlier = cut_.find(chunk.hash); earlier != cut_.end()) {
      extend(earlier->second.xorb, earlier->second.index, chunk.size);
      return {};
    }
    if (auto const waiting = pending_.find(chunk.hash); waiting != pending_.end()) {
      extend(XetHash{}, waiting->second, chunk.size);
      return {};
    }
    if (length_ + chunk.size > kXorbLengthMax || pieces_.size() + 1 > form_.xorb_chunks) {
      auto const done = flush();
      if (!done) return done.error();
    }
    auto const index = static_cast<std::uint32_t>(pieces_.size());
    chunks_.push_back({chunk.hash, static_cast<std::uint32_t>(chunk.size), kSchemeNone, 0});
    pieces_.push_back({content_, offset});
    pending_[chunk.hash] = index;
    length_ += chunk.size;
    extend(XetHash{}, index, chunk.size);
    return {};
  }

  Result<void> flush() {
    if (pieces_.empty()) return {};
    auto const hash = xorb_hash(chunks_);
    for (auto& segment : segments) {
      if (segment.xorb.zero()) segment.xorb = hash;
    }
    for (auto const& [chunk, index] : pending_) cut_[chunk] = {hash, index};
    auto xorb = store_.xorb(hash);
    if (!xorb) {
      auto made = form_.scheme == kSchemeNone ? plain(hash) : packed(hash);
      if (!made) return made.error();
      xorb = *made;
      store_.xorbs_[hash] = xorb;
    }
    xorbs.push_back(xorb);
    chunks_.clear();
    pieces_.clear();
    pending_.clear();
    length_ = 0;
    return {};
  }

  std::vector<Segment> segments;
  std::vector<XorbPtr> xorbs;

 private:
  void extend(XetHash const& xorb, std::uint32_t index, Bytes size) {
    auto const length = static_cast<std::uint32_t>(size);
    if (!segments.empty() && segments.back().xorb == xorb && segments.back().end == index) {
      ++segments.back().end;
      segments.back().length += length;
    } else {
      segments.push_back({xorb, length, index, index + 1});
    }
  }

  Result<XorbPtr> plain(XetHash const& hash) {
    Bytes end = 0;
    for (auto& chunk : chunks_) chunk.end = end += kRecordHead + chunk.length;
    return content_xorb(hash, std::move(chunks_), std::move(pieces_));
  }

  Result<XorbPtr> packed(XetHash const& hash) {
    auto const path = store_.root_ / "xorbs" / ("default." + hash.text());
    auto const reader = content_->open();
    if (!reader) return reader.error();
    std::ofstream out(path, std::ios::binary | std::ios::trunc);
    Bytes end = 0;
    for (std::size_t n = 0; n < chunks_.size(); ++n) {
      auto const bytes = read_exactly(**reader, pieces_[n].offset, chunks_[n].length);
      if (!bytes) return bytes.error();
      auto one = pack_chunk(form_.scheme.value_or(kSchemeLz4), *bytes);
      if (!form_.scheme) {
        auto other = pack_chunk(kSchemeGrouped, *bytes);
        if (other.payload.size() < one.payload.size()) one = std::move(other);
      }
      out << record_head(one.scheme, one.payload.size(), chunks_[n].length) << one.payload;
      chunks_[n].scheme = one.scheme;
      chunks_[n].end = end += kRecordHead + one.payload.size();
    }
    out << xorb_footer(hash, chunks_);
    if (!out.flush()) return fail(ErrorKind::io, "localhub: cannot write " + path.string());
    return file_xorb(hash, std::move(chunks_), path);
  }

  XetStore& store_;
  ContentPtr content_;
  SeedForm form_;
  Bytes at_ = 0;
  Bytes length_ = 0;
  std::vector<XorbChunk> chunks_;  // of the xorb that is being filled
  std::vector<ContentPiece> pieces_;
  std::unordered_map<XetHash, std::uint32_t, XetHasher> pending_;
  std::unordered_map<XetHash, Place, XetHasher> cut_;  // of this file's earlier xorbs
};

Result<XetHash> XetStore::seed(ContentPtr const& content, SeedForm const& form, std::string const& repo) {
  auto chunks = noted_chunks(*content);
  if (!chunks) return chunks.error();
  auto const hash = file_hash(*chunks);
  if (files_.contains(hash)) {
    name(content->sha256, hash);
    allow(hash, repo);
    return hash;
  }
  Seeding seeding(*this, content, form);
  for (auto const& chunk : *chunks) {
    auto const added = seeding.add(chunk);
    if (!added) return added.error();
  }
  auto const flushed = seeding.flush();
  if (!flushed) return flushed.error();
  XetFile file;
  file.hash = hash;
  file.size = content->size;
  file.segments = std::move(seeding.segments);
  file.sha256 = content->sha256;
  file.repos.insert(repo);
  for (auto const& segment : file.segments) {
    file.verification.push_back(verification_hash(hashes_of(*xorb(segment.xorb), segment.first, segment.end)));
  }
  enter(seeding.xorbs, {std::move(file)}, {});
  return hash;
}

Result<void> XetStore::adopt_folder(std::filesystem::path const& folder) {
  std::error_code error;
  for (auto const& item : std::filesystem::directory_iterator(folder / "shards", error)) {
    if (item.path().extension() != ".mdb" || adopted_.contains(item.path())) continue;
    std::ifstream in(item.path(), std::ios::binary);
    std::ostringstream all;
    all << in.rdbuf();
    auto const shard = parse_shard(std::move(all).str());
    if (!shard) return shard.error();
    std::set<XetHash> needed;
    for (auto const& one : shard->xorbs) needed.insert(one.hash);
    for (auto const& file : shard->files) {
      for (auto const& segment : file.segments) needed.insert(segment.xorb);
    }
    for (auto const& hash : needed) {
      if (xorbs_.contains(hash)) continue;
      auto const path = folder / "xorbs" / ("default." + hash.text());
      auto parsed = parse_xorb(path);
      if (!parsed) return parsed.error();
      if (parsed->hash != hash) return fail(ErrorKind::corrupt, "localhub: " + path.string() + " holds another xorb");
      xorbs_[hash] = file_xorb(hash, std::move(parsed->chunks), path);
    }
    auto const added = add_shard(*shard, {});
    if (!added) return added.error();
    adopted_.insert(item.path());
  }
  if (error) return fail(ErrorKind::io, "localhub: cannot list " + (folder / "shards").string() + ": " + error.message(), error);
  return {};
}

}  // namespace hubd::localhub
