// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <vector>

#include "core/engine/context.h"
#include "core/engine/held_chunks.h"
#include "core/engine/store_care.h"

namespace hubd::engine {

/// Reads what the recipes describe and finds out where it is not so any more. One run; all on the engine's executor, reading on
/// the background threads.
class StoreCheck {
 public:
  StoreCheck(Context& context, HeldChunks& held, StoreListener& listener) : context_(context), held_(held), listener_(listener) {}
  /// Fails: as StoreCare::verify.
  Async<StoreChecked> run();

 private:
  struct Content;
  struct Reading;
  Async<void> check(std::string etag);
  /// Every chunk of one place; what is wrong is told, and the place dropped. False: its wrong chunks are in `wrong`.
  Async<bool> check_place(Content const& content, Place place, std::vector<std::size_t>& wrong);
  /// A content without a whole place: what is right of one with wrong chunks can still be had. Blocking.
  Result<void> salvage(Content content, std::vector<std::size_t> const& wrong);
  void drop(std::string const& etag, Place const& place);
  Async<void> still_wanted();

  Context& context_;
  HeldChunks& held_;
  StoreListener& listener_;
  StoreProgress progress_;
  StoreChecked checked_;
};

}  // namespace hubd::engine
