// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <boost/json/value.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/clock.h"
#include "tests/localhub/call.h"
#include "tests/localhub/cas/cas.h"
#include "tests/localhub/content.h"
#include "tests/localhub/knobs.h"
#include "tests/localhub/signer.h"
#include "tests/localhub/world.h"

namespace hubd::localhub {

/// Which repo a URL names, and what of it.
struct Place {
  std::string type;
  std::string id;
  std::string verb;           ///< tree, resolve, ...; empty: the repo itself
  std::size_t id_from = 0;    ///< segments [id_from, id_end) are the id
  std::size_t id_end = 0;
  std::size_t rest = 0;       ///< first segment after the verb
  bool git = false;           ///< ns/name.git/...
};

/// Reads a path of either origin; nothing when it names no repo.
std::optional<Place> place_of(std::vector<std::string> const& segments);
/// The route class of README.md.
std::string route_class(std::string_view origin, std::string_view method, std::vector<std::string> const& segments);

/// The local Hub's answers: a function of its state and one request. No sockets, no waiting.
/// Not thread-safe: its owner holds a lock around every call.
class Hub {
 public:
  Hub(Clock const& clock, std::filesystem::path const& data, bool tls);

  /// Answers any request but PUT on the CDN origin.
  Answer handle(Call const& call);
  /// Part of an upload arrived whole at `temporary`. `key` is what begin_upload gave.
  struct UploadTarget {
    bool part = false;
    std::string oid;       ///< sha256 the whole object must have
    Bytes size = 0;        ///< that this body must have; parts: of the part
    std::string upload_id;
    std::size_t number = 0;
    std::optional<Cas::Upload> xorb;
  };
  /// Checks a PUT's URL. The refusal is in `refusal`.
  std::optional<UploadTarget> upload_target(Call const& call, Answer& refusal);
  Answer upload_done(UploadTarget const& target, std::filesystem::path const& temporary, std::string const& sha256,
                     std::string const& md5, Bytes size, std::uint64_t crc);
  /// Adds what a seed describes. Fails: bad_request, io.
  Result<void> seed(boost::json::value const& document);
  /// RateLimit headers, and a 429 instead of `answer` when the window is empty.
  std::optional<Answer> rate_refusal(Call const& call, std::string const& address, Fields& fields);

  World world;
  Knobs knobs;
  Signer signer;
  ContentStore store;
  Cas cas;
  std::string cdn_base;  ///< scheme://host:port of the CDN origin

 private:
  enum class Need { see, files, write };
  struct Caller {
    User const* user = nullptr;
    bool presented = false;  ///< an Authorization header was there
  };
  struct Opened {
    Repo* repo = nullptr;
    Caller caller;
    std::optional<Answer> refusal;
  };
  struct At {
    std::shared_ptr<Commit const> commit;
    std::optional<Answer> refusal;
  };

  // access.cc
  Caller caller_of(Call const& call) const;
  std::optional<Answer> credentials_refused(Call const& call) const;
  Opened open(Call const& call, Place const& place, Need need);
  [[nodiscard]] Answer not_found(Caller const& caller) const;
  static Answer moved(Call const& call, Place const& place, std::string const& id);
  static At at(Repo const& repo, std::string const& revision);
  static Answer no_entry(std::string const& commit);
  [[nodiscard]] std::string now_text() const;

  // xet.cc
  Answer xet_token(Call const& call, Place const& place);
  /// X-Xet-Hash, the routes to a token and to the reconstruction.
  void add_xet_fields(Call const& call, Repo const& repo, std::string const& commit, Entry const& entry, Answer& answer) const;
  /// The LFS entry of an object that this repo received by LFS or by Xet; nothing when it did not. Fails: io, corrupt.
  Result<std::optional<Entry>> lfs_entry(Repo& repo, std::string const& oid);

  // read_api.cc
  Answer info(Call const& call, Place const& place);
  Answer tree(Call const& call, Place const& place);
  Answer paths_info(Call const& call, Place const& place);
  Answer refs(Call const& call, Place const& place);
  Answer commits(Call const& call, Place const& place);
  Answer auth_check(Call const& call, Place const& place);
  Answer list(Call const& call);
  Answer whoami(Call const& call);

  // files.cc
  Answer resolve(Call const& call, Place const& place);
  Answer resolve_cache(Call const& call);
  Answer raw(Call const& call, Place const& place);
  Answer cdn(Call const& call);

  // write_api.cc
  Answer repos_create(Call const& call);
  Answer repos_delete(Call const& call);
  Answer repos_move(Call const& call);
  Answer settings(Call const& call, Place const& place);
  Answer preupload(Call const& call, Place const& place);
  Answer commit(Call const& call, Place const& place);
  Answer branch(Call const& call, Place const& place);
  Answer tag(Call const& call, Place const& place);
  Answer squash(Call const& call, Place const& place);
  Answer discussion(Call const& call, Place const& place);
  std::shared_ptr<Commit const> base_of(Repo const& repo, Call const& call, Place const& place, std::optional<Answer>& refusal);
  int open_pull_request(Repo& repo, std::string const& title, std::string const& base, std::string const& commit);

  // lfs.cc
  Answer lfs_batch(Call const& call, Place const& place);
  Answer lfs_verify(Call const& call, Place const& place);
  Answer lfs_complete(Call const& call);
  Answer lfs_duplicate(Call const& call, Place const& place);

  struct Multipart {
    std::string repo_type;
    std::string repo_id;
    std::string oid;
    Bytes size = 0;
    Bytes chunk = 0;
    std::map<std::size_t, std::pair<std::filesystem::path, std::string>> parts;  // number to (file, etag)
  };

  Clock const& clock_;
  RateWindows windows_;
  std::map<std::string, Multipart> multiparts_;
};

/// The default .gitattributes of a new repo.
std::string default_gitattributes();
/// Does this .gitattributes text put `path` into LFS?
bool attributes_lfs(std::string_view attributes, std::string_view path);
/// Does this .gitignore text leave `path` out?
bool gitignored(std::string_view ignore, std::string_view path);
/// NUL or many control characters among the first bytes.
bool looks_binary(std::string_view sample);
/// "2026-01-01T00:00:00.000Z".
std::string date_text(std::int64_t unix_ms);
/// Front matter of a README as JSON: scalars and lists of scalars. Nothing when there is none.
std::optional<boost::json::object> front_matter(std::string_view readme);

}  // namespace hubd::localhub
