# SPDX-License-Identifier: Apache-2.0
"""Benchmarks of whole downloads beside the peers, in one run: JSON and a markdown table of ratios.

    python3 tests/bench/downloads.py [--only NAME]... [--runs N] [--size BYTES] [--out FOLDER]

Peers: huggingface_hub (newest, hf_xet off), aria2c -x16, curl with one connection. Everything runs on loopback against
the local Hub, so server and clients share the cores: read the ratios, not the seconds. Never an assertion.
"""
from __future__ import annotations

import argparse
import concurrent.futures
import http.client
import json
import os
import pathlib
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "integration"))
from harness import BIN, Hubd, LocalHub, clean_env, stock_python  # noqa: E402


def process_cpu(pid: int) -> float:
    """User and system seconds of a live process."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def status_kib(pid: int, key: str) -> int:
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1])
    return 0


class Run:
    """One measured command: wall seconds, CPU seconds, peak RSS."""

    def __init__(self, arguments: list[str], env: dict[str, str], cwd: pathlib.Path | None = None):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        start = time.monotonic()
        process = subprocess.Popen(arguments, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        peak = 0
        out = err = b""
        while True:
            try:
                out, err = process.communicate(timeout=0.05)
                break
            except subprocess.TimeoutExpired:
                try:
                    peak = max(peak, status_kib(process.pid, "VmHWM"))
                except OSError:
                    pass
        self.wall = time.monotonic() - start
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        self.peak = peak
        self.out = out.decode(errors="replace")
        if process.returncode != 0:
            raise RuntimeError(f"{arguments[:3]} -> {process.returncode}: {err.decode(errors='replace')[-600:]}")


def stock_download(hub: LocalHub, folder: pathlib.Path, repo: str, env: dict | None = None) -> Run:
    code = f"import huggingface_hub; print(huggingface_hub.snapshot_download({repo!r}))"
    return Run([stock_python("2.4.0"), "-c", code], {**clean_env(folder), "HF_ENDPOINT": hub.url, **(env or {})})


def hubd_download(hub: LocalHub, folder: pathlib.Path, repo: str, config: str = "") -> dict:
    hubd = Hubd(folder, hub.url, config=config)
    try:
        hubd.start()
        before = process_cpu(hubd.process.pid)
        run = Run([str(BIN / "hubctl"), "download", repo, "--quiet"], hubd.env)
        cpu = run.cpu + process_cpu(hubd.process.pid) - before
        return {"wall": run.wall, "cpu": cpu, "rss_kib": status_kib(hubd.process.pid, "VmHWM") + run.peak}
    finally:
        hubd.close()


def as_row(run: Run) -> dict:
    return {"wall": run.wall, "cpu": run.cpu, "rss_kib": run.peak}


def large_file(folder: pathlib.Path, size: int, runs: int, tls: bool) -> dict:
    options: list[str] = []
    config, env, aria, curl = "", {}, [], []
    if tls:
        key, certificate = folder / "key.pem", folder / "cert.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=localhost", "-addext",
                        "subjectAltName=IP:127.0.0.1,DNS:localhost"], check=True, capture_output=True)
        options = ["--tls", str(certificate), str(key)]
        config = f'[network]\nca_file = "{certificate}"\n'
        env = {"SSL_CERT_FILE": str(certificate)}
        aria, curl = [f"--ca-certificate={certificate}"], ["--cacert", str(certificate)]
    seed = {"repos": [{"id": "bench/big", "commits": [{"files": [{"path": "big.bin", "size": size, "random_seed": 1}]}]}]}
    hub = LocalHub(folder / "hub", seed, *options)
    rows: dict[str, list[dict]] = {"hubd": [], "huggingface_hub": [], "aria2c -x16": [], "curl": []}
    url = f"{hub.url}/bench/big/resolve/main/big.bin"
    try:
        for number in range(runs + 1):  # the first warms the server's page cache and is not counted
            work = folder / f"run{number}"
            work.mkdir()
            taken = {
                "hubd": hubd_download(hub, work / "hubd", "bench/big", config),
                "huggingface_hub": as_row(stock_download(hub, work / "stock", "bench/big", env)),
                "aria2c -x16": as_row(Run(["aria2c", "-q", "-x16", "-s16", "-k1M", "--file-allocation=falloc", "-d", str(work),
                                           "-o", "aria.bin", *aria, url], clean_env(work))),
                "curl": as_row(Run(["curl", "-sSfL", *curl, "-o", str(work / "curl.bin"), url], clean_env(work))),
            }
            if number:
                for name, row in taken.items():
                    rows[name].append(row)
            shutil.rmtree(work)
    finally:
        hub.close()
    return summary(rows, size)


def small_files(folder: pathlib.Path, runs: int) -> dict:
    seed = {"repos": [{"id": "bench/small", "commits": [{"files": [
        {"path": "f/{}.txt", "count": 1000, "size": 500, "random_seed": 1, "lfs": False}]}]}], "knobs": {"delay_ms": 50}}
    hub = LocalHub(folder / "hub", seed)
    rows: dict[str, list[dict]] = {"hubd": [], "huggingface_hub": []}
    try:
        for number in range(runs):
            work = folder / f"run{number}"
            rows["hubd"].append(hubd_download(hub, work / "hubd", "bench/small"))
            rows["huggingface_hub"].append(as_row(stock_download(hub, work / "stock", "bench/small")))
            shutil.rmtree(work)
    finally:
        hub.close()
    return summary(rows, 500_000)


def many_clients(folder: pathlib.Path, count: int = 64) -> dict:
    seed = {"repos": [{"id": "bench/snap", "commits": [{"files": [
        {"path": "f/{}.bin", "count": 100, "size": 1_000_000, "random_seed": 1, "lfs": True}]}]}]}
    hub = LocalHub(folder / "hub", seed)
    try:
        hubd = Hubd(folder / "hubd", hub.url)
        hubd.start()
        idle = status_kib(hubd.process.pid, "VmRSS")
        start = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(count) as pool:
            ends = list(pool.map(lambda _: hubd.ctl("download", "bench/snap", "--quiet").returncode, range(count)))
        wall = time.monotonic() - start
        counters = hub.counters()
        peak = status_kib(hubd.process.pid, "VmHWM")
        hubd.close()
        one = hubd_download(hub, folder / "one", "bench/snap")
        return {"clients": count, "failed": sum(1 for e in ends if e), "wall": wall, "wall_one_client": one["wall"],
                "bytes_ratio": counters["routes"]["cdn"]["bytes"] / 100_000_000,
                "requests": counters["total"]["requests"], "rss_idle_mib": idle / 1024, "rss_peak_mib": peak / 1024}
    finally:
        hub.close()


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str):
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


def warm_ensure(folder: pathlib.Path, rounds: int = 2000) -> dict:
    seed = {"repos": [{"id": "bench/warm", "commits": [{"files": [
        {"path": "f/{}.txt", "count": 12, "size": 500, "random_seed": 1, "lfs": False}]}]}]}
    hub = LocalHub(folder / "hub", seed)
    hubd = Hubd(folder / "hubd", hub.url)
    try:
        hubd.start()
        path = hubd.ctl("download", "bench/warm", "--quiet", check=True).stdout.strip()
        commit = pathlib.Path(path).name
        message = {"repo": {"id": "bench/warm", "revision": commit}, "caller": {"endpoint": hub.url}}
        connection = UnixConnection(str(hubd.socket) + ".http")
        body = json.dumps(message).encode()
        envelope = b"\0" + len(body).to_bytes(4, "big") + body
        taken = []
        for _ in range(rounds):
            start = time.perf_counter()
            connection.request("POST", "/hubd.v1.Downloads/Ensure", envelope, {"Content-Type": "application/connect+json"})
            answer = connection.getresponse().read()
            taken.append((time.perf_counter() - start) * 1e6)
            assert b'"done"' in answer, answer[:500]
        result = {"http": percentiles(taken)}
        tool = BIN / "warm_ensure_bench"
        if tool.exists():
            run = Run([str(tool), str(hubd.socket), "bench/warm", commit, hub.url, str(rounds)], hubd.env)
            result["grpc"] = json.loads(run.out)
        stock = Run([stock_python("2.4.0"), "-c",
                     "import huggingface_hub, time, json\nt=[]\nfor _ in range(300):\n s=time.perf_counter()\n"
                     f" huggingface_hub.snapshot_download('bench/warm', revision='{commit}', local_files_only=True)\n"
                     " t.append((time.perf_counter()-s)*1e6)\nt.sort()\n"
                     "print(json.dumps({'p50_us': t[150], 'p99_us': t[297]}))"], {**hubd.env})
        result["huggingface_hub"] = json.loads(stock.out)
        return result
    finally:
        hubd.close()
        hub.close()


def percentiles(values: list[float]) -> dict:
    values = sorted(values)
    return {"p50_us": values[len(values) // 2], "p99_us": values[int(len(values) * 0.99)]}


def summary(rows: dict[str, list[dict]], size: int) -> dict:
    result = {}
    for name, taken in rows.items():
        result[name] = {key: statistics.median(row[key] for row in taken) for key in ("wall", "cpu", "rss_kib")}
        result[name]["cpu_s_per_gb"] = result[name]["cpu"] / (size / 1e9)
        result[name]["wall_ratio_hubd"] = statistics.median(
            h["wall"] / o["wall"] for h, o in zip(rows["hubd"], taken))
    return result


def markdown(results: dict) -> str:
    lines = []
    for name, result in results.items():
        lines.append(f"\n### {name}\n")
        if "hubd" in result:
            lines += ["| program | wall s | CPU s | CPU s/GB | peak RSS MiB | hubd's wall / its wall |", "|---|---|---|---|---|---|"]
            for peer, row in result.items():
                lines.append(f"| {peer} | {row['wall']:.2f} | {row['cpu']:.2f} | {row['cpu_s_per_gb']:.2f} | "
                             f"{row['rss_kib'] / 1024:.0f} | {row['wall_ratio_hubd']:.2f} |")
        else:
            lines += ["```json", json.dumps(result, indent=1), "```"]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--size", type=int, default=2 << 30)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("build/bench"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    suites = {
        "large-http": lambda f: large_file(f, options.size, options.runs, False),
        "large-tls": lambda f: large_file(f, options.size, options.runs, True),
        "small-1000-50ms": lambda f: small_files(f, options.runs),
        "clients-64": many_clients,
        "warm-ensure": warm_ensure,
    }
    results = {}
    for name, suite in suites.items():
        if options.only and name not in options.only:
            continue
        folder = pathlib.Path(tempfile.mkdtemp(prefix="hubd-bench-"))
        try:
            results[name] = suite(folder)
            print(markdown({name: results[name]}), flush=True)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    (options.out / "downloads.json").write_text(json.dumps(results, indent=1))
    (options.out / "downloads.md").write_text(markdown(results))


if __name__ == "__main__":
    main()
