# SPDX-License-Identifier: Apache-2.0
"""What the tests of the Python package share: a seeded local Hub, a hubd, and snippets run as programs of their own."""
from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import HANG, ROOT, Hubd, LocalHub, ProofCase, clean_env  # noqa: E402

PACKAGE = ROOT / "client/python"
FILES = [{"path": "config.json", "text": "{\"a\": 1}"}, {"path": "README.md", "text": "---\nlicense: mit\n---\n# m\n"},
         {"path": "empty.txt", "text": ""}, {"path": "sub/dir/vocab.txt", "text": "a\nb\n"},
         {"path": "model.safetensors", "size": 2_500_000, "random_seed": 1},
         {"path": "onnx/model.onnx", "size": 300_000, "random_seed": 2}]
SEED = {
    "users": [{"name": "alice", "token": "hf_alice"}, {"name": "bob", "token": "hf_bob"}],
    "orgs": [{"name": "acme", "members": ["alice"]}],
    "repos": [
        {"id": "acme/model", "commits": [
            {"title": "one", "files": FILES, "tags": ["v1"]},
            {"title": "two", "files": [{"path": "config.json", "text": "{\"a\": 2}"}]},
            {"branch": "dev/x", "from": "v1", "title": "dev", "files": [{"path": "dev.txt", "text": "dev"}]},
            {"branch": "refs/pr/1", "from": "main", "title": "pr", "files": [{"path": "pr.txt", "text": "pr"}]}]},
        {"id": "acme/data", "type": "dataset", "commits": [{"files": [
            {"path": "data/train.csv", "text": "a,b\n1,2\n"}, {"path": "data/big.bin", "size": 400_000, "random_seed": 3}]}]},
        {"id": "acme/space", "type": "space", "commits": [{"files": [{"path": "app.py", "text": "print(1)\n"}]}]},
        {"id": "acme/copy", "commits": [{"files": [{"path": "same.safetensors", "size": 2_500_000, "random_seed": 1}]}]},
        {"id": "acme/many", "commits": [{"files": [
            {"path": "f/{}.txt", "count": 900, "size": 5, "random_seed": 1, "lfs": False}]}]},
        {"id": "acme/large", "commits": [{"files": [{"path": "large.bin", "size": 40_000_000, "random_seed": 9}]}]},
        {"id": "acme/gated", "gated": "manual", "granted": ["alice"],
         "commits": [{"files": [{"path": "config.json", "text": "{}"}]}]},
        {"id": "acme/private", "private": True, "commits": [{"files": [{"path": "config.json", "text": "{}"}]}]},
        {"id": "acme/disabled", "disabled": True, "commits": [{"files": [{"path": "config.json", "text": "{}"}]}]}],
    "knobs": {"tree_page": 400, "list_page": 3}}


class PythonCase(ProofCase):
    """A test with a local Hub and a hubd in front of it."""

    def setUp(self) -> None:
        super().setUp()
        self.server: LocalHub = self.hub(SEED)
        self.daemon: Hubd = self.hubd(self.server.url)

    def env(self, home: str = "home", **more: str) -> dict[str, str]:
        """The environment of a program that uses the package with our hubd."""
        env = clean_env(self.folder / home, HF_ENDPOINT=self.server.url, HUBD_SOCKET=str(self.daemon.socket),
                        HUBD_AUTOSTART="0", PYTHONPATH=str(PACKAGE), PYTHONDONTWRITEBYTECODE="1")
        env.update(more)
        return env

    def program(self, code: str, python: str = sys.executable, check: bool = True, timeout: float = HANG,
                **env: str) -> subprocess.CompletedProcess:
        done = subprocess.run([python, "-c", code], env=self.env(**env), capture_output=True, text=True,
                              timeout=timeout)
        if check and done.returncode != 0:
            self.fail(f"the program ended with {done.returncode}:\n{done.stdout}\n{done.stderr}\n" +
                      self.daemon.log_text())
        return done

    def result(self, code: str, **options):
        """What a program printed last, as JSON."""
        return json.loads(self.program(code, **options).stdout.splitlines()[-1])

    def commit(self, repo: str = "acme/model", revision: str = "main") -> str:
        return self.server.call("GET", f"/api/models/{repo}/revision/{revision}")["sha"]

    def requests(self) -> int:
        """Requests that reached the Hub since the last reset, its own bookkeeping apart."""
        return sum(route["requests"] for route in self.server.counters()["routes"].values())
