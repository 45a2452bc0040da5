# SPDX-License-Identifier: Apache-2.0
"""core/cache against the stock client's own view: the same scan of a cache that three of its releases wrote, the same
removals, the same stored listings and local_dir metadata."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import BIN, COUNTERPARTS, HANG, STOCK_VERSIONS, ProofCase, clean_env, stock, stock_python, tree  # noqa: E402

NEWEST = STOCK_VERSIONS[-1]
SEED = {"repos": [
    {"id": "acme/model", "commits": [
        {"title": "one", "tags": ["v1"], "files": [
            {"path": "config.json", "text": "{\"a\": 1}"}, {"path": "empty.txt", "text": ""},
            {"path": "sub dir/näme+1 #.txt", "text": "odd name"}, {"path": "also odd.txt", "text": "odd name"},
            {"path": "model.safetensors", "size": 600_000, "random_seed": 1}]},
        {"title": "two", "files": [{"path": "config.json", "text": "{\"a\": 2}"}]},
        {"branch": "dev/x", "from": "v1", "title": "dev", "files": [{"path": "dev.txt", "text": "dev"}]},
        {"branch": "refs/pr/1", "from": "main", "title": "pr", "files": [{"path": "pr.txt", "text": "pr"}]}]},
    {"id": "acme/data", "type": "dataset", "commits": [{"files": [
        {"path": "data/train.csv", "text": "a,b\n1,2\n"}, {"path": "data/big.bin", "size": 400_000, "random_seed": 3}]}]},
    {"id": "acme/space", "type": "space", "commits": [{"files": [{"path": "app.py", "text": "print(1)\n"},
                                                                {"path": "a/b.txt", "text": "b"}]}]},
    {"id": "acme/copy", "commits": [{"files": [{"path": "same.bin", "size": 400_000, "random_seed": 3}]}]}]}

SCAN = """
import huggingface_hub, json, sys
seen = huggingface_hub.scan_cache_dir(sys.argv[1] if len(sys.argv) > 1 else None)
print(json.dumps({
  "size": seen.size_on_disk, "warnings": [str(w) for w in seen.warnings],
  "incomplete": [{"path": str(f.file_path), "size": f.size_on_disk} for f in seen.incomplete_files],
  "repos": [{"id": r.repo_id, "type": r.repo_type, "path": str(r.repo_path), "size": r.size_on_disk, "blobs": r.nb_files,
    "accessed": r.last_accessed, "modified": r.last_modified, "revisions": [
      {"commit": v.commit_hash, "path": str(v.snapshot_path), "refs": sorted(v.refs), "size": v.size_on_disk,
       "modified": v.last_modified, "files": [
         {"path": str(f.file_path), "blob": str(f.blob_path), "size": f.size_on_disk, "accessed": f.blob_last_accessed,
          "modified": f.blob_last_modified} for f in v.files]} for v in r.revisions]} for r in seen.repos]}))
"""


def ordered(scan: dict) -> dict:
    """The scan with every set in order and times as milliseconds, which two programs' floats agree on."""
    for repo in scan["repos"]:
        for holder in [repo, *repo["revisions"], *[f for v in repo["revisions"] for f in v["files"]]]:
            for name in ("accessed", "modified"):
                if name in holder:
                    holder[name] = round(holder[name] * 1000)
        for revision in repo["revisions"]:
            revision["files"].sort(key=lambda f: f["path"])
        repo["revisions"].sort(key=lambda v: v["commit"])
    scan["repos"].sort(key=lambda r: (r["type"], r["id"]))
    scan["warnings"].sort()
    scan["incomplete"].sort(key=lambda f: f["path"])
    scan.pop("unused_payloads", None)
    return scan


def size_text(count: float) -> str:
    for unit in ("", "K", "M", "G"):
        if count < 1000:
            return f"{count:.1f}{unit}"
        count /= 1000
    raise AssertionError("too large for this test")


