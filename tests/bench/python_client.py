# SPDX-License-Identifier: Apache-2.0
"""The Python package and the drop-in beside huggingface_hub, in one run: JSON and a markdown table.

    python3 tests/bench/python_client.py [--calls N] [--files N] [--out FOLDER]

Warm lookups of a pinned commit and of a branch, one file and a whole snapshot; the cost of an import; reading one file
front to back as a stream; what the drop-in adds to the start of an interpreter, off and on. All run under the newest stock
version, in turn, against the same local Hub.
Loopback on shared cores: read the ratios. Never an assertion.
"""
from __future__ import annotations

import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "integration"))
sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "integration/python"))
from dropin_case import interpreter  # noqa: E402
from harness import ROOT, Hubd, LocalHub, clean_env, stock_python  # noqa: E402

STREAM = 200_000_000

WARM = """
import importlib, json, os, sys, time
m = importlib.import_module(sys.argv[1])
commit, calls = sys.argv[2], int(sys.argv[3])
def timed(call, count):
    call()
    out = []
    for _ in range(count):
        begin = time.perf_counter()
        call()
        out.append(time.perf_counter() - begin)
    out.sort()
    return {"p50": out[len(out) // 2] * 1e6, "p99": out[min(len(out) - 1, len(out) * 99 // 100)] * 1e6}
m.snapshot_download("acme/model")
few = max(20, calls // 20)
print(json.dumps({
    "file, pinned": timed(lambda: m.hf_hub_download("acme/model", "config.json", revision=commit), calls),
    "snapshot, pinned": timed(lambda: m.snapshot_download("acme/model", revision=commit), few),
    "file, branch": timed(lambda: m.hf_hub_download("acme/model", "config.json"), few),
    "snapshot, branch": timed(lambda: m.snapshot_download("acme/model"), few),
    "model_info": timed(lambda: m.model_info("acme/model"), few),
    "try_to_load_from_cache": timed(lambda: m.try_to_load_from_cache("acme/model", "config.json"), calls)}))
"""
STREAMED = """
import json, resource, sys, time
name, size = sys.argv[1], int(sys.argv[2])
if name == "hubd":
    import hubd
    opened = lambda: hubd.open("acme/stream", "large.bin")
else:
    from huggingface_hub import HfFileSystem
    opened = lambda: HfFileSystem().open("acme/stream/large.bin", "rb")
begin, used = time.perf_counter(), time.process_time()
with opened() as file:
    total = 0
    while True:
        block = file.read(1 << 20)
        if not block:
            break
        total += len(block)
assert total == size, total
print(json.dumps({"seconds": time.perf_counter() - begin, "cpu": time.process_time() - used,
                  "rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10}))
"""


