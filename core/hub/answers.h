// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "core/base/repo.h"
#include "core/http/client.h"

namespace hubd::hub {

/// What a request was about, for the sentence of its error.
struct About {
  std::optional<RepoRef> repo;
  std::string revision;
  std::string path;
  bool with_token = false;
};

/// The Error of an answer with status >= 400, by the rules of hub-files 4.1 to 4.3. `body` may be a prefix. Pure.
Error classify(int status, http::Headers const& headers, std::string_view body, std::string_view host,
               std::string_view request_id, About const& about);

}  // namespace hubd::hub
