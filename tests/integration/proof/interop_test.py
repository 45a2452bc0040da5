# SPDX-License-Identifier: Apache-2.0
"""The cache, both ways: huggingface_hub reads what hubd wrote, hubd reads what huggingface_hub wrote, and both leave the
same tree behind."""
import json
import os
import pathlib
import re
import shutil
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import STOCK_VERSIONS, ProofCase, content, stock, tree  # noqa: E402

FILES = [{"path": "config.json", "text": "{\"a\": 1}"}, {"path": "README.md", "text": "---\nlicense: mit\n---\n# m\n"},
         {"path": "empty.txt", "text": ""}, {"path": "sub/dir/vocab.txt", "text": "a\nb\n"},
         {"path": "model.safetensors", "size": 2_500_000, "random_seed": 1},
         {"path": "onnx/model.onnx", "size": 300_000, "random_seed": 2}]
SEED = {"repos": [
    {"id": "acme/model", "commits": [
        {"title": "one", "files": FILES, "tags": ["v1"]},
        {"title": "two", "files": [{"path": "config.json", "text": "{\"a\": 2}"}]},
        {"branch": "dev/x", "from": "v1", "title": "dev", "files": [{"path": "dev.txt", "text": "dev"}]},
        {"branch": "refs/pr/1", "from": "main", "title": "pr", "files": [{"path": "pr.txt", "text": "pr"}]}]},
    {"id": "acme/data", "type": "dataset", "commits": [{"files": [{"path": "data/train.csv", "text": "a,b\n1,2\n"},
                                                                  {"path": "data/big.bin", "size": 400_000, "random_seed": 3}]}]},
    {"id": "acme/space", "type": "space", "commits": [{"files": [{"path": "app.py", "text": "print(1)\n"}]}]},
    {"id": "acme/copy", "commits": [{"files": [{"path": "same.safetensors", "size": 2_500_000, "random_seed": 1}]}]}]}

# (hubctl arguments, the same as keyword arguments of snapshot_download)
CASES = [
    ("model", ["acme/model"], {"repo_id": "acme/model"}),
    ("tag", ["acme/model", "--revision", "v1"], {"repo_id": "acme/model", "revision": "v1"}),
    ("branch", ["acme/model", "--revision", "dev/x"], {"repo_id": "acme/model", "revision": "dev/x"}),
    ("pull request", ["acme/model", "--revision", "refs/pr/1"], {"repo_id": "acme/model", "revision": "refs/pr/1"}),
    ("patterns", ["acme/model", "--include", "*.json", "--include", "sub/*", "--exclude", "onnx/*"],
     {"repo_id": "acme/model", "allow_patterns": ["*.json", "sub/*"], "ignore_patterns": ["onnx/*"]}),
    ("dataset", ["acme/data", "--repo-type", "dataset"], {"repo_id": "acme/data", "repo_type": "dataset"}),
    ("space", ["acme/space", "--repo-type", "space"], {"repo_id": "acme/space", "repo_type": "space"}),
]


def snapshot(version, home, endpoint, kwargs, **env):
    code = f"import huggingface_hub, json\nprint(json.dumps(huggingface_hub.snapshot_download(**{kwargs!r})))"
    return json.loads(stock(version, code, home, HF_ENDPOINT=endpoint, **env).stdout.splitlines()[-1])


def comparable(cache: pathlib.Path) -> dict[str, str]:
    """A cache tree without what is allowed to differ: lock files and the text of CACHEDIR.TAG. A blob may be a link into
    the shared store, which has its own folder."""
    entries = {}
    for name, what in tree(cache).items():
        if name.startswith((".locks", "blobs")) or re.search(r"/trees(/|$)", name):
            continue
        entries[name] = "file" if name == "CACHEDIR.TAG" else what
    return entries


