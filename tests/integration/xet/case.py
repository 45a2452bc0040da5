# SPDX-License-Identifier: Apache-2.0
"""What the tests of Xet downloads share: a seed of similar files, and hubd beside a local Hub that stores them as chunks."""
import os
import pathlib
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "localhub")]
from harness import HANG, ProofCase, sha256  # noqa: E402

LONG = bool(os.environ.get("HUBD_LONG"))
MIB = 1 << 20
XET = {"HF_HUB_DISABLE_XET": "0"}
SIZE = 24_000_000


def model(name: str = "acme/model", edits=(), seed: int = 7, size: int = SIZE) -> dict:
    file = {"path": "model.bin", "size": size, "random_seed": seed, "xet": True}
    if edits:
        file["edits"] = list(edits)
    return {"id": name, "commits": [{"files": [{"path": "config.json", "text": "{}"}, file]}]}


# About a tenth of the file is new: changed, inserted and left out, none of it where chunks begin.
EDITS = [{"at": 1_000_001, "size": 777_777, "random_seed": 91}, {"at": 9_000_003, "size": 12_345, "remove": 0, "random_seed": 92},
         {"at": 15_000_007, "size": 0, "remove": 54_321, "random_seed": 93}, {"at": 20_000_009, "size": 500_000, "random_seed": 94}]


class Case(ProofCase):
    def start(self, *repos: dict, **more) -> None:
        self.local = self.hub({"users": [{"name": "alice", "token": "hf_alice"}], "repos": list(repos)})
        self.daemon = self.hubd(self.local.url, env=XET, **more)

    def get(self, repo: str = "acme/model", daemon=None, check: bool = True, **env):
        return (daemon or self.daemon).ctl("download", repo, env={**XET, **env}, check=check)

    def route(self, name: str) -> dict:
        return self.local.counters()["routes"].get(name, {"requests": 0, "bytes": 0})

    def truth(self, repo: str = "acme/model", path: str = "model.bin") -> str:
        return next(e for e in self.local.call("GET", f"/api/models/{repo}/tree/main") if e["path"] == path)["lfs"]["oid"]

    def assert_right(self, repo: str = "acme/model", path: str = "model.bin", daemon=None) -> None:
        found = list((daemon or self.daemon).cache.glob("models--" + repo.replace("/", "--") + "/snapshots/*/" + path))
        self.assertEqual([self.truth(repo, path)], [sha256(p) for p in found])

    def assert_nothing_visible(self, repo: str = "acme/model") -> None:
        folder = self.daemon.cache / ("models--" + repo.replace("/", "--"))
        self.assertEqual([], [p for p in folder.glob("snapshots/*/model.bin")])
        self.assertNotIn(self.truth(repo), {p.name for p in folder.glob("blobs/*")})

    def peak_kib(self) -> int:
        lines = pathlib.Path(f"/proc/{self.daemon.process.pid}/status").read_text().splitlines()
        return max(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))

    def wait_for_recipe(self, count: int = 1) -> None:
        deadline = time.monotonic() + HANG
        while len(list((self.daemon.cache.parent / "hubd/recipes").glob("*/*.recipe"))) < count:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)

    def wait_for_bytes(self, route: str, more_than: int, running=None) -> bool:
        """Until the local Hub has sent so much of this route; False when `running` ended before."""
        deadline = time.monotonic() + HANG
        while self.route(route)["bytes"] <= more_than:
            if running is not None and running.poll() is not None:
                return False
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.005)
        return True

    def status(self) -> dict:
        return {k: int(v) for k, v in self.daemon.rpc("Admin", "Status", {})[1].items() if str(v).isdigit()}
