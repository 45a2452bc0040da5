// SPDX-License-Identifier: Apache-2.0
#include "core/hub/answers.h"

#include <boost/json.hpp>

#include "core/http/rate_limit.h"

namespace hubd::hub {
namespace {

/// What the server says in its own words: X-Error-Message, else the JSON body's "error", else a short plain text.
std::string server_message(http::Headers const& headers, std::string_view body) {
  if (auto const message = headers.get("X-Error-Message")) return std::string(*message);
  boost::json::error_code error;
  auto const value = boost::json::parse(boost::json::string_view(body.data(), body.size()), error);
  if (!error && value.is_object()) {
    if (auto const* text = value.as_object().if_contains("error"))
      if (auto const* string = text->if_string()) return std::string(string->data(), string->size());
    return {};
  }
  auto const type = headers.get("Content-Type").value_or("");
  if (type.find("html") != std::string_view::npos || body.size() > 300) return {};
  return std::string(body);
}

/// Fit for a sentence and for a UTF-8 field: printable ASCII only, since servers send anything.
std::string one_line(std::string text) {
  constexpr std::size_t kMax = 300;
  if (text.size() > kMax) text.resize(kMax);
  for (auto& c : text) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
    if (static_cast<unsigned char>(c) > 0x7e) c = '?';
  }
  while (!text.empty() && (text.back() == ' ' || text.back() == '.')) text.pop_back();
  return text;
}

}  // namespace

Error classify(int status, http::Headers const& headers, std::string_view body, std::string_view host,
               std::string_view request_id, About const& about) {
  auto const code = std::string(headers.get("X-Error-Code").value_or(""));
  auto const message = one_line(server_message(headers, body));
  auto const repo = about.repo ? describe(*about.repo) : std::string();
  auto const at_host = std::string(" on ") + std::string(host);
  auto const says = message.empty() ? std::string() : " (the Hub says: " + message + ")";
  auto const log_in = about.with_token
                          ? "check that the token may read it"
                          : "check the spelling, and log in with `hubctl auth login` if it is private";

  Error error;
  error.http_status = status;
  error.host = std::string(host);
  error.request_id = std::string(request_id);
  error.retry_after = http::requested_wait(status, headers);

  if (code == "RevisionNotFound") {
    error.kind = ErrorKind::revision_not_found;
    error.what = "revision " + about.revision + " of " + repo + " does not exist" + at_host + "; see its branches, tags and commits";
  } else if (code == "EntryNotFound") {
    error.kind = ErrorKind::entry_not_found;
    error.what = "file " + (about.path.empty() ? std::string("asked for") : about.path) + " does not exist in " + repo +
                 " at revision " + about.revision + at_host;
  } else if (code == "GatedRepo") {
    error.kind = ErrorKind::gated_repo;
    error.what = repo + " is gated" + at_host + " and " +
                 (about.with_token ? "this token's user has not been granted access" : "no token was given") +
                 "; ask for access at " + (about.repo ? about.repo->endpoint + "/" + about.repo->id : std::string(host)) +
                 (about.with_token ? "" : ", then log in with `hubctl auth login`");
  } else if (message == "Access to this resource is disabled") {
    error.kind = ErrorKind::disabled_repo;
    error.what = repo + " is disabled" + at_host + "; its owner or the Hub's support can say why";
  } else if (status == 401 && message == "Invalid credentials in Authorization header") {
    error.kind = ErrorKind::unauthorized;
    error.what = "the Hub" + at_host + " does not know this token (for " + (repo.empty() ? "whoami" : repo) +
                 "); log in again with `hubctl auth login` or set another HF_TOKEN";
  } else if (code == "RepoNotFound" || ((status == 401 || status == 404) && about.repo)) {
    error.kind = ErrorKind::repository_not_found;
    error.what = repo + " does not exist" + at_host + " or is private; " + log_in;
  } else if (status == 401) {
    error.kind = ErrorKind::unauthorized;
    error.what = "the Hub" + at_host + " wants a valid token" + says + "; log in with `hubctl auth login`";
  } else if (status == 403) {
    error.kind = ErrorKind::permission_denied;
    error.what = "access to " + (repo.empty() ? std::string("this") : repo) + " is forbidden" + at_host + says +
                 "; check the token's rights";
  } else if (status == 429) {
    error.kind = ErrorKind::rate_limited;
    error.what = "too many requests" + at_host + (repo.empty() ? "" : " for " + repo) +
                 (error.retry_after ? ", its window opens again in " + std::to_string(error.retry_after->count()) + " s" : "") +
                 "; a token has a larger budget than none";
  } else if (status == 400 || status == 422) {
    error.kind = ErrorKind::bad_request;
    error.what = "the Hub" + at_host + " refuses the request" + (repo.empty() ? "" : " for " + repo) + says;
  } else if (status >= 500 || status == 408) {
    error.kind = ErrorKind::bad_upstream;
    error.what = std::string(host) + " failed with status " + std::to_string(status) + (repo.empty() ? "" : " for " + repo) +
                 says + "; try again later";
  } else {
    error.kind = ErrorKind::bad_upstream;
    error.what = std::string(host) + " answered with status " + std::to_string(status) + (repo.empty() ? "" : " for " + repo) + says;
  }
  return error;
}

}  // namespace hubd::hub
