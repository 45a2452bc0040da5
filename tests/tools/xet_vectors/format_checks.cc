// SPDX-License-Identifier: Apache-2.0
// Chunks as they are packed, and xorbs.
#include <algorithm>
#include <charconv>

#include "core/xet/byte_groups.h"
#include "core/xet/packing.h"
#include "core/xet/xorb_reader.h"
#include "core/xet/xorb_writer.h"
#include "tests/tools/xet_vectors/checks.h"
#include "tests/tools/xet_vectors/inputs.h"

namespace hubd::vectors {
namespace {

xet::PackingPolicy policy_of(std::string const& name) {
  if (name == "none") return xet::PackingPolicy::none;
  if (name == "lz4") return xet::PackingPolicy::lz4;
  if (name == "bg4-lz4") return xet::PackingPolicy::grouped_lz4;
  if (name == "auto") return xet::PackingPolicy::automatic;
  throw Mismatch("policy '" + name + "' is not known");
}

/// Where the note says that another file begins; the vectors have no field for it.
std::size_t section_of(json::object const& object) {
  constexpr std::string_view mark = "file boundary at chunk ";
  auto const* note = object.if_contains("note");
  auto const text = note == nullptr ? std::string() : text_of(*note);
  auto const at = text.find(mark);
  std::size_t chunk = 0;
  if (at != std::string::npos) std::from_chars(text.data() + at + mark.size(), text.data() + text.size(), chunk);
  return chunk;
}

std::vector<std::span<std::byte const>> pieces_of(json::object const& object, Buffer const& bytes) {
  std::vector<Bytes> lengths;
  if (auto const* given = object.if_contains("explicit_chunk_lengths"); given != nullptr && !given->is_null())
    for (auto const& length : given->as_array()) lengths.push_back(number_of(length));
  else
    for (auto const& chunk : cut(bytes).chunks) lengths.push_back(chunk.size);
  std::vector<std::span<std::byte const>> pieces;
  std::size_t at = 0;
  for (auto const length : lengths) {
    require(length <= bytes.size() - at, "the chunks are longer than the input");
    pieces.push_back(std::span(bytes).subspan(at, length));
    at += length;
  }
  require_number(at, bytes.size(), "the length of all chunks");
  return pieces;
}

Buffer joined(std::span<std::byte const> a, std::span<std::byte const> b) {
  Buffer all(a.begin(), a.end());
  all.insert(all.end(), b.begin(), b.end());
  return all;
}

/// Reads `bytes` piece by piece and compares the chunks.
xet::XorbIndex read_chunks(std::span<std::byte const> bytes, xet::XorbReader::FooterUse use,
                           std::vector<std::span<std::byte const>> const& pieces, json::array const& expected,
                           bool packed_alike) {
  std::size_t i = 0;
  xet::XorbReader reader(use, [&](xet::XorbReader::Chunk const& chunk) -> Result<void> {
    auto const name = "chunk " + std::to_string(i);
    auto const& one = expected.at(i).as_object();
    only_known(one, {"scheme", "compressed_len", "len", "hash"});
    require_number(static_cast<unsigned>(chunk.head.packing), number_of(one.at("scheme")), "the scheme of " + name);
    if (packed_alike)
      require_number(chunk.head.packed_size, number_of(one.at("compressed_len")), "the packed length of " + name);
    require_number(chunk.head.size, number_of(one.at("len")), "the length of " + name);
    require_text(chunk.hash.text(), text_of(one.at("hash")), "the hash of " + name);
    require(std::equal(chunk.bytes.begin(), chunk.bytes.end(), pieces.at(i).begin(), pieces.at(i).end()),
            "the bytes of " + name + " are others");
    ++i;
    return {};
  });
  for (std::size_t at = 0; at < bytes.size(); at += 1009) {
    auto const read = reader.update(bytes.subspan(at, std::min<std::size_t>(1009, bytes.size() - at)));
    if (!read) throw Mismatch(read.error().what);
  }
  auto const index = reader.finish();
  if (!index) throw Mismatch(index.error().what);
  require_number(i, expected.size(), "the number of chunks");
  return *index;
}

}  // namespace

void check_groups(Report& report, json::value const& value, json::object const&) {
  report.each("bg4_split", value, [](json::object const& one) {
    only_known(one, {"name", "note", "input_hex", "split_hex"});
    auto const input = from_hex_text(text_of(one.at("input_hex")));
    auto const split = from_hex_text(text_of(one.at("split_hex")));
    require_number(input.size(), split.size(), "the size");
    Buffer out(input.size());
    xet::group_bytes(input, out);
    require_text(hex_of(out), hex_of(split), "the grouped bytes");
    xet::ungroup_bytes(split, out);
    require_text(hex_of(out), hex_of(input), "the bytes put back");
  });
}

void check_predictor(Report& report, json::value const& value, json::object const& document) {
  report.each("bg4_predictor", value, [&](json::object const& one) {
    only_known(one, {"name", "note", "input", "popcount_histograms", "bg4_recommended"});
    auto const bytes = make_input(one.at("input"), document);
    auto const bits = xet::count_lane_bits(bytes);
    auto const& lanes = one.at("popcount_histograms").as_array();
    require_number(lanes.size(), 4, "the number of lanes");
    for (std::size_t lane = 0; lane < 4; ++lane) {
      require_number(lanes[lane].as_array().size(), 9, "the number of bins");
      for (std::size_t bin = 0; bin < 9; ++bin)
        require_number(bits[lane][bin], number_of(lanes[lane].as_array()[bin]), "a bin");
    }
    require_equal(xet::grouping_helps(bits), one.at("bg4_recommended").as_bool(), "the choice");
  });
}

void check_frames(Report& report, json::value const& value, json::object const& document) {
  auto const& all = value.as_object();
  only_known(all, {"note", "cases"});
  report.each("lz4_frames", all.at("cases"), [&](json::object const& one) {
    only_known(one, {"name", "note", "input", "scheme", "variant", "size", "sha256", "frame_len", "frame_hex"});
    auto const expected = make_input(one.at("input"), document);
    auto const frame = from_hex_text(text_of(one.at("frame_hex")));
    auto const scheme = number_of(one.at("scheme"));
    require(scheme == 1 || scheme == 2, "scheme " + std::to_string(scheme) + " is not known");
    require_number(frame.size(), number_of(one.at("frame_len")), "the frame's size");
    require_number(expected.size(), number_of(one.at("size")), "the size");
    xet::ChunkHead head;
    head.packing = static_cast<xet::Packing>(scheme);
    head.packed_size = static_cast<std::uint32_t>(frame.size());
    head.size = static_cast<std::uint32_t>(expected.size());
    Buffer out(expected.size());
    auto const unpacked = xet::unpack_chunk(head, frame, out);
    if (!unpacked) throw Mismatch(unpacked.error().what);
    require(out == expected, "it unpacks to other bytes");
    require_text(sha256_of(out), text_of(one.at("sha256")), "the SHA-256");
    if (expected.empty() || expected.size() > xet::kChunkSizeMax) return;
    Buffer record;  // our own frame, back through the same reader
    auto const written = xet::append_chunk(expected, head.packing, record);
    std::fill(out.begin(), out.end(), std::byte{0});
    auto const again = xet::unpack_chunk(written, std::span(record).subspan(xet::kChunkHeadSize), out);
    require(again.has_value() && out == expected, "what we pack unpacks to other bytes");
  });
}

void check_xorb(json::object const& object, json::object const& document) {
  only_known(object, {"name", "note", "input", "scheme_policy", "explicit_chunk_lengths", "xorb_hash", "chunks",
                      "body_len", "full_len", "info_length", "body_hex", "footer_v1_hex", "footer_v0_hex",
                      "body_sha256", "full_v1_sha256", "full_v0_sha256"});
  auto const bytes = make_input(object.at("input"), document);
  auto const pieces = pieces_of(object, bytes);
  auto const& expected = object.at("chunks").as_array();
  require_number(pieces.size(), expected.size(), "the number of chunks");
  auto const section = section_of(object);
  xet::XorbWriter writer(policy_of(text_of(object.at("scheme_policy"))));
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (section != 0 && i == section) writer.begin_section();
    require(writer.fits(pieces[i].size()), "a chunk does not fit");
    writer.add(pieces[i], xet::chunk_hash(pieces[i]));
  }
  auto const ours = writer.finish();
  require_text(ours.index.xorb.text(), text_of(object.at("xorb_hash")), "the xorb's hash");

