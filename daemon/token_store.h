// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/random.h"
#include "core/base/secret.h"
#include "core/fs/file_system.h"
#include "core/hub/stored_tokens.h"

namespace hubd::daemon {

/// The owner's tokens in huggingface_hub's own files: the active one alone in `token`, all of them by name in
/// `stored_tokens` beside it. Files are 0600, a folder made here is 0700; each is replaced by one rename, under
/// huggingface_hub's lock `stored_tokens.lock`.
///
/// Blocking, small files. Thread-safe: what changes the files holds the lock. Changes fail with busy while somebody else
/// holds it: try again.
class TokenStore {
 public:
  /// `token_path` is absolute. `files` and `random` outlive the store.
  TokenStore(fs::FileSystem& files, Random& random, std::string token_path);

  /// The active token; empty when there is none or the file cannot be read.
  Secret active();

  struct Entry {
    std::string name;
    std::string masked;
    bool active = false;
    std::optional<std::int64_t> expires_at;  ///< unix seconds
  };
  struct Listed {
    std::vector<Entry> entries;      ///< sorted by name
    bool active_not_stored = false;  ///< the active token has no name here
  };
  /// Fails: bad_request (the file cannot be understood), io, permission_denied.
  Result<Listed> list();

  /// Stores `token` under `name` and makes it the active one. Fails: bad_request (name, unreadable file), busy, io,
  /// permission_denied.
  Result<void> save(std::string const& name, Secret const& token);
  /// Makes a stored token the active one. Fails: as save; local_entry_not_found when no token has that name.
  Result<void> activate(std::string const& name);

  struct Removed {
    std::vector<std::string> names;
    bool active = false;  ///< nobody is logged in any more
  };
  /// Forgets one token, or with an empty name all of them. Fails: as activate.
  Result<Removed> remove(std::string const& name);

  [[nodiscard]] std::string const& token_path() const { return token_path_; }

 private:
  Result<std::unique_ptr<fs::Lock>> lock();
  Result<hub::StoredTokens> read();
  Result<void> write(hub::StoredTokens const& tokens);
  Result<void> write_active(Secret const& token);
  Result<void> write_private(std::string const& path, std::string const& text);

  fs::FileSystem& files_;
  Random& random_;
  std::string token_path_;
  std::string stored_path_;
};

}  // namespace hubd::daemon
