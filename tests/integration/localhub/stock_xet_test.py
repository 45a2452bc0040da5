# SPDX-License-Identifier: Apache-2.0
"""The local Hub's CAS held to Hugging Face's own clients: hf_xet through huggingface_hub, @huggingface/hub, and
local_cas_server behind the Hub. hubd takes no part."""
import array
import json
import os
import pathlib
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from harness import COUNTERPARTS, HANG, ProofCase, clean_env, sha256, stock, stop  # noqa: E402

SEED = {"users": [{"name": "alice", "token": "hf_alice"}, {"name": "bob", "token": "hf_bob"}], "repos": []}
MIB = 1 << 20

UPLOAD = """
import json, sys
from huggingface_hub import HfApi, CommitOperationAdd
api = HfApi(token="hf_alice")
api.create_repo("{repo}", exist_ok=True, private={private})
made = api.create_commit("{repo}", [CommitOperationAdd(path_in_repo=name, path_or_fileobj=path) for name, path in json.loads('''{files}''').items()],
                         commit_message="up")
print(json.dumps(made.oid))
"""
DOWNLOAD = """
import json
from huggingface_hub import hf_hub_download
print(json.dumps({{name: hf_hub_download("{repo}", name, token="{token}") for name in json.loads('''{names}''')}}))
"""
IDS = """
import json, hf_xet
print(json.dumps({{name: hf_xet.hash_files([path])[0].hash for name, path in json.loads('''{files}''').items()}}))
"""
LIE = """
import hf_xet
commit = hf_xet.XetSession().new_upload_commit(token_refresh_url="{hub}/api/models/alice/plain/xet-write-token/main",
                                               token_refresh_headers={{"authorization": "Bearer hf_alice"}})
job = commit.start_upload_file("{path}", sha256="{sha256}")
commit.wait_to_finish()
print('"' + job.result().xet_info.hash + '"')
"""


def missing(what):
    message = f"counterpart {what} is not installed"
    if os.environ.get("CI") == "true":
        raise AssertionError(message)
    raise unittest.SkipTest(message)


class Case(ProofCase):
    options = ()

    def setUp(self):
        super().setUp()
        self.local = self.hub(SEED, *self.options)
        self.homes = 0

    def run_stock(self, code, home=None, **env):
        """A fresh process, by default with a fresh home; the last line of its output as JSON."""
        self.homes += 1
        home = home or self.folder / f"home{self.homes}"
        home.mkdir(exist_ok=True)
        env = {"HF_ENDPOINT": self.local.url, "HF_HUB_DISABLE_XET": "0", "HF_XET_CLIENT_RETRY_BASE_DELAY": "50ms", **env}
        return json.loads(stock("2.4.0", code, home, **env).stdout.splitlines()[-1])

    def upload(self, files, repo="alice/up", private=False, **more):
        return self.run_stock(UPLOAD.format(repo=repo, private=private, files=json.dumps({n: str(p) for n, p in files.items()})), **more)

    def download(self, names, repo="alice/up", token="hf_alice", **more):
        return self.run_stock(DOWNLOAD.format(repo=repo, token=token, names=json.dumps(list(names))), **more)

    def ids(self, files):
        return self.run_stock(IDS.format(files=json.dumps({n: str(p) for n, p in files.items()})))

    def tree(self, repo="alice/up", hub=None):
        return {e["path"]: e for e in (hub or self.local).call("GET", f"/api/models/{repo}/tree/main")}

    def described(self, xet_hash, hub=None):
        return (hub or self.local).call("GET", "/_localhub/xet/file/" + xet_hash)

    def knobs(self, **knobs):
        self.local.call("POST", "/_localhub/knobs", knobs)

    def route(self, name):
        return self.local.counters()["routes"].get(name, {"requests": 0, "bytes": 0, "bytes_in": 0, "statuses": {}})

    def make(self, name, data):
        path = self.folder / name
        path.write_bytes(data)
        return path

    def same(self, files, got):
        self.assertEqual({n: sha256(p) for n, p in files.items()}, {n: sha256(p) for n, p in got.items()})


