// SPDX-License-Identifier: Apache-2.0
#include "daemon/services/callers.h"

#include <gtest/gtest.h>

#include <limits>

namespace hubd::daemon {
namespace {

constexpr Principal owner{1000};
constexpr Principal guest{2000};

class CallersTest : public testing::Test {
 protected:
  Result<engine::Caller> at(std::string const& endpoint, Principal principal) {
    v1::Caller message;
    message.set_endpoint(endpoint);
    return callers_.caller(principal, message);
  }

  SystemClock clock_;
  PeerPolicy policy_{owner.uid, {guest.uid}};
  Callers callers_{Callers::Facts{{"https://hub.example", "https://mirror.example"}, "/cache"}, policy_, clock_,
                   [](Principal) { return Secret("hf_owner"); }};
};

TEST_F(CallersTest, AnotherUserNamesOnlyOurUpstreams) {
  EXPECT_EQ(at("", guest)->endpoint, "https://hub.example");
  EXPECT_EQ(at("https://mirror.example/", guest)->endpoint, "https://mirror.example");
  EXPECT_EQ(at("https://elsewhere.example", owner)->endpoint, "https://elsewhere.example");
  for (auto const* const endpoint : {"https://elsewhere.example", "http://hub.example", "https://hub.example:444",
                                     "https://hub.example.evil", "https://hub.example/x"}) {
    auto const refused = at(endpoint, guest);
    ASSERT_FALSE(refused) << endpoint;
    EXPECT_EQ(refused.error().kind, ErrorKind::permission_denied);
  }
}

TEST_F(CallersTest, AnEndpointHasNoPassword) {
  auto const refused = at("https://me:secret@hub.example", owner);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::bad_request);
  EXPECT_EQ(refused.error().what.find("secret"), std::string::npos) << refused.error().what;
}

TEST_F(CallersTest, TheLargestDeadlineIsStillInTheFuture) {
  v1::Caller message;
  message.set_deadline_ms(std::numeric_limits<std::int64_t>::max());
  auto const caller = callers_.caller(owner, message);
  ASSERT_TRUE(caller && caller->deadline);
  EXPECT_GT(*caller->deadline, clock_.now() + std::chrono::hours(24));
  EXPECT_LE(*caller->deadline, clock_.now() + std::chrono::hours(24 * 30));
}

}  // namespace
}  // namespace hubd::daemon
