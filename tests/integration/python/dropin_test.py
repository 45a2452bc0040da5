# SPDX-License-Identifier: Apache-2.0
"""The drop-in itself: lazy where huggingface_hub is lazy, stock where hubd is not, hubd's where it may be."""
import json
import os
import pathlib
import shutil
import signal
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from dropin_case import DropinCase  # noqa: E402
from harness import BIN, STOCK_VERSIONS, stock_python  # noqa: E402

LOADED = """
import json, sys
{statement}
print(json.dumps(sorted(name for name in sys.modules if name.startswith(("huggingface_hub", "hubd")))))"""


class Lazy(DropinCase):
    def loaded(self, python: str, statement: str, dropin: str | None) -> list[str]:
        return self.result(LOADED.format(statement=statement), python=python, dropin=dropin)

    def test_counterpart_nothing_of_it_is_loaded_when_it_is_off(self):
        for version in STOCK_VERSIONS:
            statement = "from huggingface_hub import snapshot_download, HfApi, HfFileSystem"
            stock = self.loaded(stock_python(version), statement, None)
            for off in (None, "", "0", "no"):
                with self.subTest(version=version, off=off):
                    found = self.loaded(self.python("hub-" + version), statement, off)
                    found = [name for name in found if not name.startswith("hubd")] if off == "no" else found
                    self.assertEqual(stock, found)

    def test_counterpart_it_loads_nothing_that_stock_does_not(self):
        statements = ("import huggingface_hub", "from huggingface_hub import constants", "from huggingface_hub import hf_hub_download",
                      "from huggingface_hub import snapshot_download", "from huggingface_hub import HfApi",
                      "from huggingface_hub import HfFileSystem")
        for version in STOCK_VERSIONS:
            for statement in statements:
                with self.subTest(version=version, statement=statement):
                    stock = self.loaded(stock_python(version), statement, None)
                    found = self.loaded(self.python("hub-" + version), statement, "1")
                    self.assertEqual(stock, [name for name in found if not name.startswith("hubd")])
                    self.assertIn("hubd.dropin.hook", found)
                    if statement == "import huggingface_hub" and "huggingface_hub.utils._http" not in stock:
                        self.assertNotIn("hubd._daemon", found)

    def test_counterpart_a_package_that_was_loaded_before_is_patched_too(self):
        for version in STOCK_VERSIONS:
            with self.subTest(version=version):
                found = self.result("""
import json, os
import huggingface_hub
from huggingface_hub import file_download, hf_api
before = file_download.hf_hub_download
os.environ["HUBD_DROPIN"] = "require"
import hubd.dropin.hook
print(json.dumps([file_download.hf_hub_download is not before, huggingface_hub.snapshot_download("acme/model"),
                  len(hf_api.list_repo_files("acme/model")), hf_api.model_info("acme/copy").id]))""", python=self.python("hub-" + version), dropin=None,
                                    HUBD_SOCKET=str(self.daemon.socket), HUBD_AUTOSTART="0")
                self.assertEqual([True, 6, "acme/copy"], [found[0], *found[2:]])
                self.assertEqual({}, self.strangers())


