// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/bytes.h"
#include "core/base/principal.h"
#include "core/base/repo.h"

namespace hubd::engine {

/// A file became visible: in the cache under the name of its content, or in a folder that somebody named.
struct Published {
  enum class Source : std::uint8_t {
    network,  ///< fetched by the plain route
    xet,      ///< fetched by the Xet route, parts of it perhaps taken from chunks on this host
    copied,   ///< from another file on this host
    linked,   ///< another name of a file on this host
  };
  Principal who;     ///< of the call that began it; others may have waited for the same
  std::string call;  ///< that call's id; empty: hubd's own doing (a transfer that goes on after a restart)
  RepoRef repo;
  Commit commit;
  std::string path;   ///< in the repo
  std::string etag;   ///< what the bytes hashed to
  Bytes size = 0;
  Bytes fetched = 0;  ///< of them, over the network
  Source source = Source::network;
  std::string place;  ///< absolute path of the bytes
};

/// "network", "xet", "copied", "linked".
inline std::string_view name_of(Published::Source source) {
  switch (source) {
    case Published::Source::network: return "network";
    case Published::Source::xet: return "xet";
    case Published::Source::copied: return "copied";
    case Published::Source::linked: return "linked";
  }
  return "network";
}

/// Who wants to know of each publish: once, after it happened. Called on the disk pool, by several threads; may block a
/// little. It cannot stop a publish, which has happened.
class Audit {
 public:
  virtual ~Audit() = default;
  virtual void published(Published const& what) = 0;
};

}  // namespace hubd::engine
