// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <string_view>

namespace hubd {

/// How a log line names the call that it is about: it ends in " [call ID]". Logs of objects show the id in a field of its own.
/// An empty id changes nothing.
std::string about_call(std::string line, std::string_view id);

/// The reverse: the line without its note, and the id; an empty id when there is none.
struct NotedLine {
  std::string_view line;
  std::string_view call;
};
NotedLine split_call(std::string_view line);

/// Letters, digits, '.', '_' and '-', 1 to 64 of them: what may be the id of a call.
bool is_call_id(std::string_view text);

}  // namespace hubd
