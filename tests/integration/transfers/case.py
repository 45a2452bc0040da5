# SPDX-License-Identifier: Apache-2.0
"""What the real runs of troubled transfers share: a file by either route, over TCP or TLS, and what the local Hub counted of it.
HUBD_LONG=1 runs the long form of each. Times are printed and compared with promises only, never with a speed."""
from __future__ import annotations

import contextlib
import http.client
import json
import os
import pathlib
import socket
import sys
import threading
import time
from typing import Callable

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from harness import HANG, Hubd, LocalHub, ProofCase, certificate, sha256  # noqa: E402

LONG = bool(os.environ.get("HUBD_LONG"))
MB = 1_000_000
MIB = 1 << 20
KINDS = {"plain": "cdn", "xet": "xorb"}  # how a file comes: the route on which the local Hub counts its bytes


def model(size: int, name: str = "acme/model", files: int = 1, seed: int = 7, xorb_chunks: int | None = None) -> dict:
    """A repo of a few equal files, each of which may come by either route."""
    xet = True if xorb_chunks is None else {"xorb_chunks": xorb_chunks}
    file = {"path": "part-{}.bin", "count": files, "size": size, "random_seed": seed, "xet": xet}
    return {"id": name, "commits": [{"files": [{"path": "config.json", "text": "{\"of\": \"%s\"}" % name}, file]}]}


def route_env(kind: str) -> dict[str, str]:
    return {"HF_HUB_DISABLE_XET": "1" if kind == "plain" else "0"}


def open_socket(daemon: Hubd) -> socket.socket:
    """A connection to hubd's JSON socket."""
    end = socket.socket(socket.AF_UNIX)
    end.settimeout(5 * HANG)
    end.connect(f"{daemon.socket}.http")
    return end


class Calls:
    """Clients that all want something at once, each in a thread: their answers, when all are there."""

    def __init__(self, calls: list[Callable[[], dict]]):
        self.answers: list[dict] = [{} for _ in calls]
        self.seconds = [0.0] * len(calls)
        self.threads = [threading.Thread(target=self._run, args=(i, call), daemon=True) for i, call in enumerate(calls)]
        for thread in self.threads:
            thread.start()

    def _run(self, number: int, call: Callable[[], dict]) -> None:
        begun = time.monotonic()
        self.answers[number] = call()
        self.seconds[number] = time.monotonic() - begun

    def running(self) -> bool:
        return any(thread.is_alive() for thread in self.threads)

    def wait(self) -> list[dict]:
        for thread in self.threads:
            thread.join()
        return self.answers


class TransferCase(ProofCase):
    local: LocalHub
    daemon: Hubd

    def start(self, *repos: dict, config: str = "", tls: bool = False, name: str = "home") -> None:
        """A local Hub with these repos, unless one runs, and a new hubd."""
        if not hasattr(self, "local"):
            self.options: tuple[str, ...] = ()
            self.trust = ""
            if tls:
                crt, key = certificate(self.folder / "tls")
                self.options = ("--tls", str(crt), str(key))
                self.trust = str(crt)
            self.local = self.hub({"repos": list(repos)}, *self.options)
        self.fresh(name, config)

    def fresh(self, name: str, config: str = "") -> None:
        """Another hubd with an empty cache beside the same local Hub, which forgets what it counted."""
        if hasattr(self, "daemon"):
            self.daemon.close()
        if self.trust:
            trust = f'[network]\nca_file = "{self.trust}"\n'
            config = config.replace("[network]\n", trust) if "[network]" in config else config + trust
        self.daemon = self.hubd(self.local.url, name=name, config=config)
        self.local.reset()

    def get(self, kind: str, repo: str = "acme/model", **caller) -> dict:
        """Ensures a repo: what is done, or the error's details."""
        message = {"repo": {"id": repo}, "caller": {"disableXet": kind == "plain", **caller}}
        connection = http.client.HTTPConnection("localhost")
        try:
            connection.sock = open_socket(self.daemon)
            connection.request("POST", "/hubd.v1.Downloads/Ensure", json.dumps(message), {"Content-Type": "application/json"})
            last = json.loads(connection.getresponse().read().splitlines()[-1])
        finally:
            connection.close()
        return last["done"] if "done" in last else last["error"]["details"][0]["debug"] if "error" in last else last

    def timed(self, kind: str, repo: str = "acme/model") -> float:
        begun = time.monotonic()
        self.assertIn("commit", self.got(self.get(kind, repo)))
        return time.monotonic() - begun

    def got(self, answer: dict) -> dict:
        self.assertIn("commit", answer, f"{answer}\n{self.daemon.log_text()}")
        return answer

    def note(self, text: str) -> None:
        print(f"{self.id().rpartition('.')[2]}: {text}", file=sys.stderr, flush=True)

    # What the local Hub saw.

    def sent(self, kind: str) -> int:
        return self.local.counters()["routes"].get(KINDS[kind], {"bytes": 0})["bytes"]

    def moved(self) -> int:
        return sum(self.sent(kind) for kind in KINDS)

    def wait_for_bytes(self, kind: str, more_than: int, running: Callable[[], bool]) -> None:
        self.wait_until(lambda: self.sent(kind) > more_than or not running(), "bytes to move")
        self.assertTrue(running(), f"it ended before {more_than} bytes were on their way\n{self.daemon.log_text()}")

    def wait_until(self, true: Callable[[], object], what: str, limit: float = HANG) -> None:
        deadline = time.monotonic() + limit
        while not true():
            self.assertLess(time.monotonic(), deadline, f"waited for {what}\n{self.daemon.log_text()}")
            time.sleep(0.02)

    # What is on disk.

    def truth(self, repo: str = "acme/model") -> dict[str, str]:
        listing = self.local.call("GET", f"/api/models/{repo}/tree/main")
        return {e["path"]: e["lfs"]["oid"] for e in listing if "lfs" in e}

    def snapshot(self, repo: str = "acme/model") -> pathlib.Path:
        return next(iter(self.daemon.cache.glob("models--" + repo.replace("/", "--") + "/snapshots/*")), pathlib.Path("/nowhere"))

    def assert_right(self, repo: str = "acme/model") -> None:
        truth = self.truth(repo)
        self.assertEqual(truth, {path: sha256(self.snapshot(repo) / path) for path in truth})

    def partials(self) -> list[str]:
        with contextlib.suppress(FileNotFoundError):
            return sorted(p.name for p in (self.daemon.cache.parent / "hubd/partials").iterdir())
        return []

    # What hubd says of itself.

    def transfers(self) -> list[dict]:
        return self.daemon.rpc("Transfers", "List", {})[1].get("transfers", [])

    def set_config(self, key: str, value: str) -> None:
        status, answer = self.daemon.rpc("Admin", "SetConfig", {"key": key, "value": value})
        self.assertEqual(200, status, answer)
        self.assertFalse(answer.get("restartNeeded", False))

    def metric(self, name: str) -> int:
        return self.metrics(name)[0]

    def metrics(self, name: str) -> list[int]:
        """Its values, with all labels."""
        connection = http.client.HTTPConnection("localhost")
        try:
            connection.sock = open_socket(self.daemon)
            connection.request("GET", "/metrics")
            lines = connection.getresponse().read().decode().splitlines()
        finally:
            connection.close()
        return [int(float(line.split()[-1])) for line in lines if line.split("{")[0].split(" ")[0] == name]

    def process(self, key: str) -> int:
        """A number of the process: VmHWM, VmRSS in bytes."""
        lines = pathlib.Path(f"/proc/{self.daemon.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(key + ":"))

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.daemon.process.pid}/fd"))
