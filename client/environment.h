// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <sys/types.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "caller.h"

#pragma GCC visibility push(default)
namespace hubd::client {

/// Environment variables by name. A map, so that tests give their own.
using Variables = std::map<std::string, std::string, std::less<>>;

/// This process's.
Variables process_variables();

/// The value, or "" when unset.
std::string_view variable(Variables const& variables, std::string_view name);
/// huggingface_hub's booleans: 1, ON, YES, TRUE in any case.
bool is_true(Variables const& variables, std::string_view name);

/// `~` and `$VAR`, `${VAR}` as Python's expanduser and expandvars do (an unknown variable stays), then made absolute.
std::string expand_path(std::string path, Variables const& variables);

/// $HF_HOME, else $XDG_CACHE_HOME/huggingface, else ~/.cache/huggingface.
std::string hf_home(Variables const& variables);
/// $HF_HUB_CACHE, else $HUGGINGFACE_HUB_CACHE, else hf_home()/hub.
std::string cache_root(Variables const& variables);
/// $HF_TOKEN, else $HUGGING_FACE_HUB_TOKEN, without blanks and line ends; "" when there is none.
std::string given_token(Variables const& variables);

/// $HF_TOKEN_PATH, else hf_home()/token: where this caller's stored token is.
std::string token_path(Variables const& variables);
/// The token in that file, without blanks and line ends; "" when there is none.
std::string file_token(Variables const& variables);

/// The caller's settings as huggingface_hub would read them: endpoint (staging included), token and its mode, cache
/// root, offline. A token file is read here: hubd's own may be another one.
Caller caller_from(Variables const& variables);

/// $XDG_RUNTIME_DIR/hubd/hubd.sock, else /tmp/hubd-<uid>/hubd.sock: where this user's hubd listens.
std::string user_socket(Variables const& variables, uid_t uid);
/// Where the host's hubd listens.
inline constexpr char const* kSystemSocket = "/run/hubd/hubd.sock";
/// Sockets to try in order: only $HUBD_SOCKET when it is set, else the user's, then the system's.
std::vector<std::string> sockets(Variables const& variables, uid_t uid);

}  // namespace hubd::client
#pragma GCC visibility pop
