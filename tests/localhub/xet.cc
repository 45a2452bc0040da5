// SPDX-License-Identifier: Apache-2.0
// Where the Hub hands over to its CAS: tokens, file ids, commits of files that came by Xet.
#include "tests/localhub/hub.h"

namespace hubd::localhub {

Answer Hub::xet_token(Call const& call, Place const& place) {
  bool const write = place.verb == "xet-write-token";
  bool const pull_request = call.query.flag("create_pr");
  auto opened = open(call, place, !write ? Need::files : pull_request ? Need::see : Need::write);
  if (opened.refusal) return *opened.refusal;
  if (write && opened.caller.user == nullptr) return not_found(opened.caller);
  if (call.method != "GET") return error_answer(404, "", "Not Found");
  auto const revision = call.rest(place.rest);
  bool const any = write && (revision.empty() || pull_request);  // clients then name no revision, or "None"
  if (!any) {
    auto const found = at(*opened.repo, revision);
    if (found.refusal) return *found.refusal;
  }
  auto const* user = opened.caller.user;
  return cas.token_answer(opened.repo->oid, user == nullptr ? std::string() : user->name, write);
}

void Hub::add_xet_fields(Call const& call, Repo const& repo, std::string const& commit, Entry const& entry, Answer& answer) const {
  if (entry.xet.empty()) return;
  auto const route = call.base + "/api/" + plural(repo.type) + "/" + repo.id + "/xet-read-token/" + commit;
  answer.set("X-Xet-Hash", entry.xet);
  answer.set("X-Xet-Refresh-Route", route);
  answer.set("Link", "<" + route + ">; rel=\"xet-auth\", <" + cas.url + "/v1/reconstructions/" + entry.xet + ">; rel=\"xet-reconstruction-info\"");
}

Result<std::optional<Entry>> Hub::lfs_entry(Repo& repo, std::string const& oid) {
  bool const received = repo.lfs_objects.contains(oid);
  auto const file = cas.file_for_commit(oid, repo.oid);
  if (!file) return file.error();
  auto content = received || *file != nullptr ? store.find(oid) : nullptr;
  if (!content && *file != nullptr) content = store.from_source(cas.store.bytes_of(**file), oid, (*file)->size);
  if (!content) return std::optional<Entry>();
  Entry entry{content, true};
  if (*file != nullptr) entry.xet = (*file)->hash.text();
  return std::optional<Entry>(std::move(entry));
}

}  // namespace hubd::localhub
