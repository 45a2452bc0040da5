// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "client/client.h"

namespace hubd::cli {

/// What a question is about, for the sentence of an error.
struct HubSubject {
  std::string what;      ///< "Model 'ns/name'", or "the list of models"
  std::string revision;  ///< "": none was named
  bool is_repo = false;  ///< a 401 or 404 means that the repo is not there for this caller
};

/// A query, percent-encoded as it grows.
class HubQuery {
 public:
  void add(std::string_view name, std::string_view value);
  void add(std::string_view name, std::vector<std::string> const& values);
  [[nodiscard]] std::string const& text() const { return text_; }

 private:
  std::string text_;
};

/// Everything but letters, digits and -_.~ as %XX.
std::string percent_encoded(std::string_view text);

/// The typed error of an answer that is no success; hub-repo-api's error codes.
client::Error hub_error(client::HubAnswer const& answer, HubSubject const& subject, bool with_token);

/// Where the next page of a list is: path and query of the Link header's URL with rel="next"; both empty at the end.
/// Fails: bad_upstream, when it points to another server than the one that answered.
client::Result<std::pair<std::string, std::string>> next_page(client::HubAnswer const& answer);

/// Reads of the Hub's JSON, through hubd. Blocking; one thread at a time.
class HubReader {
 public:
  HubReader(client::Client& client, client::Caller caller) : client_(client), caller_(std::move(caller)) {}

  /// Fails: what ask_hub fails with, hub_error's kinds, bad_upstream when the answer is no JSON.
  client::Result<boost::json::value> get(std::string path, std::string query, HubSubject const& subject);
  /// The items of all pages, at most `limit` of them; no page is asked that is not needed. Fails: as get.
  client::Result<boost::json::array> list(std::string path, std::string query, std::size_t limit,
                                          HubSubject const& subject);
  /// Some answer was hubd's last one, since the Hub could not be asked.
  [[nodiscard]] bool stale() const { return stale_; }

 private:
  client::Result<client::HubAnswer> ask(std::string path, std::string query, HubSubject const& subject);

  client::Client& client_;
  client::Caller caller_;
  bool stale_ = false;
};

}  // namespace hubd::cli
