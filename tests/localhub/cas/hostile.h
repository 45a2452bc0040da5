// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <boost/json/object.hpp>
#include <map>
#include <string>
#include <string_view>

#include "tests/localhub/call.h"
#include "tests/localhub/cas/reconstruction.h"

namespace hubd::localhub {

/// Does an action of type "reconstruction" know this "how"?
bool hostile_how(std::string_view how);

/// What a lying server makes of a true reconstruction. `action` is the fault's; kinds that concern the JSON rather than
/// the plan come later, in spoil_json.
void spoil_plan(boost::json::object const& action, Reconstruction& plan);
/// Changes the finished JSON, of either version.
void spoil_json(boost::json::object const& action, boost::json::object& answer);
/// "terms": the answer with its first term `count` times; made while it is sent.
Answer endless_terms(boost::json::object const& action, boost::json::object answer);

/// The bytes of a xorb to replace for an action of type "corrupt_chunk" or "bomb". Empty when the chunk does not exist.
std::map<Bytes, std::string> spoil_chunk(boost::json::object const& action, Xorb const& xorb);

}  // namespace hubd::localhub
