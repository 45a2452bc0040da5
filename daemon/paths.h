// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <sys/types.h>

#include <string>

#include "core/base/result.h"
#include "daemon/config.h"

namespace hubd::daemon {

/// $HF_HOME, else "$XDG_CACHE_HOME/huggingface", else "~/.cache/huggingface"; absolute.
std::string hf_home(Environment const& environment);
/// $HF_HOME/hub without its variables: "$XDG_CACHE_HOME/huggingface/hub", else "~/.cache/huggingface/hub".
std::string default_cache_root(Environment const& environment);
/// $XDG_RUNTIME_DIR/hubd/hubd.sock, else /tmp/hubd-<uid>/hubd.sock.
std::string default_socket(Environment const& environment, uid_t uid);
/// $XDG_CONFIG_HOME/hubd/hubd.toml, else ~/.config/hubd/hubd.toml.
std::string default_config_file(Environment const& environment);
/// Beside the config file: "hubd.toml" gives "hubd.overlay.toml".
std::string overlay_of(std::string const& config_file);
/// huggingface_hub's token file: $HF_TOKEN_PATH, else $HF_HOME/token.
std::string token_path(Environment const& environment);

/// Makes the folder of a socket with mode 0700 and checks that it belongs to this user and nobody else may write in it.
/// Fails: permission_denied, io.
Result<void> prepare_socket_folder(std::string const& socket);

}  // namespace hubd::daemon
