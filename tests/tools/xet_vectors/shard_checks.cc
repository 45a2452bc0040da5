// SPDX-License-Identifier: Apache-2.0
// Shards, reconstructions, and one file through everything.
#include <algorithm>
#include <map>

#include "core/xet/reconstruct.h"
#include "core/xet/reconstruction_check.h"
#include "core/xet/shard_reader.h"
#include "core/xet/shard_writer.h"
#include "tests/tools/xet_vectors/checks.h"
#include "tests/tools/xet_vectors/inputs.h"

namespace hubd::vectors {
namespace {

xet::ShardXorb xorb_of(json::object const& object) {
  only_known(object, {"hash", "num_bytes_on_disk", "chunks"});
  xet::ShardXorb xorb;
  xorb.xorb = hash_of(object.at("hash"));
  xorb.disk_size = object.at("num_bytes_on_disk").to_number<std::uint32_t>();
  for (auto const& each : object.at("chunks").as_array()) {
    auto const& one = each.as_object();
    only_known(one, {"hash", "len", "flag_gde"});
    auto const length = one.at("len").to_number<std::uint32_t>();
    xorb.chunks.push_back({hash_of(one.at("hash")), xorb.size, length, one.at("flag_gde").as_bool()});
    xorb.size += length;
  }
  return xorb;
}

xet::ShardFile file_of(json::object const& object, std::vector<xet::ShardXorb> const& xorbs) {
  only_known(object, {"file_hash", "sha256", "segments", "with_verification"});
  xet::ShardFile file;
  file.file = hash_of(object.at("file_hash"));
  file.verified = object.at("with_verification").as_bool();
  if (!object.at("sha256").is_null()) file.sha256 = Sha256::parse(text_of(object.at("sha256")));
  std::vector<xet::HashedSize> all;
  for (auto const& each : object.at("segments").as_array()) {
    auto const& one = each.as_object();
    only_known(one, {"xorb", "start", "end"});
    xet::ShardSegment segment;
    segment.xorb = hash_of(one.at("xorb"));
    segment.first = one.at("start").to_number<std::uint32_t>();
    segment.end = one.at("end").to_number<std::uint32_t>();
    auto const xorb =
        std::find_if(xorbs.begin(), xorbs.end(), [&](auto const& known) { return known.xorb == segment.xorb; });
    require(xorb != xorbs.end() && segment.first < segment.end && segment.end <= xorb->chunks.size(),
            "a segment names chunks that are not there");
    std::vector<xet::MerkleHash> hashes;
    for (auto i = segment.first; i < segment.end; ++i) {
      segment.length += xorb->chunks[i].length;
      hashes.push_back(xorb->chunks[i].hash);
      all.push_back({xorb->chunks[i].hash, xorb->chunks[i].length});
    }
    if (file.verified) segment.verification = xet::verification_hash(hashes);
    file.segments.push_back(segment);
  }
  require_text(xet::file_hash(all).text(), file.file.text(), "the file's hash over its segments");
  return file;
}

/// The same shard whatever the order of its parts.
bool alike(xet::Shard a, xet::Shard b) {
  auto const sort = [](xet::Shard& shard) {
    std::sort(shard.files.begin(), shard.files.end(), [](auto const& x, auto const& y) { return x.file < y.file; });
    std::sort(shard.xorbs.begin(), shard.xorbs.end(), [](auto const& x, auto const& y) { return x.xorb < y.xorb; });
  };
  sort(a);
  sort(b);
  return a.files == b.files && a.xorbs == b.xorbs;
}

/// Every entry of the tables leads to a record with that hash, and none lacks.
void require_lookups(Buffer const& bytes, xet::Shard const& shard) {
  auto const lookups = xet::read_shard_lookups(bytes, *shard.footer);
  require(lookups.has_value(), "the lookups do not parse");
  std::map<std::uint32_t, xet::ShardFile const*> files;
  std::map<std::uint32_t, xet::ShardXorb const*> xorbs;
  std::uint32_t record = 0;
  for (auto const& file : shard.files) {
    files[record] = &file;
    record += static_cast<std::uint32_t>(1 + file.segments.size() * (file.verified ? 2 : 1) + (file.sha256 ? 1 : 0));
  }
  record = 0;
  std::size_t chunks = 0;
  for (auto const& xorb : shard.xorbs) {
    xorbs[record] = &xorb;
    record += static_cast<std::uint32_t>(1 + xorb.chunks.size());
    chunks += xorb.chunks.size();
  }
  require_number(lookups->files.size(), files.size(), "the lookup of files");
  require_number(lookups->xorbs.size(), xorbs.size(), "the lookup of xorbs");
  require_number(lookups->chunks.size(), chunks, "the lookup of chunks");
  for (auto const& one : lookups->files)
    require(files.contains(one.record) && files[one.record]->file.word(0) == one.word, "the lookup of files misleads");
  for (auto const& one : lookups->xorbs)
    require(xorbs.contains(one.record) && xorbs[one.record]->xorb.word(0) == one.word, "the lookup of xorbs misleads");
  for (auto const& one : lookups->chunks)
    require(xorbs.contains(one.record) && one.index < xorbs[one.record]->chunks.size() &&
                xorbs[one.record]->chunks[one.index].hash.word(0) == one.word,
            "the lookup of chunks misleads");
}

std::map<xet::MerkleHash, xet::XorbIndex> indexes_of(json::value const& list) {
  std::map<xet::MerkleHash, xet::XorbIndex> xorbs;
  for (auto const& each : list.as_array()) {
    auto const& one = each.as_object();
    only_known(one, {"hash", "chunks_uncompressed_compressed"});
    xet::XorbIndex index;
    index.xorb = hash_of(one.at("hash"));
    std::uint32_t end = 0;
    std::uint32_t record_end = 0;
    for (auto const& pair : one.at("chunks_uncompressed_compressed").as_array()) {
      end += pair.as_array().at(0).to_number<std::uint32_t>();
      record_end += static_cast<std::uint32_t>(xet::kChunkHeadSize) + pair.as_array().at(1).to_number<std::uint32_t>();
      index.chunks.push_back({{}, end, record_end});
    }
    xorbs[index.xorb] = index;
  }
  return xorbs;
}

void check_query(json::object const& query, std::vector<xet::Term> const& file,
                 std::map<xet::MerkleHash, xet::XorbIndex> const& xorbs) {
  only_known(query, {"name", "note", "request_range_end_exclusive", "range_header", "offset_into_first_range", "terms",
                     "fetch", "result"});
  std::optional<Extent> asked;
  if (auto const& range = query.at("request_range_end_exclusive"); !range.is_null()) {
    auto const from = number_of(range.as_array().at(0));
    auto const to = number_of(range.as_array().at(1));
    asked = Extent{from, to - from};
    if (auto const* header = query.if_contains("range_header"))
      require_text("bytes=" + std::to_string(from) + "-" + std::to_string(to - 1), text_of(*header),
                   "the Range header");
  }
  auto const answer = xet::reconstruct(file, xorbs, asked);
  require(answer.has_value(), "there is no answer");
  if (auto const* result = query.if_contains("result")) {
    require_text(text_of(*result), "416", "the result");
    return require(!answer->has_value(), "there is an answer, where 416 was expected");
  }
  require(answer->has_value(), "the answer is 416");
  auto ours = **answer;
  require_number(ours.offset_into_first_range, number_of(query.at("offset_into_first_range")), "the offset");
  auto const& terms = query.at("terms").as_array();
  require_number(ours.terms.size(), terms.size(), "the number of terms");
  for (std::size_t i = 0; i < terms.size(); ++i) {
    auto const& term = terms[i].as_object();
    auto const& range = term.at("range").as_object();
    xet::Term const expected{hash_of(term.at("hash")), range.at("start").to_number<std::uint32_t>(),
                             range.at("end").to_number<std::uint32_t>(), number_of(term.at("unpacked_length"))};
    require(ours.terms[i] == expected, "term " + std::to_string(i) + " is another");
  }
  std::size_t count = 0;
  for (auto const& [xorb, ranges] : ours.ranges) count += ranges.size();
  auto const& fetches = query.at("fetch").as_array();
  require_number(count, fetches.size(), "the number of ranges");
  for (auto const& each : fetches) {
    auto const& fetch = each.as_object();
    auto const& chunks = fetch.at("chunks").as_object();
    auto const& bytes = fetch.at("bytes_inclusive").as_object();
    auto const start = number_of(bytes.at("start"));
    xet::FetchRange const expected{chunks.at("start").to_number<std::uint32_t>(),
                                   chunks.at("end").to_number<std::uint32_t>(),
                                   {start, number_of(bytes.at("end")) - start + 1}};
    auto const& known = ours.ranges[hash_of(fetch.at("hash"))];
    require(std::find(known.begin(), known.end(), expected) != known.end(), "a range is another");
  }
  // Both forms of the wire give it again.
  std::size_t number = 0;
  for (auto& [xorb, ranges] : ours.ranges)
    for (auto& range : ranges) range.url = "https://data.example/" + xorb.text() + "?" + std::to_string(number++);
  auto const v2 = xet::parse_reconstruction_v2(xet::reconstruction_v2_json(ours));
  auto const v1 = xet::parse_reconstruction_v1(xet::reconstruction_v1_json(ours));
  require(v2.has_value() && *v2 == ours, "the second form of the wire gives another answer");
  require(v1.has_value() && *v1 == ours, "the first form of the wire gives another answer");
}

}  // namespace

void check_shard(json::object const& object) {
  only_known(object, {"name",
                      "note",
                      "xorbs",
                      "files",
                      "hmac_key_raw_hex",
                      "creation_timestamp",
                      "key_expiry",
                      "global_dedup_eligible",
                      "local_shard_filename",
                      "upload_len",
                      "upload_sha256",
                      "upload_hex",
                      "local_full_len",
                      "local_full_sha256",
                      "local_full_hex",
                      "minimal_no_files_len",
                      "minimal_no_files_sha256",
                      "minimal_no_files_hex",
                      "keyed_with_lookups_len",
                      "keyed_with_lookups_sha256",
                      "keyed_with_lookups_hex",
                      "keyed_no_lookups_len",
                      "keyed_no_lookups_sha256",
                      "keyed_no_lookups_hex"});
  xet::Shard shard;
  for (auto const& one : object.at("xorbs").as_array()) shard.xorbs.push_back(xorb_of(one.as_object()));
  for (auto const& one : object.at("files").as_array()) shard.files.push_back(file_of(one.as_object(), shard.xorbs));
  xet::ShardWriter::Footer minimal;
  minimal.created = number_of(object.at("creation_timestamp"));
  minimal.expires = number_of(object.at("key_expiry"));
  auto keyed = minimal;
  auto const key = from_hex_text(text_of(object.at("hmac_key_raw_hex")));
  require_number(key.size(), 32, "the size of the key");
  std::copy(key.begin(), key.end(), keyed.key.begin());
  auto keyed_lookups = keyed;
  keyed_lookups.lookups = true;
  xet::ShardWriter::Footer local;
  local.lookups = true;
  local.expires = xet::ShardFooter::kNever;
  struct Form {
    char const* name;
    bool files;
    std::optional<xet::ShardWriter::Footer> footer;
  };
  for (auto const& form :
       {Form{"upload", true, std::nullopt}, Form{"local_full", true, local}, Form{"minimal_no_files", false, minimal},
        Form{"keyed_with_lookups", false, keyed_lookups}, Form{"keyed_no_lookups", false, keyed}}) {
    std::string const name = form.name;
    auto const* hex = object.if_contains(name + "_hex");
    auto const* sha256 = object.if_contains(name + "_sha256");
    if (hex == nullptr && sha256 == nullptr) continue;
    auto wanted = form.files ? shard : xet::dedup_answer(shard);
    auto const bytes = xet::write_shard(wanted, form.footer);
    require(bytes.has_value(), "form " + name + " cannot be written");
    if (hex != nullptr) require_text(hex_of(*bytes), text_of(*hex), "form " + name);
    if (sha256 != nullptr) require_text(sha256_of(*bytes), text_of(*sha256), "the SHA-256 of form " + name);
    if (auto const* size = object.if_contains(name + "_len"))
      require_number(bytes->size(), number_of(*size), "the size of form " + name);
    auto const read = xet::read_shard(*bytes);
    if (!read) throw Mismatch("form " + name + " does not parse: " + read.error().what);
    if (form.footer && form.footer->key != std::array<std::byte, 32>{})
      for (auto& xorb : wanted.xorbs)
        for (auto& chunk : xorb.chunks) chunk.hash = xet::hmac(chunk.hash, form.footer->key);
    require(alike(*read, wanted), "what was read of form " + name + " is another");
    require_equal(read->footer.has_value(), form.footer.has_value(), "whether form " + name + " has a footer");
    if (form.footer && form.footer->lookups) require_lookups(*bytes, *read);
    if (name == "local_full")
      if (auto const* file = object.if_contains("local_shard_filename"))
        require_text(xet::chunk_hash(*bytes).text() + ".mdb", text_of(*file), "the name of the local file");
  }
  if (auto const* expected = object.if_contains("global_dedup_eligible")) {
    auto const eligible = xet::dedup_eligible_chunks(shard);
    std::set<xet::MerkleHash> theirs;
    for (auto const& one : expected->as_array()) theirs.insert(hash_of(one));
    require(eligible == theirs, "the chunks that may be asked for are others");
  }
}

void check_shards(Report& report, json::value const& value, json::object const&) {
  report.each("shards", value, [](json::object const& one) { check_shard(one); });
}

void check_empty_shard(Report& report, json::value const& value, json::object const&) {
  report.run("empty_shard_local_hex", [&] {
    xet::ShardWriter::Footer local;
    local.lookups = true;
    local.expires = xet::ShardFooter::kNever;
    auto const bytes = xet::write_shard({}, local);
    require(bytes.has_value(), "it cannot be written");
    require_text(hex_of(*bytes), text_of(value), "the shard");
    auto const read = xet::read_shard(*bytes);
    require(read.has_value() && read->files.empty() && read->xorbs.empty() && read->footer.has_value(),
            "it does not parse");
  });
}

void check_reconstructions(Report& report, std::string const& kind, json::object const& object) {
  only_known(object, {"name", "note", "xorbs", "file_segments", "queries"});
  auto const xorbs = indexes_of(object.at("xorbs"));
  std::vector<xet::Term> file;
  for (auto const& each : object.at("file_segments").as_array()) {
    auto const& one = each.as_object();
    only_known(one, {"xorb", "start", "end"});
    file.push_back({hash_of(one.at("xorb")), one.at("start").to_number<std::uint32_t>(),
                    one.at("end").to_number<std::uint32_t>(), 0});
  }
  report.each(kind + "/" + text_of(object.at("name")), object.at("queries"),
              [&](json::object const& query) { check_query(query, file, xorbs); });
}

void check_reconstruction(Report& report, json::value const& value, json::object const&) {
  for (auto const& one : value.as_array()) check_reconstructions(report, "reconstruction", one.as_object());
}

void check_end_to_end(Report& report, json::value const& value, json::object const& document) {
  auto const& all = value.as_object();
  only_known(all, {"name", "note", "input", "file_hash", "sha256", "xorb", "shard", "reconstruction", "range_slices"});
  auto const bytes = make_input(all.at("input"), document);
  report.run("end_to_end/file", [&] {
    require_text(sha256_of(bytes), text_of(all.at("sha256")), "the SHA-256");
    require_text(xet::file_hash(cut(bytes).chunks).text(), text_of(all.at("file_hash")), "the file hash");
  });
  report.run("end_to_end/xorb", [&] { check_xorb(all.at("xorb").as_object(), document); });
  report.run("end_to_end/shard", [&] { check_shard(all.at("shard").as_object()); });
  check_reconstructions(report, "end_to_end", all.at("reconstruction").as_object());
  std::size_t i = 0;
  for (auto const& each : all.at("range_slices").as_array()) {
    report.run("end_to_end/range_slices/" + std::to_string(i++), [&] {
      auto const& one = each.as_object();
      only_known(one, {"range", "sha256"});
      auto const from = number_of(one.at("range").as_array().at(0));
      auto const to = number_of(one.at("range").as_array().at(1));
      require(from <= to && to <= bytes.size(), "the slice lies in the file");
      // As a reader gets it: the answer's terms, cut from the chunks of the file.
      xet::XorbIndex index;
      std::uint32_t end = 0;
      for (auto const& chunk : cut(bytes).chunks) {
        end += static_cast<std::uint32_t>(chunk.size);
        index.chunks.push_back(
            {chunk.hash, end, end + static_cast<std::uint32_t>(xet::kChunkHeadSize * (index.chunks.size() + 1))});
      }
      index.xorb = index.computed();
      std::vector<xet::Term> const file{{index.xorb, 0, static_cast<std::uint32_t>(index.chunks.size()), bytes.size()}};
      Extent const asked{from, to - from};
      auto const answer = xet::reconstruct(file, {{index.xorb, index}}, asked);
      require(answer.has_value() && answer->has_value(), "there is no answer");
      auto const usable = xet::check_reconstruction(**answer, asked);
      if (!usable) throw Mismatch(usable.error().what);
      require_number(*usable, asked.length, "the bytes of the answer");
      Buffer slice;
      for (auto const& term : (*answer)->terms) {
        auto const start = term.first == 0 ? 0 : index.chunks[term.first - 1].end;
        auto const part = std::span(bytes).subspan(start, term.length);
        slice.insert(slice.end(), part.begin(), part.end());
      }
      auto const cut_out = std::span(slice).subspan((*answer)->offset_into_first_range, asked.length);
      require_text(sha256_of(cut_out), text_of(one.at("sha256")), "the SHA-256");
    });
  }
}

}  // namespace hubd::vectors
