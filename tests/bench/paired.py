# SPDX-License-Identifier: Apache-2.0
"""Two builds of hubd in turn, on one local Hub: has a change made downloads slower or costlier?

    python3 tests/bench/paired.py OTHER_BIN_FOLDER [--runs N] [--size BYTES]

Prints, for a large file and for many small ones, the ratio of this build's figures to the other's, two runs each at a time: its median,
and between which values it lay. Never an assertion.
"""
from __future__ import annotations

import argparse
import json
import pathlib
import shutil
import statistics
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "integration"))
sys.path.insert(0, str(pathlib.Path(__file__).parent))
import downloads  # noqa: E402
import harness  # noqa: E402
from harness import BIN, LocalHub  # noqa: E402


def taken(hub: LocalHub, folder: pathlib.Path, binaries: pathlib.Path, repo: str) -> dict:
    harness.BIN = binaries
    try:
        return downloads.hubd_download(hub, folder, repo)
    finally:
        harness.BIN = BIN
        shutil.rmtree(folder)


def pairs(hub: LocalHub, folder: pathlib.Path, other: pathlib.Path, repo: str, runs: int) -> dict:
    ratios: dict[str, list[float]] = {"wall": [], "cpu": [], "rss_kib": []}
    for number in range(runs + 1):  # the first warms the server's page cache and is not counted
        # Ours, other, other, ours: who comes first pays for the writes of the one before.
        turns = [("ours", BIN), ("other", other), ("other", other), ("ours", BIN)]
        rows: dict[str, list[dict]] = {"ours": [], "other": []}
        for place, (name, binaries) in enumerate(turns):
            rows[name].append(taken(hub, folder / f"{number}-{place}", binaries, repo))
        if number:
            for key, values in ratios.items():
                values.append(sum(row[key] for row in rows["ours"]) / sum(row[key] for row in rows["other"]))
    return {key: {"median": round(statistics.median(values), 3), "from": round(min(values), 3), "to": round(max(values), 3)}
            for key, values in ratios.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("other", type=pathlib.Path)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--size", type=int, default=1 << 30)
    options = parser.parse_args()
    seed = {"repos": [{"id": "bench/big", "commits": [{"files": [{"path": "big.bin", "size": options.size, "random_seed": 1}]}]},
                      {"id": "bench/small", "commits": [{"files": [
                          {"path": "f/{}.txt", "count": 1000, "size": 500, "random_seed": 1, "lfs": False}]}]}]}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        hub = LocalHub(folder / "hub", seed)
        try:
            for repo in ("bench/big", "bench/small"):
                print(json.dumps({repo: pairs(hub, folder, options.other.resolve(), repo, options.runs)}), flush=True)
        finally:
            hub.close()


if __name__ == "__main__":
    main()