class CacheLayout(ProofCase):
    def setUp(self):
        super().setUp()
        for version in STOCK_VERSIONS:
            stock_python(version)
        self.server = self.hub(SEED)
        self.home = self.folder / "home"
        self.cache = self.home / "hf/hub"

    def fetch(self, version: str, check: bool = True, **kwargs) -> str:
        env = kwargs.pop("env", {})
        call = "hf_hub_download" if "filename" in kwargs else "snapshot_download"
        code = f"import huggingface_hub\nprint(huggingface_hub.{call}(**{kwargs!r}))"
        return stock(version, code, self.home, check=check, HF_ENDPOINT=self.server.url, **env).stdout.strip()

    def tool(self, *arguments: str) -> dict:
        result = subprocess.run([str(BIN / "cache_scan_tool"), *arguments], capture_output=True, text=True, timeout=HANG)
        self.assertEqual(0, result.returncode, result.stderr)
        return json.loads(result.stdout)

    def mixed_cache(self) -> None:
        oldest, middle, newest = STOCK_VERSIONS
        self.fetch(oldest, repo_id="acme/model", revision="v1")
        self.fetch(middle, repo_id="acme/model")
        self.fetch(middle, repo_id="acme/data", repo_type="dataset")
        self.fetch(newest, repo_id="acme/model", revision="refs/pr/1")
        self.fetch(newest, repo_id="acme/model", revision="dev/x", allow_patterns=["*.txt"])
        self.fetch(newest, repo_id="acme/space", repo_type="space", env={"HF_HUB_DISABLE_SYMLINKS": "1"})
        self.fetch(newest, repo_id="acme/copy")
        self.fetch(newest, check=False, repo_id="acme/copy", filename="absent.txt")
        self.assertTrue(list((self.cache / "models--acme--copy/.no_exist").rglob("absent.txt")))
        (self.cache / "models--acme--model/refs/dev/x").unlink()  # a detached revision
        (self.cache / "models--acme--model/blobs" / ("a" * 40 + ".0123abcd.incomplete")).write_bytes(b"half")

    def share(self) -> pathlib.Path:
        """What releases >= 1.32 make of a Xet file that two repos have: one payload, a link in each."""
        store = self.cache / "blobs"
        xet_hash = "89" + "5" * 62
        payload = store / "89" / xet_hash
        payload.parent.mkdir(parents=True)
        (store / ".huggingface-shared-blobs").write_text("1\n")
        lines = []
        for folder in ("datasets--acme--data", "models--acme--copy"):
            blob = next(b for b in (self.cache / folder / "blobs").iterdir() if b.stat().st_size == 400_000)
            os.replace(blob, payload)
            blob.symlink_to(os.path.relpath(payload, blob.parent))
            lines.append(str(blob.relative_to(self.cache)) + "\n")
        payload.with_name(xet_hash + ".refs").write_text("".join(lines + lines[:1]))
        payload.chmod(0o444)
        unused = store / "89" / ("89" + "6" * 62)
        unused.write_bytes(b"nobody needs this")
        unused.with_name(unused.name + ".refs").write_text("models--gone--repo/blobs/x\n")
        return payload

    def compare_scans(self) -> dict:
        ours = ordered(self.tool("scan", str(self.cache)))
        theirs = ordered(json.loads(stock(NEWEST, SCAN, self.home).stdout))
        self.assertEqual(theirs, ours)
        return ours

    def test_counterpart_scans_say_the_same(self):
        self.mixed_cache()
        with self.subTest("as three releases left it"):
            seen = self.compare_scans()
            self.assertEqual(4, len(seen["repos"]))
            self.assertEqual([], seen["warnings"])
            self.assertEqual(1, len(seen["incomplete"]))
        with self.subTest("with a shared store"):
            self.share()
            before = seen["size"]
            self.assertEqual(before - 400_000 + len("nobody needs this"), self.compare_scans()["size"])
        with self.subTest("with what others left lying about"):
            (self.cache / "stray.txt").write_text("x")
            (self.cache / "foo--bar").mkdir()
            (self.cache / "plain").mkdir()
            (self.cache / "models--no--snapshots/refs").mkdir(parents=True)
            dangling = self.cache / "models--is--dangling/snapshots" / ("1" * 40) / "a/b"
            dangling.parent.mkdir(parents=True)
            dangling.symlink_to("../../../blobs/gone")
            (self.cache / "models--ref--only/snapshots").mkdir(parents=True)
            (self.cache / "models--ref--only/refs").mkdir()
            (self.cache / "models--ref--only/refs/main").write_text("2" * 40)
            (self.cache / "models--has--file/snapshots").mkdir(parents=True)
            (self.cache / "models--has--file/snapshots/file").write_text("x")
            (self.cache / "models--refs--file/snapshots").mkdir(parents=True)
            (self.cache / "models--refs--file/refs").write_text("x")
            (self.cache / "models--is--empty/snapshots").mkdir(parents=True)
            seen = self.compare_scans()
            self.assertEqual(8, len(seen["warnings"]), seen["warnings"])

    def test_counterpart_removals_leave_the_same_behind(self):
        self.mixed_cache()
        self.share()
        commits = {ref.name: ref.read_text() for ref in (self.cache / "models--acme--model/refs").rglob("*") if ref.is_file()}
        cases = {
            "one revision": [commits["v1"]],
            "two revisions": [commits["main"], commits["1"]],
            "a repo": ["Model/ACME/model"],
            "a repo that shares": ["dataset/acme/data"],
            "both repos that share": ["hf://datasets/acme/data", "hf://acme/copy"],
            "without links": ["space/acme/space"],
            "one file": ["hf://acme/model/config.json"],
            "a file with a twin": ["hf://acme/model/also odd.txt"],
            "a shared file": ["hf://acme/copy/same.bin"],
            "nothing known": ["model/acme/none", "3" * 40],
            "a prune": None,
        }
        hf = str(COUNTERPARTS / f"hub-{NEWEST}/bin/hf")
        for number, (name, targets) in enumerate(cases.items()):
            with self.subTest(name):
                theirs, ours = self.folder / f"theirs{number}", self.folder / f"ours{number}"
                for copy in (theirs, ours):
                    shutil.copytree(self.cache, copy, symlinks=True)
                verb = ["prune"] if targets is None else ["rm", *targets]

                def run_hf(*options):
                    return subprocess.run([hf, "cache", *verb, "--cache-dir", str(theirs), *options], capture_output=True,
                                          text=True, timeout=HANG, env=clean_env(self.home))
                dry = run_hf("--dry-run", "--format", "json")
                self.assertEqual(0, dry.returncode, dry.stderr)
                mine = self.tool("plan-prune" if targets is None else "plan", str(ours), *(targets or []))
                if dry.stdout.strip().startswith("{"):
                    self.assertEqual(json.loads(dry.stdout)["size"], size_text(mine["freed"]), mine)
                else:
                    self.assertEqual([], mine["repos"], dry.stdout)
                self.assertEqual(tree(self.cache), tree(ours), "a plan changes nothing")
                done = run_hf("--yes")
                self.assertEqual(0, done.returncode, done.stderr)
                removed = self.tool("prune" if targets is None else "remove", str(ours), *(targets or []))
                self.assertEqual([], removed["problems"])
                self.assertEqual(tree(theirs), tree(ours))
                scan = json.loads(subprocess.run([stock_python(NEWEST), "-c", SCAN, str(ours)], capture_output=True,
                                                 text=True, timeout=HANG, env=clean_env(self.home), check=True).stdout)
                self.assertEqual([], scan["warnings"])

    def test_counterpart_listings_are_written_byte_for_byte(self):
        self.fetch(NEWEST, repo_id="acme/model")
        self.fetch(NEWEST, repo_id="acme/data", repo_type="dataset")
        trees = list(self.cache.glob("*/trees/*.json"))
        self.assertEqual(2, len(trees))
        for path in trees:
            result = subprocess.run([str(BIN / "cache_scan_tool"), "tree", str(path)], capture_output=True, timeout=HANG)
            self.assertEqual(path.read_bytes(), result.stdout)

    def test_counterpart_local_dirs_are_understood(self):
        names = ["config.json", "empty.txt", "sub dir/näme+1 #.txt", "model.safetensors", "absent"]
        found = {}
        for version in STOCK_VERSIONS:
            folder = self.folder / f"local-{version}"
            self.fetch(version, repo_id="acme/model", local_dir=str(folder))
            (folder / "empty.txt").write_text("edited")
            os.utime(folder / "empty.txt", (4e9, 4e9))
            found[version] = self.tool("local", str(folder), *names)
            for name in names:
                entry = found[version][name]
                if name == "absent":
                    self.assertIsNone(entry)
                elif name == "empty.txt":
                    self.assertNotIn("etag", entry)
                else:
                    self.assertEqual((folder / name).stat().st_size, entry["size"])
                    self.assertEqual(40, len(entry["commit"]))
                    self.assertEqual(64 if name == "model.safetensors" else 40, len(entry["etag"]))
        self.assertEqual(found[STOCK_VERSIONS[0]], found[NEWEST])


if __name__ == "__main__":
    unittest.main()
