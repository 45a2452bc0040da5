# SPDX-License-Identifier: Apache-2.0
"""A long run of everything at once: clients of many revisions, some of whom vanish, deletions, faults of every kind, kill -9.

    HUBD_BIN_DIR=build/release/bin python3 tests/integration/transfers/soak.py [--minutes 20] [--seed 1]

No answer may be wrong, late or an error that the trouble does not explain; nothing may grow. Not part of ./check; what it
gave stands in docs/testing.md.
"""
from __future__ import annotations

import argparse
import collections
import http.client
import json
import pathlib
import random
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from harness import Hubd, LocalHub, sha256  # noqa: E402

MB = 1_000_000
MIB = 1 << 20
REPOS = 6
REVISIONS = 3
CLIENTS = 8
LATE = 180  # seconds; the trouble itself lasts a few at a time
RESIDENT_MAX = 576 * MIB
PACE = 40 * MB


def repo(number: int, chance: random.Random) -> dict:
    size = chance.randrange(8, 32) * MB
    commits = []
    for revision in range(REVISIONS):
        edits = [{"at": (k + 1) * size // 6, "size": chance.randrange(1, MB), "random_seed": 1000 * number + 10 * revision + k}
                 for k in range(2 * revision)]
        files = [{"path": "model.bin", "size": size, "random_seed": number, "xet": {"xorb_chunks": 64}, **({"edits": edits} if edits else {})}]
        if revision == 0:
            files += [{"path": "config.json", "text": "{\"of\": %d}" % number},
                      {"path": "part-{}.bin", "count": 12, "size": 300_000, "random_seed": 7000 + 100 * number, "lfs": True}]
        commits.append({"id": f"{number + 1:020x}{revision + 1:020x}", "files": files})
    return {"id": f"acme/r{number}", "commits": commits}


class Soak:
    def __init__(self, folder: pathlib.Path, seed: int):
        self.chance = random.Random(seed)
        self.local = LocalHub(folder / "hub", {"repos": [repo(i, self.chance) for i in range(REPOS)], "knobs": {"throttle": PACE}})
        self.daemon = Hubd(folder / "home", self.local.url, config='[metadata]\nbranch_max_age_seconds = 2\n[memory]\nmax = "512 MiB"\n').start()
        self.truth = {}
        for number in range(REPOS):
            for revision in range(REVISIONS):
                commit = f"{number + 1:020x}{revision + 1:020x}"
                listing = self.local.call("GET", f"/api/models/acme/r{number}/tree/{commit}")
                self.truth[commit] = {e["path"]: e["lfs"]["oid"] for e in listing if "lfs" in e}
        self.over = threading.Event()
        self.lives = threading.Lock()  # held while hubd is killed and begun again
        self.counts: collections.Counter[str] = collections.Counter()
        self.faulty: list[str] = []
        self.samples: list[tuple[int, int, int]] = []  # life, descriptors, resident
        self.life = 0
        self.published = self.fetched = 0
        self.slowest = 0.0

    # Clients.

    def call(self, chance: random.Random, leave: float | None) -> dict | None:
        """One Ensure; None where the client left, or hubd was killed under it."""
        number, revision = chance.randrange(REPOS), chance.randrange(REVISIONS)
        commit = f"{number + 1:020x}{revision + 1:020x}"
        message = {"repo": {"id": f"acme/r{number}", "revision": chance.choice((commit, commit, "main"))},
                   "caller": {"disableXet": chance.random() < 0.4}}
        life = self.life
        connection = http.client.HTTPConnection("localhost")
        try:
            connection.sock = socket.socket(socket.AF_UNIX)
            connection.sock.settimeout(leave or LATE)
            connection.sock.connect(f"{self.daemon.socket}.http")
            connection.request("POST", "/hubd.v1.Downloads/Ensure", json.dumps(message), {"Content-Type": "application/json"})
            last = json.loads(connection.getresponse().read().splitlines()[-1])
        except TimeoutError:
            if leave is None:
                self.faulty.append(f"no answer in {LATE} s: {message}")
            return None
        except (OSError, http.client.HTTPException, ValueError, IndexError) as problem:
            with self.lives:
                if life == self.life:
                    self.faulty.append(f"{type(problem).__name__} {problem} without a kill: {message}")
            self.counts["cut by a kill"] += 1
            return None
        finally:
            connection.close()
        return last

    def check(self, done: dict) -> None:
        truth = self.truth[done["commit"]]
        for file in done["files"]:
            try:
                if file["path"] in truth and sha256(file["absolutePath"]) != truth[file["path"]]:
                    self.faulty.append(f"wrong bytes in {file['absolutePath']}")
            except FileNotFoundError:
                self.counts["deleted by another client meanwhile"] += 1

    def client(self, number: int) -> None:
        chance = random.Random(self.chance.random() + number)
        while not self.over.is_set():
            what = chance.random()
            if what < 0.15:
                self.call(chance, leave=chance.uniform(0.01, 1.5))
                self.counts["clients that left"] += 1
            elif what < 0.22:
                program = self.daemon.ctl_start("download", f"acme/r{chance.randrange(REPOS)}", "--quiet")
                self.over.wait(chance.uniform(0.05, 1.5))
                program.send_signal(signal.SIGKILL)
                program.communicate()
                self.counts["programs killed"] += 1
            elif what < 0.34:
                with self.lives:
                    self.daemon.ctl("cache", "rm", f"model/acme/r{chance.randrange(REPOS)}", "--yes")
                self.counts["deletions"] += 1
            else:
                begun = time.monotonic()
                last = self.call(chance, leave=None)
                self.slowest = max(self.slowest, time.monotonic() - begun)
                if last is None:
                    continue
                if "done" in last:
                    self.counts["answers"] += 1
                    self.check(last["done"])
                else:
                    detail = last.get("error", {}).get("details", [{}])[0].get("debug", last)
                    self.faulty.append(f"{detail.get('kind')}: {detail.get('message')}")

    # Trouble.

    def trouble(self) -> None:
        chance = random.Random(self.chance.random())
        routes = ["cdn", "xorb"]

        def fault(action: dict, times: int = 1, **match) -> None:
            self.local.faults({"match": {"route": routes, "times": times, **match}, "action": action})

        def hole() -> None:
            self.local.knobs(black_hole=chance.choice((True, ["cdn", "xorbs"], ["hub"], ["cas"])))
            self.over.wait(chance.uniform(1, 8))
            self.local.knobs(black_hole=False)

        def kill() -> None:
            with self.lives:
                self.tally()
                self.daemon.kill()
                self.life += 1
                self.daemon.start()

        kinds = {
            "silent bodies": lambda: fault({"type": "stall", "after": chance.randrange(2 * MB)}, 2),
            "crawling bodies": lambda: fault({"type": "throttle", "bytes_per_second": 1, "after": chance.randrange(MB)}),
            "cut bodies": lambda: fault({"type": "cut", "after": chance.randrange(2 * MB)}, 3),
            "no answers": lambda: fault({"type": "silent"}),
            "503": lambda: fault({"type": "status", "status": 503, "headers": {"Retry-After": "1"}}, 4),
            "403": lambda: fault({"type": "expire"}, 2),
            "429": lambda: fault({"type": "status", "status": 429, "t": 2}, 1, route=["tree", "revision", "resolve-get"]),
            "wrong bytes": lambda: fault({"type": "corrupt_chunk"}, route="xorb"),
            "expired URLs": lambda: self.local.call("POST", "/_localhub/expire-urls"),
            "expired tokens": lambda: self.local.call("POST", "/_localhub/expire-tokens"),
            "other paces": lambda: self.local.knobs(throttle=chance.choice((5, 20, 40, 80)) * MB, delay_ms=chance.choice((0, 0, 30))),
            "other limits": lambda: self.daemon.rpc("Admin", "SetConfig", {"key": "bandwidth.max", "value": chance.choice(("10 MB/s", "50 MB/s", "off"))}),
            "black holes": hole,
            "kill -9": kill,
        }
        while not self.over.wait(chance.uniform(1, 4)):
            name = chance.choice(list(kinds))
            kinds[name]()
            self.counts[f"trouble: {name}"] += 1
            if chance.random() < 0.1:
                self.local.clear_faults()

    def tally(self) -> None:
        status = self.daemon.rpc("Admin", "Status", {})[1]
        self.published += int(status.get("bytesPublished", 0))
        self.fetched += int(status.get("bytesFetched", 0))

    def sample(self) -> None:
        while not self.over.wait(5):
            with self.lives:
                process = pathlib.Path(f"/proc/{self.daemon.process.pid}")
                resident = next(int(line.split()[1]) * 1024 for line in (process / "status").read_text().splitlines() if line.startswith("VmRSS"))
                self.samples.append((self.life, len(list((process / "fd").iterdir())), resident))

    def run(self, minutes: float) -> None:
        threads = [threading.Thread(target=self.client, args=(i,)) for i in range(CLIENTS)]
        threads += [threading.Thread(target=self.trouble), threading.Thread(target=self.sample)]
        for thread in threads:
            thread.start()
        self.over.wait(minutes * 60)
        self.over.set()
        self.local.clear_faults()
        self.local.knobs(black_hole=False, throttle=0, delay_ms=0)
        for thread in threads:
            thread.join()

    def settle(self) -> None:
        """Everything is asked for once more in peace; then nothing may be left over."""
        self.daemon.rpc("Admin", "SetConfig", {"key": "bandwidth.max", "value": "off"})
        for number in range(REPOS):
            for revision in range(REVISIONS):
                commit = f"{number + 1:020x}{revision + 1:020x}"
                done = self.daemon.ctl("download", f"acme/r{number}", "--revision", commit, "--quiet")
                if done.returncode != 0:
                    self.faulty.append(f"in peace: {done.stderr.strip()}")
                    continue
                snapshot = pathlib.Path(done.stdout.strip())
                for path, oid in self.truth[commit].items():
                    if sha256(snapshot / path) != oid:
                        self.faulty.append(f"wrong bytes in {snapshot / path}")
        deadline = time.monotonic() + 400  # parked transfers are begun again within 5 minutes
        while self.daemon.rpc("Transfers", "List", {})[1].get("transfers") and time.monotonic() < deadline:
            time.sleep(0.2)
        if left := self.daemon.rpc("Transfers", "List", {})[1].get("transfers"):
            self.faulty.append(f"transfers are left: {left}")
        if left := sorted(p.name for p in (self.daemon.cache.parent / "hubd/partials").iterdir()):
            self.faulty.append(f"partials are left: {left}")
        self.tally()

    def report(self, minutes: float) -> None:
        counters = self.local.counters()
        wire = sum(counters["routes"].get(route, {"bytes": 0})["bytes"] for route in ("cdn", "xorb", "resolve-cache"))
        resident = [r for _, _, r in self.samples]
        descriptors = [d for _, d, _ in self.samples]
        if max(resident) > RESIDENT_MAX:
            self.faulty.append(f"resident {max(resident) // MIB} MiB")
        print(f"{minutes:g} minutes: {dict(sorted(self.counts.items()))}")
        print(f"slowest answer {self.slowest:.1f} s; requests {counters['total']['requests']}; file bytes on the wire {wire / MB:.0f} MB, "
              f"published {self.published / MB:.0f} MB; resident at most {max(resident) // MIB} MiB, at the end {resident[-1] // MIB}; "
              f"descriptors at most {max(descriptors)}, at the end {descriptors[-1]}; {self.life} kills")
        for one in self.faulty:
            print("FAULT:", one)
        print("no fault" if not self.faulty else f"{len(self.faulty)} faults")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="hubd-soak-"))
    soak = Soak(folder, options.seed)
    try:
        soak.run(options.minutes)
        soak.settle()
        soak.report(options.minutes)
    finally:
        soak.daemon.close()
        soak.local.close()
    if soak.faulty:
        print("hubd's log:", folder / "home/hubd.log")
    else:
        shutil.rmtree(folder, ignore_errors=True)
    sys.exit(1 if soak.faulty else 0)


if __name__ == "__main__":
    main()
