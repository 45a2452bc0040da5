# SPDX-License-Identifier: Apache-2.0
"""hubctl plan says where bytes will come from, by metadata only, and the download then does exactly that."""
import json
import pathlib
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
from download_test import EDITS, SIZE, XET, Case, model  # noqa: E402
from harness import HANG, sha256  # noqa: E402
from store_test import StoreCase  # noqa: E402

REVISIONS = {"id": "acme/model", "commits": [
    {"files": [{"path": "config.json", "text": "{}"}, {"path": "model.bin", "size": SIZE, "random_seed": 7, "xet": True}], "tags": ["v1"]},
    {"files": [{"path": "config.json", "text": "{}"}, {"path": "model.bin", "size": SIZE, "random_seed": 7, "xet": True, "edits": EDITS}]}]}


class Plans(StoreCase):
    def plan(self, *arguments: str, **env) -> dict:
        done = self.daemon.ctl("plan", *arguments, "--json", env={**XET, **env}, check=True)
        return json.loads(done.stdout)

    def file(self, plan: dict, path: str = "model.bin") -> dict:
        return next(f for f in plan["files"] if f["path"] == path)

    def content(self) -> int:
        """Bytes of content that the local Hub has served."""
        return sum(self.route(name)["bytes"] for name in ("xorb", "cdn"))

    def assert_true(self, plan: dict, *download: str, **env) -> None:
        """The download moves what the plan says, to the byte; small files come by themselves."""
        small = sum(f["size"] for f in plan["files"] if not f["cached"] and f["size"] < 1 << 20)
        before = self.content()
        self.daemon.ctl("download", *download, env={**XET, **env}, check=True)
        self.assertEqual(plan["bytes_network"] - small, self.content() - before)

    def test_nothing_here_all_comes_by_the_network(self):
        self.start(model())
        plan = self.plan("acme/model")
        file = self.file(plan)
        self.assertEqual((0, 0, "known", False), tuple(file[k] for k in ("bytes_repo", "bytes_others", "sources", "cached")))
        self.assertTrue(SIZE <= file["bytes_network"] <= 1.001 * SIZE, "random bytes, and the heads of their chunks")
        self.assertEqual(0, self.content(), "metadata only")
        self.assertTrue(plan["fits"])
        self.assert_true(plan, "acme/model")
        after = self.plan("acme/model")
        self.assertEqual((SIZE, 0, True), (self.file(after)["bytes_repo"], after["bytes_network"], self.file(after)["cached"]))

    def test_another_repo_has_most_of_it(self):
        self.start(model(), model("acme/next", EDITS))
        self.get()
        served = self.content()
        plan = self.plan("acme/next")
        file = self.file(plan)
        self.assertEqual((0, "known"), (file["bytes_repo"], file["sources"]))
        self.assertGreater(file["bytes_others"], 0.85 * SIZE)
        self.assertLess(file["bytes_network"], 0.12 * SIZE)
        self.assertEqual(served, self.content())
        self.assert_true(plan, "acme/next")
        self.assertEqual(self.status()["bytesReused"], file["bytes_others"])
        self.assert_right("acme/next")

    def test_this_repos_own_revision_has_most_of_it(self):
        self.start(REVISIONS)
        self.daemon.ctl("download", "acme/model", "--revision", "v1", env=XET, check=True)
        plan = self.plan("acme/model")
        file = self.file(plan)
        self.assertGreater(file["bytes_repo"], 0.85 * SIZE)
        self.assertEqual(0, file["bytes_others"])
        self.assertEqual(plan["bytes_repo"], file["bytes_repo"] + self.file(plan, "config.json")["bytes_repo"])
        self.assert_true(plan, "acme/model")
        snapshot = self.daemon.cache / "models--acme--model/snapshots" / plan["commit"]
        self.assertEqual(self.truth(), sha256(snapshot / "model.bin"))

    def test_what_the_plain_route_brought_counts(self):
        self.start(model(), model("acme/next", EDITS))
        self.get(HF_HUB_DISABLE_XET="1")
        self.await_pending()
        plan = self.plan("acme/next")
        self.assertGreater(self.file(plan)["bytes_others"], 0.85 * SIZE)
        self.assert_true(plan, "acme/next")

    def test_two_files_of_one_plan_that_share_chunks(self):
        both = model()
        both["commits"][0]["files"].append({"path": "twin.bin", "size": SIZE, "random_seed": 7, "xet": True})
        both["commits"][0]["files"].append({"path": "like.bin", "size": SIZE, "random_seed": 7, "xet": True, "edits": EDITS})
        self.start(both)
        plan = self.plan("acme/model")
        self.assertLess(plan["bytes_network"], 1.3 * SIZE)
        before = self.content()
        self.get()
        moved = self.content() - before
        self.assertLessEqual(abs(moved - plan["bytes_network"]), 0.02 * SIZE, "which of them comes first decides some of it")

    def test_a_partial_counts(self):
        self.start(model())
        self.local.faults({"match": {"route": "xorb"}, "action": {"type": "cut", "after": 2_000_000}},)
        self.local.call("POST", "/_localhub/knobs", {"throttle": 20_000_000})
        running = self.daemon.ctl_start("download", "acme/model", env=XET)
        import time
        deadline = time.monotonic() + HANG
        while self.route("xorb")["bytes"] < SIZE // 3:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)
        running.kill()
        running.communicate(timeout=HANG)
        while json.loads(self.daemon.ctl("transfers", "ls", "--json", check=True).stdout):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)
        self.local.clear_faults()
        self.local.call("POST", "/_localhub/knobs", {"throttle": 0})
        plan = self.plan("acme/model")
        self.assertLess(plan["bytes_network"], SIZE)
        self.assertGreater(plan["bytes_resumable"], 0)
        self.assert_true(plan, "acme/model")
        self.assert_right()

    def test_a_source_that_is_gone_is_not_promised(self):
        self.start(model(), model("acme/next", EDITS))
        self.get()
        self.blob().unlink()
        plan = self.plan("acme/next")
        self.assertEqual((0, "known"), (self.file(plan)["bytes_others"], self.file(plan)["sources"]))
        self.assert_true(plan, "acme/next")

    def test_where_the_storage_was_not_asked_it_says_unknown(self):
        self.start(model(), model("acme/next", EDITS))
        self.get()
        self.local.faults({"match": {"origin": "cas"}, "action": {"type": "status", "status": 404}})
        plan = self.plan("acme/next")
        size = self.file(plan)["size"]
        self.assertEqual(("unknown", size, 1), (self.file(plan)["sources"], self.file(plan)["bytes_network"], plan["files_unknown"]))
        text = self.daemon.ctl("plan", "acme/next", env=XET, check=True)
        self.assertIn("as far as known", text.stdout)
        self.assertIn("1 file is unknown", text.stderr)
        self.local.clear_faults()
        offline = self.plan("acme/next", HF_HUB_OFFLINE="1")
        self.assertEqual(("unknown", 1), (self.file(offline)["sources"], offline["files_unknown"]))
        plain = self.plan("acme/next", HF_HUB_DISABLE_XET="1")
        self.assertEqual(("known", size, 0), (self.file(plain)["sources"], self.file(plain)["bytes_network"], plain["files_unknown"]))

    def test_many_repos_add_up_and_people_read_it(self):
        self.start(model(), model("acme/next", EDITS), model("acme/far", seed=9))
        self.get()
        lines = self.folder / "models.txt"
        lines.write_text("acme/next\nacme/far\n")
        both = json.loads(self.daemon.ctl("plan", "--from", str(lines), "--json", env=XET, check=True).stdout)
        self.assertGreater(both["bytes_others"], 0.85 * SIZE)
        self.assertTrue(SIZE < both["bytes_network"] < 1.12 * SIZE)
        self.assertEqual(both["bytes_network"], sum(r["bytes_network"] for r in both["repos"]))
        text = self.daemon.ctl("plan", "acme/next", env=XET, check=True).stdout
        self.assertRegex(text, r"model\.bin .*MB other repos, .*MB network")


del Case, StoreCase  # their tests run where they are written

if __name__ == "__main__":
    unittest.main()