  // Theirs: the bytes where they are given. Packed bytes need not be alike, unpacked ones must.
  auto const* given = object.if_contains("body_hex");
  bool const packed = std::any_of(expected.begin(), expected.end(),
                                  [](json::value const& one) { return number_of(one.as_object().at("scheme")) != 0; });
  require(given != nullptr || !packed, "a xorb with packed chunks gives no bytes to compare with");
  auto const body = given != nullptr ? from_hex_text(text_of(*given)) : ours.body;
  require_number(body.size(), number_of(object.at("body_len")), "the size of the records");
  require_text(sha256_of(body), text_of(object.at("body_sha256")), "the SHA-256 of the records");
  using Use = xet::XorbReader::FooterUse;
  read_chunks(ours.body, Use::refuse, pieces, expected, !packed);
  auto const index = read_chunks(body, Use::refuse, pieces, expected, true);
  require(index.xorb == ours.index.xorb, "the xorb's hash that was read is another");
  if (!packed) require(body == ours.body, "the records are others");

  for (auto const version : {xet::XorbFooterVersion::v1, xet::XorbFooterVersion::v0}) {
    bool const v1 = version == xet::XorbFooterVersion::v1;
    auto const footer = xet::xorb_footer(index, version);
    if (auto const* hex = object.if_contains(v1 ? "footer_v1_hex" : "footer_v0_hex")) {
      auto const theirs = from_hex_text(text_of(*hex));
      // With or without the length behind it.
      require(std::equal(theirs.begin(), theirs.end(), footer.begin(),
                         footer.begin() + static_cast<std::ptrdiff_t>(std::min(theirs.size(), footer.size()))) &&
                  (theirs.size() == footer.size() || theirs.size() + xet::kXorbFooterTail == footer.size()),
              v1 ? "the footer v1 is another" : "the footer v0 is another");
    }
    auto const full = joined(body, footer);
    require_text(sha256_of(full), text_of(object.at(v1 ? "full_v1_sha256" : "full_v0_sha256")),
                 v1 ? "the SHA-256 with footer v1" : "the SHA-256 with footer v0");
    if (v1) {
      require_number(full.size(), number_of(object.at("full_len")), "the size with footer");
      require_number(footer.size() - xet::kXorbFooterTail, number_of(object.at("info_length")),
                     "the size of the footer");
    }
    read_chunks(full, Use::need, pieces, expected, true);
    auto const place = xet::find_xorb_footer(std::span(full).last<xet::kXorbFooterTail>(), full.size());
    require(place.has_value() && place->offset == body.size(), "the footer is not found from the end");
    auto const parsed = xet::parse_xorb_footer(std::span(full).subspan(place->offset, place->length), place->offset);
    require(parsed.has_value(), "the footer does not parse");
    auto without_ends = index;
    if (!v1)
      for (auto& chunk : without_ends.chunks) chunk.end = 0;
    require(parsed->index == without_ends, "the footer that was read is another");
    require(xet::check_stored_xorb(full, index.xorb).has_value(), "the stored form is refused");
  }
}

void check_xorbs(Report& report, json::value const& value, json::object const& document) {
  report.each("xorbs", value, [&](json::object const& one) { check_xorb(one, document); });
}

}  // namespace hubd::vectors
