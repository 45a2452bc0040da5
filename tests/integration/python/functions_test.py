# SPDX-License-Identifier: Apache-2.0
"""Every function of the package beside huggingface_hub's, against the same local Hub, each with a cache of its own: the
same results, the same exception classes with the same bases, the same files on disk."""
import json
import os
import pathlib
import re
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from case import HANG, PythonCase  # noqa: E402
from harness import STOCK_VERSIONS, stock_python, tree  # noqa: E402

TABLE = pathlib.Path(__file__).with_name("calls.py")

# What may differ from a version of huggingface_hub, and why.
NEWER = {"file dry", "file dry cached", "snapshot dry", "cached tree", "cached tree missing", "resolve", "resolve main",
         "resolve commit", "resolve unknown", "resolve offline", "resolve offline unknown"}
DIFFERENT = {
    "0.36.2": NEWER | {
        "file leaving",  # refused before anybody is asked, as later versions do
        "metadata",      # the redirect's query is kept, as later versions do
        "whoami wrong", "login wrong",  # HfHubHTTPError: a requests.HTTPError, as 0.36 raises
        "login token",   # the token file is private, as in later versions
    },
    "1.33.0": set(),
    "2.4.0": set(),
    # Without huggingface_hub records are our own: a card and a runtime are plain dicts with attributes.
    "none": {"info model", "info revision", "info space"},
}


class Functions(PythonCase):
    def calls(self, python: str, module: str, home: str) -> dict:
        env = self.env(home, CALLS_COMMIT=self.commit())
        done = subprocess.run([python, str(TABLE), module], env=env, capture_output=True, text=True, timeout=HANG * 3)
        self.assertEqual(0, done.returncode, done.stderr + self.daemon.log_text())
        return {line["name"]: line for line in map(json.loads, done.stdout.splitlines())}

    def snapshots(self, home: str) -> dict:
        """Names, links and contents of what is readable in a cache; how it is locked and listed may differ."""
        entries = {}
        for name, what in tree(self.folder / home / "hf/hub").items():
            if "/snapshots/" in name or "/refs/" in name:
                entries[name] = what
        return entries

    def compare(self, version: str, python: str, ours_python: str) -> None:
        stock = self.calls(python, "huggingface_hub", "stock")
        before = self.daemon.rpc("Admin", "Status", {})[1]
        ours = self.calls(ours_python, "hubd", "home")
        after = self.daemon.rpc("Admin", "Status", {})[1]
        self.assertEqual(list(stock), list(ours))
        self.assertGreater(int(after.get("requests", 0)), int(before.get("requests", 0)) + 20)
        for name, expected in stock.items():
            found = ours[name]
            if "absent" in expected or name in DIFFERENT[version]:
                self.assertNotIn(found.get("error"), ("TypeError", "AttributeError", "HubdError"), found)
                continue
            if version == "none" and "error" in expected:
                # Other classes by necessity: same name, and the standard bases that a program can catch.
                standard = ("OSError", "ValueError", "FileNotFoundError", "ConnectionError", "EntryNotFoundError")
                expected, found = ([entry["error"], [base for base in entry.get("bases", ()) if base in standard]]
                                   for entry in (expected, found))
            with self.subTest(version=version, call=name):
                self.assertEqual(self.without_leftovers(expected), self.without_leftovers(found))
        ours_on_disk, stock_on_disk = self.snapshots("home"), self.snapshots("stock")
        lacking = {name: what for name, what in stock_on_disk.items() if ours_on_disk.get(name) != what}
        # A lookup writes a ref in stock even when nothing is fetched; hubd writes it with the first file.
        lacking = {name: what for name, what in lacking.items() if not re.search(r"/refs/|gated|private", name)}
        self.assertEqual({}, lacking)

    @staticmethod
    def without_leftovers(found):
        if isinstance(found, dict) and isinstance(found.get("value"), dict):
            found = {**found, "value": {k: v for k, v in found["value"].items() if k != "warnings"}}
        return found

    def test_counterpart_2_4_0(self):
        self.compare("2.4.0", stock_python("2.4.0"), stock_python("2.4.0"))

    def test_counterpart_1_33_0(self):
        self.compare("1.33.0", stock_python("1.33.0"), stock_python("1.33.0"))

    def test_counterpart_0_36_2(self):
        self.compare("0.36.2", stock_python("0.36.2"), stock_python("0.36.2"))

    def test_counterpart_without_huggingface_hub(self):
        plain = subprocess.run([sys.executable, "-c", "import huggingface_hub"], capture_output=True).returncode != 0
        self.assertTrue(plain, "the interpreter of the tests is expected to have no huggingface_hub")
        self.compare("none", stock_python("2.4.0"), sys.executable)

    def test_counterpart_except_clauses_of_each_http_library_catch(self):
        table = [("0.36.2", "requests.exceptions.HTTPError", "requests.exceptions.ConnectionError"),
                 ("1.33.0", "httpx.HTTPError", "httpx.ConnectError"),
                 ("2.4.0", "httpx2.HTTPError", "httpx2.ConnectError")]
        for version, http_error, connect_error in table:
            library = http_error.partition(".")[0]
            code = f"""
import hubd, json, {library}
caught = []
for name, clause, call in (
        ("http", {http_error}, lambda: hubd.model_info("acme/no-such")),
        ("os", OSError, lambda: hubd.hf_hub_download("acme/no-such", "x")),
        ("network", {connect_error}, lambda: hubd.model_info("acme/model")),
        ("file", FileNotFoundError, lambda: hubd.hf_hub_download("acme/copy", "same.safetensors"))):
    if name == "network":
        hubd = __import__("hubd").Api(endpoint="http://127.0.0.1:9")
    try:
        call()
    except clause as error:
        caught.append([name, getattr(error, "call", None) is not None or error.response.status_code])
print(json.dumps(caught))
"""
            with self.subTest(version=version):
                found = self.result(code, python=stock_python(version))
                self.assertEqual([["http", 404 if found[0][1] == 404 else 401], ["os", True], ["network", True],
                                  ["file", True]], found)


