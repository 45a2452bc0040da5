# SPDX-License-Identifier: Apache-2.0
"""core/xet beside hf_xet and Hugging Face's own CAS for tests, local_cas_server: what they store is what we read and would
have written, what they answer is what we would have answered, and what we write they take and give back.

hf_xet comes from $HUBD_COUNTERPARTS/hub-2.4.0, the server from $HUBD_COUNTERPARTS/cargo/bin (crate xet-client 1.8.0 with
feature `simulation`). Without the server its half is skipped, and says so.
"""
import json
import pathlib
import random
import socket
import struct
import subprocess
import sys
import time
import unittest
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import BIN, COUNTERPARTS, HANG, ProofCase, clean_env, sha256, stock_python, stop  # noqa: E402

SERVER = COUNTERPARTS / "cargo/bin/local_cas_server"
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))

UPLOAD = """
import hf_xet, json, sys, time
cas, paths = sys.argv[1], sys.argv[2:]
options = dict(endpoint=cas, token="any", token_expiry_unix_secs=int(time.time()) + 3600)
commit = hf_xet.XetSession().new_upload_commit(**options)
jobs = [commit.start_upload_file(path, sha256=hf_xet.COMPUTE_SHA256) for path in paths]
commit.wait_to_finish()
print(json.dumps([job.result().xet_info.hash for job in jobs]))
"""
DOWNLOAD = """
import hf_xet, sys, time
cas, file, size, path = sys.argv[1:]
options = dict(endpoint=cas, token="any", token_expiry_unix_secs=int(time.time()) + 3600)
with hf_xet.XetSession().new_file_download_group(**options) as group:
    group.start_download_file(hf_xet.XetFileInfo(file, int(size)), path)
"""
HASH = "import hf_xet, json, sys; print(json.dumps([one.hash for one in hf_xet.hash_files(sys.argv[1:])]))"


def samples(folder: pathlib.Path) -> list[pathlib.Path]:
    noise = random.Random(1)
    base = noise.randbytes(3_000_000)
    contents = {
        "one_byte": b"x",
        "minimum": noise.randbytes(8192),
        "below": noise.randbytes(8191),
        "above": noise.randbytes(8193),
        "zeros": bytes(1 << 20),
        "noise": base,
        "edited": base[:1_000_000] + b"an insertion" + base[1_000_000:],
        "floats": b"".join(struct.pack("<f", noise.gauss(0, 0.02)) for _ in range(500_000)),
        "text": b"".join(b"line %d of a file\n" % i for i in range(100_000)),
    }
    paths = []
    for name, content in contents.items():
        paths.append(folder / name)
        paths[-1].write_bytes(content)
    return paths


