// SPDX-License-Identifier: Apache-2.0
#include "core/engine/adoption.h"

#include <algorithm>
#include <unordered_map>

#include "core/transfer/xet_layout.h"
#include "core/xet/shard_reader.h"

namespace hubd::engine {
namespace {

constexpr Bytes size_min = 1_MiB;
constexpr std::size_t contents_max = 8;  // per transfer: what is left is named by the next ones
constexpr std::size_t queries_max = 32;  // of one content
constexpr Bytes block_size = 1_GiB;      // of a file, per question
constexpr std::size_t asked_max = 100'000;

/// Runs of chunks that follow each other in one xorb, as terms; unknown ones as terms of the zero xorb.
template <class Named>
std::vector<store::RecipeTerm> terms_of(std::vector<Named> const& chunks) {
  std::vector<store::RecipeTerm> terms;
  for (auto const& chunk : chunks) {
    bool const unknown = chunk.xorb.is_zero();
    bool const goes_on = !terms.empty() && terms.back().xorb == chunk.xorb && (unknown || terms.back().end == chunk.index);
    if (!goes_on) terms.push_back({chunk.xorb, unknown ? 0 : chunk.index, unknown ? 0 : chunk.index});
    ++terms.back().end;
  }
  return terms;
}

}  // namespace

void ChunkLesson::update(std::span<std::byte const> data) {
  hasher_.update(data, [this](xet::HashedSize const& chunk) { recipe_.chunks.push_back({chunk.hash, static_cast<std::uint32_t>(chunk.size)}); });
}

store::Recipe ChunkLesson::finish() {
  auto const total = hasher_.finish([this](xet::HashedSize const& chunk) { recipe_.chunks.push_back({chunk.hash, static_cast<std::uint32_t>(chunk.size)}); });
  recipe_.file = total.file;
  return std::move(recipe_);
}

bool worth_adopting(std::string const& etag, Bytes size) {
  auto const id = ContentId::parse(etag);
  return id && id->kind() == ContentId::Kind::sha256 && size >= size_min;
}

Async<void> Adoption::name_terms(cas::TokenSource& tokens, std::string user_agent) {
  auto look = [this] {
    std::vector<store::Recipe> found;
    auto const unnamed = context_.store->unnamed();
    if (!unnamed) return found;
    for (auto const& etag : *unnamed) {
      if (asked_.contains(etag)) continue;
      auto recipe = context_.store->read(etag);
      if (recipe) found.push_back(std::move(*recipe));
      if (found.size() == contents_max) break;
    }
    return found;
  };
  auto recipes = co_await net::offload(context_.parts.disk, look);
  std::uint64_t requests = 0;
  auto const with = call(std::move(user_agent), requests);
  Result<void> result;
  for (auto& recipe : recipes) {
    auto const named = co_await name(tokens, std::move(recipe), with);
    if (named || named.error().kind != ErrorKind::cancelled) continue;
    result = named.error();
    break;
  }
  context_.totals.requests += requests;
  co_return result;
}

Async<std::uint64_t> Adoption::name_contents(cas::TokenSource& tokens, std::string user_agent, std::vector<std::string> etags) {
  std::uint64_t requests = 0;
  std::uint64_t count = 0;
  auto const with = call(std::move(user_agent), requests);
  Result<std::uint64_t> result = count;
  for (auto const& etag : etags) {
    std::optional<store::Recipe> recipe;
    auto read = [&] {
      auto found = context_.store->read(etag);
      if (found && found->terms.empty()) recipe.emplace(std::move(*found));
      return recipe.has_value();
    };
    bool const unnamed = co_await net::offload(context_.parts.disk, read);
    if (!unnamed) continue;
    auto const named = co_await name(tokens, std::move(*recipe), with);
    if (named) ++count;
    if (named || named.error().kind != ErrorKind::cancelled) continue;
    result = named.error();
    break;
  }
  context_.totals.requests += requests;
  if (result) result = count;
  co_return result;
}

cas::CallContext Adoption::call(std::string user_agent, std::uint64_t& requests) const {
  cas::CallContext with;
  with.user_agent = std::move(user_agent);
  with.progress_deadline = context_.options.metadata_timeout;
  with.retries = 0;
  with.requests = &requests;
  return with;
}

Async<void> Adoption::name(cas::TokenSource& tokens, store::Recipe recipe, cas::CallContext context) {
  if (asked_.size() >= asked_max) asked_.clear();
  asked_.insert(recipe.id.etag());
  auto named = co_await ask_reconstruction(tokens, recipe, context);
  if (!named && named.error().kind == ErrorKind::entry_not_found) named = co_await ask_for_chunks(tokens, recipe, context);
  if (!named) {
    context_.parts.log.info("where the Hub keeps the chunks of " + recipe.id.etag() + " is not known: " + named.error().what);
    co_return named.error();
  }
  recipe.terms = terms_of(*named);
  auto add = [&] { return context_.store->add(recipe); };
  auto const added = co_await net::offload(context_.parts.disk, add);
  if (!added) context_.parts.log.warning(added.error().what);
  co_return added;
}

/// Fails: entry_not_found when the CAS does not know the file; as cas::Client; bad_upstream when its terms are not of these chunks.
Async<std::vector<Adoption::Named>> Adoption::ask_reconstruction(cas::TokenSource& tokens, store::Recipe const& recipe, cas::CallContext context) {
  std::vector<Bytes> begins;  // of each chunk in the file, and the file's end
  begins.reserve(recipe.chunks.size() + 1);
  Bytes at = 0;
  for (auto const& chunk : recipe.chunks) {
    begins.push_back(at);
    at += chunk.length;
  }
  begins.push_back(at);
  std::vector<Named> named(recipe.chunks.size());
  for (Bytes block = 0; block < recipe.size; block += block_size) {
    Extent const extent{block, std::min(block_size, recipe.size - block)};
    auto const answer = co_await context_.cas.reconstruction(tokens, recipe.file, extent, context);
    if (!answer) co_return answer.error();
    auto const layout = transfer::lay_out(*answer, extent, recipe.size);
    if (!layout) co_return layout.error();
    for (auto const& term : layout->terms) {
      auto const first = std::lower_bound(begins.begin(), begins.end(), term.extent.offset);
      auto const ordinal = static_cast<std::size_t>(first - begins.begin());
      auto const count = term.end - term.first;
      bool const fits = *first == term.extent.offset && count <= recipe.chunks.size() - ordinal && begins[ordinal + count] == term.extent.end();
      if (!fits) co_return fail(ErrorKind::bad_upstream, "its reconstruction is cut otherwise than its bytes");
      for (std::uint32_t i = 0; i < count; ++i) named[ordinal + i] = {term.xorb, term.first + i};
    }
  }
  co_return named;
}

Async<std::vector<Adoption::Named>> Adoption::ask_for_chunks(cas::TokenSource& tokens, store::Recipe const& recipe, cas::CallContext context) {
  std::vector<Named> named(recipe.chunks.size());
  std::size_t queries = 0;
  std::size_t found = 0;
  for (std::size_t i = 0; i < recipe.chunks.size() && queries < queries_max; ++i) {
    auto const chunk = recipe.chunks[i].hash;
    bool const may_ask = i == 0 || xet::is_dedup_eligible(chunk);
    if (!may_ask || !named[i].xorb.is_zero()) continue;
    ++queries;
    auto const bytes = co_await context_.cas.dedup_shard(tokens, chunk, context);
    if (!bytes) co_return bytes.error();
    if (!*bytes) continue;
    auto match = [&]() -> Result<void> {
      auto const shard = xet::read_shard(as_bytes(**bytes));
      if (!shard) return shard.error();
      std::unordered_map<std::uint64_t, std::pair<xet::MerkleHash, Named>> by_word;
      for (auto const& xorb : shard->xorbs)
        for (std::uint32_t index = 0; index < xorb.chunks.size(); ++index)
          by_word.try_emplace(xorb.chunks[index].hash.word(0), xorb.chunks[index].hash, Named{xorb.xorb, index});
      bool const keyed = shard->footer && shard->footer->keyed();
      for (std::size_t j = 0; j < named.size(); ++j) {
        if (!named[j].xorb.is_zero()) continue;
        auto const hash = keyed ? xet::hmac(recipe.chunks[j].hash, shard->footer->key) : recipe.chunks[j].hash;
        auto const hit = by_word.find(hash.word(0));
        if (hit == by_word.end() || hit->second.first != hash) continue;
        named[j] = hit->second.second;
        ++found;
      }
      return {};
    };
    auto const matched = co_await net::offload(context_.parts.hashing, match);
    if (!matched) co_return matched.error();
  }
  if (found == 0) co_return fail(ErrorKind::local_entry_not_found, "the CAS knows neither the file nor any of its chunks");
  co_return named;
}

}  // namespace hubd::engine
