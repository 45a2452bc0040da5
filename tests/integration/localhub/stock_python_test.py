# SPDX-License-Identifier: Apache-2.0
"""huggingface_hub 0.36, 1.x and 2.x against the local Hub: stock_client.py under each interpreter."""
import json
import pathlib
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from harness import HANG, ProofCase, clean_env, stock_python  # noqa: E402

SEED = {
    "users": [{"name": "alice", "token": "hf_alice"}, {"name": "bob", "token": "hf_bob"},
              {"name": "reader", "token": "hf_reader", "role": "read"}],
    "orgs": [{"name": "acme", "members": ["alice", "reader"]}],
    "repos": [
        {"id": "acme/model", "commits": [
            {"id": "1" * 40, "title": "first", "files": [
                {"path": ".gitattributes", "text": "*.bin filter=lfs diff=lfs merge=lfs -text\n"},
                {"path": "README.md", "text": "---\nlicense: mit\ntags: [tiny, test]\nlibrary_name: transformers\n---\n# Tiny\n"},
                {"path": "config.json", "text": "{\"revision\": 1}"},
                {"path": "sub dir/näme+1 #.txt", "text": "odd name"},
                {"path": "sub/deep/table.bin", "size": 400_000, "random_seed": 3},
                {"path": "model.bin", "size": 3_000_000, "random_seed": 1}], "tags": ["v1"]},
            {"title": "second", "files": [{"path": "config.json", "text": "{\"revision\": 2}"}]},
            {"branch": "feat/x", "from": "v1", "title": "on a branch", "files": [{"path": "branch.txt", "text": "branch"}]},
            {"branch": "refs/pr/1", "from": "main", "title": "a proposal", "files": [{"path": "pr.txt", "text": "pr"}]}]},
        {"id": "acme/data", "type": "dataset", "commits": [{"files": [
            {"path": "train.jsonl", "text": "{\"a\": 1}\n"}, {"path": "many/{}.txt", "count": 130, "size": 64, "random_seed": 9, "lfs": False}]}],
         "converts": {"parquet": "main"}},
        {"id": "acme/app", "type": "space", "sdk": "static", "commits": [{"files": [{"path": "index.html", "text": "<p>hi</p>"}]}]},
        {"id": "acme/gated", "gated": "manual", "granted": ["bob"],
         "commits": [{"files": [{"path": "config.json", "text": "{}"}, {"path": "w.bin", "size": 1000, "random_seed": 4, "lfs": True}]}]},
        {"id": "acme/private", "private": True, "commits": [{"files": [{"path": "config.json", "text": "{}"}]}]},
        {"id": "acme/disabled", "disabled": True, "commits": [{"files": [{"path": "config.json", "text": "{}"}]}]},
        {"id": "stranger/open", "commits": [{"files": [{"path": "config.json", "text": "{}"}]}]},
        {"id": "bare", "commits": [{"files": [{"path": "config.json", "text": "{\"bare\": true}"}]}]},
    ],
    "renames": {"acme/old-name": "acme/model", "datasets/acme/old-data": "acme/data"},
    "knobs": {"tree_page": 7, "tree_page_expand": 5, "lfs_multipart_min": 600_000, "lfs_chunk": 250_000},
}


class StockPython(ProofCase):
    def run_client(self, version: str):
        python = stock_python(version)
        hub = self.hub(SEED)
        env = clean_env(self.folder / "home", HF_ENDPOINT=hub.url)
        result = subprocess.run([python, str(HERE / "stock_client.py")], env=env, capture_output=True, text=True, timeout=HANG * 4)
        self.assertEqual(0, result.returncode, result.stdout + result.stderr)
        counters = hub.counters()
        for route in ("resolve-head", "resolve-cache", "cdn", "revision", "tree", "refs", "upload", "commit", "lfs-complete"):
            self.assertGreater(counters["routes"].get(route, {}).get("requests", 0), 0, route + json.dumps(counters["routes"]))
        return hub

    def test_0_36_2(self):
        self.run_client("0.36.2")

    def test_1_33_0(self):
        self.run_client("1.33.0")

    def test_2_4_0(self):
        self.run_client("2.4.0")


if __name__ == "__main__":
    unittest.main()
