# SPDX-License-Identifier: Apache-2.0
"""One byte in one of a thousand answers is wrong, under right framing: nobody ever opens a file with it."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from case import EDITS, MIB, XET, Case, model  # noqa: E402
from harness import sha256, stock  # noqa: E402

SIZE = 64_000_000


def many_xorbs(name: str, edits=()) -> dict:
    """A file whose every chunk is a xorb: a thousand answers make it up."""
    repo = model(name, edits, size=SIZE)
    repo["commits"][0]["files"][1]["xet"] = {"xorb_chunks": 1}
    return repo


class WrongBytes(Case):
    def flip(self, nth: int) -> None:
        self.local.faults({"match": {"route": "xorb", "nth": nth}, "action": {"type": "corrupt_chunk"}})

    def test_in_one_of_a_thousand_bodies_that_are_whole_xorbs(self):
        self.start(many_xorbs("acme/model"), many_xorbs("acme/next", EDITS))
        self.flip(500)
        self.get()
        self.assert_right()
        bodies = self.route("xorb")["requests"]
        xorbs = len(self.local.call("GET", "/_localhub/xorbs")["*"]["xorbs"])
        self.assertGreater(xorbs, 800)
        self.assertEqual(xorbs + 1, bodies, "one range is fetched again: the xorb that its own root does not confirm")
        self.assertLessEqual(self.route("xorb")["bytes"], SIZE + xorbs * 8 + 131_080)
        self.assertEqual(1, self.status()["integrityFailures"])
        # Nothing wrong entered the index: what is built from it is right, without a repair.
        self.get("acme/next")
        self.assert_right("acme/next")
        self.assertEqual(1, self.status()["integrityFailures"])
        self.assertEqual(0, self.route("cdn")["requests"])

    def test_in_a_range_that_nothing_confirms_costs_at_most_one_more_pass(self):
        self.start(model(size=SIZE))
        self.flip(1)
        self.get()
        self.assert_right()
        self.assertEqual(1, self.status()["integrityFailures"])
        self.assertLessEqual(self.route("xorb")["bytes"], 2 * SIZE + 2 * MIB)
        self.assertEqual(0, self.route("cdn")["requests"])

    def test_while_several_want_the_same_chunks(self):
        repos = [many_xorbs("acme/model"), many_xorbs("acme/next", EDITS), many_xorbs("acme/third", EDITS[2:])]
        self.start(*repos)
        self.flip(300)
        asking = [self.daemon.ctl_start("download", repo["id"], env=XET) for repo in repos]
        for one in asking:
            out, err = one.communicate(timeout=300)
            self.assertEqual(0, one.returncode, out + err)
        for repo in repos:
            self.assert_right(repo["id"])

    def test_again_and_again_is_refused_and_nothing_is_published(self):
        self.start(model())
        self.local.faults({"match": {"route": "xorb"}, "action": {"type": "corrupt_chunk", "chunk": 9}},
                          {"match": {"route": "cdn"}, "action": {"type": "corrupt", "offset": 1_000_000}})
        refused = self.get(check=False)
        self.assertNotEqual(0, refused.returncode)
        self.assertIn("model.bin", refused.stderr)
        self.assert_nothing_visible()
        self.assertEqual([], list((self.daemon.cache.parent / "hubd/recipes").glob("*/*.recipe")))
        self.local.clear_faults()
        self.get()
        self.assert_right()

    def test_counterpart_hf_xet_hands_it_out_as_success(self):
        """What docs/comparison.md says of the peer; when a release no longer does, this notices."""
        self.start(many_xorbs("acme/model"))
        self.flip(500)
        home = self.folder / "stock"
        home.mkdir()
        done = stock("2.4.0", "from huggingface_hub import hf_hub_download; print(hf_hub_download('acme/model', 'model.bin'))", home,
                     HF_ENDPOINT=self.local.url, **XET)
        self.assertNotEqual(self.truth(), sha256(done.stdout.strip().splitlines()[-1]))


if __name__ == "__main__":
    unittest.main()