class Offline(PythonCase):
    def test_a_pinned_commit_on_disk_needs_no_daemon(self):
        commit = self.commit()
        path = self.result("import hubd, json; print(json.dumps(hubd.snapshot_download('acme/model')))")
        self.daemon.stop()
        code = f"""
import hubd, json
print(json.dumps([hubd.hf_hub_download("acme/model", "config.json", revision={commit!r}),
                  hubd.snapshot_download("acme/model", revision={commit!r}),
                  hubd.snapshot_download("acme/model", revision={commit!r}, allow_patterns="*.json"),
                  hubd.hf_hub_download("acme/model", "config.json", local_files_only=True),
                  hubd.snapshot_download("acme/model", local_files_only=True),
                  hubd.open("acme/model", "config.json", revision={commit!r}).read().decode()]))"""
        self.assertEqual([path + "/config.json", path, path, path + "/config.json", path, '{"a": 2}'], self.result(code))
        offline = self.result("import hubd, json; print(json.dumps([hubd.hf_hub_download('acme/model', 'config.json'), "
                              "hubd.snapshot_download('acme/model')]))", HF_HUB_OFFLINE="1")
        self.assertEqual([path + "/config.json", path], offline)
        os.unlink(path + "/empty.txt")
        missing = self.program(f"import hubd; hubd.snapshot_download('acme/model', revision={commit!r})", check=False)
        self.assertIn("DaemonUnavailable", missing.stderr)
        short = self.program("import hubd; hubd.snapshot_download('acme/model', local_files_only=True)", check=False)
        self.assertIn("IncompleteSnapshotError", short.stderr)
        self.assertIn("empty.txt", short.stderr)

    def test_a_branch_costs_one_request_within_its_age(self):
        code = "import hubd, json; print(json.dumps([hubd.snapshot_download('acme/model') for _ in range(20)]))"
        self.assertEqual(1, len(set(self.result(code))))
        self.server.reset()
        self.assertEqual(1, len(set(self.result(code))))
        self.assertLessEqual(self.requests(), 1)

    def test_no_daemon_is_one_typed_error(self):
        self.daemon.stop()
        done = self.program("""
import hubd
for call in (lambda: hubd.snapshot_download("acme/model"), lambda: hubd.model_info("acme/model"),
             lambda: hubd.open("acme/model", "config.json"), lambda: list(hubd.list_models())):
    try:
        call()
    except hubd.DaemonUnavailable as error:
        assert isinstance(error, OSError) and "hubd" in str(error), error
    else:
        raise SystemExit("no error")
""")
        self.assertEqual("", done.stderr)


class Progress(PythonCase):
    def test_bars_follow_the_bytes_and_end_full(self):
        code = """
import hubd, json
bars = []
class Bar:
    def __init__(self, *args, total=None, initial=0, desc="", **more):
        self.total, self.n, self.desc, self.closed = total, initial, desc, False
        bars.append(self)
    def update(self, n):
        assert n > 0 and not self.closed
        self.n += n
    def close(self):
        self.closed = True
hubd.snapshot_download("acme/model", tqdm_class=Bar)
snapshot = [[bar.desc, bar.n, bar.total, bar.closed] for bar in bars]
bars.clear()
hubd.hf_hub_download("acme/large", "large.bin", tqdm_class=Bar)
print(json.dumps([snapshot, [[bar.desc, bar.n, bar.total, bar.closed] for bar in bars]]))"""
        snapshot, file = self.result(code)
        self.assertEqual([["Fetching 6 files", 6, 6, True], ["Downloading", 2_800_037, 2_800_037, True]], snapshot)
        self.assertEqual([["large.bin", 40_000_000, 40_000_000, True]], file)

    def test_silence_without_tqdm(self):
        done = self.program("import hubd; hubd.snapshot_download('acme/model')", HF_HUB_DISABLE_PROGRESS_BARS="0")
        self.assertEqual(("", ""), (done.stdout, done.stderr))


if __name__ == "__main__":
    unittest.main()
