// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace hubd::client {

struct Account {
  std::string name;
  std::string type;
  std::vector<std::string> orgs;
  std::string endpoint;
  std::string token_name;
  std::string token_role;
  std::string raw_json;  ///< the Hub's whole answer
};

struct LoggedIn {
  std::string token_name;
  std::string user;
  std::string token_path;
};

struct LoggedOut {
  std::vector<std::string> removed;
  bool active_removed = false;
};

struct StoredToken {
  std::string name;
  std::string masked;  ///< first and last letters only
  bool active = false;
  std::int64_t expires_unix = 0;  ///< 0: does not, or not known
};

struct StoredTokens {
  std::vector<StoredToken> tokens;
  bool active_not_stored = false;  ///< the token file holds one that has no name
};

struct SwitchedToken {
  std::string token_name;
  std::string token_path;
};

}  // namespace hubd::client
