// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <chrono>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "admin.h"
#include "auth.h"
#include "cache.h"
#include "downloads.h"
#include "environment.h"
#include "file.h"
#include "future.h"
#include "hub.h"
#include "mounts.h"
#include "result.h"
#include "store.h"
#include "transfers.h"

#pragma GCC visibility push(default)
namespace hubd::client {

/// A connection to hubd.
///
/// Every call blocks its thread and either ends with an answer or with a typed Error; a hubd that goes away in the
/// middle is `unavailable`. Unary calls have a limit of their own (`deadline_exceeded`); ensure(), open(), watch(), attach(),
/// verify_cache() and the long calls of the store end when hubd ends them, when it dies, or when `stop` is requested
/// (`cancelled`). Safe to use from many threads at once. A child of fork() may end a client, but neither use nor make one:
/// gRPC hangs there. Fork first.
///
/// The calls named ..._async return at once. They have no thread each: a few threads of the library, shared by all
/// clients of the process, serve them and call their listeners, which may not end the client. Ending the client ends
/// them.
class Client {
 public:
  struct Options {
    std::vector<std::string> sockets;  ///< tried in order; see sockets() in client/environment.h
    bool check_owner = true;           ///< off for sockets that the user named: those are trusted, whoever listens
    /// Where this process sees folders of the host, when the cache's id does not tell; see mounts_from(). A caller
    /// whose cache nobody named means hubd's own when they speak of it.
    std::vector<Mount> mounts;
    std::string name = "libhubd-client";
    std::string version;
    std::chrono::milliseconds hello_limit{5000};
    std::chrono::milliseconds call_limit{30000};  ///< for answers that need no Hub and no scan
    std::chrono::milliseconds hub_limit{180000};  ///< for answers that may ask the Hub, and for scans and deletions
    std::size_t async_max = 1024;                 ///< asynchronous calls at a time; more are `exhausted`
  };

  /// What this environment says: where hubd listens, whether that is to be trusted, the mounts. Fails: bad_request.
  static Result<Options> options_from(Variables const& variables);
  /// The first socket whose hubd answers. Fails: unavailable (nobody listens; names the sockets), deadline_exceeded,
  /// permission_denied (also for a socket that another user could have made, unless check_owner is off).
  static Result<std::unique_ptr<Client>> connect(Options options);
  ~Client();
  Client(Client const&) = delete;
  Client& operator=(Client const&) = delete;

  [[nodiscard]] std::string const& socket() const;
  /// What hubd said when we connected.
  [[nodiscard]] Hello const& hello() const;

  /// Is this folder hubd's cache, mounted here?
  [[nodiscard]] bool is_cache(std::string const& folder) const;

  // --- Downloads
  /// Also fails with not_mounted when this process does not see what hubd has.
  Result<EnsureDone> ensure(EnsureRequest const& request, EnsureListener const& listener = {},
                            std::stop_token stop = {});
  /// The listener's events come one after the other. Also fails with exhausted.
  Future<EnsureDone> ensure_async(EnsureRequest const& request, EnsureListener listener = {},
                                  std::stop_token stop = {});
  Result<Plan> plan(PlanRequest const& request);
  Result<Readiness> ready(ReadyRequest const& request);

  // --- Files, open for reading
  /// A file of a repo; it is fetched first where it is not here. Fails as ensure(), and: permission_denied, io.
  Result<File> open(OpenRequest const& request, std::stop_token stop = {});
  Future<File> open_async(OpenRequest const& request, std::stop_token stop = {});

  // --- Transfers
  Result<std::vector<Transfer>> transfers(bool include_finished = false);
  /// Until the transfer ends; its last state.
  Result<Transfer> watch(std::string const& id, WatchListener const& listener, std::stop_token stop = {});
  Result<Transfer> cancel(std::string const& id);
  /// The transfer goes on although its callers leave. `limit` bounds the call.
  Result<Transfer> detach(std::string const& id, std::chrono::milliseconds limit = std::chrono::seconds(5));

  /// Lets go of locks and connections and keeps the bytes, also over restarts of hubd, until resume().
  Result<Transfer> pause(std::string const& id);
  /// A parked transfer goes on too.
  Result<Transfer> resume(std::string const& id);
  /// What a transfer waits for now, and what happened to it last; hubd answers from memory.
  Result<TransferWhy> why(std::string const& id);
  Result<Overview> overview();
  /// Until the transfer ends, as a lease of one's own: it does not stop while somebody is attached. Fails: as the transfer;
  /// deadline_exceeded after `limit` (0: none).
  Result<Transfer> attach(std::string const& id, WatchListener const& listener, std::chrono::milliseconds limit = {},
                          std::stop_token stop = {});

  // --- Cache
  /// `without_files`: revisions come without their files.
  Result<CacheScan> scan_cache(Caller const& caller, bool without_files = false);
  Result<Removal> remove_cache(RemoveRequest const& request);
  /// Removes revisions without a ref, leftovers of broken downloads, and payloads of the shared store that nobody uses.
  Result<Pruned> prune_cache(PruneRequest const& request);
  Result<Verification> verify_cache(VerifyRequest const& request, VerifyListener const& listener = {},
                                    std::stop_token stop = {});

  // --- Store
  Result<StoreStats> store_stats(Caller const& caller);
  /// The rebuild goes on in hubd also when this call ends early.
  Result<StoreRebuilt> rebuild_store(Caller const& caller, StoreListener const& listener = {}, std::stop_token stop = {});
  Result<StoreChecked> verify_store(Caller const& caller, StoreListener const& listener = {}, std::stop_token stop = {});
  /// What was learned stays when the call ends early. Fails: also local_entry_not_found, permission_denied (of another user).
  Result<StoreAdopted> adopt(AdoptRequest const& request, StoreListener const& listener = {}, std::stop_token stop = {});

  // --- Hub
  /// The Hub's answer is the answer, also a 4xx; fails when there was none (offline, unreachable, stalled, ...) and for
  /// what is no read (not_supported).
  Result<HubAnswer> ask_hub(HubQuestion const& question);

  // --- Auth
  Result<Account> whoami(Caller const& caller);
  /// Checks caller.token with the Hub, then stores and activates it.
  Result<LoggedIn> login(Caller const& caller);
  /// One stored token by its name; "" removes all.
  Result<LoggedOut> logout(std::string const& token_name);
  Result<StoredTokens> tokens();
  Result<SwitchedToken> switch_token(std::string const& token_name);
  /// The active stored token. Fails: unauthorized when there is none.
  Result<std::string> token();

  // --- Admin
  Result<Status> status();
  /// Looks at what downloads need: names, TLS, proxy, clock, token, both routes, disk. At most 18 s. `repo` is what the
  /// routes are tried with; without an id hubd takes one that is cached.
  Result<std::vector<Check>> examine(Caller const& caller, Repo const& repo);
  Result<std::vector<ConfigValue>> config();
  Result<ConfigChange> set_config(std::string const& key, std::string const& value);
  /// Parks transfers and stops.
  Result<void> shutdown();

 private:
  struct __attribute__((visibility("hidden"))) Impl;
  explicit Client(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace hubd::client
#pragma GCC visibility pop
