// SPDX-License-Identifier: Apache-2.0
// xet_tool: core/xet over files, for tests that compare it with programs of others.
//
//   xet_tool xorb FILE                                     reads a stored or uploaded xorb
//   xet_tool shard FILE                                    reads a shard
//   xet_tool answer v1|v2 ANSWER FILE_ID OFFSET LENGTH SHARD XORB...
//                                                          holds a reconstruction against ours; LENGTH 0: of the whole
//                                                          file
//   xet_tool pack FILE FOLDER                              writes FOLDER/<id>.xorb and FOLDER/shard, as they are
//   uploaded
//
// Prints one JSON object; errors go to stderr, exit code 1.
#include <algorithm>
#include <boost/json.hpp>
#include <fstream>
#include <iostream>
#include <iterator>
#include <stdexcept>
#include <string>

#include "core/hash/hasher.h"
#include "core/xet/file_hasher.h"
#include "core/xet/reconstruct.h"
#include "core/xet/reconstruction_check.h"
#include "core/xet/shard_reader.h"
#include "core/xet/shard_writer.h"
#include "core/xet/xorb_reader.h"
#include "core/xet/xorb_writer.h"

namespace hubd {
namespace {

namespace json = boost::json;

template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().what);
  return std::move(*result);
}
void must(Result<void> const& result) {
  if (!result) throw std::runtime_error(result.error().what);
}

