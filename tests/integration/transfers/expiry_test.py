# SPDX-License-Identifier: Apache-2.0
"""A transfer that lasts longer than its signed URLs and tokens: nobody notices, and no range comes twice."""
import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from case import LONG, MB, TransferCase, model  # noqa: E402

SECONDS = 300 if LONG else 30
URLS = 60 if LONG else 5
TOKENS = 120 if LONG else 10
RATE = 2 * MB


class Expiry(TransferCase):
    def outlived(self, kind: str) -> None:
        size = SECONDS * RATE
        self.start(model(size, xorb_chunks=64), config="" if LONG else '[transfer]\nrange_size = "1 MiB"\n')
        self.local.knobs(throttle=RATE, url_lifetime_s=URLS, xet_token_lifetime_s=TOKENS)
        took = self.timed(kind)
        self.assertGreater(took, 0.9 * SECONDS)
        self.assert_right()
        routes = self.local.counters()["routes"]
        refused = {name: count["statuses"]["403"] for name, count in routes.items() if "403" in count["statuses"]}
        self.note(f"{kind}: {took:.0f} s, {self.sent(kind) / size - 1:+.3%} bytes; refused {refused}; "
                  f"{ {name: count['requests'] for name, count in routes.items()} }")
        self.assertEqual("0", self.daemon.rpc("Admin", "Status", {})[1].get("xetFallbacks", "0"), self.daemon.log_text())
        self.assertEqual(0, self.moved() - self.sent(kind))
        if kind == "plain":
            lines = [line for line in self.local.requests() if line["route"] == "cdn" and line["status"] == 206]
            self.assertEqual(size, sum(line["bytes"] for line in lines))  # not one byte twice
            self.assertGreaterEqual(routes["resolve-get"]["requests"], SECONDS // URLS // 2)
        else:
            self.assertEqual(1, self.local.call("GET", "/_localhub/xorbs")["*"]["chunk_served_max"])
            self.assertLessEqual(self.sent(kind), 1.002 * size)
            self.assertGreaterEqual(routes["xet-token"]["requests"], SECONDS // TOKENS // 2)
            # One question renews what stands side by side, not one a range.
            self.assertGreaterEqual(routes["cas-reconstruction"]["requests"], 2)
            self.assertLessEqual(routes["cas-reconstruction"]["requests"], 10 * SECONDS // URLS)
        # A refusal renews for all who use the same URL: a few may have asked at that moment.
        self.assertLessEqual(sum(refused.values()), 2 * SECONDS // URLS)

    def test_plain(self):
        self.outlived("plain")

    def test_xet(self):
        self.outlived("xet")


if __name__ == "__main__":
    unittest.main()
