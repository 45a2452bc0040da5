// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/base/listing.h"
#include "core/base/random.h"
#include "core/http/client.h"
#include "tests/support/virtual_time.h"

namespace hubd::sim {

/// A Hub, its CDN and its CAS in virtual time, behind the http::Client seam: revision, tree, paths-info and resolve of a few repos,
/// with faults drawn from a seed. What it hands out is counted as the client takes it.
class SimHub final : public http::Client {
 public:
  /// Chances per request or answer, in percent.
  struct Faults {
    unsigned refuse = 0;   ///< no connection
    unsigned silent = 0;   ///< the request is taken and nothing comes until its progress deadline
    unsigned error = 0;    ///< 500, 503 or 429 with a Retry-After
    unsigned cut = 0;      ///< the body breaks off
    unsigned stall = 0;    ///< the body stops, until its progress deadline
    unsigned corrupt = 0;  ///< one byte of the body is changed
    unsigned expire = 0;   ///< every signed address given out so far is over
  };

  SimHub(support::VirtualTime& time, std::uint64_t seed) : time_(time), random_(seeded_random(seed)) {}

  static constexpr char const* kEndpoint = "https://hub.sim";
  /// Content of `size` bytes that `number` fixes; the same number is the same content in every repo.
  void add_file(std::string const& repo, std::string const& path, Bytes size, std::uint64_t number);
  /// A Xet file: runs of chunks of xorbs. The same number is the same xorb everywhere; it has kXorbChunks chunks.
  struct Run {
    std::uint64_t xorb = 0;
    std::uint32_t first = 0;
    std::uint32_t end = 0;
  };
  static constexpr std::uint32_t kXorbChunks = 24;
  void add_xet_file(std::string const& repo, std::string const& path, std::vector<Run> const& runs);
  /// The CAS knows no file any more.
  void forget_xet_files() { xet_files_.clear(); }
  /// Unpacked bytes of a run.
  Bytes size_of(Run const& run);
  [[nodiscard]] std::string commit_of(std::string const& repo) const;
  [[nodiscard]] std::string const& content(std::string const& repo, std::string const& path) const;
  [[nodiscard]] std::map<std::string, std::string> const& files(std::string const& repo) const { return repos_.at(repo).content; }

  Async<std::unique_ptr<http::Response>> send(http::Request request) override;

  /// Fixed windows of requests to the Hub's API and its resolve route, announced as the real one does.
  struct Window {
    std::int64_t quota = 0;  ///< 0: none
    std::chrono::seconds length{20};
  };

  Faults faults;
  Window window;
  std::uint64_t refused = 0;            ///< with 429, of an empty window
  std::uint64_t into_the_empty = 0;     ///< of these, sent although an answer had said before that nothing is left
  bool down = false;                    ///< every request is refused
  Bytes bytes_per_ms = 256 * 1024;      ///< of one answer
  std::uint64_t requests = 0;
  std::uint64_t resolves = 0;           ///< requests on the resolve route: each file needs one, whatever its ranges
  std::uint64_t bodies = 0;             ///< answers with file bytes
  std::uint64_t xet_tokens = 0;
  std::uint64_t reconstructions = 0;
  bool cas_down = false;                ///< its requests are refused; the Hub and its CDN answer
  bool cas_has_v2 = true;
  Bytes delivered = 0;                  ///< file bytes that were taken
  std::uint64_t corrupted = 0;
  std::uint64_t broken = 0;             ///< bodies that ended early
  std::size_t open = 0;                 ///< answers in a client's hands
  std::size_t open_max = 0;

 private:
  class Answer;
  Async<std::unique_ptr<http::Response>> send_on(http::Request request, bool refuse);
  struct Xorb {
    std::string records;
    std::vector<std::string> chunks;  // unpacked
    std::vector<Bytes> ends;          // of each record
    std::string id;
  };
  Xorb const& xorb(std::uint64_t number);
  std::unique_ptr<http::Response> reconstruction(http::Request const& request, std::string_view file, bool v1);
  struct Repo {
    Listing listing;
    std::map<std::string, std::string> content;  // path -> bytes
    std::map<std::string, std::string> by_etag;  // etag -> path
  };
  bool roll(unsigned percent) { return percent > 0 && random_->next() % 100 < percent; }
  std::unique_ptr<http::Response> plain(http::Request const& request, int status, std::string body, http::Headers headers = {});
  std::unique_ptr<http::Response> file(http::Request const& request, std::string const& bytes, std::string final_url);

  struct WindowState {
    Time end{};
    std::int64_t left = 0;
    bool told_empty = false;  ///< an answer that said so has arrived
  };
  std::map<std::string, WindowState> windows_;  // by category
  support::VirtualTime& time_;
  std::unique_ptr<Random> random_;
  std::map<std::string, Repo> repos_;
  std::map<std::uint64_t, Xorb> xorbs_;
  std::map<std::string, std::vector<Run>> xet_files_;  // by file id
  std::uint64_t signature_ = 1;  // of the addresses that are valid now
};

}  // namespace hubd::sim
