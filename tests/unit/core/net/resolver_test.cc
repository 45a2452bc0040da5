// SPDX-License-Identifier: Apache-2.0
#include "core/net/resolver.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/in_loop.h"

namespace hubd::net {
namespace {

using namespace std::chrono_literals;

class ResolverTest : public ::testing::Test {
 protected:
  std::unique_ptr<Resolver> resolver() { return system_resolver(loop_.io.get_executor()); }
  support::Loop loop_;
};

TEST_F(ResolverTest, ALiteralAddressIsItself) {
  auto const made = resolver();
  for (char const* text : {"127.0.0.1", "::1", "192.0.2.7"}) {
    auto const found = loop_.run(made->resolve(text, 5s));
    ASSERT_TRUE(found) << found.error().what;
    EXPECT_EQ(*found, std::vector{asio::ip::make_address(text)});
  }
}

TEST_F(ResolverTest, TheHostsFileIsRead) {
  auto const made = resolver();
  auto const found = loop_.run(made->resolve("localhost", 10s));
  ASSERT_TRUE(found) << found.error().what;
  ASSERT_FALSE(found->empty());
  EXPECT_TRUE(std::all_of(found->begin(), found->end(), [](auto const& address) { return address.is_loopback(); }));
}

TEST_F(ResolverTest, NamesThatCannotBeAreErrorsThatNameThem) {
  auto const made = resolver();
  for (std::string const& name : {std::string("a..b"), std::string(300, 'x') + ".example", std::string("-")}) {
    auto const found = loop_.run(made->resolve(name, 100ms));
    ASSERT_FALSE(found) << name;
    EXPECT_TRUE(found.error().kind == ErrorKind::unreachable || found.error().kind == ErrorKind::stalled) << found.error().what;
    EXPECT_NE(found.error().what.find(name), std::string::npos);
  }
}

TEST_F(ResolverTest, ALookupEndsWithItsLimitOrItsCaller) {
  auto const made = resolver();
  // Whether a server answers depends on the machine; that it ends, and as one of these, does not.
  auto const found = loop_.run(made->resolve("hubd-test.invalid", 30ms));
  ASSERT_FALSE(found);
  EXPECT_TRUE(found.error().kind == ErrorKind::unreachable || found.error().kind == ErrorKind::stalled) << found.error().what;

  auto const cancelled = loop_.start(made->resolve("hubd-test.invalid", 1h));
  loop_.settle();
  loop_.tasks.cancel();
  loop_.until([&] { return loop_.tasks.size() == 0; });
}

}  // namespace
}  // namespace hubd::net
