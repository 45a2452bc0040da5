// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "tests/localhub/cas/reconstruction.h"

namespace hubd::localhub {

/// A file that the store can rebuild.
struct XetFile {
  XetHash hash;
  Bytes size = 0;
  std::vector<Segment> segments;
  std::vector<XetHash> verification;  ///< one per segment
  std::string sha256;                 ///< empty: the uploader did not say
  std::set<std::string> repos;        ///< Repo::oid of those that may name it
  bool anywhere = false;              ///< any repo may

  [[nodiscard]] bool allows(std::string const& repo) const { return anywhere || repos.contains(repo); }
};

/// How a seeded file is cut and packed.
struct SeedForm {
  std::optional<std::uint8_t> scheme = kSchemeNone;  ///< nothing: the smallest for each chunk
  std::size_t xorb_chunks = kXorbChunksMax;
  bool dedup = true;  ///< chunks that are known already are not stored again
};

/// Xorbs, files and the chunk index of the local CAS. Uploaded xorbs are files under `root`; those of seeded files without
/// compression are made from the files themselves. Not thread-safe: its owner has a lock.
class XetStore {
 public:
  explicit XetStore(std::filesystem::path root);

  /// Null when there is none.
  [[nodiscard]] XorbPtr xorb(XetHash const& hash) const;
  [[nodiscard]] XetFile const* file(XetHash const& hash) const;
  /// The latest file of this content that `repo` may name: chunkers differ, so one content can have several ids.
  [[nodiscard]] XetFile const* file_by_sha256(std::string const& sha256, std::string const& repo) const;
  [[nodiscard]] std::map<XetHash, XetFile> const& files() const { return files_; }
  [[nodiscard]] std::map<XetHash, XorbPtr> const& xorbs() const { return xorbs_; }
  [[nodiscard]] std::vector<TreeNode> chunks_of(XetFile const& file) const;
  /// The file's bytes, unpacked and checked as they are read. The file is known here.
  [[nodiscard]] std::shared_ptr<ByteSource const> bytes_of(XetFile const& file) const;
  [[nodiscard]] XorbLookup lookup() const;

  /// Takes over a finished temporary file. False: it was stored before. Fails: corrupt (the body is no xorb, or another
  /// one; `exact`: it holds anything but records), io.
  Result<bool> put_xorb(std::filesystem::path const& temporary, XetHash const& hash, bool exact);
  /// Registers files and xorb descriptions after every check that the protocol allows. False: all was known.
  /// Fails: bad_request, saying which rule the shard breaks; then nothing of it is kept.
  Result<bool> add_shard(Shard const& shard, std::string const& repo);
  /// Chunks and registers a file's content. Fails: io.
  Result<XetHash> seed(ContentPtr const& content, SeedForm const& form, std::string const& repo);
  void allow(XetHash const& file, std::string const& repo);
  /// Reads the folder of a local_cas_server for shards that are new since the last look. Fails: io, bad_request, corrupt.
  Result<void> adopt_folder(std::filesystem::path const& folder);

  struct Dedup {
    std::vector<XorbPtr> xorbs;
    std::set<XetHash> eligible;
  };
  /// What to answer about a chunk; nothing when it is unknown or nobody may ask for it.
  [[nodiscard]] std::optional<Dedup> dedup(XetHash const& chunk) const;

 private:
  struct Place {
    XetHash xorb;
    std::uint32_t index = 0;
  };
  class Seeding;  // one file on its way into xorbs
  Result<void> check_file(ShardFile const& file) const;
  Result<void> check_xorb(ShardXorb const& described) const;
  Result<bool> register_shard(Shard const& shard, std::string const& repo);
  Result<std::vector<TreeNode>> noted_chunks(Content const& content) const;
  void name(std::string const& sha256, XetHash const& file);
  /// New xorbs and files of one shard; `marked` chunks may be asked for. True when something was new.
  bool enter(std::vector<XorbPtr> const& xorbs, std::vector<XetFile> files, std::set<XetHash> const& marked);

  std::filesystem::path root_;
  std::map<XetHash, XorbPtr> xorbs_;
  std::map<XetHash, XetFile> files_;
  std::map<std::string, std::vector<XetHash>> by_sha256_;  // latest last
  std::unordered_map<XetHash, Place, XetHasher> chunks_;  // of xorbs that a shard described
  std::map<XetHash, std::size_t> home_;                   // xorb to number in shards_
  std::vector<std::vector<XetHash>> shards_;              // the xorbs of each
  std::set<XetHash> eligible_;                            // chunks: first of a file, or marked by a shard
  std::set<std::filesystem::path> adopted_;
};

}  // namespace hubd::localhub
