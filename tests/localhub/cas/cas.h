// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "tests/localhub/call.h"
#include "tests/localhub/cas/tokens.h"
#include "tests/localhub/cas/xet_store.h"
#include "tests/localhub/knobs.h"
#include "tests/localhub/signer.h"

namespace hubd::localhub {

/// The Hub's content addressable store: the API of the CAS origin and the signed URLs of the xorb origin, as a function of
/// its state and one request. Not thread-safe: its owner holds a lock around every call.
class Cas {
 public:
  /// `signer` and `knobs` outlive it.
  Cas(std::filesystem::path const& data, Signer const& signer, Knobs const& knobs);

  /// Answers any request of the two origins but the bodies of xorbs.
  Answer handle(Call const& call);

  /// Where the body of a xorb goes.
  struct Upload {
    XetHash xorb;
    std::string grant;  ///< empty: POST to the CAS itself
  };
  /// Checks a xorb upload's right and URL before its body is read. The refusal is in `refusal`.
  std::optional<Upload> upload_target(Call const& call, Answer& refusal);
  /// The body arrived whole at `temporary`, which is taken over. `crc` is its CRC-64.
  Answer upload_done(Upload const& upload, std::filesystem::path const& temporary, Bytes size, std::uint64_t crc);

  /// What a token route answers: JSON and headers.
  Answer token_answer(std::string const& repo, std::string const& user, bool write);
  /// The same as header fields of a transfer.
  boost::json::object token_fields(std::string const& repo, std::string const& user, bool write);
  /// The file with this sha256, if `repo` may name it. Reads it once to see that the digest is true. Fails: io, corrupt.
  Result<XetFile const*> file_for_commit(std::string const& sha256, std::string const& repo);
  /// Everything about one file or xorb, for tests; an object with "error" when there is none.
  [[nodiscard]] boost::json::value describe_file(XetHash const& hash) const;
  [[nodiscard]] boost::json::value describe_xorb(XetHash const& hash) const;

  XetStore store;
  XetTokens tokens;
  std::string url;       ///< what tokens name as casUrl
  std::string xorb_url;  ///< scheme://host:port of the xorb origin
  std::filesystem::path foreign;  ///< data folder of a local_cas_server behind `url`; empty: we are the CAS

 private:
  enum class Scope { read, write };
  struct Grant {
    XetHash xorb;
    Bytes length = 0;
    std::uint64_t crc = 0;
    std::filesystem::path body;  // once it arrived
  };
  struct FileRef {
    XetFile const* file = nullptr;
    std::optional<Answer> refusal;
  };

  Answer routed(Call const& call);
  std::optional<Answer> refused(Call const& call, Scope scope) const;
  [[nodiscard]] XetToken token_of(Call const& call) const;
  FileRef file_at(Call const& call, std::size_t segment) const;

  // cas_read.cc
  Answer reconstruction(Call const& call, bool v2) const;
  Answer batch(Call const& call) const;
  Answer chunk(Call const& call);
  Answer file_head(Call const& call) const;
  Answer xorb_head(Call const& call) const;
  Answer file_chunks(Call const& call) const;
  Answer xorb_bytes(Call const& call) const;
  [[nodiscard]] std::string signed_url(XetHash const& xorb, std::string const& ranges) const;
  [[nodiscard]] boost::json::object plan_json(Reconstruction const& plan, bool v2) const;

  // cas_write.cc
  Answer grant(Call const& call);
  Answer commit_grant(Call const& call);
  Answer shard(Call const& call, bool v2);

  Signer const& signer_;
  Knobs const& knobs_;
  std::map<std::string, Grant> grants_;
  std::uint64_t dedup_answers_ = 0;
  std::set<std::pair<std::string, XetHash>> true_files_;  // read once and found to have this sha256
};

/// The class of a request on the CAS origin, and on the xorb origin; README.md lists them.
std::string cas_route(std::string_view method, std::vector<std::string> const& segments);
std::string xorb_route(std::string_view method, std::vector<std::string> const& segments);

}  // namespace hubd::localhub