def run(python: str, env: dict, code: str, *arguments: str) -> dict:
    done = subprocess.run([python, "-c", code, *arguments], env=env, capture_output=True, text=True, timeout=1800)
    if done.returncode != 0:
        raise SystemExit(done.stdout + done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def import_cost(python: str, env: dict, statement: str, runs: int = 15) -> float:
    """Median milliseconds of a statement in a fresh interpreter, by its own clock."""
    code = f"import time, json; b = time.perf_counter(); {statement}; print(json.dumps((time.perf_counter() - b) * 1e3))"
    return statistics.median(run(python, env, code) for _ in range(runs))


def starts(pythons: dict, runs: int = 41) -> dict:
    """Median milliseconds of a whole interpreter that does nothing, in turn for each (interpreter, HUBD_DROPIN)."""
    times: dict = {name: [] for name in pythons}
    for _ in range(runs):
        for name, (python, dropin) in pythons.items():
            env = {k: v for k, v in os.environ.items() if not k.startswith(("HUBD_", "PYTHON"))}
            env.update({"HUBD_DROPIN": dropin} if dropin else {})
            begin = time.perf_counter()
            subprocess.run([python, "-c", "pass"], env=env, check=True)
            times[name].append((time.perf_counter() - begin) * 1e3)
    return {name: statistics.median(found) for name, found in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--files", type=int, default=100)
    parser.add_argument("--out", type=pathlib.Path)
    options = parser.parse_args()
    python = stock_python("2.4.0")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="hubd-bench-"))
    seed = {"repos": [
        {"id": "acme/model", "commits": [{"files": [
            {"path": "config.json", "text": "{}"},
            {"path": "many/{}.txt", "count": options.files, "size": 200, "random_seed": 1, "lfs": False},
            {"path": "model.safetensors", "size": 5_000_000, "random_seed": 2}]}]},
        {"id": "acme/stream", "commits": [{"files": [{"path": "large.bin", "size": STREAM, "random_seed": 3}]}]}]}
    hub = LocalHub(folder / "hub", seed)
    hubd = Hubd(folder / "home", hub.url).start()
    try:
        commit = hub.call("GET", "/api/models/acme/model")["sha"]
        common = {"HF_ENDPOINT": hub.url, "PYTHONPATH": str(ROOT / "client/python"), "HUBD_SOCKET": str(hubd.socket),
                  "HUBD_AUTOSTART": "0"}
        envs = {"huggingface_hub": clean_env(folder / "stock", **common), "hubd": clean_env(folder / "home", **common)}
        results: dict = {}
        for name, env in envs.items():
            results[name] = run(python, env, WARM, name, commit, str(options.calls))
            results[name]["stream"] = run(python, env, STREAMED, name, str(STREAM))
        patched = interpreter(folder, "hub-2.4.0")
        env = dict(envs["hubd"], HUBD_DROPIN="require", PYTHONPATH="")
        results["dropin"] = run(patched, env, WARM, "huggingface_hub", commit, str(options.calls))
        results["dropin"]["stream"] = run(patched, env, STREAMED, "huggingface_hub", str(STREAM))
        results["dropin"]["import"] = import_cost(patched, env, "from huggingface_hub import hf_hub_download")
        (folder / "without").mkdir()
        bare = pathlib.Path(interpreter(folder / "without", "hub-2.4.0"))
        next(bare.parents[1].glob("lib/python*/site-packages/hubd-dropin.pth")).unlink()
        results["start"] = starts({"without": (str(bare), ""), "off": (patched, ""), "on": (patched, "1")})
        for name, statement in (("huggingface_hub", "from huggingface_hub import hf_hub_download"),
                                ("hubd", "from hubd import hf_hub_download")):
            results[name]["import"] = import_cost(python, envs[name], statement)
    finally:
        hubd.close()
        hub.close()
        shutil.rmtree(folder, ignore_errors=True)
    rows = []
    for what in results["hubd"]:
        stock, ours, dropin = (results[name][what] for name in ("huggingface_hub", "hubd", "dropin"))
        if what == "import":
            rows.append((what, "ms", stock, ours, dropin))
        elif what == "stream":
            for key, unit in (("seconds", "s"), ("cpu", "s"), ("rss", "MiB")):
                rows.append((f"stream {STREAM // 1_000_000} MB: {key}", unit, stock[key], ours[key], dropin[key]))
        else:
            for which in ("p50", "p99"):
                rows.append((f"{what}, {which}", "us", stock[which], ours[which], dropin[which]))
    table = ["| what | huggingface_hub 2.4.0 | hubd | ratio | drop-in | ratio |", "|---|---|---|---|---|---|"]
    table += [f"| {what} | {stock:.2f} {unit} | {ours:.2f} {unit} | {ours / stock:.3f} | {dropin:.2f} {unit} | {dropin / stock:.3f} |"
              for what, unit, stock, ours, dropin in rows]
    start = results["start"]
    table += ["", "| an interpreter that does nothing | ms | more |", "|---|---|---|"]
    table += [f"| {name} | {start[key]:.2f} | {start[key] - start['without']:+.2f} |" for name, key in (
        ("without hubd-dropin.pth", "without"), ("with it, off", "off"), ("with it, HUBD_DROPIN=1", "on"))]
    print("\n".join(table))
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "python_client.json").write_text(json.dumps(results, indent=1))
        (options.out / "python_client.md").write_text("\n".join(table) + "\n")


if __name__ == "__main__":
    main()
