# SPDX-License-Identifier: Apache-2.0
"""Each call of a table made once by the stock huggingface_hub and once by the same under HUBD_DROPIN, against the same local
Hub: the same results, exceptions and files, and every request of the second run was hubd's."""
import base64
import json
import pathlib
import re
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from case import HANG, SEED  # noqa: E402
from dropin_case import DropinCase  # noqa: E402
from harness import stock_python, tree  # noqa: E402

TABLE = pathlib.Path(__file__).with_name("dropin_calls.py")
HEADER = json.dumps({"weight": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}}).encode()
TENSORS = len(HEADER).to_bytes(8, "little") + HEADER + bytes(16)
MORE = {"repos": [
    {"id": "acme/tensors", "commits": [{"files": [{"path": "model.safetensors", "base64": base64.b64encode(TENSORS).decode()}]}]},
    {"id": "acme/locked", "gated": "manual", "granted": ["alice"],
     "commits": [{"files": [{"path": "config.json", "text": "{\"locked\": true}"}]}]}]}


# Calls that never reach the Hub: the failure and its cause are of the same classes, the words are hubd's.
UNREACHED = {"snapshot other endpoint cold": ("text",), "api other endpoint": ("text", "cause")}
# Entries that hubd leaves beside those of stock: what it learned (absent names, listings, also with versions that do not
# keep listings), and folders that stock makes later.
MORE_ON_DISK = re.compile(r"[^/]+/\.no_exist(/.*)?|[^/]+/trees(/.*)?|[^/]+/snapshots(/[0-9a-f]{40})?")


class Calls(DropinCase):
    def setUp(self):
        super().setUp()
        # Another host for the CDN, as in the world: some versions follow a HEAD to the same host.
        self.server = self.hub({**SEED, "repos": SEED["repos"] + MORE["repos"]}, "--cdn-listen", "127.0.0.2:0")

    def calls(self, python: str, home: str, dropin: str | None) -> dict:
        env = self.env(home, dropin, CALLS_COMMIT=self.commit())
        done = subprocess.run([python, str(TABLE), "huggingface_hub"], env=env, capture_output=True, text=True,
                              timeout=HANG * 3)
        self.assertEqual(0, done.returncode, done.stderr[-4000:] + self.daemon.log_text())
        return {line["name"]: line for line in map(json.loads, done.stdout.splitlines())}

    def compare(self, version: str) -> None:
        stock = self.calls(stock_python(version), "stock", None)
        self.server.reset()
        before = int(self.daemon.rpc("Admin", "Status", {})[1].get("requests", 0))
        ours = self.calls(self.python("hub-" + version), "home", "require")
        self.assertEqual({}, self.strangers(), "somebody asked the Hub past hubd")
        self.assertGreater(int(self.daemon.rpc("Admin", "Status", {})[1]["requests"]), before + 50)
        self.assertEqual(list(stock), list(ours))
        self.assertGreater(len(ours), 140)
        for name, expected in stock.items():
            with self.subTest(version=version, call=name):
                self.assertEqual(self.comparable(name, expected, ours[name]), self.comparable(name, ours[name], ours[name]))
        stock_disk, our_disk = (self.on_disk(home) for home in ("stock", "home"))
        self.assertEqual({}, {name: what for name, what in stock_disk.items() if our_disk.get(name) != what})
        self.assertEqual([], [name for name in our_disk if name not in stock_disk and not MORE_ON_DISK.fullmatch(name)])

    @staticmethod
    def comparable(name: str, outcome: dict, ours: dict) -> dict:
        """An outcome without what the documentation says may differ."""
        outcome = dict(outcome)
        if name in UNREACHED:
            for field in UNREACHED[name]:
                outcome.pop(field)
        elif str(outcome.get("error")).endswith("EntryNotFoundError") and not ours.get("request_id"):
            # The listing knows that the file is not there: no request was made, so there is no id of one.
            outcome.pop("request_id"), outcome.pop("headers")
            outcome["text"] = outcome["text"].replace(" (Request ID: ID)", "")
        elif name == "scan":
            outcome["value"] = {**outcome["value"], "warnings": 0}  # stock leaves a repo without snapshots behind
        elif name == "local folders":
            outcome["value"] = [path for path in outcome["value"] if not re.search("/trees/|CACHEDIR.TAG", path)]
        return outcome

    def on_disk(self, home: str) -> dict:
        return {name: what for name, what in tree(self.folder / home / "hf/hub").items()
                if not name.startswith((".locks", "CACHEDIR.TAG"))}

    def test_counterpart_0_36_2(self):
        self.compare("0.36.2")

    def test_counterpart_1_33_0(self):
        self.compare("1.33.0")

    def test_counterpart_2_4_0(self):
        self.compare("2.4.0")


if __name__ == "__main__":
    unittest.main()