class Formats(ProofCase):
    def setUp(self) -> None:
        super().setUp()
        self.python = stock_python("2.4.0")
        self.files = self.folder / "files"
        self.files.mkdir()

    def stock(self, code: str, *arguments: object, home: str = "home") -> str:
        run = subprocess.run([self.python, "-c", code, *map(str, arguments)], capture_output=True, text=True, timeout=HANG,
                             env=clean_env(self.folder / home, HF_HUB_DISABLE_XET="0", HF_XET_CLIENT_RETRY_BASE_DELAY="50ms"))
        self.assertEqual(run.returncode, 0, run.stderr)
        return run.stdout

    def tool(self, *arguments: object) -> dict:
        run = subprocess.run([BIN / "xet_tool", *map(str, arguments)], capture_output=True, text=True, timeout=HANG)
        self.assertEqual(run.returncode, 0, f"{arguments}: {run.stderr}")
        return json.loads(run.stdout)

    def start_server(self) -> str:
        if not SERVER.exists():
            self.skipTest(f"{SERVER} is not there: cargo install xet-client --version 1.8.0 --locked --features simulation "
                          f"--bin local_cas_server --root {SERVER.parents[1]}")
        self.data = self.folder / "cas"
        for _ in range(5):  # the server does not tell the port that it chose, so one is chosen for it
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port = probe.getsockname()[1]
            process = subprocess.Popen([SERVER, "--host", "127.0.0.1", "--port", str(port), "--data-directory", self.data],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=clean_env(self.folder))
            self.addCleanup(stop, process)
            url = f"http://127.0.0.1:{port}"
            deadline = time.monotonic() + HANG
            while process.poll() is None and time.monotonic() < deadline:
                try:
                    OPENER.open(url + "/health", timeout=HANG).close()
                    return url
                except (urllib.error.URLError, ConnectionError):
                    time.sleep(0.05)
        self.fail("local_cas_server did not start")

    def call(self, method: str, url: str, body: bytes | None = None, **headers: str) -> bytes:
        with OPENER.open(urllib.request.Request(url, body, headers, method=method), timeout=HANG) as answer:
            return answer.read()

    def test_file_ids_are_those_of_hf_xet(self) -> None:
        paths = samples(self.files)
        theirs = json.loads(self.stock(HASH, *paths))
        ours = subprocess.run([BIN / "hubctl", "hash", "--json", *paths], capture_output=True, text=True, check=True)
        self.assertEqual([one["xet"] for one in json.loads(ours.stdout)], theirs)

    def test_what_they_store_and_answer(self) -> None:
        cas = self.start_server()
        paths = samples(self.files)
        ids = dict(zip(json.loads(self.stock(UPLOAD, cas, *paths)), paths))
        xorbs = [path for path in (self.data / "xorbs").iterdir() if not path.name.endswith(".tagset")]
        shards = [path for path in (self.data / "shards").iterdir() if path.suffix == ".mdb"]
        self.assertTrue(xorbs and shards)
        chunks = {}
        for path in xorbs:
            xorb = self.tool("xorb", path)
            self.assertEqual(path.name, "default." + xorb["xorb"])
            self.assertTrue(xorb["footer_is_ours"], "the footer is the one that we would have written")
            chunks[xorb["xorb"]] = [(one["hash"], one["length"]) for one in xorb["chunks"]]
        seen = set()
        for path in shards:
            shard = self.tool("shard", path)
            for xorb in shard["xorbs"]:
                self.assertEqual([(one["hash"], one["length"]) for one in xorb["chunks"]], chunks[xorb["xorb"]])
            for file in shard["files"]:
                seen.add(file["file"])
                self.assertEqual(file["sha256"], sha256(ids[file["file"]]))
                size = ids[file["file"]].stat().st_size
                self.assertEqual(sum(one["length"] for one in file["segments"]), size)
                for offset, length in [(0, 0), (0, 1), (size - 1, 1), (size // 3, max(1, size // 3)), (0, size)]:
                    headers = {"Range": f"bytes={offset}-{offset + length - 1}"} if length else {}
                    for version in ("v1", "v2"):
                        answer = self.folder / "answer.json"
                        answer.write_bytes(self.call("GET", f"{cas}/{version}/reconstructions/{file['file']}", **headers))
                        held = self.tool("answer", version, answer, file["file"], offset, length, path, *xorbs)
                        self.assertEqual(held["usable"], length or size)
                        self.assertTrue(held["same"], f"{version}, bytes {offset}+{length} of {ids[file['file']].name}")
        self.assertEqual(seen, set(ids))

    def test_what_we_write_they_give_back(self) -> None:
        cas = self.start_server()
        for path in samples(self.files):
            with self.subTest(path.name):
                folder = self.folder / ("packed_" + path.name)
                folder.mkdir()
                packed = self.tool("pack", path, folder)
                for xorb in packed["xorbs"]:
                    self.call("POST", f"{cas}/v1/xorbs/default/{xorb}", (folder / f"{xorb}.xorb").read_bytes())
                self.call("POST", f"{cas}/v1/shards", (folder / "shard").read_bytes())
                got = self.folder / ("got_" + path.name)
                self.stock(DOWNLOAD, cas, packed["file"], packed["size"], got)
                self.assertEqual(got.read_bytes(), path.read_bytes())
        report = json.loads(self.call("POST", f"{cas}/simulation/verify_integrity") or b"{}")
        self.assertNotIn("error", json.dumps(report).lower())


if __name__ == "__main__":
    unittest.main()
