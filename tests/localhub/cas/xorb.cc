// SPDX-License-Identifier: Apache-2.0
#include "tests/localhub/cas/xorb.h"

#include <algorithm>
#include <cstring>

#include "tests/localhub/cas/chunker.h"

namespace hubd::localhub {
namespace {

constexpr std::string_view kFooterMark = "XETBLOB";

void put_u32(std::string& out, std::uint64_t value) {
  for (unsigned shift = 0; shift < 32; shift += 8) out.push_back(static_cast<char>((value >> shift) & 0xffU));
}
void put_hash(std::string& out, XetHash const& hash) { out.append(reinterpret_cast<char const*>(hash.raw.data()), hash.raw.size()); }

std::uint32_t u24(std::string_view bytes) {
  return static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[0]) | (static_cast<unsigned char>(bytes[1]) << 8U) |
                                    (static_cast<unsigned char>(bytes[2]) << 16U));
}

Error broken(std::size_t chunk, std::string const& how) {
  return fail(ErrorKind::corrupt, "xorb: chunk " + std::to_string(chunk) + ": " + how);
}

class FileXorb : public Xorb {
 public:
  FileXorb(XetHash const& hash, std::vector<XorbChunk> chunks, std::filesystem::path file) : Xorb(hash, std::move(chunks)) {
    content_.size = records();
    content_.file = std::move(file);
  }
  Result<std::size_t> read(Bytes offset, std::span<std::byte> out) const override {
    auto const opened = content_.open();
    if (!opened) return opened.error();
    return (*opened)->read(offset, out);
  }

 private:
  Content content_;
};

class ContentXorb : public Xorb {
 public:
  ContentXorb(XetHash const& hash, std::vector<XorbChunk> chunks, std::vector<ContentPiece> pieces)
      : Xorb(hash, std::move(chunks)), pieces_(std::move(pieces)) {}

  Result<std::size_t> read(Bytes offset, std::span<std::byte> out) const override {
    std::size_t made = 0;
    ContentPtr open_content;
    std::unique_ptr<ByteSource const> reader;
    while (made < out.size() && offset < records()) {
      auto const at = std::upper_bound(chunks().begin(), chunks().end(), offset, [](Bytes value, XorbChunk const& chunk) { return value < chunk.end; });
      auto const n = static_cast<std::size_t>(at - chunks().begin());
      auto const inside = offset - chunk_begin(n);
      auto const rest = out.subspan(made);
      std::size_t got = 0;
      if (inside < kRecordHead) {
        auto const head = record_head(kSchemeNone, at->length, at->length);
        got = std::min<std::size_t>(rest.size(), kRecordHead - inside);
        std::memcpy(rest.data(), head.data() + inside, got);
      } else {
        if (open_content != pieces_[n].content) {
          auto opened = pieces_[n].content->open();
          if (!opened) return opened.error();
          reader = std::move(*opened);
          open_content = pieces_[n].content;
        }
        auto const want = std::min<std::size_t>(rest.size(), at->length - (inside - kRecordHead));
        auto const read = reader->read(pieces_[n].offset + inside - kRecordHead, rest.first(want));
        if (!read) return read.error();
        if (*read == 0) return fail(ErrorKind::io, "localhub: a seeded file became shorter");
        got = *read;
      }
      made += got;
      offset += got;
    }
    return made;
  }

 private:
  std::vector<ContentPiece> pieces_;
};

}  // namespace

std::string record_head(std::uint8_t scheme, std::size_t payload, std::size_t length) {
  std::string head;
  auto const put_u24 = [&head](std::size_t value) {
    for (unsigned shift = 0; shift < 24; shift += 8) head.push_back(static_cast<char>((value >> shift) & 0xffU));
  };
  head.push_back('\0');  // version
  put_u24(payload);
  head.push_back(static_cast<char>(scheme));
  put_u24(length);
  return head;
}

std::string xorb_footer(XetHash const& hash, std::vector<XorbChunk> const& chunks) {
  auto const n = chunks.size();
  std::string out(kFooterMark);
  out.push_back('\1');
  put_hash(out, hash);
  out.append("XBLBHSH").push_back('\0');
  put_u32(out, n);
  for (auto const& chunk : chunks) put_hash(out, chunk.hash);
  out.append("XBLBBND").push_back('\1');
  put_u32(out, n);
  for (auto const& chunk : chunks) put_u32(out, chunk.end);
  Bytes length = 0;
  for (auto const& chunk : chunks) put_u32(out, length += chunk.length);
  put_u32(out, n);
  put_u32(out, 52 + 40 * n);
  put_u32(out, 40 + 8 * n);
  out.append(16, '\0');
  put_u32(out, out.size());
  return out;
}