def similar(data, every=10, piece=20_000):
    """The same bytes with `every` separate pieces replaced, none near the start."""
    out = bytearray(data)
    fresh = random.Random(99)
    for i in range(every):
        at = i * len(data) // every + 200_000
        out[at:at + piece] = fresh.randbytes(piece)
    return bytes(out)


class Ids(Case):
    def test_every_kind_of_file_keeps_content_and_ids(self):
        noise = random.Random(1)
        files = {"one.bin": b"\x01", "8191.bin": noise.randbytes(8191), "8192.bin": noise.randbytes(8192), "8193.bin": noise.randbytes(8193),
                 "zeros.bin": bytes(3 * MIB), "1mib.bin": noise.randbytes(MIB), "20mib.bin": noise.randbytes(20 * MIB),
                 "floats.bin": array.array("f", (noise.gauss(0, 0.02) for _ in range(300_000))).tobytes()}
        files["20mib-like.bin"] = similar(files["20mib.bin"])
        paths = {name: self.make(name, data) for name, data in files.items()}
        empty = self.make("empty.bin", b"")
        self.upload({**paths, "empty.bin": empty})
        self.same({**paths, "empty.bin": empty}, self.download([*paths, "empty.bin"]))

        tree = self.tree()
        wanted = self.ids(paths)
        self.assertEqual(wanted, {name: tree[name]["xetHash"] for name in paths})
        self.assertNotIn("xetHash", tree["empty.bin"])
        # The local Hub, left to cut the same files by its own rules, comes to the same chunks and ids.
        seeded = self.hub({"repos": [{"id": "alice/seeded", "commits": [{"files": [
            {"path": name, "from": str(path), "xet": {"dedup": False}} for name, path in paths.items()]}]}]})
        own = self.tree("alice/seeded", seeded)
        for name in paths:
            self.assertEqual(wanted[name], own[name]["xetHash"], name)
            self.assertEqual(self.described(wanted[name])["chunks"], self.described(wanted[name], seeded)["chunks"], name)
        floats = self.described(wanted["floats.bin"])
        schemes = {c["scheme"] for t in floats["terms"] for c in self.local.call("GET", "/_localhub/xet/xorb/" + t["xorb"])["chunks"]}
        self.assertIn(2, schemes)
        self.assertEqual(0, self.route("cas-xorb")["requests"])
        self.assertGreater(self.route("cas-commit")["requests"], 0)

    def test_a_second_similar_file_uploads_only_what_is_new(self):
        first = random.Random(2).randbytes(12 * MIB)
        for number, form in enumerate(("keyed", "keyed_lookups", "plain", "plain_lookups")):
            with self.subTest(form):
                self.knobs(dedup_form=form)
                base = random.Random(100 + number).randbytes(MIB) + first[number * MIB:]
                a, b = self.make("a.bin", base), self.make("b.bin", similar(base, 5))
                self.upload({"a.bin": a}, repo=f"alice/{form}".replace("_", "-"))
                self.local.reset()
                self.upload({"b.bin": b}, repo=f"alice/{form}".replace("_", "-"))
                self.assertIn("200", self.route("cas-chunk")["statuses"])
                sent = self.route("xorb-put")["bytes_in"]
                self.assertGreater(sent, 0)
                self.assertLess(sent, 0.2 * len(base))
                self.same({"b.bin": b}, self.download(["b.bin"], repo=f"alice/{form}".replace("_", "-")))


