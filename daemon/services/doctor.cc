// SPDX-License-Identifier: Apache-2.0
#include "daemon/services/doctor.h"

namespace hubd::daemon {

void Doctor::add_to(Registry& registry) { registry.unary("/hubd.v1.Admin/Examine", *this, &Doctor::examine); }

Async<v1::ExamineResponse> Doctor::examine(Principal principal, v1::ExamineRequest request) {
  auto caller = parts_.callers.caller(principal, request.caller());
  if (!caller) co_return caller.error();
  Checkup::Question question;
  question.caller = std::move(*caller);
  if (!question.caller.token.empty()) question.token_from = request.caller().token_mode() == v1::Caller::TOKEN_MODE_GIVEN ? "given with the call" : "stored";
  if (!request.repo().id().empty()) {
    auto repo = parts_.callers.repo(question.caller.endpoint, request.repo());
    if (!repo) co_return repo.error();
    question.repo = std::move(*repo);
    if (!request.repo().revision().empty()) question.revision = request.repo().revision();
  }
  question.cache_root = parts_.cache_root;
  question.state_folder = parts_.state_folder;
  question.limits = parts_.limits;
  question.problem = parts_.engine.totals().problem;
  question.config = parts_.config.config();
  auto examining = checkup_.run(std::move(question));
  auto const findings = co_await std::move(examining);
  v1::ExamineResponse response;
  for (auto const& finding : findings) {
    auto& check = *response.add_checks();
    check.set_check(finding.check);
    check.set_level(std::string(name_of(finding.level)));
    check.set_what(finding.what);
    check.set_remedy(finding.remedy);
  }
  co_return response;
}

}  // namespace hubd::daemon
