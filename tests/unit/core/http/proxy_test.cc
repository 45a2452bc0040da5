// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "core/http/pool_client.h"

namespace hubd::http {
namespace {

TEST(Proxy, ExceptionsAreRespected) {
  struct Row {
    char const* no_proxy;
    char const* host;
    std::uint16_t port;
    bool direct;
  };
  for (Row const& row : {
           Row{"", "hub.example", 443, false},
           Row{"*", "hub.example", 443, true},
           Row{"hub.example", "hub.example", 443, true},
           Row{"HUB.Example", "hub.example", 443, true},
           Row{"example", "hub.example", 443, true},
           Row{"ample", "hub.example", 443, false},
           Row{".example", "hub.example", 443, true},
           Row{"*.example", "hub.example", 443, true},
           Row{".hub.example", "hub.example", 443, true},
           Row{"hub.example:444", "hub.example", 443, false},
           Row{"hub.example:443", "hub.example", 443, true},
           Row{"a, b ,hub.example ", "hub.example", 443, true},
           Row{"127.0.0.1", "127.0.0.1", 80, true},
           Row{"[::1]", "::1", 80, true},
           Row{"::1", "::1", 80, true},
           Row{"10.0.0.0/8", "10.200.3.4", 443, true},
           Row{"10.0.0.0/8", "11.0.0.1", 443, false},
           Row{"10.1.2.3/8", "10.9.9.9", 443, true},
           Row{"10.0.0.0/8", "10.example", 443, false},
           Row{"10.0.0.0/99", "10.0.0.1", 443, false},
           Row{"fd00::/8", "fd12::1", 443, true},
           Row{"fd00::/8", "fe80::1", 443, false},
           Row{"fd00::/8", "10.0.0.1", 443, false},
           Row{"/", "hub.example", 443, false},
           Row{",, ,", "hub.example", 443, false},
       }) {
    Proxies const proxies{"http://p:1", "http://p:2", row.no_proxy};
    EXPECT_EQ(proxy_for(proxies, "https", row.host, row.port).empty(), row.direct) << row.no_proxy << " for " << row.host;
  }
}

TEST(Proxy, EachSchemeHasItsOwn) {
  Proxies const proxies{"http://plain:1", "", ""};
  EXPECT_EQ(proxy_for(proxies, "http", "h", 80), "http://plain:1");
  EXPECT_EQ(proxy_for(proxies, "https", "h", 443), "");
}

}  // namespace
}  // namespace hubd::http