class Ways(Case):
    def setUp(self):
        super().setUp()
        self.data = random.Random(3).randbytes(6 * MIB)
        self.files = {"a.bin": self.make("a.bin", self.data)}

    def test_older_and_fallback_ways_up(self):
        for name, env, knobs, used in (
                ("grantless", {}, {"xorb_grants": False}, "cas-xorb"),
                ("legacy", {"HF_XET_CLIENT_LEGACY_DIRECT_XORB_UPLOAD": "1"}, {"xorb_grants": True}, "cas-xorb"),
                ("shard1", {"HF_XET_CLIENT_SHARD_API_VERSION": "1"}, {}, "cas-shard-v1")):
            with self.subTest(name):
                self.knobs(**knobs)
                self.local.reset()
                file = self.make(name, random.Random(name).randbytes(MIB))
                self.upload({"a.bin": file}, repo="alice/" + name, **env)
                self.assertGreater(self.route(used)["requests"], 0)
                self.same({"a.bin": file}, self.download(["a.bin"], repo="alice/" + name))
        self.local.reset()
        self.local.faults({"match": {"route": "cas-shard"}, "action": {"type": "status", "status": 404}})
        self.upload(self.files, repo="alice/fallback")
        self.assertEqual({"200": 1}, self.route("cas-shard-v1")["statuses"])

    def test_ways_down(self):
        self.upload(self.files)
        like = self.make("b.bin", similar(self.data, 5))
        self.upload({"b.bin": like})
        ways = (("exact", {}, {"xorb_ranges": "exact"}, None),
                ("one range a URL", {}, {"xorb_ranges_per_url": 1}, None),
                ("several ranges", {"HF_XET_CLIENT_ENABLE_MULTIRANGE_FETCHING": "1"}, {"xorb_ranges_per_url": 500}, None),
                ("short tokens", {}, {"xet_token_lifetime_s": 20}, None),
                ("version 1", {"HF_XET_CLIENT_RECONSTRUCTION_API_VERSION": "1"}, {"xet_token_lifetime_s": 3600}, None),
                ("no version 2", {}, {}, {"match": {"route": "cas-reconstruction"}, "action": {"type": "status", "status": 501}}),
                ("expired once", {}, {}, {"match": {"route": "xorb", "times": 1}, "action": {"type": "expire"}}),
                ("500 once", {}, {}, {"match": {"route": "xorb", "times": 1}, "action": {"type": "status", "status": 500}}),
                ("cut once", {}, {}, {"match": {"route": "xorb", "times": 1}, "action": {"type": "cut", "after": 100_000}}),
                ("broken once", {}, {}, {"match": {"route": "xorb", "times": 1}, "action": {"type": "corrupt_chunk", "chunk": 2, "part": "scheme"}}))
        for name, env, knobs, fault in ways:
            with self.subTest(name):
                self.local.clear_faults()
                self.local.reset()
                self.knobs(**knobs)
                if fault:
                    self.local.faults(fault)
                self.same({**self.files, "b.bin": like}, self.download(["a.bin", "b.bin"], **env))
                if fault:
                    self.assertGreater(sum(f["fired"] for f in self.local.call("GET", "/_localhub/faults")), 0)
        several = [r["range"] for r in self.local.call("GET", "/_localhub/requests") if "," in r["range"]]
        self.assertEqual([], several)
        self.local.clear_faults()
        self.download(["b.bin"], HF_XET_CLIENT_ENABLE_MULTIRANGE_FETCHING="1")
        self.assertTrue(any("," in r["range"] for r in self.local.call("GET", "/_localhub/requests")))

    def test_a_wrong_byte_under_right_framing_gets_through_hf_xet(self):
        self.upload(self.files)
        self.local.faults({"match": {"route": "xorb"}, "action": {"type": "corrupt_chunk", "chunk": 2}})
        got = self.download(["a.bin"])
        wrong = pathlib.Path(got["a.bin"]).read_bytes()
        self.assertEqual(1, sum(a != b for a, b in zip(self.data, wrong)))

    def test_rights(self):
        self.upload(self.files, repo="alice/secret", private=True)
        self.same(self.files, self.download(["a.bin"], repo="alice/secret"))
        with self.assertRaises(AssertionError):
            self.download(["a.bin"], repo="alice/secret", token="hf_bob")
        # Another repo may name the file only after its own upload, which then costs next to nothing.
        self.local.reset()
        self.upload(self.files, repo="alice/second")
        self.assertEqual(0, self.route("xorb-put")["bytes_in"])
        self.same(self.files, self.download(["a.bin"], repo="alice/second"))

    def test_a_commit_needs_what_the_cas_received(self):
        self.local.call("GET", "/_localhub/info")
        self.run_stock(UPLOAD.format(repo="alice/plain", private=False, files=json.dumps({"t.txt": str(self.make("t.txt", b"text"))})))
        lines = [{"key": "header", "value": {"summary": "x"}},
                 {"key": "lfsFile", "value": {"path": "a.bin", "algo": "sha256", "oid": sha256(self.files["a.bin"]), "size": len(self.data)}}]
        request = urllib.request.Request(self.local.url + "/api/models/alice/plain/commit/main", "\n".join(map(json.dumps, lines)).encode(),
                                         {"Authorization": "Bearer hf_alice", "Content-Type": "application/x-ndjson"})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with self.assertRaises(urllib.error.HTTPError) as refused:
            opener.open(request, timeout=HANG)
        self.assertEqual(400, refused.exception.code)
        refused.exception.close()
        # A digest that is not the file's own does not commit, though the uploader vouched for it.
        lying = self.make("lying.bin", b"not what the digest says" * 1000)
        self.run_stock(LIE.format(hub=self.local.url, path=lying, sha256=sha256(self.files["a.bin"])))
        with self.assertRaises(urllib.error.HTTPError) as refused:
            opener.open(request, timeout=HANG)
        self.assertIn(b"sha256 that is not its own", refused.exception.read())
        refused.exception.close()
        self.upload(self.files, repo="alice/elsewhere")
        with self.assertRaises(urllib.error.HTTPError) as refused:  # another repo's upload does not count
            opener.open(request, timeout=HANG)
        refused.exception.close()


