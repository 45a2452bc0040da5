// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/base/secret.h"

namespace hubd::hub {

/// One section of huggingface_hub's `stored_tokens` file (hub-files 13).
struct StoredToken {
  Secret token;
  Secret refresh_token;                    ///< empty: none
  std::optional<std::int64_t> expires_at;  ///< unix seconds
};

/// Name -> token, sorted by name as the file is.
using StoredTokens = std::map<std::string, StoredToken>;

/// Reads the INI text. Unknown keys are dropped. Fails: bad_request naming the line (never its content).
Result<StoredTokens> parse_stored_tokens(std::string_view text);
/// The text as the stock client writes it: sections sorted, `key = value`, a blank line behind each section.
/// Control characters in names and values are dropped, so that none can begin a section or key of its own.
std::string format_stored_tokens(StoredTokens const& tokens);
/// A bare token as it is read from a file or variable: CR and LF removed, blanks trimmed.
Secret clean_token(std::string_view text);
/// "hf_****abcd": first 3 and last 4 characters.
std::string mask_token(Secret const& token);

}  // namespace hubd::hub
