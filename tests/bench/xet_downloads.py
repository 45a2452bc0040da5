# SPDX-License-Identifier: Apache-2.0
"""Xet downloads beside hf_xet, in one run: JSON and a markdown table of ratios.

    python3 tests/bench/xet_downloads.py [--runs N] [--size BYTES] [--out FOLDER]

Both download from Hugging Face's own local_cas_server behind the local Hub, what hf_xet uploaded there: random bytes, floats, and
a revision that shares nine tenths with one that is there already. Server and clients share the cores: read the ratios, not the
seconds. Never an assertion.
"""
from __future__ import annotations

import argparse
import json
import pathlib
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

sys.path[:0] = [str(pathlib.Path(__file__).parents[1] / "integration"), str(pathlib.Path(__file__).parent)]
from downloads import Run, as_row, process_cpu, status_kib  # noqa: E402
from harness import BIN, COUNTERPARTS, Hubd, LocalHub, clean_env, sha256, stock, stock_python, stop  # noqa: E402

XET = {"HF_HUB_DISABLE_XET": "0"}
UPLOAD = """
from huggingface_hub import HfApi
api = HfApi(token="hf_alice")
api.create_repo("{repo}", exist_ok=True)
api.upload_file(repo_id="{repo}", path_or_fileobj="{file}", path_in_repo="model.bin")
"""


def start_cas(folder: pathlib.Path) -> tuple[subprocess.Popen, str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen([COUNTERPARTS / "cargo/bin/local_cas_server", "--host", "127.0.0.1", "--port", str(port), "--data-directory", folder],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    for _ in range(600):
        try:
            urllib.request.urlopen(url + "/health", timeout=5).close()
            return server, url
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("local_cas_server did not start")


def write_random(path: pathlib.Path, size: int, seed: int) -> None:
    source = random.Random(seed)
    with open(path, "wb") as file:
        for at in range(0, size, 1 << 24):
            file.write(source.randbytes(min(1 << 24, size - at)))


def write_floats(path: pathlib.Path, size: int) -> None:
    """32-bit floats around 0.01: mantissas are noise, signs and exponents are not."""
    source = random.Random(3)
    exponents = bytes(0x3c if i % 16 else 0x3b for i in range(256))
    signs = bytes(0x80 & i for i in range(256))
    with open(path, "wb") as file:
        for at in range(0, size, 1 << 22):
            count = min(1 << 22, size - at) // 4
            block = bytearray(4 * count)
            noise = source.randbytes(count)
            block[0::4], block[1::4], block[2::4] = source.randbytes(count), source.randbytes(count), source.randbytes(count)
            block[3::4] = bytes(map(int.__or__, noise.translate(exponents), noise.translate(signs)))
            file.write(block)


def write_revision(old: pathlib.Path, path: pathlib.Path) -> None:
    """A tenth of it is new, in 20 pieces that begin where no chunk does."""
    shutil.copyfile(old, path)
    size = old.stat().st_size
    source = random.Random(4)
    with open(path, "r+b") as file:
        for i in range(20):
            file.seek(size * i // 20 + 12_345)
            file.write(source.randbytes(size // 200))


def with_hubd(hub: LocalHub, folder: pathlib.Path, repo: str, first: str = "") -> dict:
    hubd = Hubd(folder, hub.url, env=XET)
    try:
        hubd.start()
        if first:
            hubd.ctl("download", first, "--quiet", env=XET, check=True)
        status = hubd.rpc("Admin", "Status", {})[1]
        before, fetched = process_cpu(hubd.process.pid), int(status.get("bytesFetched", 0))
        run = Run([str(BIN / "hubctl"), "download", repo, "--quiet"], {**hubd.env, **XET})
        status = hubd.rpc("Admin", "Status", {})[1]
        return {"wall": run.wall, "cpu": run.cpu + process_cpu(hubd.process.pid) - before,
                "rss_kib": status_kib(hubd.process.pid, "VmHWM") + run.peak, "bytes": int(status["bytesFetched"]) - fetched,
                "sha256": sha256(next(hubd.cache.glob(f"models--{repo.replace('/', '--')}/snapshots/*/model.bin")))}
    finally:
        hubd.close()


def with_stock(hub: LocalHub, folder: pathlib.Path, repo: str, first: str = "") -> dict:
    folder.mkdir()
    env = {**clean_env(folder), **XET, "HF_ENDPOINT": hub.url}
    code = "import huggingface_hub; print(huggingface_hub.hf_hub_download({!r}, 'model.bin'))"
    if first:
        Run([stock_python("2.4.0"), "-c", code.format(first)], env)
    run = Run([stock_python("2.4.0"), "-c", code.format(repo)], env)
    return {**as_row(run), "sha256": sha256(run.out.strip().splitlines()[-1])}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--size", type=int, default=2 << 30)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("build/bench"))
    options = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="hubd-bench-"))
    server, url = start_cas(folder / "cas")
    hub = None
    try:
        hub = LocalHub(folder / "hub", {"users": [{"name": "alice", "token": "hf_alice"}]}, "--cas-url", url, "--cas-data", str(folder / "cas"))
        files = {name: folder / name for name in ("random", "floats", "revision")}
        write_random(files["random"], options.size, 1)
        write_floats(files["floats"], options.size)
        write_revision(files["random"], files["revision"])
        truth = {}
        for name, path in files.items():
            stock("2.4.0", UPLOAD.format(repo=f"alice/{name}", file=path), folder / "hub", HF_ENDPOINT=hub.url, **XET)
            truth[name] = sha256(path)
            path.unlink()
        rows: dict[str, dict[str, list[dict]]] = {}
        for number in range(options.runs):
            for name in files:
                first = "alice/random" if name == "revision" else ""
                for who, get in (("hubd", with_hubd), ("hf_xet", with_stock)):
                    work = folder / f"{who}-{name}-{number}"
                    row = get(hub, work, f"alice/{name}", first)
                    if row.pop("sha256") != truth[name]:
                        raise RuntimeError(f"{who} delivered other bytes of {name}")
                    rows.setdefault(name, {}).setdefault(who, []).append(row)
                    shutil.rmtree(work)
        result = {name: {who: {key: statistics.median(row[key] for row in taken) for key in taken[0]} for who, taken in by.items()}
                  for name, by in rows.items()}
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "xet.json").write_text(json.dumps(result, indent=1))
        print(f"{options.size / 1e9:.2f} GB each, medians of {options.runs}\n")
        print("| | wall s | CPU s/GB | peak RSS MiB | bytes fetched | hubd's wall / its wall | CPU |\n|---|---|---|---|---|---|---|")
        for name, by in result.items():
            for who, row in by.items():
                ours = by["hubd"]
                fetched = f"{row['bytes'] / options.size:.3f}x" if "bytes" in row else "-"
                print(f"| {name}: {who} | {row['wall']:.2f} | {row['cpu'] / options.size * 1e9:.2f} | {row['rss_kib'] / 1024:.0f} | {fetched} | "
                      f"{ours['wall'] / row['wall']:.2f} | {ours['cpu'] / row['cpu']:.2f} |")
    finally:
        if hub is not None:
            hub.close()
        stop(server)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
