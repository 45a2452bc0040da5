# SPDX-License-Identifier: Apache-2.0
"""The micro benchmarks in one go: chunker, hashing, packing, decoding, shards, and the chunk store as it grows. Prints the tables
of docs/benchmarks.md.

    python3 tests/bench/micro.py [--bin build/release/bin] [--chunks 1e5,1e6,1e7] [--repeat 3]
"""
import argparse
import json
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORDS = {
    "cut": "chunk boundaries alone",
    "cut_and_hash": "chunk boundaries, chunk hashes, file id",
    "pack_xorb/noise_automatic": "pack a xorb of noise (cut, hash, LZ4 in vain)",
    "pack_xorb/floats_automatic": "pack a xorb of float weights (grouped LZ4)",
    "decode_xorb/noise_none": "read a xorb kept as it is, each chunk hashed",
    "decode_xorb/floats_lz4": "read a xorb in LZ4, each chunk hashed",
    "decode_xorb/floats_grouped_lz4": "read a xorb in grouped LZ4 (BG4), each chunk hashed",
    "read_large_shard": "read a shard of 131,072 chunks",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / "build/release/bin")
    parser.add_argument("--chunks", default="1e5,1e6,1e7", help="sizes of the store")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each; the median is printed")
    given = parser.parse_args()
    run = subprocess.run([given.bin / "xet_bench", "--benchmark_format=json", f"--benchmark_repetitions={given.repeat}"],
                         check=True, capture_output=True, text=True)
    speeds: dict[str, list[float]] = {}
    for one in json.loads(run.stdout)["benchmarks"]:
        if one.get("run_type") == "iteration":
            speeds.setdefault(one["run_name"], []).append(one["bytes_per_second"] / 1e9)
    print("| one core | GB/s of CPU time |\n|---|---|")
    for name, values in speeds.items():
        print(f"| {WORDS.get(name, name)} | {sorted(values)[len(values) // 2]:.2f} |")
    print(flush=True)
    subprocess.run([given.bin / "store_bench", *given.chunks.split(",")], check=True)


if __name__ == "__main__":
    main()