Xorb::Xorb(XetHash hash, std::vector<XorbChunk> chunks) : hash_(hash), chunks_(std::move(chunks)) {
  for (auto const& chunk : chunks_) length_ += chunk.length;
}

Bytes Xorb::stored() const { return records() + 92 + 40 * chunks_.size() + 4; }

Result<std::string> Xorb::chunk(std::size_t n) const {
  auto const record = read_exactly(*this, chunk_begin(n), static_cast<std::size_t>(chunks_[n].end - chunk_begin(n)));
  if (!record) return record.error();
  auto plain = unpack_chunk(chunks_[n].scheme, std::string_view(*record).substr(kRecordHead), chunks_[n].length);
  if (!plain || chunk_hash(as_bytes(*plain)) != chunks_[n].hash) return broken(n, "it does not unpack to what it was");
  return std::move(*plain);
}

Result<std::string> read_exactly(ByteSource const& source, Bytes offset, std::size_t size) {
  std::string out(size, '\0');
  for (std::size_t made = 0; made < size;) {
    auto const got = source.read(offset + made, std::as_writable_bytes(std::span(out)).subspan(made));
    if (!got) return got.error();
    if (*got == 0) return fail(ErrorKind::corrupt, "localhub: bytes end early");
    made += *got;
  }
  return out;
}

XetHash xorb_hash(std::vector<XorbChunk> const& chunks) {
  std::vector<TreeNode> leaves;
  leaves.reserve(chunks.size());
  for (auto const& chunk : chunks) leaves.push_back({chunk.hash, chunk.length});
  return tree_root(std::move(leaves));
}

Result<ParsedXorb> parse_xorb(std::filesystem::path const& file) {
  Content content;
  std::error_code error;
  content.size = std::filesystem::file_size(file, error);
  content.file = file;
  if (error) return fail(ErrorKind::io, "localhub: cannot read " + file.string() + ": " + error.message(), error);
  auto const reader = content.open();
  if (!reader) return reader.error();
  ParsedXorb parsed;
  Bytes length = 0;
  for (Bytes at = 0; at < content.size;) {
    auto const n = parsed.chunks.size();
    auto const left = content.size - at;
    auto const head = read_exactly(**reader, at, static_cast<std::size_t>(std::min<Bytes>(left, kRecordHead)));
    if (!head) return head.error();
    if (head->starts_with(kFooterMark)) {
      parsed.footer = true;
      break;
    }
    if (head->size() < kRecordHead) return broken(n, "the body ends inside its head");
    auto const packed = u24(std::string_view(*head).substr(1));
    auto const unpacked = u24(std::string_view(*head).substr(5));
    auto const scheme = static_cast<std::uint8_t>((*head)[4]);
    if (scheme > kSchemeGrouped) return broken(n, "scheme " + std::to_string(scheme) + " is unknown");
    if ((*head)[0] != 0) return broken(n, "version is not 0");
    if (packed > kPayloadMax) return broken(n, "the payload is longer than 262144 bytes");
    if (unpacked > kChunkMax || unpacked == 0) return broken(n, "its length is not 1 to 131072");
    if (left - kRecordHead < packed) return broken(n, "the body ends inside its payload");
    auto const payload = read_exactly(**reader, at + kRecordHead, packed);
    if (!payload) return payload.error();
    auto const plain = unpack_chunk(scheme, *payload, unpacked);
    if (!plain) return broken(n, "the payload does not unpack to " + std::to_string(unpacked) + " bytes");
    at += kRecordHead + packed;
    length += unpacked;
    parsed.chunks.push_back({chunk_hash(as_bytes(*plain)), unpacked, scheme, at});
    if (parsed.chunks.size() > kXorbChunksMax) return broken(n, "more than 8192 chunks");
    if (length > kXorbLengthMax) return broken(n, "more than 64 MiB of content");
  }
  if (parsed.chunks.empty()) return fail(ErrorKind::corrupt, "xorb: the body holds no chunk");
  parsed.hash = xorb_hash(parsed.chunks);
  return parsed;
}

XorbPtr file_xorb(XetHash const& hash, std::vector<XorbChunk> chunks, std::filesystem::path file) {
  return std::make_shared<FileXorb const>(hash, std::move(chunks), std::move(file));
}
XorbPtr content_xorb(XetHash const& hash, std::vector<XorbChunk> chunks, std::vector<ContentPiece> pieces) {
  return std::make_shared<ContentXorb const>(hash, std::move(chunks), std::move(pieces));
}

}  // namespace hubd::localhub
