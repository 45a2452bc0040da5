# SPDX-License-Identifier: Apache-2.0
"""hubctl store: what the chunk store knows, that it is right, and that folders which others filled serve as sources."""
import ctypes
import json
import os
import pathlib
import random
import shutil
import signal
import sqlite3
import sys
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
from download_test import EDITS, SIZE, XET, Case, model  # noqa: E402
from harness import HANG, sha256, stock  # noqa: E402

MIB = 1 << 20


class StoreCase(Case):
    def store(self, *arguments: str, check: bool = True, **more) -> dict:
        done = self.daemon.ctl("store", *arguments, "--json", env=XET, check=check, **more)
        return json.loads(done.stdout)

    def stats(self) -> dict:
        return self.store("stats")

    def state(self) -> pathlib.Path:
        return self.daemon.cache.parent / "hubd"

    def recipes(self) -> list[pathlib.Path]:
        return sorted((self.state() / "recipes").glob("*/*.recipe"))

    def blob(self, repo: str = "acme/model") -> pathlib.Path:
        return self.daemon.cache / ("models--" + repo.replace("/", "--")) / "blobs" / self.truth(repo)

    def damage(self, path: pathlib.Path, at: int) -> None:
        """Flips bits as a bad disk does: the file's times stay."""
        stat = path.stat()
        with open(path, "r+b") as file:
            file.seek(at)
            byte = file.read(1)
            file.seek(at)
            file.write(bytes([byte[0] ^ 255]))
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))

    def assert_cheap(self, before: int, repo: str = "acme/next") -> None:
        self.assert_right(repo)
        self.assertLessEqual(self.route("xorb")["bytes"] - before, 0.12 * SIZE)
        self.assertEqual(0, self.status().get("xetFallbacks", 0))

    def await_pending(self) -> None:
        deadline = time.monotonic() + HANG
        while True:
            stats = self.stats()
            if stats["pending"] == 0 and stats["adoptable"] == 0:
                return
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)


class Stats(StoreCase):
    def test_what_is_known_and_what_it_costs(self):
        self.start(model(), model("acme/next", EDITS))
        empty = self.stats()
        self.assertEqual((0, 0, 0, 0), tuple(empty[k] for k in ("recipes", "chunks", "chunks_distinct", "bytes_per_chunk")))
        self.get()
        one = self.stats()
        self.assertEqual((1, SIZE, False), tuple(one[k] for k in ("recipes", "content_bytes", "distinct_estimated")))
        self.assertEqual(one["chunks"], one["chunks_distinct"], "random bytes repeat nothing")
        self.assertTrue(SIZE / 131072 <= one["chunks"] <= SIZE / 8192)
        self.assertEqual(sum(p.stat().st_size for p in self.recipes()), one["recipe_bytes"])
        self.assertGreater(one["index_bytes"], 0)
        self.assertAlmostEqual((one["index_bytes"] + one["recipe_bytes"]) / one["chunks"], one["bytes_per_chunk"], places=3)
        self.get("acme/next")
        two = self.stats()
        self.assertEqual(2, two["recipes"])
        shared = two["chunks"] - two["chunks_distinct"]
        self.assertGreater(shared, 0.85 * one["chunks"], "what both revisions have counts once")
        self.assertGreater(two["bytes_reused"], 0.85 * SIZE)
        text = self.daemon.ctl("store", "stats", check=True).stdout
        self.assertIn("chunks_distinct", text)
        self.assertEqual(str(two["chunks"]), self.daemon.ctl("store", "stats", "--quiet", check=True).stdout.strip())

    def test_blobs_without_a_recipe_are_counted(self):
        self.local = self.hub({"repos": [model()]})
        self.daemon = self.hubd(self.local.url, config="[store]\nadopt = \"off\"\n", env=XET)
        self.get(HF_HUB_DISABLE_XET="1")
        stats = self.stats()
        self.assertEqual((0, 1, SIZE), tuple(stats[k] for k in ("recipes", "adoptable", "adoptable_bytes")))


