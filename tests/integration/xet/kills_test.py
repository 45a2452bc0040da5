# SPDX-License-Identifier: Apache-2.0
"""kill -9 at random points of a throttled Xet download: what came is not fetched again, and recipes and index open clean.
HUBD_LONG=1: 1 GiB and 20 kills."""
import pathlib
import random
import sqlite3
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from case import EDITS, LONG, MIB, XET, HANG, Case, model  # noqa: E402

SIZE = (1 << 30) if LONG else 64_000_000
KILLS = 20 if LONG else 6


class Kills(Case):
    def index(self) -> dict:
        """What the chunk index knows, without its own numbers."""
        state = self.daemon.cache.parent / "hubd"
        with sqlite3.connect(f"file:{state / 'chunks.db'}?mode=ro", uri=True) as database:
            names = dict(database.execute("SELECT id, etag FROM contents"))
            runs = sorted((names[row[0]], *row[1:]) for row in database.execute(
                "SELECT content, w0, w1, first, term, past, ordinal, place FROM runs"))
            samples = sorted((names[row[0]], *row[1:]) for row in database.execute("SELECT content, w0, ordinal FROM samples"))
        database.close()
        return {"contents": sorted(names.values()), "runs": runs, "samples": samples}

    def test_what_came_survives_and_recipes_and_index_open_clean(self):
        self.start(model(size=SIZE), model("acme/next", EDITS, size=SIZE))
        self.local.call("POST", "/_localhub/knobs", {"throttle": 100_000_000 if LONG else 60_000_000})
        chance = random.Random(5)
        for kill in range(KILLS):
            asking = self.daemon.ctl_start("download", "acme/model", env=XET)
            # Somewhere in what a life brings when the whole takes about one life more than there are.
            point = self.route("xorb")["bytes"] + chance.randrange(2 * SIZE // (KILLS + 1))
            self.wait_for_bytes("xorb", point, asking)
            self.daemon.kill()
            asking.communicate(timeout=HANG)
            self.daemon.start()
            self.assertNotIn("corrupt", self.daemon.log_text(), f"kill {kill}")
        self.local.call("POST", "/_localhub/knobs", {"throttle": 0})
        self.get()
        self.assert_right()
        first = self.route("xorb")["bytes"]
        self.assertLessEqual(first, 1.02 * SIZE + KILLS * 32 * MIB)
        self.assertEqual([], list((self.daemon.cache.parent / "hubd/partials").iterdir()))

        # Without the index hubd starts and makes the same from the recipes, and the next revision costs as little.
        self.wait_for_recipe()
        self.daemon.kill()
        self.daemon.start()
        self.daemon.stop()
        kept = self.index()
        self.assertEqual(1, len(kept["contents"]))
        self.assertGreater(len(kept["runs"]), 0)
        for file in (self.daemon.cache.parent / "hubd").glob("chunks.db*"):
            file.unlink()
        self.daemon.start()
        self.daemon.stop()
        self.assertEqual(kept, self.index())
        self.daemon.start()
        self.get("acme/next")
        self.assert_right("acme/next")
        self.assertLessEqual(self.route("xorb")["bytes"] - first, 2_500_000)
        self.assertEqual(0, self.route("cdn")["requests"])

    def test_a_kill_between_publish_and_recipe_costs_reuse_only(self):
        self.start(model(), model("acme/next", EDITS))
        self.get()
        self.daemon.kill()
        recipes = list((self.daemon.cache.parent / "hubd/recipes").glob("*/*.recipe"))
        self.assertEqual(1, len(recipes))
        whole = recipes[0].read_bytes()
        for left in (None, whole[:len(whole) // 2], b"", whole[:-1] + b"\0"):
            with self.subTest(len(left) if left is not None else None):
                recipes[0].unlink() if left is None else recipes[0].write_bytes(left)
                self.daemon.start()
                self.get("acme/next")
                self.assert_right("acme/next")
                self.daemon.ctl("cache", "rm", "model/acme/next", "--yes", check=True)
                self.daemon.stop()


if __name__ == "__main__":
    unittest.main()
