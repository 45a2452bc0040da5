// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace hubd::daemon {

/// `text` as messages carry it: bytes that are no UTF-8 (file names may be anything) become "\\xNN".
std::string valid_utf8(std::string_view text);

/// `text` as a JSON string with its quotes; what is no UTF-8 as by valid_utf8.
std::string json_text(std::string_view text);

/// At most `size_max` bytes of valid UTF-8, cut between characters; a cut text ends in "...".
std::string shortened(std::string text, std::size_t size_max);

/// "http://user:****@proxy:3128": what stands before the last '@' may be a secret. Other text stays.
std::string without_password(std::string text);

}  // namespace hubd::daemon
