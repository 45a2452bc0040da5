# SPDX-License-Identifier: Apache-2.0
"""hubd's Xet downloads: what hf_xet, @huggingface/hub and the local Hub's own seeds stored comes back right, chunks are fetched
once, and a CAS that lies, breaks or is gone costs a repair or the plain route, never a wrong byte."""
import json
import os
import pathlib
import random
import subprocess
import sys
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent / "localhub")]
from case import EDITS, MIB, SIZE, XET, Case, model  # noqa: E402
from harness import COUNTERPARTS, HANG, clean_env, content, sha256, stock  # noqa: E402
import stock_xet_test  # noqa: E402


class Sources(Case):
    def test_counterpart_what_hf_xet_uploaded_comes_back(self):
        self.start()
        noise = random.Random(1)
        big = noise.randbytes(9 * MIB)
        data = {"one.bin": b"\x01", "8192.bin": noise.randbytes(8192), "zeros.bin": bytes(3 * MIB), "9mib.bin": big,
                "like.bin": stock_xet_test.similar(big, 5), "text.bin": b"".join(b"%d line\n" % (i * 7919 % 10007) for i in range(300_000)),
                "floats.bin": b"".join(int.to_bytes(0x3f000000 + noise.getrandbits(20), 4, "little") for _ in range(500_000))}
        files = {}
        for name, content_ in data.items():
            files[name] = self.folder / name
            files[name].write_bytes(content_)
        home = self.folder / "up"
        home.mkdir()
        code = stock_xet_test.UPLOAD.format(repo="alice/up", private=False, files=json.dumps({n: str(p) for n, p in files.items()}))
        stock("2.4.0", code, home, HF_ENDPOINT=self.local.url, **XET)
        self.get("alice/up")
        snapshot = next(self.daemon.cache.glob("models--alice--up/snapshots/*"))
        self.assertEqual({n: sha256(p) for n, p in files.items()}, {n: h for n, h in content(snapshot).items() if n != ".gitattributes"})
        self.assertGreater(self.route("xorb")["bytes"], 0)
        self.assertEqual(5, self.status()["xetFiles"], "all that are larger than a mebibyte")
        # hf_xet's own download, without hubd, reads the same.
        self.assertEqual(0, self.status().get("xetFallbacks", 0))

    def test_counterpart_what_huggingface_js_uploaded_comes_back(self):
        library = COUNTERPARTS / "js/node_modules/@huggingface/hub/dist/index.mjs"
        if not library.exists():
            stock_xet_test.missing("@huggingface/hub")
        self.start()
        file = self.folder / "js.bin"
        file.write_bytes(random.Random(3).randbytes(6 * MIB))
        program = self.folder / "up.mjs"
        program.write_text(f"""
            import {{ createRepo, uploadFile }} from {json.dumps(str(library))};
            import {{ readFileSync }} from "node:fs";
            const where = {{ repo: "alice/js", hubUrl: {json.dumps(self.local.url)}, accessToken: "hf_alice" }};
            await createRepo(where);
            await uploadFile({{ ...where, useXet: true, file: {{ path: "js.bin", content: new Blob([readFileSync({json.dumps(str(file))})]) }} }});
        """)
        done = subprocess.run(["node", str(program)], env=clean_env(self.folder), capture_output=True, text=True, timeout=HANG)
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        self.get("alice/js")
        self.assert_right("alice/js", "js.bin")
        self.assertEqual(1, self.status()["xetFiles"], "cut by another rule, and right all the same")


