# SPDX-License-Identifier: Apache-2.0
"""Sixteen clients want eight overlapping revisions in random order, and some of them leave: each chunk is fetched once, but for gaps
that were bridged. HUBD_LONG=1: ten rounds. The simulation does the same a hundred times (tests/sim/xet_revisions_test.cc)."""
import pathlib
import random
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from case import HANG, LONG, MIB, SIZE, XET, Case, model  # noqa: E402

REVISIONS = 8
CLIENTS = 16
RECORD = 8 + 131_072  # the longest


class Rounds(Case):
    def distinct_bytes(self) -> int:
        """Of all records that the local Hub sent, each once."""
        total = 0
        for xorb, seen in self.local.call("GET", "/_localhub/xorbs")["*"]["xorbs"].items():
            ends = [0, *[chunk["end"] for chunk in self.local.call("GET", "/_localhub/xet/xorb/" + xorb)["chunks"]]]
            total += sum(ends[i + 1] - ends[i] for i, times in enumerate(seen["chunks"]) if times)
        return total

    def round(self, seed: int) -> None:
        chance = random.Random(seed)
        revisions = []
        for i in range(REVISIONS):
            places = sorted(chance.randrange(SIZE // MIB - 1) * MIB for _ in range(i and 3))
            edits = [{"at": at + chance.randrange(MIB // 2), "size": chance.randrange(1, 200_000), "random_seed": 1000 + 10 * i + j}
                     for j, at in enumerate(dict.fromkeys(places))]
            revisions.append(model(f"acme/r{i}", edits, seed=seed))
        self.start(*revisions)
        self.local.call("POST", "/_localhub/knobs", {"throttle": chance.choice((10_000_000, 40_000_000, 160_000_000))})
        asking, left = [], 0
        for _ in range(CLIENTS):
            asking.append(self.daemon.ctl_start("download", f"acme/r{chance.randrange(REVISIONS)}", env=XET))
            self.wait_for_bytes("xorb", self.route("xorb")["bytes"] + chance.randrange(300_000), asking[-1])
            if chance.randrange(3) == 0:
                leaver = asking.pop(chance.randrange(len(asking)))
                left += leaver.poll() is None
                leaver.kill()
                leaver.communicate(timeout=HANG)
        self.local.call("POST", "/_localhub/knobs", {"throttle": 0})
        asking += [self.daemon.ctl_start("download", f"acme/r{i}", env=XET) for i in range(REVISIONS)]
        for one in asking:
            out, err = one.communicate(timeout=HANG)
            self.assertEqual(0, one.returncode, out + err)
        for i in range(REVISIONS):
            self.assert_right(f"acme/r{i}")
        status = self.status()
        distinct = self.distinct_bytes()
        bridged = status.get("bytesBridged", 0)
        self.assertLessEqual(bridged, distinct / 50)
        small = 100_000  # the files beside the models
        # Who leaves may leave a part of a record in each of the connections.
        self.assertLessEqual(status["bytesFetched"], distinct + bridged + small + left * 8 * RECORD)
        self.assertEqual(0, status.get("xetFallbacks", 0))
        self.assertEqual(0, self.route("cdn")["requests"])

    def test_each_chunk_is_fetched_once(self):
        for seed in range(20, 30) if LONG else (24,):
            with self.subTest(seed):
                self.folder = self.folder / str(seed)
                self.folder.mkdir()
                self.round(seed)
                self.daemon.close()


if __name__ == "__main__":
    unittest.main()
