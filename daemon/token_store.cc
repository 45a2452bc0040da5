// SPDX-License-Identifier: Apache-2.0
#include "daemon/token_store.h"

#include <algorithm>

namespace hubd::daemon {
namespace {

constexpr mode_t file_mode = 0600;
constexpr mode_t folder_mode = 0700;
constexpr Bytes file_max = 1_MiB;

std::string folder_of(std::string const& path) { return path.substr(0, path.find_last_of('/')); }

/// What can be the name of an INI section, for us and for Python's configparser.
Result<void> check_name(std::string const& name) {
  bool const printable = std::all_of(name.begin(), name.end(), [](char c) {
    return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f;
  });
  if (name.empty() || !printable || name == "DEFAULT")
    return fail(ErrorKind::bad_request, "the token's name \"" + (printable ? name : std::string("...")) +
                                            "\" cannot be stored; give the token another name in the Hub's settings");
  return {};
}

Error unknown_name(std::string const& name) {
  return fail(ErrorKind::local_entry_not_found,
              "no token named " + name + " is stored; see the names with `hubctl auth list`");
}

}  // namespace

TokenStore::TokenStore(fs::FileSystem& files, Random& random, std::string token_path)
    : files_(files),
      random_(random),
      token_path_(std::move(token_path)),
      stored_path_(folder_of(token_path_) + "/stored_tokens") {}

Secret TokenStore::active() {
  auto const text = fs::read_file(files_, token_path_, file_max);
  if (!text) return {};
  return hub::clean_token(*text);
}

Result<TokenStore::Listed> TokenStore::list() {
  auto const tokens = read();
  if (!tokens) return tokens.error();
  auto const current = active();
  Listed listed;
  listed.active_not_stored = !current.empty();
  for (auto const& [name, stored] : *tokens) {
    bool const is_active = !current.empty() && stored.token == current;
    if (is_active) listed.active_not_stored = false;
    listed.entries.push_back(Entry{name, hub::mask_token(stored.token), is_active, stored.expires_at});
  }
  return listed;
}

Result<void> TokenStore::save(std::string const& name, Secret const& token) {
  auto const checked = check_name(name);
  if (!checked) return checked;
  auto const locked = lock();
  if (!locked) return locked.error();
  auto tokens = read();
  if (!tokens) return tokens.error();
  (*tokens)[name] = hub::StoredToken{token, Secret(), std::nullopt};
  auto const written = write(*tokens);
  if (!written) return written;
  return write_active(token);
}

Result<void> TokenStore::activate(std::string const& name) {
  auto const locked = lock();
  if (!locked) return locked.error();
  auto const tokens = read();
  if (!tokens) return tokens.error();
  auto const found = tokens->find(name);
  if (found == tokens->end() || found->second.token.empty()) return unknown_name(name);
  return write_active(found->second.token);
}

Result<TokenStore::Removed> TokenStore::remove(std::string const& name) {
  auto const locked = lock();
  if (!locked) return locked.error();
  auto tokens = read();
  if (!tokens && !name.empty()) return tokens.error();
  Removed removed;
  auto const current = active();
  if (name.empty()) {  // also a file that cannot be understood goes
    if (tokens)
      for (auto const& [known, stored] : *tokens) removed.names.push_back(known);
    auto const gone = files_.remove(stored_path_);
    if (!gone) return gone.error();
    removed.active = !current.empty();
  } else {
    auto const found = tokens->find(name);
    if (found == tokens->end()) return unknown_name(name);
    removed.names.push_back(name);
    removed.active = !current.empty() && found->second.token == current;
    tokens->erase(found);
    auto const written = write(*tokens);
    if (!written) return written.error();
  }
  if (removed.active || name.empty()) {
    auto const gone = files_.remove(token_path_);
    if (!gone) return gone.error();
  }
  return removed;
}

Result<std::unique_ptr<fs::Lock>> TokenStore::lock() {
  auto const made = files_.make_directories(folder_of(stored_path_), folder_mode);
  if (!made) return made.error();
  auto locked = files_.try_lock(stored_path_ + ".lock", file_mode);
  if (!locked) return locked.error();
  if (!*locked)
    return fail(ErrorKind::busy, "another program is changing " + stored_path_ + " just now; try again");
  return locked;
}

Result<hub::StoredTokens> TokenStore::read() {
  auto const text = fs::read_file(files_, stored_path_, file_max);
  if (!text && text.error().kind == ErrorKind::local_entry_not_found) return hub::StoredTokens();
  if (!text) return text.error();
  auto tokens = hub::parse_stored_tokens(*text);
  if (!tokens) return fail(tokens.error().kind, tokens.error().what + "; repair or remove " + stored_path_);
  return tokens;
}

Result<void> TokenStore::write(hub::StoredTokens const& tokens) {
  return write_private(stored_path_, hub::format_stored_tokens(tokens));
}

Result<void> TokenStore::write_active(Secret const& token) { return write_private(token_path_, token.reveal()); }

Result<void> TokenStore::write_private(std::string const& path, std::string const& text) {
  return fs::write_file_atomic(files_, path, path + "." + random_.hex(8) + ".tmp", text, file_mode, true);
}

}  // namespace hubd::daemon
