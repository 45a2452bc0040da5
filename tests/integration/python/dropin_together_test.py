# SPDX-License-Identifier: Apache-2.0
"""Programs of four kinds ask at once for one cold snapshot: gRPC from C++, the Python package, an unmodified huggingface_hub
under the drop-in, and hubctl. The Hub sees one client."""
import contextlib
import json
import os
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from case import PACKAGE  # noqa: E402
from dropin_case import DropinCase  # noqa: E402
from harness import BIN, HANG, Hubd, content, stock_python  # noqa: E402

CLIENTS = 64
FILES = [{"path": "config.json", "text": "{}"}, {"path": "tokenizer/{}.txt", "count": 10, "size": 300, "random_seed": 5, "lfs": False},
         {"path": "a.safetensors", "size": 6_000_000, "random_seed": 1}, {"path": "b.safetensors", "size": 2_000_000, "random_seed": 2}]
BYTES = 8_000_000
KINDS = ("grpc", "package", "dropin", "hubctl")


class Together(DropinCase):
    def setUp(self):
        super().setUp()
        self.server = self.hub({"repos": [{"id": "acme/cold", "commits": [{"files": FILES}]}]}, "--cdn-listen", "127.0.0.2:0")
        alone = self.hubd(self.server.url, name="alone")
        self.files = content(pathlib.Path(alone.ctl("download", "acme/cold", "--quiet", check=True).stdout.strip()))
        self.one = {name: [route["requests"], route["bytes"]] for name, route in self.server.counters()["routes"].items()}
        self.dropin = self.python("hub-2.4.0")
        message = json.dumps({"caller": {"endpoint": self.server.url, "tokenMode": "TOKEN_MODE_NONE"}, "repo": {"id": "acme/cold"}})
        self.request = subprocess.run([BIN / "peer_probe", "encode", "/hubd.v1.Downloads/Ensure"], input=message, check=True,
                                      text=True, capture_output=True).stdout

    def start(self, kind: str, daemon: Hubd) -> subprocess.Popen:
        self.daemon = daemon
        env = self.env(daemon.folder.name)
        print_path = "print({}.snapshot_download('acme/cold'))"
        command = {"grpc": [BIN / "peer_probe", "call", str(daemon.socket), "/hubd.v1.Downloads/Ensure"],
                   "package": [stock_python("2.4.0"), "-c", "import hubd; " + print_path.format("hubd")],
                   "dropin": [self.dropin, "-c", "import huggingface_hub as m; " + print_path.format("m")],
                   "hubctl": [BIN / "hubctl", "download", "acme/cold", "--quiet"]}[kind]
        if kind == "package":
            env["PYTHONPATH"] = str(PACKAGE)
        process = subprocess.Popen([*map(str, command)], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        self.addCleanup(self.end, process)
        if kind == "grpc":
            process.stdin.write(self.request)
        process.stdin.close()
        process.stdin = None
        return process

    @staticmethod
    def end(process: subprocess.Popen) -> None:
        if process.poll() is None:
            process.kill()
        with contextlib.suppress(ValueError):
            process.communicate()

    def path_of(self, kind: str, process: subprocess.Popen) -> str:
        out, err = process.communicate(timeout=HANG)
        self.assertEqual(0, process.returncode, err + self.daemon.log_text())
        if kind != "grpc":
            return out.strip()
        answer = json.loads(out)
        self.assertEqual(0, answer["code"], answer)
        return answer["answers"][-1]["done"]["snapshotPath"]

    def waiting(self, daemon: Hubd, count: int, processes: list) -> None:
        """Until so many clients hold a lease of the one transfer."""
        while True:
            transfers = daemon.rpc("Transfers", "List", {})[1].get("transfers", [])
            self.assertLessEqual(len(transfers), 1)
            if transfers and transfers[0].get("leases", 0) == count:
                return
            for kind, process in processes:
                self.assertIn(process.poll(), (None, -9), (kind, process.returncode))

    def ask_together(self, name: str):
        """All clients, waiting for one transfer whose bytes are held back."""
        daemon = self.hubd(self.server.url, name=name)
        self.server.reset()
        self.server.faults({"match": {"route": "cdn"}, "action": {"type": "stall", "after": 100_000}})
        processes = [(kind, self.start(kind, daemon)) for _ in range(CLIENTS // len(KINDS)) for kind in KINDS]
        self.waiting(daemon, CLIENTS, processes)
        return daemon, processes

    def check_counters(self):
        many = {name: [route["requests"], route["bytes"]] for name, route in self.server.counters()["routes"].items()}
        self.assertEqual(self.one, many, "one client's requests, and each byte once")
        self.assertEqual(BYTES, many["cdn"][1])

    def test_counterpart_all_of_them_cost_one(self):
        daemon, processes = self.ask_together("all")
        self.server.clear_faults()
        paths = {self.path_of(kind, process) for kind, process in processes}
        self.assertEqual(1, len(paths))
        self.assertEqual(self.files, content(pathlib.Path(paths.pop())))
        self.check_counters()
        self.assertEqual({}, self.strangers())

    def test_counterpart_whoever_is_left_gets_it_all(self):
        for survivor in KINDS if os.environ.get("HUBD_LONG") == "1" else ("dropin",):
            with self.subTest(survivor):
                daemon, processes = self.ask_together("left-" + survivor)
                left = next(number for number, (kind, _) in enumerate(processes) if kind == survivor)
                for number, (_, process) in enumerate(processes):
                    if number != left:
                        process.kill()
                self.waiting(daemon, 1, processes)
                self.server.clear_faults()
                self.assertEqual(self.files, content(pathlib.Path(self.path_of(*processes[left]))))
                self.check_counters()


if __name__ == "__main__":
    unittest.main()