class Interop(ProofCase):
    def test_counterpart_trees_are_equal_entry_by_entry(self):
        """hubd and the newest stock client download the same; every entry, mode, link text and byte is the same."""
        hub = self.hub(SEED)
        for number, (name, args, kwargs) in enumerate(CASES):
            with self.subTest(name):
                home = self.folder / f"stock{number}"
                snapshot("2.4.0", home, hub.url, kwargs)
                hubd = self.hubd(hub.url, name=f"hubd{number}")
                hubd.ctl("download", *args, check=True)
                self.assertEqual(comparable(home / "hf/hub"), comparable(hubd.cache))
                theirs = {p.name: json.loads(p.read_text()) for p in (home / "hf/hub").glob("*/trees/*.json")}
                ours = {p.name: json.loads(p.read_text()) for p in hubd.cache.glob("*/trees/*.json")}
                self.assertEqual(theirs, ours)

    def test_counterparts_read_offline_what_hubd_wrote(self):
        hub = self.hub(SEED)
        hubd = self.hubd(hub.url)
        for _, args, _ in CASES:
            hubd.ctl("download", *args, check=True)
        hubd.stop()
        for version in STOCK_VERSIONS:
            for name, args, kwargs in CASES:
                with self.subTest(version=version, case=name):
                    path = snapshot(version, hubd.folder, "http://127.0.0.1:9", kwargs, HF_HUB_OFFLINE="1")
                    self.assertTrue(content(pathlib.Path(path)))
            code = ("import huggingface_hub as h, json\n"
                    "i = h.scan_cache_dir()\n"
                    "print(json.dumps([[str(w) for w in i.warnings], sorted(r.repo_id for r in i.repos),"
                    " h.try_to_load_from_cache('acme/model', 'sub/dir/vocab.txt', revision='v1')]))")
            warnings, repos, found = json.loads(stock(version, code, hubd.folder).stdout.splitlines()[-1])
            if version != "0.36.2":  # knows neither CACHEDIR.TAG nor what came later
                self.assertEqual([], warnings)
            self.assertEqual(["acme/data", "acme/model", "acme/space"], repos)
            self.assertTrue(found and found.endswith("sub/dir/vocab.txt"))

    def test_hubd_reads_what_counterparts_wrote(self):
        hub = self.hub(SEED)
        for version in STOCK_VERSIONS:
            with self.subTest(version):
                home = self.folder / f"reads-{version}"
                path = pathlib.Path(snapshot(version, home, hub.url, {"repo_id": "acme/model"}))
                hubd = self.hubd(hub.url, name=f"reads-{version}")
                hub.reset()
                done = json.loads(hubd.ctl("download", "acme/model", "--json", check=True).stdout)
                self.assertEqual(str(path), done["path"])
                self.assertEqual(0, hub.counters()["routes"].get("cdn", {}).get("bytes", 0))
                self.assertEqual(0, hub.counters()["routes"].get("resolve-cache", {}).get("bytes", 0))
                # Foreign blobs are unverified until hashed; a caller may insist, and an edited one is never trusted.
                blob = pathlib.Path(os.path.realpath(path / "model.safetensors"))
                with open(blob, "r+b") as file:
                    file.seek(1000)
                    file.write(b"edited in place")
                verify = hubd.ctl("cache", "verify", "acme/model")
                self.assertEqual(1, verify.returncode, verify.stdout + verify.stderr)
                self.assertIn("model.safetensors", verify.stdout + verify.stderr)

    def test_an_edited_blob_is_noticed_and_replaced(self):
        hub = self.hub(SEED)
        hubd = self.hubd(hub.url)
        path = pathlib.Path(hubd.ctl("download", "acme/model", "--quiet", check=True).stdout.strip())
        right = content(path)
        blob = os.path.realpath(path / "model.safetensors")
        with open(blob, "r+b") as file:
            file.seek(5)
            file.write(b"!")
        ready = hubd.ctl("ready", f"acme/model@{path.name}")
        self.assertEqual(3, ready.returncode, ready.stdout + ready.stderr)
        self.assertIn("model.safetensors", ready.stdout + ready.stderr)
        status, _ = 0, None
        result = hubd.ctl("download", "acme/model", "--revision", path.name, "--force-download")
        self.assertEqual(status, result.returncode, result.stderr)
        self.assertEqual(right, content(path))
        self.assertEqual(0, hubd.ctl("ready", f"acme/model@{path.name}").returncode)

    def test_ready_names_what_lacks(self):
        hub = self.hub(SEED)
        hubd = self.hubd(hub.url)
        path = pathlib.Path(hubd.ctl("download", "acme/model", "--quiet", check=True).stdout.strip())
        hub.reset()
        self.assertEqual(0, hubd.ctl("ready", f"acme/model@{path.name}").returncode)
        os.unlink(os.path.realpath(path / "onnx/model.onnx"))
        gone = hubd.ctl("ready", f"acme/model@{path.name}")
        self.assertEqual(3, gone.returncode)
        self.assertIn("onnx/model.onnx", gone.stdout + gone.stderr)
        self.assertEqual(0, hubd.ctl("ready", f"acme/model@{path.name}", "--pattern", "*.safetensors").returncode)
        self.assertEqual(0, hub.counters()["total"]["requests"])

    def test_local_dir_as_the_counterpart_leaves_it(self):
        hub = self.hub(SEED)
        theirs, ours = self.folder / "theirs", self.folder / "ours"
        snapshot("2.4.0", self.folder / "stock", hub.url, {"repo_id": "acme/model", "local_dir": str(theirs)})
        hubd = self.hubd(hub.url)
        result = hubd.ctl("download", "acme/model", "--local-dir", str(ours), "--quiet", check=True)
        self.assertEqual(str(ours), result.stdout.strip())

        def shape(folder):
            entries = {}
            for name, what in tree(folder).items():
                if name.endswith((".lock", "CACHEDIR.TAG")) or "/trees" in name:
                    continue
                if name.endswith(".metadata"):
                    what = (folder / name).read_text().splitlines()[:2]
                entries[name] = what
            return entries
        self.assertEqual(shape(theirs), shape(ours))
        self.assertEqual([], list(hubd.cache.glob("*/blobs/*")))
        # The stock client finds all of it in place: no body moves.
        hub.reset()
        snapshot("2.4.0", self.folder / "stock", hub.url, {"repo_id": "acme/model", "local_dir": str(ours)})
        self.assertEqual(0, hub.counters()["routes"].get("cdn", {}).get("bytes", 0))
        # And hubd takes what the stock client wrote.
        hub.reset()
        hubd.ctl("download", "acme/model", "--local-dir", str(theirs), check=True)
        self.assertEqual(0, hub.counters()["routes"].get("cdn", {}).get("bytes", 0))

    def test_counterpart_deletions_leave_every_other_repo_readable(self):
        hub = self.hub(SEED)
        for version in ("1.33.0", "2.4.0"):
            with self.subTest(version):
                hubd = self.hubd(hub.url, name=f"mixed-{version}")
                snapshot(version, hubd.folder, hub.url, {"repo_id": "acme/data", "repo_type": "dataset"})
                hubd.ctl("download", "acme/model", "--revision", "v1", check=True)
                hubd.ctl("download", "acme/model", check=True)
                copy = pathlib.Path(hubd.ctl("download", "acme/copy", "--quiet", check=True).stdout.strip())
                right = content(copy)
                cli = str(pathlib.Path(stock_bin(version)))
                env = dict(hubd.env)
                import subprocess
                listed = subprocess.run([cli, "cache", "ls"], env=env, capture_output=True, text=True)
                self.assertEqual(0, listed.returncode, listed.stderr)
                self.assertNotIn("arning", listed.stderr)
                removed = subprocess.run([cli, "cache", "rm", "model/acme/model", "--yes"], env=env, capture_output=True, text=True)
                self.assertEqual(0, removed.returncode, removed.stderr)
                pruned = subprocess.run([cli, "cache", "prune", "--yes"], env=env, capture_output=True, text=True)
                self.assertEqual(0, pruned.returncode, pruned.stderr)
                self.assertEqual(right, content(copy))
                snapshot(version, hubd.folder, "http://127.0.0.1:9", {"repo_id": "acme/data", "repo_type": "dataset"}, HF_HUB_OFFLINE="1")
                # hubd notices the deletion and fetches again.
                again = hubd.ctl("download", "acme/model", "--quiet", check=True)
                self.assertTrue(content(pathlib.Path(again.stdout.strip())))

    def test_hubctl_rm_leaves_a_cache_that_counterparts_read(self):
        hub = self.hub(SEED)
        hubd = self.hubd(hub.url)
        hubd.ctl("download", "acme/model", check=True)
        hubd.ctl("download", "acme/copy", check=True)
        hubd.ctl("cache", "rm", "model/acme/model", "--yes", check=True)
        self.assertFalse((hubd.cache / "models--acme--model").exists())
        hubd.stop()
        snapshot("2.4.0", hubd.folder, "http://127.0.0.1:9", {"repo_id": "acme/copy"}, HF_HUB_OFFLINE="1")

    def test_same_content_in_two_repos_is_fetched_once(self):
        hub = self.hub(SEED)
        hubd = self.hubd(hub.url)
        first = pathlib.Path(hubd.ctl("download", "acme/model", "--quiet", check=True).stdout.strip())
        hub.reset()
        second = pathlib.Path(hubd.ctl("download", "acme/copy", "--quiet", check=True).stdout.strip())
        self.assertEqual(0, hub.counters()["routes"].get("cdn", {}).get("bytes", 0))
        self.assertEqual(os.stat(first / "model.safetensors").st_ino, os.stat(second / "same.safetensors").st_ino)


def stock_bin(version: str) -> str:
    from harness import stock_python
    return str(pathlib.Path(stock_python(version)).parent / "hf")


if __name__ == "__main__":
    shutil.which("true")
    unittest.main(verbosity=2)
