# SPDX-License-Identifier: Apache-2.0
"""Where hubd's CPU time goes in a download, by perf's sampling: a table per kind of download (docs/performance.md).

    python3 tests/bench/profile.py [--size BYTES] [--kinds plain,xet,revision]

Needs linux-perf and the right to sample a process of one's own. Each download comes from the local Hub over HTTP; only hubd is
sampled. Memory that a virtual machine gets from its host at the first touch costs ten times the copying itself, so as much as the
download needs is touched and given back right before.
"""
from __future__ import annotations

import argparse
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile

sys.path[:0] = [str(pathlib.Path(__file__).parents[1] / "integration"), str(pathlib.Path(__file__).parent)]
from downloads import process_cpu  # noqa: E402
from harness import Hubd, LocalHub  # noqa: E402

# What is counted as what: system calls with all that the kernel does in them, else the function itself.
CALLS = {"receiving (recvfrom, epoll_wait)": ("recvfrom", "epoll_wait"), "writing to files (pwrite)": ("pwrite64",),
         "reading from files (pread)": ("pread64",), "beginning write-back (sync_file_range)": ("sync_file_range",)}
OWN = {"BLAKE3: chunk hashes, the partial's map": r"blake3", "SHA-256": r"libcrypto", "copying (memmove)": r"mem(move|cpy)", "LZ4": r"LZ4"}


def seeds(size: int) -> list[dict]:
    def repo(name: str, **more) -> dict:
        return {"id": name, "commits": [{"files": [{"path": "model.bin", "size": size, "random_seed": 5, **more}]}]}
    step = size // 20
    edits = [{"at": i * step + 1001, "size": step // 10, "random_seed": 50 + i} for i in range(20)]
    return [repo("acme/plain", lfs=True), repo("acme/xet", xet=True), repo("acme/revision", xet=True, edits=edits)]


def report(data: pathlib.Path, *options: str) -> list[tuple[float, str]]:
    text = subprocess.run(["perf", "report", "-i", data, "-g", "none", "--stdio", *options], capture_output=True, text=True, check=True).stdout
    return [(float(m[1]), m[2]) for m in re.finditer(r"^\s*([\d.]+)%\s+(.+?)\s*$", text, re.M)]


def shares(data: pathlib.Path) -> dict[str, float]:
    called = report(data, "--children", "--sort", "sym", "-F", "overhead_children,sym")
    found = {words: sum(share for share, what in called if any(re.search(rf"\b__x64_sys_{call}$", what) for call in calls))
             for words, calls in CALLS.items()}
    own = report(data, "--no-children", "--sort", "dso,sym")
    for words, pattern in OWN.items():
        found[words] = sum(share for share, what in own if "kernel" not in what and re.search(pattern, what))
    found["all else"] = 100 - sum(found.values())
    return found


def profile(kind: str, size: int, folder: pathlib.Path) -> tuple[float, dict[str, float]]:
    hub = LocalHub(folder / "hub", {"repos": seeds(size)})
    env = {"HF_HUB_DISABLE_XET": "1" if kind == "plain" else "0"}
    hubd = Hubd(folder / "home", hub.url, env=env).start()
    data = folder / "perf.data"
    try:
        if kind == "revision":
            hubd.ctl("download", "acme/xet", env=env, check=True)
        touch = folder / "touch"
        with open(touch, "wb") as file:
            for _ in range(3 * size >> 20):
                file.write(bytes(1 << 20))
        touch.unlink()
        perf = subprocess.Popen(["perf", "record", "-e", "cpu-clock", "-F", "997", "-g", "-p", str(hubd.process.pid), "-o", str(data)],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        before = process_cpu(hubd.process.pid)
        hubd.ctl("download", f"acme/{kind}", env=env, check=True)
        used = process_cpu(hubd.process.pid) - before
        perf.send_signal(signal.SIGINT)
        perf.wait(60)
        return used / size * 1e9, shares(data)
    finally:
        hubd.close()
        hub.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=600_000_000)
    parser.add_argument("--kinds", default="xet,revision,plain")
    given = parser.parse_args()
    results = {}
    for kind in given.kinds.split(","):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="hubd-profile-"))
        try:
            results[kind] = profile(kind, given.size, folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    print("| percent of hubd's CPU time |" + "".join(f" {kind} |" for kind in results))
    print("|---|" + "---|" * len(results))
    for words in [*CALLS, *OWN, "all else"]:
        print(f"| {words} |" + "".join(f" {found[words]:.0f} |" for _, found in results.values()))
    print("| CPU s/GB |" + "".join(f" {cpu:.2f} |" for cpu, _ in results.values()))


if __name__ == "__main__":
    main()