class Routes(DropinCase):
    """Who does a call."""

    TWICE = """
import json, huggingface_hub as m
out = [m.hf_hub_download("acme/model", "config.json"), m.snapshot_download("acme/copy"), m.model_info("acme/model").sha,
       m.HfFileSystem().cat_file("acme/model/config.json").decode()]
print(json.dumps(out))"""

    def warnings(self, text: str) -> list[str]:
        return [line for line in text.splitlines() if "HUBD_DROPIN" in line]

    def test_counterpart_without_a_daemon_the_stock_code_with_one_warning(self):
        self.daemon.stop()
        for version in STOCK_VERSIONS:
            with self.subTest(version=version):
                python = self.python("hub-" + version)
                self.server.reset()
                done = self.program(self.TWICE, python=python, dropin="1", home="alone-" + version)
                self.assertEqual(1, len(self.warnings(done.stderr)), done.stderr)
                self.assertIn("hubd does not run", done.stderr)
                self.assertEqual('{"a": 2}', json.loads(done.stdout.splitlines()[-1])[3])
                self.assertGreater(len(sum(self.strangers().values(), [])), 3)
                self.server.reset()
                refused = self.program(self.TWICE, python=python, dropin="require", home="never", check=False)
                self.assertIn("DaemonUnavailable", refused.stderr)
                self.assertEqual(0, self.asked())

    def test_counterpart_the_first_program_starts_hubd(self):
        runtime = pathlib.Path(tempfile.mkdtemp(prefix="hubd-t-"))  # short: socket paths have 107 bytes
        self.addCleanup(shutil.rmtree, runtime, True)
        done = self.program("""
import json, huggingface_hub as m
path = m.hf_hub_download("acme/model", "config.json")
import hubd
print(json.dumps([path, hubd.find(start=False).hello()]))""", python=self.python("hub-2.4.0"), home="fresh", dropin=None,
                            HUBD_DROPIN="require", XDG_RUNTIME_DIR=str(runtime), PATH=f"{BIN}:{os.environ['PATH']}")
        path, hello = json.loads(done.stdout.splitlines()[-1])
        os.kill(hello["pid"], signal.SIGTERM)
        self.assertTrue(hello["autoStarted"])
        self.assertTrue(path.startswith(str(self.folder / "fresh/hf/hub")))
        self.assertEqual({}, self.strangers())

    def test_counterpart_a_cache_that_is_not_hubds(self):
        code = """
import json, os, huggingface_hub as m
print(json.dumps([m.hf_hub_download("acme/model", "config.json", cache_dir=os.environ["ELSEWHERE"]),
                  m.snapshot_download("acme/data", repo_type="dataset", cache_dir=os.environ["ELSEWHERE"]),
                  m.hf_hub_download("acme/model", "config.json"), len(m.list_repo_files("acme/many"))]))"""
        elsewhere = str(self.folder / "elsewhere")
        for version in STOCK_VERSIONS:
            with self.subTest(version=version):
                self.server.reset()
                done = self.program(code, python=self.python("hub-" + version), dropin="1", ELSEWHERE=elsewhere)
                first, second, third, count = json.loads(done.stdout.splitlines()[-1])
                self.assertTrue(first.startswith(elsewhere) and second.startswith(elsewhere))
                self.assertTrue(third.startswith(str(self.daemon.cache)))
                self.assertEqual(900, count)
                self.assertEqual(1, len(self.warnings(done.stderr)), done.stderr)
                self.assertTrue(self.strangers())
                refused = self.program(code, python=self.python("hub-" + version), check=False,
                                       ELSEWHERE=str(self.folder / "never"))
                self.assertIn("ForeignCacheError", refused.stderr)

    def test_counterpart_a_client_of_the_programs_own_stays_its_way(self):
        table = {"0.36.2": "import requests; m.configure_http_backend(lambda: requests.Session())",
                 "1.33.0": "import httpx; m.set_client_factory(lambda: httpx.Client(follow_redirects=True))",
                 "2.4.0": "import httpx2; m.set_client_factory(lambda: httpx2.Client(follow_redirects=True))"}
        for version, statement in table.items():
            with self.subTest(version=version):
                code = self.TWICE.replace("out =", statement + "\nout =")
                before = int(self.daemon.rpc("Admin", "Status", {})[1].get("requests", 0))
                done = self.program(code, python=self.python("hub-" + version), dropin="1", home="own-" + version)
                self.assertEqual([], self.warnings(done.stderr))
                self.assertEqual(before, int(self.daemon.rpc("Admin", "Status", {})[1].get("requests", 0)))
                refused = self.program(code, python=self.python("hub-" + version), check=False)
                self.assertIn("HTTP client of its own", refused.stderr)

    def test_counterpart_own_headers_and_direct_sessions_stay_stock(self):
        for version in STOCK_VERSIONS:
            with self.subTest(version=version):
                self.server.reset()
                self.program("""
import os, huggingface_hub as m
from huggingface_hub.utils import get_session
assert get_session().get(os.environ["HF_ENDPOINT"] + "/api/models/acme/model").status_code == 200
m.hf_hub_download("acme/space", "app.py", repo_type="space", headers={"X-Mine": "1"})""", python=self.python("hub-" + version))
                routes = sum(self.strangers().values(), [])
                self.assertIn("info", routes)
                self.assertIn("resolve-head", routes)

    def test_counterpart_what_is_pinned_and_on_disk_asks_nobody(self):
        commit = self.commit()
        for version in STOCK_VERSIONS:
            self.program("import huggingface_hub as m; m.snapshot_download('acme/model')", python=self.python("hub-" + version))
        self.daemon.stop()
        self.server.reset()
        for version in STOCK_VERSIONS:
            with self.subTest(version=version):
                found = self.result(f"""
import json, huggingface_hub as m
out = set()
for _ in range(200):
    out.add(m.hf_hub_download("acme/model", "config.json", revision={commit!r}))
    out.add(m.snapshot_download("acme/model", revision={commit!r}) + "/config.json")
    out.add(m.snapshot_download("acme/model", revision={commit!r}, allow_patterns=["*.json"]) + "/config.json")
print(json.dumps([sorted(out), m.list_repo_files("acme/model", revision={commit!r})]))""", python=self.python("hub-" + version))
                self.assertEqual([str(self.daemon.cache / f"models--acme--model/snapshots/{commit}/config.json")], found[0])
                self.assertEqual(6, len(found[1]))
        self.assertEqual(0, self.asked())

    def test_counterpart_offline_asks_nobody(self):
        self.program("import huggingface_hub as m; m.snapshot_download('acme/model')", python=self.python("hub-2.4.0"))
        self.daemon.stop()
        for version in STOCK_VERSIONS:
            found = self.result("""
import json, huggingface_hub as m
out = [m.snapshot_download("acme/model"), m.hf_hub_download("acme/model", "config.json")]
for call in (lambda: m.model_info("acme/model"), lambda: m.hf_hub_download("acme/copy", "same.safetensors")):
    try:
        call()
    except Exception as error:
        out.append(type(error).__name__)
print(json.dumps(out))""", python=self.python("hub-" + version), HF_HUB_OFFLINE="1")
            self.assertEqual([found[0] + "/config.json", "OfflineModeIsEnabled", "LocalEntryNotFoundError"], found[1:])

    def test_counterpart_hf_paths_of_fsspec(self):
        for version in STOCK_VERSIONS:
            self.server.reset()
            text = self.result("""
import fsspec, json
with fsspec.open("hf://datasets/acme/data/data/train.csv", "r") as file:
    print(json.dumps(file.read()))""", python=self.python("hub-" + version))
            self.assertEqual("a,b\n1,2\n", text)
            self.assertEqual({}, self.strangers())

    def test_counterpart_a_large_file_is_read_by_ranges(self):
        for version in STOCK_VERSIONS:
            self.server.reset()
            self.result("""
import json, huggingface_hub as m
file = m.HfFileSystem(skip_instance_cache=True).open("acme/large/large.bin", block_size=1 << 20)
file.seek(30_000_000)
print(json.dumps(len(file.read(100_000))))""", python=self.python("hub-" + version))
            self.assertLess(self.server.counters()["routes"]["cdn"]["bytes"], 8_000_000)
            self.assertEqual({}, self.strangers())

    def test_counterpart_what_a_program_wrote_it_reads(self):
        self.server.call("POST", "/_localhub/seed", {"repos": [{"id": "alice/new", "commits": [{"files": [
            {"path": "a.txt", "text": "old"}]}]}]})
        self.daemon.stop()
        self.daemon = self.hubd(self.server.url, name="home", config="[metadata]\nbranch_max_age_seconds = 600\n")
        for version in STOCK_VERSIONS:
            with self.subTest(version=version):
                found = self.result("""
import json, huggingface_hub as m
api, out = m.HfApi(token="hf_alice"), []
for text in ("%s one", "%s two"):
    before = open(api.hf_hub_download("alice/new", "a.txt")).read()
    done = api.upload_file(path_or_fileobj=text.encode(), path_in_repo="a.txt", repo_id="alice/new")
    out.append([before != text, open(api.hf_hub_download("alice/new", "a.txt")).read() == text,
                open(api.snapshot_download("alice/new") + "/a.txt").read() == text, api.model_info("alice/new").sha == done.oid])
print(json.dumps(out))""" % (version, version), python=self.python("hub-" + version), HF_TOKEN="hf_alice")
                self.assertEqual([[True] * 4] * 2, found)


