// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "client/environment.h"

namespace hubd::cli {

/// Is this descriptor a terminal that understands escapes (TERM is not "dumb")?
bool is_terminal(int descriptor, client::Variables const& variables);
/// Columns of the terminal behind `descriptor`; `otherwise` when it has none.
std::size_t terminal_width(int descriptor, std::size_t otherwise);
/// LC_ALL, LC_CTYPE or LANG names UTF-8.
bool is_unicode(client::Variables const& variables);

/// One line of the controlling terminal, typed without echo after `prompt`. Nothing when there is no terminal or it was
/// closed. The echo comes back also when the user presses Ctrl-C.
std::optional<std::string> read_hidden(std::string_view prompt);
/// One line of standard input; nothing at its end.
std::optional<std::string> read_line();

}  // namespace hubd::cli
