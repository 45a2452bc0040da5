// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <map>
#include <memory>
#include <optional>
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
    unsigned forbid = 0;   ///< 403 of an address that is good
    unsigned slow = 0;     ///< the body comes at slow_bytes_per_second
  };
  static constexpr Bytes slow_bytes_per_second = 1;

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
  /// Xorbs from this number on have chunks of a sixth of the size, for worlds that are built by the thousand.
  static constexpr std::uint64_t first_small_xorb = 100'000;
  /// The CAS knows no file any more.
  void forget_xet_files() { xet_files_.clear(); }
  /// Unpacked bytes of a run.
  static Bytes size_of(Run const& run);
  [[nodiscard]] std::string commit_of(std::string const& repo) const;
  using Content = std::shared_ptr<std::string const>;  // many worlds of a process share what a number makes
  [[nodiscard]] std::string const& content(std::string const& repo, std::string const& path) const;
  [[nodiscard]] std::map<std::string, Content> const& files(std::string const& repo) const { return repos_.at(repo).content; }
  [[nodiscard]] std::string etag_of(std::string const& repo, std::string const& path) const;
  /// What a blob of that name must hold; null when no repo has it.
  [[nodiscard]] std::string const* content_of(std::string const& etag) const;

  Async<std::unique_ptr<http::Response>> send(http::Request request) override;
  /// Another process asks from now on: it was told nothing yet.
  void new_client() {
    for (auto& [category, state] : windows_) state.told_empty = false;
  }

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
  std::set<std::string> dead_hosts;     ///< no address of theirs can be reached: "hub.sim", "cdn.sim", "cas.sim", "xorbs.sim"
  bool slow_stays = true;               ///< what came slowly does so also when faults.slow is 0
  Duration token_life{};                ///< of the CAS's tokens; 0: for ever
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
  std::map<std::pair<std::uint64_t, std::uint32_t>, unsigned> chunks_taken;  ///< how often a client took all of (xorb, chunk)'s record
  std::size_t open = 0;                 ///< answers in a client's hands
  std::size_t open_max = 0;
  std::uint64_t good = 0;               ///< answers below 300
  Bytes at_stake = 0;                   ///< sizes of the contents of which a wrong byte was handed out

  /// What the client may do at once, and what of it was broken (in words), as of requests for file bytes.
  struct Ceilings {
    std::size_t connections = SIZE_MAX;
    std::optional<Bytes> bandwidth;     ///< bytes per second
    Bytes slack = 0;                    ///< bytes that may come at once all the same
  };
  void set_ceilings(Ceilings ceilings);
  [[nodiscard]] std::size_t requests_for_bytes() const { return using_; }  ///< now
  std::string broken_ceiling;

 private:
  class Answer;
  Async<std::unique_ptr<http::Response>> send_on(http::Request request, bool refuse);
  struct Xorb {
    std::string records;
    std::vector<std::string> chunks;  // unpacked
    std::vector<Bytes> ends;          // of each record
    std::string id;
  };
  static Xorb const& xorb(std::uint64_t number);
  std::unique_ptr<http::Response> reconstruction(http::Request const& request, std::string_view file, bool v1);
  struct Repo {
    Listing listing;
    std::map<std::string, Content> content;      // path -> bytes
    std::map<std::string, std::string> by_etag;  // etag -> path
  };
  bool roll(unsigned percent) { return percent > 0 && random_->next() % 100 < percent; }
  std::unique_ptr<http::Response> plain(http::Request const& request, int status, std::string body, http::Headers headers = {});
  /// Counts one request for file bytes, from its beginning to the end of its answer.
  class Using;
  void taken(Bytes bytes);
  std::unique_ptr<Answer> file(http::Request const& request, std::string const& bytes, std::string final_url);
  Async<std::unique_ptr<http::Response>> answer(http::Request request, bool refuse);
  std::unique_ptr<http::Response> xorb_range(http::Request const& request, std::uint64_t number);

  struct WindowState {
    Time end{};
    std::int64_t left = 0;
    bool told_empty = false;  ///< an answer that said so has arrived
  };
  std::map<std::string, WindowState> windows_;  // by category
  Ceilings ceilings_;
  std::size_t using_ = 0;   // requests for file bytes
  double ahead_ = 0;        // of the bandwidth, in bytes
  Time ahead_at_{};
  support::VirtualTime& time_;
  std::unique_ptr<Random> random_;
  std::map<std::string, Repo> repos_;
  std::map<std::string, std::vector<Run>> xet_files_;  // by file id
  std::map<std::string, Content> by_etag_;
  std::uint64_t signature_ = 1;  // of the addresses that are valid now
};

}  // namespace hubd::sim
