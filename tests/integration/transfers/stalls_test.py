# SPDX-License-Identifier: Apache-2.0
"""A range that goes silent or crawls is taken over by another connection, which fetches nothing twice."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from case import KINDS, LONG, MIB, TransferCase, model  # noqa: E402

RANGES = 16
RANGE = (16 if LONG else 4) * MIB
SIZE = RANGES * RANGE
ALL_AT_ONCE = f'[network]\nconnections_per_host = 32\n[transfer]\nrange_size = "{RANGE}"\nconnections_per_file = {RANGES}\n'
TAKEOVER = 15  # seconds that one bad range may cost


class OneBadRange(TransferCase):
    """One of sixteen ranges, in the midst of its body."""

    def troubled(self, kind: str, action: dict, tls: bool) -> None:
        self.start(model(SIZE, xorb_chunks=RANGE // 65536), config=ALL_AT_ONCE, tls=tls)
        self.local.knobs(throttle=SIZE // 2)  # so that all ranges are on their way at once, and the bad one is seen beside others
        unstalled = self.timed(kind)
        whole = self.sent(kind)
        self.assertLessEqual(whole, 1.02 * SIZE)
        self.fresh("troubled", ALL_AT_ONCE)
        self.local.faults({"match": {"route": KINDS[kind], "nth": 5}, "action": action})
        stalled = self.timed(kind)
        self.note(f"{kind}{' tls' if tls else ''}: {unstalled:.1f} s, with {action['type']} {stalled:.1f} s, "
                  f"{self.sent(kind) / whole - 1:+.2%} bytes")
        self.assertEqual(1, self.local.call("GET", "/_localhub/faults")[0]["fired"])
        self.assert_right()
        self.assertLessEqual(self.sent(kind), 1.02 * whole)
        self.assertLessEqual(stalled, unstalled + TAKEOVER)
        if kind == "xet":
            self.assertEqual(0, self.sent("plain"))  # not by giving the route up

    def test_silent_plain(self):
        self.troubled("plain", {"type": "stall", "after": RANGE // 2}, tls=False)

    def test_silent_xet(self):
        self.troubled("xet", {"type": "stall", "after": RANGE // 2}, tls=False)

    def test_silent_plain_tls(self):
        self.troubled("plain", {"type": "stall", "after": RANGE // 2}, tls=True)

    def test_silent_xet_tls(self):
        self.troubled("xet", {"type": "stall", "after": RANGE // 2}, tls=True)

    def test_a_byte_a_second_plain(self):
        self.troubled("plain", {"type": "throttle", "bytes_per_second": 1, "after": RANGE // 2}, tls=False)

    def test_a_byte_a_second_xet(self):
        self.troubled("xet", {"type": "throttle", "bytes_per_second": 1, "after": RANGE // 2}, tls=False)

    def test_silent_xet_where_signed_ranges_are_served_whole_only(self):
        self.start(model(SIZE, xorb_chunks=RANGE // 65536), config=ALL_AT_ONCE)
        self.local.knobs(throttle=SIZE // 2, xorb_ranges="exact")
        self.local.faults({"match": {"route": "xorb", "nth": 5}, "action": {"type": "stall", "after": RANGE // 2}})
        took = self.timed("xet")
        self.note(f"{took:.1f} s, {self.sent('xet') / SIZE - 1:+.2%} bytes")
        self.assert_right()
        self.assertEqual(0, self.sent("plain"))
        self.assertLessEqual(self.sent("xet"), 1.02 * SIZE + MIB)  # the rest begins at a whole chunk, by a new URL
        self.assertLessEqual(took, 3 + TAKEOVER)


if __name__ == "__main__":
    unittest.main()
