# SPDX-License-Identifier: Apache-2.0
"""hubd and huggingface_hub 2.4 with one shared store of Xet payloads: what one of them put there serves the other without a
request for content, and the stock tools find nothing that is not theirs."""
import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from harness import ProofCase, sha256, stock, tree  # noqa: E402

SIZE = 6_000_000
XET = {"HF_HUB_DISABLE_XET": "0"}
WRITE = '[cache]\nshared_store = "write"\n'
CONTENT_ROUTES = ("cdn", "xorb", "resolve-get")


def model(name: str) -> dict:
    return {"id": name, "commits": [{"files": [{"path": "config.json", "text": name},
                                               {"path": "sub/model.bin", "size": SIZE, "random_seed": 7, "xet": True}]}]}


class SharedStore(ProofCase):
    def start(self, config: str = WRITE) -> None:
        self.local = self.hub({"repos": [model("acme/one"), model("acme/two"), model("acme/three")]})
        self.daemon = self.hubd(self.local.url, env=XET, config=config)
        entry = next(e for e in self.local.call("GET", "/api/models/acme/one/tree/main?recursive=true") if e["path"] == "sub/model.bin")
        self.etag, self.hash = entry["lfs"]["oid"], entry["xetHash"]
        self.payload = self.daemon.cache / "blobs" / self.hash[:2] / self.hash

    def by_hubd(self, repo: str, *options: str) -> None:
        self.daemon.ctl("download", repo, *options, env=XET, check=True)

    def by_stock(self, code: str):
        return json.loads(stock("2.4.0", "import json; from huggingface_hub import *; " + code, self.daemon.folder,
                                HF_ENDPOINT=self.local.url, **XET).stdout)

    def content_bytes(self) -> int:
        return sum(self.local.counters()["routes"].get(route, {"bytes": 0})["bytes"] for route in CONTENT_ROUTES)

    def blob(self, repo: str) -> pathlib.Path:
        return self.daemon.cache / ("models--" + repo.replace("/", "--")) / "blobs" / self.etag

    def assert_shared(self, *repos: str) -> None:
        for repo in repos:
            self.assertTrue(self.blob(repo).is_symlink(), repo)
            self.assertEqual(self.payload.resolve(), self.blob(repo).resolve())
            self.assertEqual(self.etag, sha256(self.blob(repo)))
        lines = set(self.payload.with_name(self.hash + ".refs").read_text().splitlines())
        self.assertEqual({str(self.blob(repo).relative_to(self.daemon.cache)) for repo in repos}, lines)

    def test_counterpart_what_hubd_put_there_serves_the_stock_client(self):
        self.start()
        self.by_hubd("acme/one")
        self.assert_shared("acme/one")
        self.local.reset()
        path = self.by_stock("print(json.dumps(hf_hub_download('acme/two', 'sub/model.bin')))")
        self.assertEqual(0, self.content_bytes())
        self.assertEqual(self.etag, sha256(path))
        self.assert_shared("acme/one", "acme/two")

        seen = self.by_stock("i = scan_cache_dir(); print(json.dumps([[str(w) for w in i.warnings], sorted(r.repo_id for r in i.repos), i.size_on_disk]))")
        self.assertEqual([[], ["acme/one", "acme/two"]], seen[:2])
        self.assertLess(seen[2], SIZE + 10_000, "counted once")
        # The first one goes: the other still has its bytes. Then the payload goes with its last user.
        delete = "i = scan_cache_dir(); i.delete_revisions(*[v.commit_hash for r in i.repos if r.repo_id == '{}' for v in r.revisions]).execute(); print('null')"
        self.by_stock(delete.format("acme/one"))
        self.assertEqual(self.etag, sha256(path))
        self.by_stock(delete.format("acme/two"))
        self.assertFalse(self.payload.exists())
        # hubd takes it as the deletion it was.
        self.by_hubd("acme/one")
        self.assert_shared("acme/one")

    def test_counterpart_what_the_stock_client_put_there_serves_hubd(self):
        self.start()
        self.by_stock("print(json.dumps(hf_hub_download('acme/one', 'sub/model.bin')))")
        self.assertTrue(self.payload.exists())
        self.local.reset()
        self.by_hubd("acme/two")
        self.assertLess(self.content_bytes(), 1000, "the small file alone")
        self.assert_shared("acme/one", "acme/two")

    def test_counterpart_both_leave_the_same_tree(self):
        self.start()
        self.by_hubd("acme/one")
        ours = tree(self.daemon.cache / "blobs")
        home = self.folder / "stock"
        home.mkdir()
        stock("2.4.0", "from huggingface_hub import *; hf_hub_download('acme/one', 'sub/model.bin')", home, HF_ENDPOINT=self.local.url, **XET)
        self.assertEqual(tree(home / "hf/hub/blobs"), ours)

    def test_a_repo_that_hubd_links_itself_has_the_bytes_too(self):
        self.start()
        self.by_hubd("acme/one")
        self.local.reset()
        self.by_hubd("acme/two")
        self.assertLess(self.content_bytes(), 1000, "the small file alone")
        self.assertEqual(self.payload.stat().st_ino, self.blob("acme/two").stat().st_ino)
        self.assertEqual(0o444, self.payload.stat().st_mode & 0o777)
        # What one forces anew does not change what the others have.
        self.by_hubd("acme/three", "--force-download")
        for repo in ("acme/one", "acme/two", "acme/three"):
            self.assertEqual(self.etag, sha256(self.blob(repo)))
            self.assertEqual(0o444, self.blob(repo).stat().st_mode & 0o777, repo)

    def test_nothing_is_put_there_unless_asked_for(self):
        for config in ("", '[cache]\nshared_store = "off"\n'):
            with self.subTest(config):
                self.start(config)
                self.by_hubd("acme/one")
                self.assertFalse((self.daemon.cache / "blobs").exists())
                self.assertFalse(self.blob("acme/one").is_symlink())
                self.daemon.close()
                self.folder = self.folder / "next"
                self.folder.mkdir()

    def test_the_plain_route_fills_nothing(self):
        self.start()
        self.daemon.ctl("download", "acme/one", env={"HF_HUB_DISABLE_XET": "1"}, check=True)
        self.assertFalse((self.daemon.cache / "blobs").exists())


if __name__ == "__main__":
    unittest.main()
