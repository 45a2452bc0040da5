// SPDX-License-Identifier: Apache-2.0
#include "daemon/errors.h"

#include <gtest/gtest.h>

#include "daemon/connect.h"
#include "daemon/peer_policy.h"

namespace hubd::daemon {
namespace {

TEST(Errors, EveryKindHasItsProtoValueAndAStatus) {
  for (int number = 1; number <= static_cast<int>(ErrorKind::incomplete_snapshot); ++number) {
    auto const kind = static_cast<ErrorKind>(number);
    std::string wanted = "ERROR_KIND_";
    for (char const c : name_of(kind)) wanted += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    auto const detail = to_detail(fail(kind, "what"));
    EXPECT_EQ(v1::ErrorKind_Name(detail.kind()), wanted);
    auto const code = status_code(kind);
    EXPECT_GT(code, 0) << wanted << " would be OK";
    EXPECT_FALSE(connect_code(code).empty());
    EXPECT_GE(connect_http_status(code), 400);
  }
}

TEST(Errors, ConnectErrorsCarryTheDetailTwice) {
  auto error = fail(ErrorKind::repository_not_found, "model \"a/b\" does not exist\n");
  error.http_status = 404;
  error.retry_after = std::chrono::seconds(5);
  auto const json = connect_error_json(error);
  EXPECT_NE(json.find(R"("code":"not_found")"), std::string::npos) << json;
  EXPECT_NE(json.find(R"(model \"a/b\" does not exist\u000a)"), std::string::npos) << json;
  EXPECT_NE(json.find(R"("type":"hubd.v1.ErrorDetail")"), std::string::npos) << json;
  EXPECT_NE(json.find(R"("kind":"ERROR_KIND_REPOSITORY_NOT_FOUND")"), std::string::npos) << json;
  EXPECT_NE(json.find(R"("retryAfterSeconds":"5")"), std::string::npos) << json;
}

TEST(Errors, NamesThatAreNoTextArriveEscaped) {
  auto const error = fail(ErrorKind::io, "read /cache/\xff\xc3\xa9: no");
  EXPECT_EQ(to_detail(error).message(), "read /cache/\\xff\xc3\xa9: no");
  EXPECT_NE(connect_error_json(error).find("/cache/\\\\xff\xc3\xa9: no"), std::string::npos) << connect_error_json(error);
}

TEST(PeerPolicy, OnlyWholeDescriptorsParse) {
  EXPECT_EQ(descriptor_in("fd:8"), 8);
  EXPECT_EQ(descriptor_in("fd:123"), 123);
  for (auto const* const peer : {"", "fd:", "fd:-1", "fd:8x", "fd: 8", "unix:", "unix:/run/s", "ipv4:127.0.0.1:80",
                                 "fd:99999999999", "FD:8"})
    EXPECT_EQ(descriptor_in(peer), std::nullopt) << peer;
}

TEST(PeerPolicy, ServesItsOwnerAndTheListed) {
  PeerPolicy policy(1000, {1001});
  EXPECT_TRUE(policy.serves(1000));
  EXPECT_TRUE(policy.serves(1001));
  EXPECT_FALSE(policy.serves(0)) << "not even root, unless listed";
  EXPECT_FALSE(policy.may_name_paths(1001));
  policy.list({});
  EXPECT_FALSE(policy.serves(1001));
  EXPECT_TRUE(policy.serves(1000));
}

}  // namespace
}  // namespace hubd::daemon
