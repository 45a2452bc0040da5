# SPDX-License-Identifier: Apache-2.0
"""hubd.v1.Cache: scan, verify, remove and prune over a cache that hubd filled."""
import os
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import ProofCase  # noqa: E402
from probe import ensure, grpc, http_lines  # noqa: E402


class Cache(ProofCase):
    def setUp(self):
        super().setUp()
        self.local = self.hub({"repos": [{"id": "acme/tiny", "commits": [
            {"files": [{"path": "config.json", "text": "{}"}, {"path": "sub/model.bin", "size": 300_000, "random_seed": 1}]},
            {"files": [{"path": "config.json", "text": "{\"new\": 1}"}]}]}]})
        self.daemon = self.hubd(self.local.url)
        self.root = pathlib.Path(ensure(self.daemon, "acme/tiny")["snapshotPath"])

    def verify(self, **more) -> list[dict]:
        return http_lines(self.daemon.socket, "/hubd.v1.Cache/Verify", {"repo": {"id": "acme/tiny"}, **more})

    def test_verify_tells_each_file_and_sums_up(self):
        lines = self.verify()
        self.assertEqual({"config.json": "ok", "sub/model.bin": "ok"}, {e["file"]["path"]: e["file"]["state"] for e in lines[:-1]})
        self.assertEqual("2", lines[-1]["summary"]["checked"])
        blob = (self.root / "sub/model.bin").resolve()
        data = bytearray(blob.read_bytes())
        data[1000] ^= 1
        blob.write_bytes(data)
        (self.root / "config.json").unlink()
        (self.root / "stray.txt").write_text("x")
        lines = self.verify()
        self.assertEqual({"config.json": "missing", "sub/model.bin": "mismatch", "stray.txt": "extra"},
                         {e["file"]["path"]: e["file"]["state"] for e in lines[:-1]})
        summary = lines[-1]["summary"]
        self.assertEqual((["config.json"], ["stray.txt"], "sub/model.bin"),
                         (summary["missing"], summary["extra"], summary["mismatches"][0]["path"]))
        self.assertNotEqual(summary["mismatches"][0]["expected"], summary["mismatches"][0]["actual"])

    def test_a_verdict_is_the_engines_too(self):
        blob = (self.root / "sub/model.bin").resolve()
        data = bytearray(blob.read_bytes())
        data[0] ^= 1
        blob.write_bytes(data)
        self.verify()
        ready = self.daemon.rpc("Downloads", "Ready", {"repo": {"id": "acme/tiny"}})[1]
        self.assertFalse(ready.get("ready", False))

    def test_offline_verify_uses_the_stored_listing(self):
        before = self.local.counters()["total"]["requests"]
        lines = self.verify(caller={"offline": True})
        self.assertEqual("2", lines[-1]["summary"]["checked"])
        self.assertEqual(before, self.local.counters()["total"]["requests"])

    def test_what_is_not_here_cannot_be_verified(self):
        lines = http_lines(self.daemon.socket, "/hubd.v1.Cache/Verify", {"repo": {"id": "acme/other"}})
        self.assertEqual("ERROR_KIND_LOCAL_ENTRY_NOT_FOUND", lines[0]["error"]["details"][0]["debug"]["kind"])

    def test_a_local_dir_is_verified_like_a_snapshot(self):
        folder = self.folder / "plain"
        ensure(self.daemon, "acme/tiny", localDir=str(folder))
        lines = self.verify(localDir=str(folder))
        self.assertEqual("2", lines[-1]["summary"]["checked"], lines)
        self.assertNotIn("extra", lines[-1]["summary"])

    def test_removing_asks_first_and_then_frees_what_it_said(self):
        target = {"targets": ["model/acme/tiny", "model/acme/none"]}
        asked = self.daemon.rpc("Cache", "Remove", {**target, "dryRun": True})[1]
        self.assertEqual(("1", ["model/acme/none"]), (asked["reposDeleted"], asked["unknownTargets"]))
        self.assertTrue(self.root.exists())
        done = self.daemon.rpc("Cache", "Remove", target)[1]
        self.assertEqual(asked["bytesFreed"], done["bytesFreed"])
        self.assertFalse(self.root.parents[1].exists())
        self.assertNotIn("repos", self.daemon.rpc("Cache", "Scan", {})[1])
        self.assertEqual(2, len(ensure(self.daemon, "acme/tiny")["files"]), "and it can be fetched again")

    def test_prune_removes_what_no_ref_names(self):
        (self.root.parents[1] / "refs/main").unlink()
        pruned = self.daemon.rpc("Cache", "Prune", {})[1]
        self.assertEqual("1", pruned["revisionsDeleted"])
        self.assertFalse(self.root.exists())

    def test_a_scan_may_leave_the_files_out(self):
        whole = self.daemon.rpc("Cache", "Scan", {})[1]["repos"][0]
        brief = self.daemon.rpc("Cache", "Scan", {"withoutFiles": True})[1]["repos"][0]
        self.assertEqual(2, len(whole["revisions"][0]["files"]))
        self.assertNotIn("files", brief["revisions"][0])
        self.assertEqual(whole["size"], brief["size"])

    def test_a_file_name_that_is_no_text_spoils_no_answer(self):
        (pathlib.Path(self.root) / os.fsdecode(b"bad\xff.txt")).write_text("x")
        status, scan = self.daemon.rpc("Cache", "Scan", {})
        self.assertEqual(200, status, scan)
        self.assertIn(r"bad\xff.txt", [f["path"] for f in scan["repos"][0]["revisions"][0]["files"]])
        answer = grpc(self.daemon.socket, "/hubd.v1.Cache/Scan")
        self.assertEqual(0, answer["code"], answer)
        self.assertIn(r"bad\xff.txt", [line.get("file", {}).get("path") for line in self.verify()])

    def test_another_cache_is_refused(self):
        status, answer = self.daemon.rpc("Cache", "Remove", {"caller": {"cacheRoot": "/elsewhere"}, "targets": ["model/a/b"]})
        self.assertEqual("ERROR_KIND_FOREIGN_CACHE", answer["details"][0]["debug"]["kind"])
        self.assertNotEqual(200, status)


if __name__ == "__main__":
    unittest.main(verbosity=2)
