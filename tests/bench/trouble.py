# SPDX-License-Identifier: Apache-2.0
"""The same trouble for hubd and its peers: does a download finish, right, with how many bytes, after how long, with what error?
A markdown table.

    python3 tests/bench/trouble.py [--only SCENARIO]... [--client NAME]... [--size BYTES] [--out FILE.json]

Peers: huggingface_hub 2.4.0 by the plain route and with hf_xet 1.8.0, aria2c -x16, each as it comes. Every case has its own
local Hub, which sends 64 MB/s in all, and ends after 10 minutes.
"""
from __future__ import annotations

import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "integration"))
from harness import Hubd, LocalHub, clean_env, sha256, stock_python, stop  # noqa: E402

CAP = 600
PACE = 64_000_000
STOCK = "from huggingface_hub import hf_hub_download; print(hf_hub_download('acme/model', 'model.bin'))"


class Client:
    """Runs one command until it ends, and knows where its file stands then."""

    name = ""
    route = "cdn"
    fault_at = 1  # which of its file requests meets the trouble: one in the middle, where it sends several

    def __init__(self, hub: LocalHub, folder: pathlib.Path):
        self.hub, self.folder = hub, folder
        folder.mkdir(parents=True)
        self.env = clean_env(folder, HF_ENDPOINT=hub.url, HF_HUB_DISABLE_XET="1")

    def begin(self) -> subprocess.Popen:
        raise NotImplementedError

    def kill(self, process: subprocess.Popen) -> None:
        process.kill()

    def file(self) -> pathlib.Path | None:
        return next(iter(self.folder.glob("hf/hub/models--acme--model/snapshots/*/model.bin")), None)

    def close(self) -> None:
        pass

    def start(self, *arguments: str) -> subprocess.Popen:
        return subprocess.Popen(arguments, env=self.env, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True)


class HubdPlain(Client):
    name = "hubd, plain"
    fault_at = 5

    def __init__(self, hub: LocalHub, folder: pathlib.Path):
        super().__init__(hub, folder)
        self.daemon = Hubd(folder, hub.url, env={"HF_HUB_DISABLE_XET": self.env["HF_HUB_DISABLE_XET"]}).start()

    def begin(self) -> subprocess.Popen:
        if self.daemon.process.poll() is not None:
            self.daemon.start()
        return self.daemon.ctl_start("download", "acme/model", "--quiet", env={"HF_HUB_DISABLE_XET": self.env["HF_HUB_DISABLE_XET"]})

    def kill(self, process: subprocess.Popen) -> None:
        self.daemon.kill()

    def close(self) -> None:
        self.daemon.close()


class HubdXet(HubdPlain):
    name = "hubd, Xet"
    route = "xorb"
    fault_at = 3

    def __init__(self, hub: LocalHub, folder: pathlib.Path):
        Client.__init__(self, hub, folder)
        self.env["HF_HUB_DISABLE_XET"] = "0"
        self.daemon = Hubd(folder, hub.url, env={"HF_HUB_DISABLE_XET": "0"}).start()


class StockPlain(Client):
    name = "huggingface_hub, plain"

    def begin(self) -> subprocess.Popen:
        return self.start(stock_python("2.4.0"), "-c", STOCK)


class StockXet(StockPlain):
    name = "huggingface_hub + hf_xet"
    route = "xorb"
    fault_at = 3

    def __init__(self, hub: LocalHub, folder: pathlib.Path):
        super().__init__(hub, folder)
        self.env["HF_HUB_DISABLE_XET"] = "0"


class Aria2(Client):
    name = "aria2c -x16"
    fault_at = 5

    def begin(self) -> subprocess.Popen:
        return self.start("aria2c", "-x16", "-s16", "-c", "--file-allocation=none", "--summary-interval=0", "--console-log-level=error", "-o",
                          "model.bin", f"{self.hub.url}/acme/model/resolve/main/model.bin")

    def file(self) -> pathlib.Path | None:
        path = self.folder / "model.bin"
        return path if path.exists() and not (self.folder / "model.bin.aria2").exists() else None


class Outcome:
    def __init__(self, client: Client, size: int):
        self.client, self.size = client, size
        self.begun = time.monotonic()
        self.status: int | None = None
        self.said = ""
        self.note = ""

    def wait(self, process: subprocess.Popen) -> None:
        try:
            out, err = process.communicate(timeout=max(1.0, self.begun + CAP - time.monotonic()))
            self.status = process.returncode
            lines = [line.strip() for line in ((out or "") + "\n" + (err or "")).splitlines() if line.strip()]
            self.said = lines[-1] if lines and process.returncode != 0 else ""
        except subprocess.TimeoutExpired:
            stop(process)
            self.said = "still waiting after 10 minutes"
        self.seconds = time.monotonic() - self.begun

    def row(self) -> dict:
        hub = self.client.hub
        truth = next(e["lfs"]["oid"] for e in hub.call("GET", "/api/models/acme/model/tree/main") if e["path"] == "model.bin")
        path = self.client.file()
        routes = hub.counters()["routes"]
        sent = sum(routes.get(route, {"bytes": 0})["bytes"] for route in ("cdn", "xorb"))
        return {"client": self.client.name, "exit": self.status, "content": "none" if path is None else "right" if sha256(path) == truth else "wrong",
                "bytes": sent / self.size, "seconds": self.seconds, "error": self.said, "note": self.note}


