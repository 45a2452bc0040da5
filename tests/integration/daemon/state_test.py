# SPDX-License-Identifier: Apache-2.0
"""The state folder over releases: one of an older hubd goes on, one of a newer hubd is refused and left as it is.

tests/golden/state/*.tar.gz are state folders as a killed hubd left them: a detached transfer in the middle, its partial, the
databases, a recipe. HUBD_ACCEPT=1 records one of today's form, named by the versions of its databases; those of older forms stay."""
import contextlib
import hashlib
import os
import pathlib
import sqlite3
import sys
import tarfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import HANG, ROOT, ProofCase, sha256  # noqa: E402

GOLDEN = ROOT / "tests/golden/state"
DATABASES = ("transfers", "content", "chunks")
SIZE = 1_200_000
RANGE = 65536
SEED = {"users": [{"name": "alice", "token": "hf_alice"}], "repos": [
    {"id": "acme/half", "commits": [{"id": "1" * 40, "files": [{"path": "half.bin", "size": SIZE, "random_seed": 5, "lfs": True}]}]},
    {"id": "acme/done", "commits": [{"id": "2" * 40, "files": [{"path": "done.bin", "size": SIZE, "random_seed": 6, "xet": True}]}]}]}
CONFIG = f'[transfer]\nrange_size = "{RANGE}"\nconnections_per_file = 1\n'


def database(state: pathlib.Path, name: str) -> sqlite3.Connection:
    return sqlite3.connect(state / f"{name}.db", isolation_level=None)


def version(state: pathlib.Path, name: str) -> int:
    with contextlib.closing(database(state, name)) as db:
        return db.execute("PRAGMA user_version").fetchone()[0]


def set_version(state: pathlib.Path, name: str, number: int) -> None:
    with contextlib.closing(database(state, name)) as db:
        db.execute(f"PRAGMA user_version = {number}")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


class State(ProofCase):
    def setUp(self) -> None:
        super().setUp()
        self.local = self.hub(SEED)
        self.daemon = self.hubd(self.local.url, config=CONFIG, start=False, env={"HF_HUB_DISABLE_XET": "0"})
        self.state = self.daemon.cache.parent / "hubd"

    def wait(self, what, why: str) -> None:
        deadline = time.monotonic() + HANG
        while not what():
            self.assertLess(time.monotonic(), deadline, why)
            time.sleep(0.02)

    def noted(self) -> bool:
        with contextlib.closing(database(self.state, "transfers")) as db:
            return db.execute("SELECT count(*) FROM transfers WHERE detached").fetchone()[0] > 0

    def leave_half(self) -> None:
        """A hubd that was killed in the middle of a detached transfer."""
        hubd = self.daemon.start()
        hubd.ctl("download", "acme/done", env={"HF_HUB_DISABLE_XET": "0"}, check=True)
        self.local.faults({"match": {"route": "cdn", "skip": 4}, "action": {"type": "stall"}})
        waiting = hubd.ctl_start("download", "acme/half")
        rows = lambda: hubd.rpc("Transfers", "List", {})[1].get("transfers", [])  # noqa: E731
        self.wait(rows, "no transfer began")
        hubd.rpc("Transfers", "Detach", {"id": rows()[0]["id"]})
        self.assertTrue(self.noted(), "the journal does not say that it is detached")
        maps = lambda: [p for p in (self.state / "partials").glob("*.map") if p.stat().st_size > 96 + 3 * 64]  # noqa: E731
        self.wait(maps, "nothing was noted")
        self.wait(lambda: self.local.counters()["routes"]["cdn"]["bytes"] >= 4 * RANGE, "the ranges did not come")
        hubd.kill()
        waiting.communicate(timeout=HANG)
        self.local.clear_faults()

    def record(self) -> None:
        self.leave_half()
        name = "-".join(str(version(self.state, one)) for one in DATABASES)
        for one in DATABASES:
            set_version(self.state, one, version(self.state, one))  # writes the log back into the file
        GOLDEN.mkdir(parents=True, exist_ok=True)
        kept = [p for p in sorted(self.state.rglob("*")) if p.is_file() and p.name not in ("hubd.log",) and not p.name.startswith("audit")
                and not p.name.endswith(("-wal", "-shm"))]
        with tarfile.open(GOLDEN / f"{name}.tar.gz", "w:gz", compresslevel=9) as tar:
            for path in kept:
                tar.add(path, str(path.relative_to(self.state)))

    def take(self, archive: pathlib.Path) -> None:
        self.state.mkdir(parents=True, mode=0o700)
        with tarfile.open(archive) as tar:
            tar.extractall(self.state)
        with contextlib.closing(database(self.state, "transfers")) as db:
            db.execute("UPDATE transfers SET endpoint = ?", (self.local.url,))  # the port of that day is somebody else's

    def test_a_state_of_every_earlier_form_goes_on(self):
        if os.environ.get("HUBD_ACCEPT"):
            self.record()
            self.skipTest("recorded")
        archives = sorted(GOLDEN.glob("*.tar.gz"))
        self.assertTrue(archives)
        for number, archive in enumerate(archives):
            with self.subTest(archive.name):
                self.daemon = self.hubd(self.local.url, config=CONFIG, name=f"home{number}", start=False, env={"HF_HUB_DISABLE_XET": "0"})
                self.state = self.daemon.cache.parent / "hubd"
                self.take(archive)
                self.local.reset()
                hubd = self.daemon.start()
                half = self.daemon.cache / "models--acme--half/snapshots" / ("1" * 40) / "half.bin"
                self.wait(half.exists, "the transfer did not go on:\n" + hubd.log_text())
                self.assertEqual(self.truth("acme/half", "half.bin"), sha256(half))
                self.assertLessEqual(self.local.counters()["routes"]["cdn"]["bytes"], SIZE - 3 * RANGE, "what had come was fetched again")
                self.wait(lambda: not hubd.rpc("Transfers", "List", {})[1].get("transfers"), "the row stays")
                self.assertEqual(0, hubd.stop())

    def truth(self, repo: str, path: str) -> str:
        return next(e for e in self.local.call("GET", f"/api/models/{repo}/tree/main") if e["path"] == path)["lfs"]["oid"]

    def test_a_newer_journal_is_refused_and_stays_as_it_is(self):
        self.daemon.start().stop()
        known = version(self.state, "transfers")
        set_version(self.state, "transfers", 99)
        before = hashlib.sha256((self.state / "transfers.db").read_bytes()).digest()
        with self.assertRaisesRegex(RuntimeError, "hubd ended with 1"):
            self.daemon.start()
        sentence = self.daemon.log_text().strip().splitlines()[-1]
        self.assertRegex(sentence, rf"transfers\.db: its version 99 is of a newer hubd, this one knows {known}; start the newer hubd, or move the file away")
        self.assertEqual(before, hashlib.sha256((self.state / "transfers.db").read_bytes()).digest())
        set_version(self.state, "transfers", known)  # "start the newer hubd"
        self.daemon.start()

    def test_what_is_derived_is_begun_anew(self):
        self.leave_half()
        for one in ("content", "chunks"):
            set_version(self.state, one, 99)
        hubd = self.daemon.start()
        for one in ("content", "chunks"):
            self.assertLess(version(self.state, one), 99)
        half = self.daemon.cache / "models--acme--half/snapshots" / ("1" * 40) / "half.bin"
        self.wait(half.exists, "the transfer did not go on:\n" + hubd.log_text())
        self.assertEqual(self.truth("acme/half", "half.bin"), sha256(half))


if __name__ == "__main__":
    unittest.main(verbosity=2)
