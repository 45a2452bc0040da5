// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <vector>

#include "client/environment.h"
#include "client/result.h"

namespace hubd::cli {

/// How a user's hubd is started. Pure, so that tests can look at it.
struct StartPlan {
  std::string program;
  std::vector<std::string> arguments;  ///< without the program's name
  client::Variables environment;       ///< without what belongs to a caller: token, endpoint, offline, cache
  std::string log;                     ///< stdout and stderr go there, 0600
};

/// hubd beside this program, else on PATH. Fails: unavailable.
client::Result<std::string> find_hubd(client::Variables const& variables);

StartPlan plan_start(std::string program, std::string const& socket, std::string const& cache_root,
                     client::Variables const& variables);

/// Does somebody accept connections there?
bool listens(std::string const& socket);

/// Starts hubd in a session of its own and waits, at most 20 s, until the socket answers. Two of us at once start one
/// daemon: the second one loses the cache's owner lock and ends, and both wait for the socket. One that finds the lock
/// held is started again now and then while nobody listens, since a hubd that ends keeps the lock to its last moment.
/// Fails: unavailable, with the last line that hubd has written to its log since.
client::Result<void> start_hubd(StartPlan const& plan, std::string const& socket);

}  // namespace hubd::cli
