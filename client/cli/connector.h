// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "client/client.h"
#include "client/environment.h"
#include "client/result.h"

namespace hubd::cli {

/// Finds the hubd that owns the wanted cache, and starts one where none runs.
///
/// One hubd owns one cache. With a socket named (--socket, HUBD_SOCKET) that hubd is asked, whatever it owns. Else: the
/// user's hubd when it owns the wanted cache, then one on a socket named after the cache, then the host's; else one is
/// started, on the user's socket for the cache of the environment, on the named-after socket for any other. A socket that
/// nobody named is asked only where no other user could have made it (permission_denied).
class Connector {
 public:
  struct Options {
    std::string socket;       ///< absolute; "": find one
    std::string wanted_root;  ///< absolute
    bool may_start = true;
    bool foreign_too = true;    ///< without may_start: also one of another cache, which then says so itself
    bool replace_older = true;  ///< an idle, auto-started hubd older than this program makes way
  };

  Connector(client::Variables const& variables, Options options);

  /// Fails: unavailable and the kinds of Client::connect.
  client::Result<std::unique_ptr<client::Client>> connect();

  /// The socket of another cache's hubd: beside the user's socket, named after the root.
  static std::string socket_of_root(std::string const& user_socket, std::string const& root);
  /// Is version `a` older than `b`? Numbers between dots.
  static bool is_older(std::string_view a, std::string_view b);

 private:
  client::Result<std::unique_ptr<client::Client>> open(std::string const& socket) const;
  client::Result<std::unique_ptr<client::Client>> start(std::string const& socket) const;
  /// The client itself, or that of its younger successor.
  client::Result<std::unique_ptr<client::Client>> renewed(std::unique_ptr<client::Client> client) const;

  client::Variables const& variables_;
  Options options_;
};

}  // namespace hubd::cli
