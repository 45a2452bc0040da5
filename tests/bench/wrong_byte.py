# SPDX-License-Identifier: Apache-2.0
"""One byte of a download is changed on its way, under right framing: what do hubd and the stock client hand out? A markdown table.

    python3 tests/bench/wrong_byte.py

Xet: one of some thousand ranges of xorbs; plain: one byte of the CDN's answer. The same local Hub, fault and file for both.
"""
from __future__ import annotations

import pathlib
import shutil
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "integration"))
from harness import Hubd, LocalHub, sha256, stock  # noqa: E402

SIZE = 64_000_000
SEED = {"repos": [{"id": "acme/model", "commits": [{"files": [
    {"path": "model.bin", "size": SIZE, "random_seed": 7, "xet": {"xorb_chunks": 1}}]}]}]}
FAULTS = {"Xet": {"match": {"route": "xorb", "nth": 500}, "action": {"type": "corrupt_chunk"}},
          "plain": {"match": {"route": "cdn", "nth": 1}, "action": {"type": "corrupt", "offset": 1_000_000}}}
STOCK = "from huggingface_hub import hf_hub_download; print(hf_hub_download('acme/model', 'model.bin'))"


def with_hubd(hub: LocalHub, folder: pathlib.Path, env: dict) -> tuple[int, str, str]:
    hubd = Hubd(folder, hub.url, env=env)
    try:
        hubd.start()
        done = hubd.ctl("download", "acme/model", env=env)
        found = next(iter(hubd.cache.glob("models--acme--model/snapshots/*/model.bin")), None)
        noticed = hubd.rpc("Admin", "Status", {})[1].get("integrityFailures", "0")
        return done.returncode, sha256(found) if found else "", noticed
    finally:
        hubd.close()


def with_stock(hub: LocalHub, folder: pathlib.Path, env: dict) -> tuple[int, str, str]:
    folder.mkdir()
    done = stock("2.4.0", STOCK, folder, check=False, HF_ENDPOINT=hub.url, **env)
    found = sha256(done.stdout.strip().splitlines()[-1]) if done.returncode == 0 else ""
    return done.returncode, found, "0" if done.returncode == 0 else "1"


def main() -> None:
    folder = pathlib.Path(tempfile.mkdtemp(prefix="hubd-wrong-"))
    print("| route | client | exit status | content | times noticed | file bytes sent / size |\n|---|---|---|---|---|---|")
    try:
        for route, fault in FAULTS.items():
            env = {"HF_HUB_DISABLE_XET": "0" if route == "Xet" else "1"}
            for name, client in (("hubd", with_hubd), ("huggingface_hub 2.4.0" + (", hf_xet 1.8.0" if route == "Xet" else ""), with_stock)):
                place = folder / (route + name.split()[0])
                hub = LocalHub(place / "hub", SEED)
                try:
                    truth = hub.call("GET", "/api/models/acme/model/tree/main")
                    oid = next(entry["lfs"]["oid"] for entry in truth if entry["path"] == "model.bin")
                    hub.faults(fault)
                    status, found, noticed = client(hub, place / "home", env)
                    routes = hub.counters()["routes"]
                    sent = sum(routes.get(one, {"bytes": 0})["bytes"] for one in ("xorb", "cdn")) / SIZE
                    content = "none" if not found else "right" if found == oid else "wrong"
                    print(f"| {route} | {name} | {status} | {content} | {noticed} | {sent:.3f} |", flush=True)
                finally:
                    hub.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
