// SPDX-License-Identifier: Apache-2.0
#include "core/engine/refusals.h"

#include <gtest/gtest.h>

#include <string>

#include "core/base/result.h"

namespace hubd::engine {
namespace {

using namespace std::chrono_literals;

Time const start{1h};

TEST(Refusals, ANoIsBelievedForMoments) {
  Refusals<std::string> refusals;
  refusals.keep("acme/none", fail(ErrorKind::repository_not_found, "no such repo"), start);
  ASSERT_TRUE(refusals.recall("acme/none", start + 2s));
  EXPECT_EQ(ErrorKind::repository_not_found, refusals.recall("acme/none", start + 2s)->kind);
  EXPECT_FALSE(refusals.recall("acme/other", start + 2s));
  EXPECT_FALSE(refusals.recall("acme/none", start + 3s)) << "whoever has made it meanwhile is not told so for long";
}

TEST(Refusals, WhatWaitingMayHealIsAskedAgain) {
  Refusals<std::string> refusals;
  for (auto const kind : {ErrorKind::unreachable, ErrorKind::stalled, ErrorKind::rate_limited, ErrorKind::bad_upstream, ErrorKind::cancelled}) {
    refusals.keep("acme/one", fail(kind, "not now"), start);
    EXPECT_FALSE(refusals.recall("acme/one", start)) << name_of(kind);
  }
}

}  // namespace
}  // namespace hubd::engine
