# SPDX-License-Identifier: Apache-2.0
"""Xet downloads beside hf_xet, in one run: JSON and a markdown table of ratios.

    python3 tests/bench/xet_downloads.py [--runs N] [--size BYTES] [--out FOLDER]

Both download from Hugging Face's own local_cas_server behind the local Hub, what hf_xet uploaded there: random bytes, floats, a
revision that shares nine tenths with one that is there already, a repo of 20 files, and one file for 8 processes at once. Server and clients share the cores: read the ratios, not the
seconds. Never an assertion.
"""
from __future__ import annotations

import argparse
import concurrent.futures
import hashlib
import json
import pathlib
import random
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

sys.path[:0] = [str(pathlib.Path(__file__).parents[1] / "integration"), str(pathlib.Path(__file__).parent)]
from downloads import Run, process_cpu, status_kib  # noqa: E402
from harness import BIN, COUNTERPARTS, Hubd, LocalHub, clean_env, sha256, stock, stock_python, stop  # noqa: E402

XET = {"HF_HUB_DISABLE_XET": "0"}
UPLOAD = """
from huggingface_hub import HfApi
api = HfApi(token="hf_alice")
api.create_repo("{repo}", exist_ok=True)
api.upload_folder(repo_id="{repo}", folder_path="{folder}")
"""
FILES = 20  # of the repo of many
PROCESSES = 8  # that want one file at the same time


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


def digest(snapshot: pathlib.Path) -> str:
    whole = hashlib.sha256()
    for path in sorted(snapshot.glob("*.bin")):
        whole.update(f"{path.name} {sha256(path)}\n".encode())
    return whole.hexdigest()


def children_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def at_once(command: list[str], env: dict, processes: int) -> dict:
    """So many of one command: until the last has ended; their CPU together, and their memory."""
    before, begun = children_cpu(), time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(processes) as pool:
        runs = list(pool.map(lambda _: Run(command, env), range(processes)))
    return {"wall": time.monotonic() - begun, "cpu": children_cpu() - before, "rss_kib": sum(run.peak for run in runs)}


def snapshot_of(cache: pathlib.Path, repo: str) -> pathlib.Path:
    return next(cache.glob(f"models--{repo.replace('/', '--')}/snapshots/*"))


def with_hubd(hub: LocalHub, folder: pathlib.Path, repo: str, first: str = "", processes: int = 1) -> dict:
    hubd = Hubd(folder, hub.url, env=XET)
    try:
        hubd.start()
        if first:
            hubd.ctl("download", first, "--quiet", env=XET, check=True)
        status = hubd.rpc("Admin", "Status", {})[1]
        before, fetched = process_cpu(hubd.process.pid), int(status.get("bytesFetched", 0))
        row = at_once([str(BIN / "hubctl"), "download", repo, "--quiet"], {**hubd.env, **XET}, processes)
        status = hubd.rpc("Admin", "Status", {})[1]
        row["cpu"] += process_cpu(hubd.process.pid) - before
        row["rss_kib"] += status_kib(hubd.process.pid, "VmHWM")
        return {**row, "bytes": int(status["bytesFetched"]) - fetched, "digest": digest(snapshot_of(hubd.cache, repo))}
    finally:
        hubd.close()


def with_stock(hub: LocalHub, folder: pathlib.Path, repo: str, first: str = "", processes: int = 1) -> dict:
    folder.mkdir()
    env = {**clean_env(folder), **XET, "HF_ENDPOINT": hub.url, "HF_HUB_CACHE": str(folder / "cache")}
    code = "import huggingface_hub; huggingface_hub.snapshot_download({!r})"
    if first:
        Run([stock_python("2.4.0"), "-c", code.format(first)], env)
    row = at_once([stock_python("2.4.0"), "-c", code.format(repo)], env, processes)
    return {**row, "digest": digest(snapshot_of(folder / "cache", repo))}


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
        kinds = ("random", "floats", "revision", "many")
        for name in kinds:
            (folder / name).mkdir()
        write_random(folder / "random/model.bin", options.size, 1)
        write_floats(folder / "floats/model.bin", options.size)
        write_revision(folder / "random/model.bin", folder / "revision/model.bin")
        for number in range(FILES):
            write_random(folder / f"many/part-{number:02}.bin", options.size // (2 * FILES), 100 + number)
        truth, sizes = {}, {}
        for name in kinds:
            stock("2.4.0", UPLOAD.format(repo=f"alice/{name}", folder=folder / name), folder / "hub", HF_ENDPOINT=hub.url, **XET)
            truth[name] = digest(folder / name)
            sizes[name] = sum(path.stat().st_size for path in (folder / name).iterdir())
            shutil.rmtree(folder / name)
        cases = {"random": ("random", "", 1), "floats": ("floats", "", 1), "revision": ("revision", "alice/random", 1),
                 f"{FILES} files": ("many", "", 1), f"{PROCESSES} processes": ("random", "", PROCESSES)}
        rows: dict[str, dict[str, list[dict]]] = {}
        for number in range(options.runs):
            for case, (name, first, processes) in cases.items():
                for who, get in (("hubd", with_hubd), ("hf_xet", with_stock)):
                    work = folder / f"{who}-{name}-{number}"
                    row = get(hub, work, f"alice/{name}", first, processes)
                    if row.pop("digest") != truth[name]:
                        raise RuntimeError(f"{who} delivered other bytes of {name}")
                    rows.setdefault(case, {}).setdefault(who, []).append(row)
                    shutil.rmtree(work)
        result = {name: {who: {key: statistics.median(row[key] for row in taken) for key in taken[0]} for who, taken in by.items()}
                  for name, by in rows.items()}
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "xet.json").write_text(json.dumps(result, indent=1))
        print(f"{options.size / 1e9:.2f} GB each ({FILES} files: half of it), medians of {options.runs}\n")
        print("| | wall s | CPU s/GB | peak RSS MiB | bytes fetched | hubd's wall / its wall | CPU |\n|---|---|---|---|---|---|---|")
        for name, by in result.items():
            size = sizes[cases[name][0]]
            for who, row in by.items():
                ours = by["hubd"]
                fetched = f"{row['bytes'] / size:.3f}x" if "bytes" in row else "-"
                print(f"| {name}: {who} | {row['wall']:.2f} | {row['cpu'] / size * 1e9:.2f} | {row['rss_kib'] / 1024:.0f} | {fetched} | "
                      f"{ours['wall'] / row['wall']:.2f} | {ours['cpu'] / row['cpu']:.2f} |")
    finally:
        if hub is not None:
            hub.close()
        stop(server)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
