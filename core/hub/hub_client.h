// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/listing.h"
#include "core/base/log.h"
#include "core/base/repo.h"
#include "core/base/secret.h"
#include "core/http/client.h"
#include "core/net/async.h"
#include "core/net/timers.h"

namespace hubd::hub {

/// What a call carries from its caller.
struct CallContext {
  Secret token;
  std::string user_agent;                               ///< the caller's part; may be empty
  Duration progress_deadline = std::chrono::seconds(60);  ///< per step of a request
  std::optional<Time> deadline;                         ///< no retry begins that would pass it
  unsigned retries = 5;                                 ///< of 408, 429, 5xx and broken connections
  std::uint64_t* requests = nullptr;                    ///< counted up for each request sent
};

struct RevisionInfo {
  Commit commit;
  bool restricted = false;  ///< gated or private: entitlement belongs to the token that asked
};

struct FileMetadata {
  std::string commit;  ///< empty when a mirror left it out
  std::string etag;
  std::optional<Bytes> size;
};

struct RefInfo {
  std::string name;
  std::string ref;  ///< "refs/heads/main"
  std::string commit;
};

struct Identity {
  std::string name;
  std::string type;
  std::vector<std::string> orgs;
  std::string token_name;  ///< auth.accessToken.displayName, or oauth-<name>
  std::string token_role;
  std::string raw_json;
};

/// Where a repo's Xet content lives and the right to read it there (xet-protocol 7.1).
struct XetToken {
  std::string cas_url;  ///< http or https, without a '/' at its end
  Secret token;
  WallTime expires;
};

/// A read of the Hub's surface whose answer the caller interprets.
struct RawRequest {
  std::string method = "GET";  ///< GET, HEAD, or POST for reads whose question is a body
  std::string url;             ///< absolute
  std::string body;            ///< JSON; POST only
};

struct RawAnswer {
  int status = 0;  ///< also 3xx, 4xx and 5xx
  std::string url; ///< that answered, after redirects within the origin
  std::vector<std::pair<std::string, std::string>> headers;  ///< names in lower case
  std::string body;
};

/// The Hub's read calls that a download needs (hub-repo-api 3, 5, 6, 7, 9), and who am I.
///
/// All on the io executor. Errors are classified as hub-files 4 says; every sentence names repo, revision or file, the
/// host, and what to do. Retries wait through Timers.
class HubClient {
 public:
  struct Limits {
    Bytes json_max = 256_MiB;
    std::size_t entries_max = 5'000'000;
    std::size_t pages_max = 20'000;
    Bytes raw_max = 64_MiB;
  };
  HubClient(http::Client& client, net::Timers& timers, Log& log) : HubClient(client, timers, log, Limits{}) {}
  HubClient(http::Client& client, net::Timers& timers, Log& log, Limits limits)
      : client_(client), timers_(timers), log_(log), limits_(limits) {}

  /// GET /api/{T}/{repo}/revision/{revision}.
  Async<RevisionInfo> revision_info(RepoRef repo, std::string revision, CallContext context);
  /// Every file of a commit (all pages), sorted. A path that leaves the snapshot or comes twice is bad_upstream.
  Async<Listing> tree(RepoRef repo, std::string revision, CallContext context);
  /// POST paths-info; paths that do not exist are left out.
  Async<Listing> paths_info(RepoRef repo, std::string revision, std::vector<std::string> paths, CallContext context);
  Async<std::vector<RefInfo>> refs(RepoRef repo, CallContext context);
  /// HEAD on the resolve URL, for Hubs that have no tree. Missing commit is tolerated for a 40-hex revision.
  Async<FileMetadata> file_metadata(RepoRef repo, std::string revision, std::string path, CallContext context);
  /// GET /api/whoami-v2. Fails: unauthorized.
  Async<Identity> whoami(std::string endpoint, CallContext context);
  /// GET /api/{T}/{repo}/xet-read-token/{revision}. Fails: as revision_info; bad_upstream for a URL that is none.
  Async<XetToken> xet_read_token(RepoRef repo, std::string revision, CallContext context);
  /// Whatever the Hub answers, after the retries that its status is worth; redirects to another origin are answers too.
  /// Fails: as http::Client::send; exhausted when the body is longer than `raw_max`.
  Async<RawAnswer> raw(RawRequest request, CallContext context);

 private:
  struct Json;  // Boost.JSON stays in the .cc
  struct Subject;
  Async<std::unique_ptr<http::Response>> ask(http::Request request, Subject subject, CallContext context);
  Async<std::unique_ptr<Json>> ask_json(http::Request request, Subject subject, CallContext context, http::Headers* headers);
  static http::Request request_for(std::string method, std::string url, CallContext const& context);

  http::Client& client_;
  net::Timers& timers_;
  Log& log_;
  Limits limits_;
};

/// "{endpoint}/{prefix}{repo}/resolve/{revision}/{path}", encoded.
std::string resolve_url(RepoRef const& repo, std::string const& revision, std::string const& path);

}  // namespace hubd::hub
