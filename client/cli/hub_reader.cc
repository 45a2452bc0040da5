// SPDX-License-Identifier: Apache-2.0
#include "client/cli/hub_reader.h"

#include <array>
#include <boost/json/parse.hpp>
#include <charconv>

#include "client/cli/text.h"

namespace hubd::cli {
namespace {

namespace json = boost::json;
using client::ErrorKind;
using client::HubAnswer;
using client::make_error;

constexpr std::size_t kPagesMax = 10'000;
constexpr std::size_t kSaidMax = 300;

std::string header(HubAnswer const& answer, std::string const& name) {
  auto const found = answer.headers.find(name);
  return found == answer.headers.end() ? std::string() : found->second;
}

/// "http://host:port" of a URL; "" when it has none.
std::string_view origin_of(std::string_view url) {
  auto const scheme = url.find("://");
  if (scheme == std::string_view::npos) return {};
  return url.substr(0, std::min(url.find('/', scheme + 3), url.size()));
}

client::Result<json::value> parsed(HubAnswer const& answer, HubSubject const& subject) {
  json::error_code error;
  auto value = json::parse(json::string_view(answer.body.data(), answer.body.size()), error);
  if (error)
    return make_error(ErrorKind::bad_upstream, std::string(origin_of(answer.url)) +
                                                   " answered something that is no JSON for " + subject.what +
                                                   "; is it a Hugging Face Hub? (see HF_ENDPOINT)");
  return value;
}

/// The Hub's own words: its header, else its body's "error".
std::string said(HubAnswer const& answer) {
  auto text = header(answer, "x-error-message");
  if (text.empty()) {
    json::error_code error;
    auto const value = json::parse(json::string_view(answer.body.data(), answer.body.size()), error);
    if (!error && value.is_object())
      if (auto const* const words = value.get_object().if_contains("error"))
        if (words->is_string()) text = words->get_string().c_str();
  }
  return cut(text, kSaidMax);
}

}  // namespace

std::string percent_encoded(std::string_view text) {
  std::string_view constexpr hex = "0123456789ABCDEF";
  std::string out;
  for (char const c : text) {
    bool const plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '_' || c == '.' || c == '~';
    auto const byte = static_cast<unsigned char>(c);
    if (plain)
      out += c;
    else
      out.append({'%', hex[byte >> 4U], hex[byte & 15U]});
  }
  return out;
}

void HubQuery::add(std::string_view name, std::string_view value) {
  if (!text_.empty()) text_ += '&';
  text_ += percent_encoded(name) + "=" + percent_encoded(value);
}

void HubQuery::add(std::string_view name, std::vector<std::string> const& values) {
  for (auto const& value : values) add(name, value);
}

client::Error hub_error(HubAnswer const& answer, HubSubject const& subject, bool with_token) {
  auto const code = header(answer, "x-error-code");
  auto const words = said(answer);
  auto const says = words.empty() ? std::string() : " (the Hub says: " + words + ")";
  client::Error error;
  error.http_status = answer.status;
  error.request_id = header(answer, "x-request-id");
  auto const origin = origin_of(answer.url);
  error.host = origin.substr(std::min(origin.find("://"), origin.size()));
  if (error.host.starts_with("://")) error.host.erase(0, 3);
  auto const set = [&](ErrorKind kind, std::string message, std::string hint = {}) {
    error.kind = kind;
    error.message = std::move(message);
    error.hint = std::move(hint);
    return error;
  };
  auto const log_in = with_token ? "check the spelling, and that the token may read it"
                                 : "check the spelling; if it is private, log in with `hubctl auth login`";
  if (code == "RevisionNotFound")
    return set(ErrorKind::revision_not_found,
               "Revision '" + subject.revision + "' not found on " + lower(subject.what.substr(0, 1)) +
                   subject.what.substr(1) + ".",
               "`hubctl repos tag ls` lists tags");
  if (code == "EntryNotFound")
    return set(ErrorKind::entry_not_found, "No such file or folder in " + subject.what + says);
  if (code == "GatedRepo")
    return set(ErrorKind::gated_repo, subject.what + " is gated, and access has not been granted" + says,
               "ask for access on its page at " + std::string(origin));
  if (words == "Access to this resource is disabled.")
    return set(ErrorKind::disabled_repo, subject.what + " has been disabled by the Hub.");
  if (answer.status == 401 && words == "Invalid credentials in Authorization header")
    return set(ErrorKind::unauthorized,
               error.host + " does not know this token; log in again with `hubctl auth login`");
  if (code == "RepoNotFound" || (subject.is_repo && (answer.status == 401 || answer.status == 404)))
    return set(ErrorKind::repository_not_found, subject.what + " not found.", log_in);
  if (answer.status == 401)
    return set(ErrorKind::unauthorized, error.host + " wants a valid token for " + subject.what + says,
               "log in with `hubctl auth login`");
  if (answer.status == 403) return set(ErrorKind::permission_denied, "No access to " + subject.what + says);
  if (answer.status == 429) {
    int seconds = 0;
    auto const wait = header(answer, "retry-after");
    auto const [end, wrong] = std::from_chars(wait.data(), wait.data() + wait.size(), seconds);
    (void)end;
    if (wrong == std::errc{} && !wait.empty()) error.retry_after = std::chrono::seconds(seconds);
    return set(ErrorKind::rate_limited, "Too many requests to " + error.host + " for " + subject.what + says,
               "a token has a larger budget than none");
  }
  if (answer.status == 400 || answer.status == 422)
    return set(ErrorKind::bad_request, error.host + " refuses the question for " + subject.what + says);
  return set(ErrorKind::bad_upstream, error.host + " answered with status " + std::to_string(answer.status) + " for " +
                                          subject.what + says + "; try again later");
}

client::Result<std::pair<std::string, std::string>> next_page(HubAnswer const& answer) {
  using Page = std::pair<std::string, std::string>;
  std::string_view links = "";
  auto const all = header(answer, "link");
  links = all;
  while (!links.empty()) {
    auto const open = links.find('<');
    auto const close = links.find('>', open);
    if (open == std::string_view::npos || close == std::string_view::npos) break;
    auto const url = links.substr(open + 1, close - open - 1);
    links.remove_prefix(close + 1);
    auto const parameters = links.substr(0, std::min(links.find('<'), links.size()));
    if (parameters.find("rel=\"next\"") == std::string_view::npos &&
        parameters.find("rel=next") == std::string_view::npos)
      continue;
    auto const origin = origin_of(url);
    if (origin.empty() || origin != origin_of(answer.url))
      return make_error(ErrorKind::bad_upstream, "the next page of " + answer.url + " is said to be at " +
                                                     std::string(url) + ", which is another server; it was not asked");
    auto const target = url.substr(origin.size());
    auto const mark = std::min(target.find('?'), target.size());
    return Page(target.substr(0, mark), mark < target.size() ? target.substr(mark + 1) : std::string_view());
  }
  return Page();
}

client::Result<HubAnswer> HubReader::ask(std::string path, std::string query, HubSubject const& subject) {
  client::HubQuestion question;
  question.caller = caller_;
  question.path = std::move(path);
  question.query = std::move(query);
  auto answer = client_.ask_hub(question);
  if (!answer) return answer.error();
  if (answer->status < 200 || answer->status >= 300)
    return hub_error(*answer, subject, caller_.token_mode == client::TokenMode::given);
  stale_ = stale_ || answer->stale;
  return answer;
}

client::Result<json::value> HubReader::get(std::string path, std::string query, HubSubject const& subject) {
  auto const answer = ask(std::move(path), std::move(query), subject);
  if (!answer) return answer.error();
  return parsed(*answer, subject);
}

client::Result<json::array> HubReader::list(std::string path, std::string query, std::size_t limit,
                                            HubSubject const& subject) {
  json::array items;
  for (std::size_t page = 0; page < kPagesMax && items.size() < limit && !path.empty(); ++page) {
    auto const answer = ask(path, query, subject);
    if (!answer) return answer.error();
    auto value = parsed(*answer, subject);
    if (!value) return value.error();
    if (!value->is_array())
      return make_error(ErrorKind::bad_upstream,
                        answer->url + " is no list; is it a Hugging Face Hub? (see HF_ENDPOINT)");
    for (auto& item : value->get_array())
      if (items.size() < limit) items.push_back(std::move(item));
    auto const next = next_page(*answer);
    if (!next) return next.error();
    path = next->first;
    query = next->second;
  }
  return items;
}

}  // namespace hubd::cli