std::string read_file(std::string const& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error(path + " cannot be opened");
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_file(std::string const& path, std::span<std::byte const> bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<char const*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  if (!file.flush()) throw std::runtime_error(path + " cannot be written");
}

json::object show_xorb(std::string const& path) {
  json::array chunks;
  xet::XorbReader reader(xet::XorbReader::FooterUse::check,
                         [&chunks](xet::XorbReader::Chunk const& chunk) -> Result<void> {
                           chunks.push_back(json::object{{"hash", chunk.hash.text()},
                                                         {"length", chunk.head.size},
                                                         {"packing", static_cast<unsigned>(chunk.head.packing)}});
                           return {};
                         });
  auto const bytes = read_file(path);
  must(reader.update(as_bytes(bytes)));
  auto const index = must(reader.finish());
  auto const footer = xet::xorb_footer(index);
  return {{"xorb", index.xorb.text()},
          {"chunks", std::move(chunks)},
          {"body_size", index.body_size()},
          {"footer_is_ours", bytes.substr(index.body_size()) == as_text(footer)}};
}

json::object show_shard(std::string const& path) {
  auto const shard = must(xet::read_shard(as_bytes(read_file(path))));
  json::array files;
  for (auto const& file : shard.files) {
    json::array segments;
    for (auto const& one : file.segments)
      segments.push_back(
          json::object{{"xorb", one.xorb.text()},
                       {"first", one.first},
                       {"end", one.end},
                       {"length", one.length},
                       {"verification", one.verification ? json::value(one.verification->text()) : json::value()}});
    files.push_back(json::object{{"file", file.file.text()},
                                 {"sha256", file.sha256 ? json::value(file.sha256->hex()) : json::value()},
                                 {"segments", std::move(segments)}});
  }
  json::array xorbs;
  for (auto const& xorb : shard.xorbs) {
    json::array chunks;
    for (auto const& chunk : xorb.chunks)
      chunks.push_back(json::object{{"hash", chunk.hash.text()}, {"length", chunk.length}});
    xorbs.push_back(json::object{{"xorb", xorb.xorb.text()}, {"size", xorb.size}, {"chunks", std::move(chunks)}});
  }
  return {{"files", std::move(files)}, {"xorbs", std::move(xorbs)}, {"footer", shard.footer.has_value()}};
}

json::object hold_answer(std::vector<std::string> const& words) {
  auto const text = read_file(words.at(2));
  auto const v1 = words.at(1) == "v1";
  auto theirs = must(v1 ? xet::parse_reconstruction_v1(text) : xet::parse_reconstruction_v2(text));
  std::optional<Extent> asked;
  if (words.at(5) != "0") asked = Extent{std::stoull(words.at(4)), std::stoull(words.at(5))};
  auto const usable = must(xet::check_reconstruction(theirs, asked));
  auto const shard = must(xet::read_shard(as_bytes(read_file(words.at(6)))));
  std::vector<xet::Term> file;
  bool found = false;
  for (auto const& one : shard.files) {
    if (one.file.text() != words.at(3)) continue;
    found = true;
    for (auto const& segment : one.segments) file.push_back({segment.xorb, segment.first, segment.end, segment.length});
  }
  if (!found) throw std::runtime_error("the shard does not name file " + words.at(3));
  std::map<xet::MerkleHash, xet::XorbIndex> xorbs;
  for (std::size_t i = 7; i < words.size(); ++i) {
    auto index = must(xet::check_stored_xorb(as_bytes(read_file(words[i])), std::nullopt));
    xorbs[index.xorb] = std::move(index);
  }
  auto const ours = must(xet::reconstruct(file, xorbs, asked));
  for (auto& [xorb, ranges] : theirs.ranges) {
    for (auto& range : ranges) range.url.clear();
    std::sort(ranges.begin(), ranges.end(), [](auto const& a, auto const& b) { return a.first < b.first; });
  }
  return {{"usable", usable}, {"same", ours.has_value() && *ours == theirs}};
}

json::object pack(std::string const& path, std::string const& folder) {
  auto const text = read_file(path);
  auto const bytes = as_bytes(text);
  std::vector<xet::HashedSize> chunks;
  xet::FileHasher hasher;
  auto const keep = [&chunks](xet::HashedSize const& chunk) { chunks.push_back(chunk); };
  hasher.update(bytes, keep);
  auto const total = hasher.finish(keep);
  xet::Shard shard;
  xet::ShardFile file{total.file, {}, true, hash::sha256(bytes)};
  json::array names;
  xet::XorbWriter writer(xet::PackingPolicy::automatic);
  auto const close = [&] {
    if (writer.chunks() == 0) return;
    auto const xorb = writer.finish();
    write_file(folder + "/" + xorb.index.xorb.text() + ".xorb", xorb.body);
    names.push_back(json::value(xorb.index.xorb.text()));
    std::vector<xet::MerkleHash> hashes;
    for (auto const& chunk : xorb.index.chunks) hashes.push_back(chunk.hash);
    auto const count = static_cast<std::uint32_t>(hashes.size());
    file.segments.push_back(
        {xorb.index.xorb, static_cast<std::uint32_t>(xorb.index.size()), 0, count, xet::verification_hash(hashes)});
    shard.xorbs.push_back(xet::shard_xorb(xorb.index));
  };
  std::size_t at = 0;
  for (auto const& chunk : chunks) {
    if (!writer.fits(chunk.size)) close();
    writer.add(bytes.subspan(at, chunk.size), chunk.hash);
    at += chunk.size;
  }
  close();
  shard.files.push_back(std::move(file));
  write_file(folder + "/shard", must(xet::write_shard(shard, std::nullopt)));
  return {{"file", total.file.text()}, {"size", total.size}, {"xorbs", std::move(names)}};
}

json::object run(std::vector<std::string> const& words) {
  if (words.size() == 2 && words[0] == "xorb") return show_xorb(words[1]);
  if (words.size() == 2 && words[0] == "shard") return show_shard(words[1]);
  if (words.size() >= 7 && words[0] == "answer") return hold_answer(words);
  if (words.size() == 3 && words[0] == "pack") return pack(words[1], words[2]);
  throw std::runtime_error(
      "usage: xet_tool xorb FILE | shard FILE | answer v1|v2 ANSWER FILE_ID OFFSET LENGTH SHARD XORB... | pack FILE "
      "FOLDER");
}

}  // namespace
}  // namespace hubd

int main(int argc, char** argv) {
  try {
    std::cout << hubd::json::serialize(hubd::run({argv + 1, argv + argc})) << '\n';
    return 0;
  } catch (std::exception const& error) {
    std::cerr << "xet_tool: " << error.what() << '\n';
    return 1;
  }
}
