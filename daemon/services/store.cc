// SPDX-License-Identifier: Apache-2.0
#include "daemon/services/store.h"

#include "daemon/text.h"

namespace hubd::daemon {
namespace {

v1::DamagedChunk to_message(engine::DamagedChunk const& chunk) {
  v1::DamagedChunk message;
  message.set_path(valid_utf8(chunk.path));
  message.set_etag(chunk.etag);
  message.set_offset(chunk.offset);
  message.set_length(chunk.length);
  message.set_chunk(chunk.chunk);
  return message;
}

v1::AdoptedFile to_message(engine::AdoptedFile const& file) {
  v1::AdoptedFile message;
  message.set_path(valid_utf8(file.path));
  message.set_size(file.size);
  message.set_sha256(file.sha256);
  message.set_xet(file.xet);
  message.set_chunks(file.chunks);
  message.set_problem(valid_utf8(file.problem));
  return message;
}

/// Turns what a verb tells into events. Progress is offered, so a slow reader skips to the newest.
template <class Event>
class Forward final : public engine::StoreListener {
 public:
  explicit Forward(Sink<Event>& sink) : sink_(sink) {}

  void progress(engine::StoreProgress const& progress) override {
    Event event;
    auto& message = *event.mutable_progress();
    message.set_files_done(progress.files_done);
    message.set_files_total(progress.files_total);
    message.set_bytes_done(progress.bytes_done);
    message.set_bytes_total(progress.bytes_total);
    message.set_path(valid_utf8(progress.path));
    sink_.offer(std::move(event));
  }
  Async<void> damaged(engine::DamagedChunk chunk) override {
    Event event;
    if constexpr (requires { event.mutable_damaged(); }) *event.mutable_damaged() = to_message(chunk);
    return sink_.send(std::move(event));
  }
  Async<void> adopted(engine::AdoptedFile file) override {
    Event event;
    if constexpr (requires { event.mutable_file(); }) *event.mutable_file() = to_message(file);
    return sink_.send(std::move(event));
  }

 private:
  Sink<Event>& sink_;
};

}  // namespace

void StoreService::add_to(Registry& registry) {
  registry.unary("/hubd.v1.Store/Stats", *this, &StoreService::stats);
  registry.stream("/hubd.v1.Store/Rebuild", *this, &StoreService::rebuild);
  registry.stream("/hubd.v1.Store/Verify", *this, &StoreService::verify);
  registry.stream("/hubd.v1.Store/Adopt", *this, &StoreService::adopt);
}

Result<void> StoreService::check_root(Principal principal, v1::Caller const& caller) const {
  auto const known = callers_.caller(principal, caller);
  if (!known) return known.error();
  return {};
}

Async<v1::StoreStatsResponse> StoreService::stats(Principal principal, v1::StoreStatsRequest request) {
  auto const ours = check_root(principal, request.caller());
  if (!ours) co_return ours.error();
  auto counting = engine_.store().stats();
  auto const stats = co_await std::move(counting);
  if (!stats) co_return stats.error();
  v1::StoreStatsResponse response;
  response.set_recipes(stats->recipes);
  response.set_chunks(stats->chunks);
  response.set_chunks_distinct(stats->chunks_distinct);
  response.set_distinct_estimated(stats->distinct_estimated);
  response.set_content_bytes(stats->content_bytes);
  response.set_recipe_bytes(stats->recipe_bytes);
  response.set_index_bytes(stats->index_bytes);
  response.set_bytes_reused(stats->bytes_reused);
  response.set_adoptable(stats->adoptable);
  response.set_adoptable_bytes(stats->adoptable_bytes);
  response.set_pending(stats->pending);
  co_return response;
}

Async<void> StoreService::rebuild(Principal principal, v1::RebuildStoreRequest request, Sink<v1::RebuildStoreEvent>& sink) {
  auto const ours = check_root(principal, request.caller());
  if (!ours) co_return ours.error();
  Forward<v1::RebuildStoreEvent> forward(sink);
  auto rebuilding = engine_.store().rebuild(forward);
  auto const rebuilt = co_await std::move(rebuilding);
  if (!rebuilt) co_return rebuilt.error();
  v1::RebuildStoreEvent event;
  auto& done = *event.mutable_done();
  done.set_recipes(rebuilt->recipes);
  done.set_chunks(rebuilt->chunks);
  done.set_damaged(rebuilt->damaged);
  done.set_adoptable(rebuilt->adoptable);
  sink.keep(std::move(event));
  co_return Result<void>();
}

Async<void> StoreService::verify(Principal principal, v1::VerifyStoreRequest request, Sink<v1::VerifyStoreEvent>& sink) {
  auto const ours = check_root(principal, request.caller());
  if (!ours) co_return ours.error();
  Forward<v1::VerifyStoreEvent> forward(sink);
  auto checking = engine_.store().verify(forward);
  auto const checked = co_await std::move(checking);
  if (!checked) co_return checked.error();
  v1::VerifyStoreEvent event;
  auto& done = *event.mutable_done();
  done.set_files(checked->files);
  done.set_chunks(checked->chunks);
  done.set_bytes(checked->bytes);
  done.set_damaged_files(checked->damaged_files);
  done.set_damaged_chunks(checked->damaged_chunks);
  done.set_damaged_recipes(checked->damaged_recipes);
  done.set_changed(checked->changed);
  done.set_absent(checked->absent);
  sink.keep(std::move(event));
  co_return Result<void>();
}

Result<engine::AdoptRequest> StoreService::translate(Principal principal, v1::AdoptRequest const& message) const {
  engine::AdoptRequest request;
  auto caller = callers_.caller(principal, message.caller());
  if (!caller) return caller.error();
  request.caller = std::move(*caller);
  auto folder = callers_.local_dir(principal, message.folder());
  if (!folder) return folder.error();
  if (folder->empty()) return fail(ErrorKind::bad_request, "no folder was named");
  request.folder = std::move(*folder);
  if (message.repo().id().empty()) return request;
  auto repo = callers_.repo(request.caller.endpoint, message.repo());
  if (!repo) return repo.error();
  request.repo = std::move(*repo);
  if (!message.repo().revision().empty()) request.revision = message.repo().revision();
  return request;
}

Async<void> StoreService::adopt(Principal principal, v1::AdoptRequest message, Sink<v1::AdoptEvent>& sink) {
  auto request = translate(principal, message);
  if (!request) co_return request.error();
  Forward<v1::AdoptEvent> forward(sink);
  auto adopting = engine_.store().adopt(std::move(*request), forward);
  auto const adopted = co_await std::move(adopting);
  if (!adopted) co_return adopted.error();
  v1::AdoptEvent event;
  auto& done = *event.mutable_done();
  done.set_adopted(adopted->adopted);
  done.set_known(adopted->known);
  done.set_small(adopted->small);
  done.set_failed(adopted->failed);
  done.set_chunks(adopted->chunks);
  done.set_bytes(adopted->bytes);
  done.set_named(adopted->named);
  done.set_warning(valid_utf8(adopted->warning));
  sink.keep(std::move(event));
  co_return Result<void>();
}

}  // namespace hubd::daemon
