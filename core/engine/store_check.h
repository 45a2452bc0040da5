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
  StoreCheck(Context& context, StoreListener& listener) : context_(context), listener_(listener) {}
  /// Fails: as StoreCare::verify.
  Async<StoreChecked> run();

 private:
  struct Content;
  struct Reading;
  Async<void> check(std::string etag);
  /// Every chunk of one place; what is wrong is told, and the place dropped. False: it is no source any more.
  Async<bool> check_place(Content const& content, Place place);
  void drop(std::string const& etag, Place const& place);
  Async<void> still_wanted();

  Context& context_;
  StoreListener& listener_;
  StoreProgress progress_;
  StoreChecked checked_;
};

}  // namespace hubd::engine