class Failures(DropinCase):
    def test_counterpart_a_hub_that_is_gone_or_silent(self):
        self.daemon.stop()
        self.daemon = self.hubd(self.server.url, name="home",
                                config="[metadata]\nbranch_max_age_seconds = 0\ntimeout_seconds = 1\n"
                                       "[network]\nprogress_timeout_seconds = 2\n")
        path = self.result("import json, huggingface_hub as m; print(json.dumps(m.snapshot_download('acme/model')))",
                           python=self.python("hub-2.4.0"))
        code = """
import json, time, huggingface_hub as m
out = [m.snapshot_download("acme/model"), m.hf_hub_download("acme/model", "config.json")]
for call in (lambda: m.hf_hub_download("acme/copy", "same.safetensors"), lambda: m.snapshot_download("acme/copy")):
    try:
        call()
    except m.utils.LocalEntryNotFoundError as error:
        out.append([type(error).__name__, "Error" in type(error.__cause__).__name__ or "Timeout" in type(error.__cause__).__name__])
print(json.dumps(out))"""
        expected = [path, path + "/config.json", ["LocalEntryNotFoundError", True], ["LocalEntryNotFoundError", True]]
        forced = code.replace("print(", """
try:
    m.hf_hub_download("acme/model", "config.json", force_download=True)
except ValueError as error:  # as stock has it, with the failure as its cause
    out.append(isinstance(error.__cause__, OSError) or "http" in type(error.__cause__).__module__)
print(""")
        self.server.faults({"match": {"origin": "hub"}, "action": {"type": "silent"}})
        for version in STOCK_VERSIONS:
            with self.subTest("silent", version=version):
                self.assertEqual(expected, self.result(code, python=self.python("hub-" + version), timeout=60))
        self.server.close()
        for version in STOCK_VERSIONS:
            with self.subTest("gone", version=version):
                self.assertEqual([*expected, True], self.result(forced, python=self.python("hub-" + version), timeout=60))

    def test_counterpart_a_file_that_is_not_there_is_known(self):
        code = """
import json, huggingface_hub as m
out = []
for _ in range(50):
    try:
        m.hf_hub_download("acme/model", "nope.json")
    except m.utils.EntryNotFoundError as error:
        out.append([error.response.status_code, error.server_message])
print(json.dumps([len(out), out[0]]))"""
        for version in STOCK_VERSIONS:
            self.program("import huggingface_hub as m; m.snapshot_download('acme/model')", python=self.python("hub-" + version))
            self.server.reset()
            self.assertEqual([50, [404, "Entry not found"]], self.result(code, python=self.python("hub-" + version)))
            self.assertLessEqual(self.asked(), 1)

    LOST = """
import json, os, sys
import hubd.dropin._route as route
route.COME_BACK_MAX = float(os.environ["COME_BACK"])
import huggingface_hub as m
print(json.dumps(m.snapshot_download("acme/large")))"""

    def lose_the_daemon(self, version: str, dropin: str, back: bool):
        """A download during which hubd is killed, and started again if it is to come back."""
        import subprocess

        self.server.faults({"match": {"route": "cdn", "times": 1}, "action": {"type": "stall", "after": 1_000_000}})
        self.server.reset()
        env = self.env(dropin=dropin, COME_BACK="60" if back else "0.2")
        process = subprocess.Popen([self.python("hub-" + version), "-c", self.LOST], env=env, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.kill)
        while self.server.counters()["routes"].get("cdn", {}).get("requests", 0) == 0 and process.poll() is None:
            pass
        self.daemon.kill()
        self.server.clear_faults()
        if back:
            self.daemon.start()
        out, err = process.communicate(timeout=120)
        return process.returncode, out, err

    def test_counterpart_a_daemon_that_is_restarted_during_a_call(self):
        code, out, err = self.lose_the_daemon("2.4.0", "require", back=True)
        self.assertEqual(0, code, err)
        self.assertEqual(40_000_000, (pathlib.Path(json.loads(out)) / "large.bin").stat().st_size)
        self.assertEqual({}, self.strangers())

    def test_counterpart_a_daemon_that_is_lost_for_good(self):
        code, _, err = self.lose_the_daemon("1.33.0", "require", back=False)
        self.assertNotEqual(0, code)
        self.assertIn("DaemonUnavailable", err)
        self.daemon.start()
        code, out, err = self.lose_the_daemon("1.33.0", "1", back=False)
        self.assertEqual(0, code, err)
        self.assertEqual(1, err.count("HUBD_DROPIN"), err)
        self.assertTrue((pathlib.Path(json.loads(out)) / "large.bin").is_file())


class Processes(DropinCase):
    def test_counterpart_forked_children_and_threads(self):
        code = """
import concurrent.futures, json, multiprocessing, huggingface_hub as m
def work(number):
    file = m.HfFileSystem(skip_instance_cache=True).open("acme/model/model.safetensors", block_size=1 << 16)
    file.seek(number * 1000)
    return [m.hf_hub_download("acme/model", "config.json"), m.model_info("acme/model").sha, len(m.list_repo_files("acme/model")),
            file.read(100).hex()]
first = [work(number) for number in range(8)]
with concurrent.futures.ThreadPoolExecutor(8) as pool:
    threads = list(pool.map(work, range(8)))
with multiprocessing.get_context("fork").Pool(8) as pool:
    forked = pool.map(work, range(8))
print(json.dumps([first == threads, first == forked]))"""
        for version in STOCK_VERSIONS:
            with self.subTest(version=version):
                self.assertEqual([True, True], self.result(code, python=self.python("hub-" + version), timeout=120))
                self.assertEqual({}, self.strangers())


if __name__ == "__main__":
    unittest.main()