def moved(client: Client) -> int:
    routes = client.hub.counters()["routes"]
    return sum(routes.get(route, {"bytes": 0})["bytes"] for route in ("cdn", "xorb"))


def wait_for(client: Client, more_than: float, process: subprocess.Popen) -> None:
    while moved(client) <= more_than and process.poll() is None:
        time.sleep(0.005)


def none(client: Client, outcome: Outcome) -> None:
    outcome.wait(client.begin())


def fault(action: dict):
    def run(client: Client, outcome: Outcome) -> None:
        client.hub.faults({"match": {"route": client.route, "method": "GET", "nth": client.fault_at}, "action": action})
        outcome.wait(client.begin())
    return run


def flipped(client: Client, outcome: Outcome) -> None:
    """Under right framing: in the third range of xorbs, or near the begin of the first answer of the CDN."""
    if client.route == "xorb":
        client.hub.faults({"match": {"route": "xorb", "nth": 3}, "action": {"type": "corrupt_chunk"}})
    else:
        client.hub.faults({"match": {"route": "cdn", "method": "GET", "nth": 1}, "action": {"type": "corrupt", "offset": 1000}})
    outcome.wait(client.begin())


def swallowed(seconds: float):
    """Everything is swallowed from the middle on, for so long; the hole closes while the client may still wait."""
    def run(client: Client, outcome: Outcome) -> None:
        process = client.begin()
        wait_for(client, outcome.size / 2, process)
        client.hub.knobs(black_hole=True)
        opening = threading.Timer(seconds, lambda: client.hub.knobs(black_hole=False))
        opening.start()
        outcome.wait(process)
        opening.join()
        if outcome.status != 0 and isinstance(client, HubdPlain):
            while client.file() is None and time.monotonic() < outcome.begun + CAP:
                time.sleep(0.1)
            if client.file() is not None:
                outcome.note = f"done by itself after {time.monotonic() - outcome.begun:.0f} s"
    return run


def killed(client: Client, outcome: Outcome) -> None:
    for part in (0.25, 0.5, 0.75):
        process = client.begin()
        before = moved(client)
        wait_for(client, max(before, part * outcome.size), process)
        client.kill(process)
        process.communicate(timeout=60)
    outcome.wait(client.begin())


SCENARIOS = {
    "nothing goes wrong": none,
    "one body goes silent half way": fault({"type": "stall", "after": 6_000_000}),
    "one body crawls on at 1 byte/s": fault({"type": "throttle", "bytes_per_second": 1, "after": 6_000_000}),
    "everything is swallowed for 30 s": swallowed(30),
    "everything is swallowed for 2 minutes": swallowed(120),
    "one byte of the file is changed once": flipped,
    "kill -9 at 1/4, 1/2, 3/4": killed,
}
CLIENTS = {c.name: c for c in (HubdPlain, HubdXet, StockPlain, StockXet, Aria2)}


def table(results: dict[str, list[dict]]) -> str:
    lines = ["| trouble | client | exit status | content | bytes sent / size | seconds | last words |", "|---|---|---|---|---|---|---|"]
    for scenario, rows in results.items():
        for row in rows:
            status = "none" if row["exit"] is None else row["exit"]
            said = row["error"].replace("|", "\\|")[:160] + ("; " if row["error"] and row["note"] else "") + row["note"]
            lines.append(f"| {scenario} | {row['client']} | {status} | {row['content']} | {row['bytes']:.2f} | {row['seconds']:.0f} | {said} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", choices=SCENARIOS, metavar="SCENARIO")
    parser.add_argument("--client", action="append", choices=CLIENTS, metavar="NAME")
    parser.add_argument("--size", type=int, default=256_000_000)
    parser.add_argument("--out", type=pathlib.Path)
    options = parser.parse_args()
    seed = {"repos": [{"id": "acme/model", "commits": [{"files": [
        {"path": "model.bin", "size": options.size, "random_seed": 7, "xet": {"xorb_chunks": 256}}]}]}], "knobs": {"throttle": PACE}}
    results: dict[str, list[dict]] = {}
    for scenario in options.only or SCENARIOS:
        for name in options.client or CLIENTS:
            folder = pathlib.Path(tempfile.mkdtemp(prefix="hubd-trouble-"))
            hub = LocalHub(folder / "hub", seed)
            client = CLIENTS[name](hub, folder / "home")
            try:
                outcome = Outcome(client, options.size)
                SCENARIOS[scenario](client, outcome)
                results.setdefault(scenario, []).append(outcome.row())
                print(table({scenario: results[scenario][-1:]}).splitlines()[-1], flush=True)
            finally:
                client.close()
                hub.close()
                shutil.rmtree(folder, ignore_errors=True)
            if options.out:
                options.out.write_text(json.dumps(results, indent=1))
    print("\n" + table(results))


if __name__ == "__main__":
    main()
