// SPDX-License-Identifier: Apache-2.0
#include "core/http/url.h"

#include <gtest/gtest.h>

namespace hubd::http {
namespace {

TEST(Url, PartsAreFoundAndNormalised) {
  struct Row {
    char const* text;
    char const* scheme;
    char const* host;
    std::uint16_t port;
    char const* target;
    char const* authority;
    char const* host_header;
  };
  for (Row const& row : {
           Row{"https://huggingface.co", "https", "huggingface.co", 443, "/", "huggingface.co:443", "huggingface.co"},
           Row{"HTTP://Hub.Example:80/a?b=c", "http", "hub.example", 80, "/a?b=c", "hub.example:80", "hub.example"},
           Row{"http://[::1]:8080/x#part", "http", "::1", 8080, "/x", "[::1]:8080", "[::1]:8080"},
           Row{"https://h:444/a%2Fb/c d?x=\"y\"", "https", "h", 444, "/a%2Fb/c%20d?x=%22y%22", "h:444", "h:444"},
           Row{"https://h?q", "https", "h", 443, "/?q", "h:443", "h"},
           Row{"http://h:/p", "http", "h", 80, "/p", "h:80", "h"},
       }) {
    auto const url = parse_url(row.text);
    ASSERT_TRUE(url) << row.text << ": " << url.error().what;
    EXPECT_EQ(url->origin.scheme, row.scheme) << row.text;
    EXPECT_EQ(url->origin.host, row.host) << row.text;
    EXPECT_EQ(url->origin.port, row.port) << row.text;
    EXPECT_EQ(url->target, row.target) << row.text;
    EXPECT_EQ(url->origin.authority(), row.authority) << row.text;
    EXPECT_EQ(url->origin.host_header(), row.host_header) << row.text;
  }
}

TEST(Url, UserAndPasswordAreDecodedAndNoPartOfTheOrigin) {
  auto const url = parse_url("http://user:p%40ss@proxy:3128");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->userinfo, "user:p@ss");
  EXPECT_EQ(url->origin, (Origin{"http", "proxy", 3128}));
}

TEST(Url, WhatIsNoHttpUrlIsRefused) {
  for (char const* text : {"", "huggingface.co", "/path", "ftp://h/", "file:///etc/passwd", "http://", "https:///x", "http://h:99999/",
                           "http://h:0/", "http://h:12ab/", "https://[::1/", "http://a@"}) {
    auto const url = parse_url(text);
    ASSERT_FALSE(url) << text;
    EXPECT_EQ(url.error().kind, ErrorKind::bad_request) << text;
  }
}

TEST(Url, AHostCannotCarryOtherHeaders) {
  for (char const* text : {"http://h%0d%0aX-Evil:%201/", "http://a%20b/", "http://h%00/", "http://h%2Fx/", "http://h%3A81/",
                           "http://h%40evil/", "http://h\r\nX-Evil/", "http://[fe80::1%250d]/"}) {
    auto const url = parse_url(text);
    ASSERT_FALSE(url) << text << " became " << url->origin.host;
    EXPECT_EQ(url.error().kind, ErrorKind::bad_request) << text;
  }
  EXPECT_EQ(parse_url("http://my%2Dhub_1.example/")->origin.host, "my-hub_1.example");
}

TEST(Url, ControlCharactersNeverReachTheRequestLine) {
  auto const url = parse_url("http://h/a\r\nX-Evil: 1\tb\n?c\r\n");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->target.find_first_of("\r\n\t "), std::string::npos) << url->target;
}

TEST(Url, ErrorsDoNotShowTheSignature) {
  auto const url = parse_url("gopher://h/path?Signature=secret");
  ASSERT_FALSE(url);
  EXPECT_EQ(url.error().what.find("secret"), std::string::npos);
  EXPECT_EQ(without_query("https://h/p?Signature=secret#x"), "https://h/p");
}

TEST(Url, ReferencesResolveAsRfc3986Says) {
  struct Row {
    char const* base;
    char const* location;
    char const* target;
  };
  for (Row const& row : {
           Row{"https://h/a/b?q=1", "/c", "https://h/c"},
           Row{"https://h/a/b", "c?x=1", "https://h/a/c?x=1"},
           Row{"https://h/a/b", "../c", "https://h/c"},
           Row{"https://h/a/b", "//cdn/x", "https://cdn/x"},
           Row{"https://h/a/b", "http://other:8/x#frag", "http://other:8/x"},
           Row{"https://h/a/b?q", "?z=2", "https://h/a/b?z=2"},
           Row{"https://h/a", "/with blank/ü", "https://h/with%20blank/%C3%BC"},
       }) {
    auto const target = resolve_reference(row.base, row.location);
    ASSERT_TRUE(target) << row.location;
    EXPECT_EQ(*target, row.target) << row.base << " + " << row.location;
  }
}

TEST(Url, SegmentsPathsAndQueriesAreEncoded) {
  EXPECT_EQ(encode_segment("refs/pr/1"), "refs%2Fpr%2F1");
  EXPECT_EQ(encode_segment("a-b_c.d~e"), "a-b_c.d~e");
  EXPECT_EQ(encode_path("a b/c+d/ü?#%"), "a%20b/c%2Bd/%C3%BC%3F%23%25");
  EXPECT_EQ(encode_query({{"a", "1 2"}, {"b&", "="}}), "a=1%202&b%26=%3D");
}

TEST(Url, QueriesAreTakenApartAndDecoded) {
  using Fields = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(parse_query("a=1%202&b%26=%3D&c").value(), (Fields{{"a", "1 2"}, {"b&", "="}, {"c", ""}}));
  EXPECT_EQ(parse_query("").value(), Fields{});
  for (char const* broken : {"a=%", "a=%4", "a=%zz", "a=b c"}) EXPECT_FALSE(parse_query(broken)) << broken;
}

}  // namespace
}  // namespace hubd::http