class Reuse(Case):
    def assert_cheap(self, before: int) -> None:
        self.assert_right("acme/next")
        self.assertLessEqual(self.route("xorb")["bytes"] - before, 0.12 * SIZE)
        self.assertEqual(0, self.status().get("xetFallbacks", 0))

    def test_the_next_revision_costs_its_new_chunks_also_after_a_restart(self):
        self.start(model(), model("acme/next", EDITS))
        self.get()
        first = self.route("xorb")["bytes"]
        self.assertLessEqual(first, 1.01 * SIZE)
        self.daemon.stop()
        self.daemon.start()
        self.get("acme/next")
        self.assert_cheap(first)
        self.assertGreater(self.status()["bytesReused"], 0.85 * SIZE)

    def test_what_came_by_the_plain_route_serves_as_a_source(self):
        self.start(model(), model("acme/next", EDITS))
        self.get(HF_HUB_DISABLE_XET="1")
        self.assertEqual(0, self.route("xorb")["bytes"])
        self.wait_for_recipe()
        self.get("acme/next")
        self.assert_cheap(0)

    def test_counterpart_what_the_stock_client_fetched_serves_as_a_source(self):
        self.local = self.hub({"repos": [model(), model("acme/next", EDITS)]})
        home = self.folder / "home"
        home.mkdir()
        stock("2.4.0", "from huggingface_hub import hf_hub_download; hf_hub_download('acme/model', 'model.bin')", home, HF_ENDPOINT=self.local.url, **XET)
        before = self.route("xorb")["bytes"]
        self.assertGreater(before, SIZE / 2)
        self.daemon = self.hubd(self.local.url, env=XET)
        self.wait_for_recipe()
        self.get("acme/next")
        self.assert_cheap(before)

    def test_an_edited_source_is_noticed_and_repaired(self):
        self.start(model(), model("acme/next", EDITS))
        self.get()
        blob = self.daemon.cache / "models--acme--model/blobs" / self.truth()
        stat = blob.stat()
        with open(blob, "r+b") as file:
            file.seek(12_000_000)
            file.write(b"edited by hand")
        os.utime(blob, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        self.get("acme/next")
        self.assert_right("acme/next")
        self.get()
        self.assert_right()

    def test_overlapping_revisions_at_once_fetch_each_chunk_once(self):
        repos = [model(f"acme/rev{i}", EDITS[i % 4:] if i else ()) for i in range(5)]
        self.start(*repos)
        asked = [self.daemon.ctl_start("download", repo["id"], env=XET) for repo in repos * 2]
        for one in asked:
            out, err = one.communicate(timeout=HANG)
            self.assertEqual(0, one.returncode, out + err)
        for repo in repos:
            self.assert_right(repo["id"])
        served = self.local.call("GET", "/_localhub/xorbs")["*"]
        self.assertLessEqual(served["chunks_served"], 1.02 * served["chunks_distinct"] + 4, "beside gaps that were bridged")


class Faults(Case):
    def test_a_wrong_byte_is_fetched_once_more_and_never_seen(self):
        self.start(model())
        self.local.faults({"match": {"route": "xorb", "times": 1}, "action": {"type": "corrupt_chunk", "chunk": 5}})
        self.get()
        self.assert_right()
        self.assertEqual(1, self.status()["integrityFailures"])
        self.assertLessEqual(self.route("xorb")["bytes"], 2 * SIZE + 2 * MIB)
        self.assertEqual(0, self.route("cdn")["requests"])

    def test_broken_framing_costs_the_rest_of_its_range(self):
        for part in ("version", "scheme", "packed_length", "length"):
            with self.subTest(part):
                self.start(model())
                self.local.faults({"match": {"route": "xorb", "times": 1}, "action": {"type": "corrupt_chunk", "chunk": 40, "part": part}})
                self.get()
                self.assert_right()
                self.assertEqual(0, self.route("cdn")["requests"])
                self.daemon.close()
                self.tearDownFolder()

    def tearDownFolder(self):
        self.folder = pathlib.Path(self.folder / "next")
        self.folder.mkdir()

    def test_cut_and_late_answers_go_on_behind_the_last_chunk(self):
        self.start(model())
        self.local.faults({"match": {"route": "xorb", "times": 3}, "action": {"type": "cut", "after": 5_000_000}},
                          {"match": {"route": "cas-*", "times": 2}, "action": {"type": "status", "status": 503}})
        self.get()
        self.assert_right()
        self.assertLessEqual(self.route("xorb")["bytes"], 1.3 * SIZE)
        self.assertEqual(0, self.route("cdn")["requests"])

    def test_urls_and_tokens_that_expire_are_renewed(self):
        self.start(model())
        self.local.call("POST", "/_localhub/knobs", {"throttle": 12_000_000, "xet_token_lifetime_s": 2})
        running = self.daemon.ctl_start("download", "acme/model", env=XET)
        for _ in range(3):
            time.sleep(0.3)
            self.local.call("POST", "/_localhub/expire-urls")
            self.local.call("POST", "/_localhub/expire-tokens")
        out, err = running.communicate(timeout=HANG)
        self.assertEqual(0, running.returncode, out + err)
        self.assert_right()

    def test_a_cdn_that_serves_signed_ranges_only_whole_is_enough(self):
        self.start(model(), model("acme/next", EDITS))
        self.local.call("POST", "/_localhub/knobs", {"xorb_ranges": "exact"})
        self.local.faults({"match": {"route": "xorb", "times": 2}, "action": {"type": "cut", "after": 4_000_000}})
        self.get()
        self.assert_right()
        self.get("acme/next")
        self.assert_right("acme/next")
        self.assertEqual(0, self.route("cdn")["requests"])

    def test_a_cas_that_is_broken_leaves_the_plain_route(self):
        self.start(model())
        self.local.faults({"match": {"origin": "cas"}, "action": {"type": "status", "status": 500}})
        self.get()
        self.assert_right()
        self.assertEqual(1, self.status()["xetFallbacks"])
        self.assertIn("plain route", self.daemon.log_text())

    def test_a_cas_without_v2_serves(self):
        self.start(model())
        self.local.faults({"match": {"route": "cas-reconstruction"}, "action": {"type": "status", "status": 501}})
        self.get()
        self.assert_right()
        self.assertEqual(0, self.route("cdn")["requests"])

    def test_a_bomb_is_refused(self):
        self.start(model())
        self.local.faults({"match": {"route": "xorb"}, "action": {"type": "bomb", "chunk": 3, "length": 100_000}})
        self.get()
        self.assert_right()
        self.assertEqual(1, self.status()["xetFallbacks"])


class Foreign(stock_xet_test.Foreign):
    """Hugging Face's own server behind the local Hub."""

    def test_the_hub_in_front_of_local_cas_server(self):  # with hubd for the stock client's download
        data = random.Random(6).randbytes(5 * MIB)
        files = {"a.bin": self.make("a.bin", data), "b.bin": self.make("b.bin", stock_xet_test.similar(data, 2))}
        self.upload({"a.bin": files["a.bin"]})
        self.upload({"b.bin": files["b.bin"]})
        daemon = self.hubd(self.local.url, env=XET)
        daemon.ctl("download", "alice/up", env=XET, check=True)
        snapshot = next(daemon.cache.glob("models--alice--up/snapshots/*"))
        self.assertEqual({n: sha256(p) for n, p in files.items()}, {n: sha256(snapshot / n) for n in files})
        status = daemon.rpc("Admin", "Status", {})[1]
        self.assertEqual(("2", "0"), (status["xetFiles"], status.get("xetFallbacks", "0")))


if __name__ == "__main__":
    unittest.main()
