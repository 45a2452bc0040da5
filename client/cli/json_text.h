// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <boost/json/value.hpp>
#include <string>

namespace hubd::cli {

/// How JSON is written. Keys keep their order; numbers read back as the same numbers.
struct JsonStyle {
  bool spaced = false;  ///< ", " and ": "
  bool ascii = false;   ///< \uXXXX beyond ASCII
  int indent = 0;       ///< blanks a level; 0: one line
};

/// What Python's json.dumps writes.
inline constexpr JsonStyle kPythonJson{true, true, 0};

std::string to_text(boost::json::value const& value, JsonStyle style = {});

}  // namespace hubd::cli
