# SPDX-License-Identifier: Apache-2.0
"""Others delete and edit the cache while Xet transfers copy chunks out of it: whoever asked gets the right content or a typed error,
and nobody ever reads wrong bytes from what hubd published. HUBD_LONG=1: more rounds."""
import os
import pathlib
import random
import shutil
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from case import EDITS, HANG, LONG, MIB, SIZE, XET, Case, model, sha256  # noqa: E402
from harness import clean_env, stock_python  # noqa: E402

NEXT = ["acme/next0", "acme/next1", "acme/next2"]
BASE = "acme/model"


class Reader(threading.Thread):
    """Reads, all the time, every file that is visible under the repos' snapshots, and keeps what was neither right nor gone."""

    def __init__(self, cache: pathlib.Path, truth: dict):
        super().__init__()
        self.cache, self.truth = cache, truth
        self.over = threading.Event()
        self.wrong: list[str] = []
        self.reads = 0

    def run(self) -> None:
        while not self.over.is_set():
            for repo, oid in self.truth.items():
                for path in self.cache.glob(f"models--{repo.replace('/', '--')}/snapshots/*/model.bin"):
                    try:
                        found = sha256(path)
                    except OSError:
                        continue  # deleted under our hands
                    self.reads += 1
                    if found != oid:
                        self.wrong.append(f"{repo}: {found}")
            self.over.wait(0.02)

    def stop(self) -> None:
        self.over.set()
        self.join(HANG)


class Foreign(Case):
    def setUp(self) -> None:
        super().setUp()
        self.start(model(), *[model(repo, EDITS[i:]) for i, repo in enumerate(NEXT)])
        self.chance = random.Random(self.id())
        self.folder_of = {repo: self.daemon.cache / ("models--" + repo.replace("/", "--")) for repo in [BASE, *NEXT]}

    def blob(self, repo: str = BASE) -> pathlib.Path:
        return self.folder_of[repo] / "blobs" / self.truth(repo)

    def edit(self, hide: bool) -> None:
        """One byte of the source, in place; with `hide` its times say nothing."""
        blob = self.blob()
        if not blob.exists():
            return
        stat = blob.stat()
        with open(blob, "r+b") as file:
            at = self.chance.randrange(stat.st_size)
            file.seek(at)
            byte = file.read(1)[0]
            file.seek(at)
            file.write(bytes([byte ^ 1]))
        if hide:
            os.utime(blob, ns=(stat.st_atime_ns, stat.st_mtime_ns))

    def cut(self) -> None:
        if self.blob().exists():
            os.truncate(self.blob(), SIZE // 2)

    def stock_rm(self) -> None:
        hf = pathlib.Path(stock_python("2.4.0")).with_name("hf")
        env = clean_env(self.daemon.folder, HF_ENDPOINT=self.local.url)
        done = subprocess.run([str(hf), "cache", "rm", "model/" + BASE, "--yes"], env=env, capture_output=True, text=True, timeout=HANG)
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)

    def during_transfers(self, harm, *, source_is_wrong: bool = False) -> None:
        """The base is here; three revisions that share most of it are asked for; the harm is done in the middle."""
        self.local.call("POST", "/_localhub/knobs", {"throttle": 0})
        self.get()
        truth = {repo: self.truth(repo) for repo in NEXT}
        reader = Reader(self.daemon.cache, truth if source_is_wrong else {**truth, BASE: self.truth()})
        reader.start()
        self.addCleanup(reader.stop)
        # While the source is copied from (it is, as soon as there is a plan), or later, when the rest arrives.
        route, more = self.chance.choice((("cas-reconstruction", 1), ("cas-reconstruction", 10_000), ("xorb", 500_000)))
        before = self.route(route)["bytes"]
        self.local.call("POST", "/_localhub/knobs", {"throttle": 3_000_000})
        asking = [self.daemon.ctl_start("download", repo, env=XET) for repo in NEXT]
        self.wait_for_bytes(route, before + self.chance.randrange(more), asking[0])
        harm()
        self.local.call("POST", "/_localhub/knobs", {"throttle": 0})
        for repo, one in zip(NEXT, asking):
            out, err = one.communicate(timeout=HANG)
            self.assertIn(one.returncode, range(0, 20), out + err)
            if one.returncode:
                self.assertIn(repo, err, "an error names what failed")
                self.assertNotIn("internal", err.lower())
        # The world is as its users want it: whoever asks now gets it.
        for repo in [BASE, *NEXT]:
            self.get(repo)
            self.assert_right(repo)
        reader.stop()
        self.assertEqual([], reader.wrong)
        self.assertGreater(reader.reads, 0)
        self.assertEqual([], [p.name for p in (self.daemon.cache.parent / "hubd/partials").iterdir()])

    def test_counterpart_the_stock_cli_removes_the_source(self):
        self.during_transfers(self.stock_rm)

    def test_blobs_are_removed(self):
        self.during_transfers(lambda: shutil.rmtree(self.folder_of[BASE] / "blobs"))

    def test_snapshots_are_removed(self):
        self.during_transfers(lambda: shutil.rmtree(self.folder_of[BASE] / "snapshots"))

    def test_the_whole_repo_is_removed(self):
        self.during_transfers(lambda: shutil.rmtree(self.folder_of[BASE]))

    def test_what_is_being_filled_is_removed(self):
        def harm():
            for repo in NEXT:
                shutil.rmtree(self.folder_of[repo], ignore_errors=True)
            shutil.rmtree(self.daemon.cache / ".locks/models--acme--next0", ignore_errors=True)
        self.during_transfers(harm)

    def test_the_source_is_edited_and_its_time_says_so(self):
        self.during_transfers(lambda: self.edit(False), source_is_wrong=True)

    def test_the_source_is_edited_and_its_time_does_not(self):
        self.during_transfers(lambda: self.edit(True), source_is_wrong=True)

    def test_the_source_is_cut(self):
        self.during_transfers(self.cut, source_is_wrong=True)

    def test_a_flipped_byte_of_a_source_is_noticed_not_propagated_and_repaired(self):
        self.get()
        self.edit(True)
        wrong = sha256(self.blob())
        self.assertNotEqual(self.truth(), wrong)
        before = self.route("xorb")["bytes"]
        for repo in NEXT:
            self.get(repo)
            self.assert_right(repo)
        # The source is given up at its first wrong chunk; what it would have brought comes once, and serves the others.
        self.assertLessEqual(self.route("xorb")["bytes"] - before, 1.1 * SIZE + 2 * MIB)
        self.assertIn("does not hold what it held", self.daemon.log_text())
        self.get()
        self.assert_right()
        self.assertEqual(0, self.route("cdn")["requests"])


class Rounds(Foreign):
    def test_many(self):
        harms = [self.stock_rm, lambda: self.edit(True), lambda: self.edit(False), self.cut,
                 *[lambda name=name: shutil.rmtree(self.folder_of[BASE] / name) for name in ("blobs", "snapshots", "refs")]]
        for number in range(21):
            with self.subTest(number):
                for repo in NEXT:
                    shutil.rmtree(self.folder_of[repo], ignore_errors=True)
                self.during_transfers(harms[number % len(harms)], source_is_wrong=True)


def load_tests(loader, _standard, _pattern):
    suite = loader.loadTestsFromTestCase(Foreign)
    if LONG:
        suite.addTest(Rounds("test_many"))
    return suite


if __name__ == "__main__":
    unittest.main()