class Rebuild(StoreCase):
    def test_the_index_is_made_anew_while_downloads_go_on(self):
        self.start(model(), model("acme/next", EDITS))
        self.get()
        before = self.route("xorb")["bytes"]
        with sqlite3.connect(self.state() / "chunks.db") as index:  # what no check of a database sees
            index.execute("DELETE FROM runs")
        index.close()
        self.local.call("POST", "/_localhub/knobs", {"throttle": 8_000_000})
        other = self.daemon.ctl_start("download", "acme/model", "--force-download", env=XET)
        done = self.store("rebuild")
        self.assertEqual((1, 0, 0), (done["recipes"], done["damaged"], done["adoptable"]))
        self.assertGreater(done["chunks"], 0)
        out, err = other.communicate(timeout=HANG)
        self.assertEqual(0, other.returncode, out + err)
        self.local.call("POST", "/_localhub/knobs", {"throttle": 0})
        before = self.route("xorb")["bytes"]
        self.get("acme/next")
        self.assert_cheap(before)

    def test_a_damaged_recipe_is_learned_again_from_its_blob(self):
        self.start(model(), model("acme/next", EDITS))
        self.get()
        recipe = self.recipes()[0]
        recipe.write_bytes(recipe.read_bytes()[:-7] + b"damaged")
        done = self.store("rebuild")
        self.assertEqual((0, 1, 1), (done["recipes"], done["damaged"], done["adoptable"]))
        self.await_pending()
        self.assertEqual([recipe.name], [p.name for p in self.recipes()])
        before = self.route("xorb")["bytes"]
        self.get("acme/next")
        self.assert_cheap(before)

    def test_what_a_crash_left_out_of_the_index_is_found_at_the_next_start(self):
        self.start(model(), model("acme/next", EDITS))
        self.get()
        self.daemon.stop()
        with sqlite3.connect(self.state() / "chunks.db") as index:
            index.execute("DELETE FROM runs")
            index.execute("DELETE FROM contents")
        index.close()
        self.daemon.start()
        before = self.route("xorb")["bytes"]
        self.get("acme/next")
        self.assert_cheap(before)


class Verify(StoreCase):
    def test_a_wrong_chunk_is_named_and_no_source_any_more(self):
        self.start(model(), model("acme/other", seed=8), model("acme/next", EDITS))
        self.get()
        self.get("acme/other")
        fine = self.store("verify")
        self.assertEqual((2, 2 * SIZE, 0, []), (fine["files"], fine["bytes"], fine["damaged_chunks"], fine["damaged"]))
        self.damage(self.blob(), 12_345_678)
        found = self.daemon.ctl("store", "verify", "--json")
        self.assertEqual(1, found.returncode)
        report = json.loads(found.stdout)
        self.assertEqual((2, 1, 1), (report["files"], report["damaged_files"], report["damaged_chunks"]))
        (chunk,) = report["damaged"]
        self.assertEqual((str(self.blob()), self.truth()), (chunk["path"], chunk["etag"]))
        self.assertTrue(chunk["offset"] <= 12_345_678 < chunk["offset"] + chunk["length"])
        self.assertEqual("corrupt", json.loads(found.stderr)["error"]["kind"])
        again = self.store("verify")
        self.assertEqual((1, 0), (again["files"], again["damaged_chunks"]), "the place was dropped, the other content was not")
        before = self.route("xorb")["bytes"]
        self.get()
        self.assert_right()
        self.assertLess(self.route("xorb")["bytes"] - before, MIB, "one chunk is fetched, the others are good")
        before = self.route("xorb")["bytes"]
        self.get("acme/next")
        self.assert_cheap(before)
        self.assertEqual((3, 0), tuple(self.store("verify")[k] for k in ("files", "damaged_chunks")))

    def test_people_read_which_file_and_where(self):
        self.start(model())
        self.get()
        self.assertIn("every chunk is what its recipe says", self.daemon.ctl("store", "verify", check=True).stdout)
        self.damage(self.blob(), 5)
        found = self.daemon.ctl("store", "verify")
        self.assertEqual(1, found.returncode)
        self.assertIn(f"damaged  {self.blob()}  at byte 0, ", found.stdout)
        self.assertIn("1 wrong chunk in 1 file", found.stderr)

    def test_a_second_place_of_the_content_stays_a_source(self):
        self.start(model(), model("acme/next", EDITS))
        self.get()
        folder = self.folder / "copy"
        self.daemon.ctl("download", "acme/model", "--local-dir", str(folder), env=XET, check=True)
        self.damage(self.blob(), 3_000_000)
        self.assertEqual(1, self.store("verify", check=False)["damaged_files"])
        self.assertEqual(1, len(self.recipes()))
        before = self.route("xorb")["bytes"]
        self.get("acme/next")
        self.assert_cheap(before)