class JavaScript(Case):
    def test_uploads_and_downloads(self):
        library = COUNTERPARTS / "js/node_modules/@huggingface/hub/dist/index.mjs"
        if not library.exists() or shutil.which("node") is None:
            missing("@huggingface/hub")
        data = random.Random(5).randbytes(5 * MIB)
        files = {"a.bin": self.make("a.bin", data), "b.bin": self.make("b.bin", similar(data, 3)), "zeros.bin": self.make("zeros.bin", bytes(MIB))}
        done = subprocess.run(["node", str(HERE / "stock_xet.mjs"), str(library), self.local.url, str(self.folder)], env=clean_env(self.folder),
                              capture_output=True, text=True, timeout=HANG)
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        # It went through the CAS, both ways and between the clients.
        self.assertGreater(self.route("cas-xorb")["bytes_in"], 5 * MIB)
        self.assertGreater(self.route("cas-shard-v1")["requests"], 0)
        self.assertGreater(self.route("xorb")["bytes"], 5 * MIB)
        self.assertEqual(0, self.route("upload")["requests"])
        self.same(files, self.download(files, repo="alice/js"))


class Foreign(Case):
    def setUp(self):
        program = COUNTERPARTS / "cargo/bin/local_cas_server"
        if not program.exists():
            missing("local_cas_server")
        with socket.socket() as probe:  # it does not say which port it got
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.cas_url = f"http://127.0.0.1:{port}"
        folder = pathlib.Path(tempfile.mkdtemp(prefix="hubd-cas-"))
        self.addCleanup(shutil.rmtree, folder, True)
        server = subprocess.Popen([str(program), "--host", "127.0.0.1", "--port", str(port), "--data-directory", str(folder / "cas")],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=clean_env(folder))
        self.addCleanup(stop, server)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        deadline = time.monotonic() + HANG
        while True:
            try:
                opener.open(self.cas_url + "/health", timeout=5).close()
                break
            except OSError:
                self.assertLess(time.monotonic(), deadline)
                self.assertIsNone(server.poll())
        self.options = ("--cas-url", self.cas_url, "--cas-data", str(folder / "cas"))
        super().setUp()

    def test_the_hub_in_front_of_local_cas_server(self):
        data = random.Random(6).randbytes(3 * MIB)
        files = {"a.bin": self.make("a.bin", data), "b.bin": self.make("b.bin", similar(data, 2))}
        self.upload({"a.bin": files["a.bin"]})
        self.upload({"b.bin": files["b.bin"]})
        self.assertEqual(self.ids(files), {name: e["xetHash"] for name, e in self.tree().items() if "xetHash" in e})
        self.same(files, self.download(files))
        self.same(files, self.download(files, HF_HUB_DISABLE_XET="1"))
        routes = self.local.counters()["routes"]
        self.assertFalse([name for name in routes if name.startswith(("cas", "xorb"))])


if __name__ == "__main__":
    unittest.main()