class Adopt(StoreCase):
    def put(self, name: str, repo: str = "acme/model") -> pathlib.Path:
        """The repo's file, fetched by nobody we know, somewhere."""
        path = self.folder / "elsewhere" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with self.daemon_free_get(repo) as body, open(path, "wb") as file:
            shutil.copyfileobj(body, file)
        self.assertEqual(self.truth(repo), sha256(path))
        return path

    def daemon_free_get(self, repo: str):
        import urllib.request
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        return opener.open(f"{self.local.url}/{repo}/resolve/main/model.bin", timeout=HANG)

    def test_a_plain_folder_serves_as_a_source(self):
        self.start(model(), model("acme/next", EDITS))
        path = self.put("deep/weights")
        (path.parent / "notes.txt").write_text("small")
        (path.parent / "half.incomplete").write_bytes(bytes(2 * MIB))
        (path.parent / "link").symlink_to(path)
        done = self.store("adopt", str(self.folder / "elsewhere"), "--repo", "acme/model")
        self.assertEqual((1, 0, 1, 0, 1), tuple(done[k] for k in ("adopted", "known", "small", "failed", "named")))
        (file,) = done["files"]
        own = json.loads(self.daemon.ctl("hash", str(path), "--json", check=True).stdout)[0]
        self.assertEqual((str(path), SIZE, own["sha256"], own["xet"], own["chunks"]),
                         tuple(file[k] for k in ("path", "size", "sha256", "xet", "chunks")))
        self.assertEqual(0, self.route("xorb")["requests"], "metadata only")
        again = self.store("adopt", str(self.folder / "elsewhere"), "--repo", "acme/model")
        self.assertEqual((0, 1, 0), tuple(again[k] for k in ("adopted", "known", "named")))
        before = self.route("xorb")["bytes"]
        self.get("acme/next")
        self.assert_cheap(before)

    def test_without_a_repo_the_next_download_asks(self):
        self.start(model(), model("acme/next", EDITS))
        self.put("weights")
        done = self.store("adopt", str(self.folder / "elsewhere"))
        self.assertEqual((1, 0), (done["adopted"], done["named"]))
        before = self.route("xorb")["bytes"]
        self.get("acme/next")
        self.assert_cheap(before)

    def test_counterpart_a_cache_that_the_stock_client_filled(self):
        self.start(model(), model("acme/next", EDITS))
        home = self.folder / "old"
        home.mkdir()
        stock("2.4.0", "from huggingface_hub import snapshot_download; snapshot_download('acme/model')", home, HF_ENDPOINT=self.local.url, **XET)
        done = self.store("adopt", str(home / "hf/hub"))
        self.assertEqual((1, 1), (done["adopted"], done["named"]), "the folder's name says the repo")
        before = self.route("xorb")["bytes"]
        self.get("acme/next")
        self.assert_cheap(before)

    def test_counterpart_a_folder_that_the_stock_client_filled(self):
        self.start(model(), model("acme/next", EDITS))
        home = self.folder / "old"
        home.mkdir()
        folder = self.folder / "plain"
        stock("2.4.0", f"from huggingface_hub import snapshot_download; snapshot_download('acme/model', local_dir={str(folder)!r})", home,
              HF_ENDPOINT=self.local.url, **XET)
        done = self.store("adopt", str(folder), "--repo", "acme/model")
        self.assertEqual((1, 1), (done["adopted"], done["named"]))
        before = self.route("xorb")["bytes"]
        self.get("acme/next")
        self.assert_cheap(before)

    def test_the_same_content_is_copied_whole(self):
        self.start(model())
        self.put("weights")
        self.store("adopt", str(self.folder / "elsewhere"))
        self.local.reset()
        self.get()
        self.assert_right()
        self.assertEqual(0, self.route("xorb")["bytes"] + self.route("cdn")["bytes"])
        self.assertNotEqual((self.folder / "elsewhere/weights").stat().st_ino, self.blob().stat().st_ino, "its user may edit it")

    def test_an_edited_or_deleted_source_costs_its_bytes_and_nothing_else(self):
        for how in ("edited", "rotten", "deleted"):
            with self.subTest(how):
                self.start(model(), model("acme/next", EDITS))
                path = self.put("weights")
                self.store("adopt", str(self.folder / "elsewhere"), "--repo", "acme/model")
                if how == "deleted":
                    path.unlink()
                elif how == "edited":
                    with open(path, "r+b") as file:
                        file.write(b"edited")
                else:
                    self.damage(path, 9_999_999)
                self.get("acme/next")
                self.assert_right("acme/next")
                self.daemon.close()
                self.folder = pathlib.Path(self.folder / "next")
                self.folder.mkdir()

    def test_ctrl_c_keeps_what_was_learned(self):
        self.start(model())
        folder = self.folder / "many"
        folder.mkdir()
        noise = random.Random(4)
        for i in range(24):
            (folder / f"{i:02}.bin").write_bytes(noise.randbytes(8 * MIB))
        running = self.daemon.ctl_start("store", "adopt", str(folder), env=XET)
        deadline = time.monotonic() + HANG
        while not self.recipes():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.005)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=HANG)
        self.assertEqual(130, running.returncode, out + err)
        self.assertIn("goes on from there", err)
        done = self.store("adopt", str(folder))
        self.assertGreater(done["known"], 0)
        self.assertEqual(24, done["known"] + done["adopted"])
        self.assertEqual(24, self.stats()["recipes"])

    def test_what_cannot_be_adopted_says_why(self):
        self.start(model())
        missing = self.daemon.ctl("store", "adopt", str(self.folder / "nowhere"), "--json")
        self.assertEqual((1, "local_entry_not_found"), (missing.returncode, json.loads(missing.stderr)["error"]["kind"]))
        refused = self.daemon.ctl("store", "adopt", str(self.folder), "--revision", "v1")
        self.assertEqual(2, refused.returncode)
        self.put("weights")
        warned = self.daemon.ctl("store", "adopt", str(self.folder / "elsewhere"), "--repo", "acme/none", env=XET)
        self.assertEqual(0, warned.returncode)
        self.assertIn("acme/none", warned.stderr)
        self.assertEqual(1, self.stats()["recipes"])

    def test_reading_gives_way_to_everybody_else(self):
        self.start(model())
        tasks = pathlib.Path(f"/proc/{self.daemon.process.pid}/task")
        idle = [t for t in tasks.iterdir() if (t / "comm").read_text().strip() == "hubd idle"]
        self.assertEqual(2, len(idle))
        libc = ctypes.CDLL(None, use_errno=True)
        number = {"x86_64": 252, "aarch64": 31}[os.uname().machine]  # ioprio_get
        for task in idle:
            self.assertEqual(3, libc.syscall(number, 1, int(task.name)) >> 13, "class idle")
            self.assertEqual("10", (task / "stat").read_text().rsplit(")", 1)[1].split()[16], "nice")


if __name__ == "__main__":
    unittest.main()
