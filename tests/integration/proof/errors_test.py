# SPDX-License-Identifier: Apache-2.0
"""Each failure a user meets has its typed, one-sentence error, its exit code, and leaves nothing behind."""
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import BIN, HANG, Hubd, ProofCase, content  # noqa: E402

SEED = {
    "users": [{"name": "alice", "token": "hf_alice"}, {"name": "bob", "token": "hf_bob"}],
    "repos": [
        {"id": "acme/tiny", "commits": [{"files": [{"path": "config.json", "text": "{\"a\": 1}"},
                                                   {"path": "sub/model.bin", "size": 3_000_000, "random_seed": 1}]}]},
        {"id": "acme/gated", "gated": "manual", "granted": ["alice"],
         "commits": [{"files": [{"path": "config.json", "text": "{}"}]}]},
        {"id": "acme/private", "private": True, "commits": [{"files": [{"path": "config.json", "text": "{}"}]}]},
        {"id": "acme/disabled", "disabled": True, "commits": [{"files": [{"path": "config.json", "text": "{}"}]}]},
    ],
}


def leftovers(hubd: Hubd) -> list[str]:
    """What must never stay in a cache: temporary names, and blobs nobody points to."""
    found = [str(p) for p in hubd.cache.rglob("*") if p.name.endswith((".incomplete", ".tmp", ".shared"))]
    for blobs in hubd.cache.glob("*--*/blobs"):
        pointed = {os.path.realpath(p) for p in blobs.parent.glob("snapshots/**/*") if p.is_symlink()}
        found += [str(b) for b in blobs.iterdir() if str(b) not in pointed]
    return found


class Errors(ProofCase):
    def refused(self, hubd: Hubd, kind: str, *words: str, code: int = 1, args=("download", "acme/tiny"), env=None) -> str:
        result = hubd.ctl(*args, env=env, timeout=HANG)
        self.assertEqual(code, result.returncode, result.stdout + result.stderr + hubd.log_text())
        lines = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
        self.assertEqual(1, len(lines), result.stderr)
        for word in words:
            self.assertIn(word, lines[0])
        self.assertEqual([], leftovers(hubd))
        machine = hubd.ctl(*args, "--json", env=env, timeout=HANG)
        self.assertEqual(code, machine.returncode)
        self.assertIn(kind, machine.stderr + machine.stdout)
        return lines[0]

    def test_what_the_hub_refuses(self):
        hub = self.hub(SEED)
        hubd = self.hubd(hub.url)
        table = [
            (("download", "acme/no-such"), {}, "repository_not_found", ("acme/no-such",)),
            (("download", "acme/tiny", "--revision", "nope"), {}, "revision_not_found", ("nope", "acme/tiny")),
            (("download", "acme/tiny", "nope.txt"), {}, "entry_not_found", ("nope.txt", "acme/tiny")),
            (("download", "acme/gated"), {}, "gated_repo", ("acme/gated",)),
            (("download", "acme/gated"), {"HF_TOKEN": "hf_bob"}, "gated_repo", ("acme/gated",)),
            (("download", "acme/private"), {}, "repository_not_found", ("acme/private",)),
            (("download", "acme/private"), {"HF_TOKEN": "hf_bob"}, "repository_not_found", ("acme/private",)),
            (("download", "acme/tiny"), {"HF_TOKEN": "hf_wrong"}, "unauthorized", ("token",)),
            (("download", "acme/disabled"), {}, "disabled_repo", ("acme/disabled",)),
        ]
        for args, env, kind, words in table:
            with self.subTest(args=args, env=env):
                sentence = self.refused(hubd, kind, *words, args=args, env=env)
                self.assertNotIn("hf_bob", sentence)
                self.assertNotIn("hf_wrong", sentence)
        # A granted user gets the gated file all the same.
        self.assertEqual(0, hubd.ctl("download", "acme/gated", env={"HF_TOKEN": "hf_alice"}).returncode)

    def test_bad_input_moves_no_byte(self):
        hub = self.hub(SEED)
        hubd = self.hubd(hub.url)
        for args in (("download", "a--b/c"), ("download", "acme/tiny/more/parts"), ("download", "acme/tiny", "../../etc/passwd"),
                     ("download", "acme/tiny", "/etc/passwd")):
            with self.subTest(args=args):
                result = hubd.ctl(*args)
                self.assertIn(result.returncode, (1, 2), result.stderr)
                self.assertIn("not valid", result.stderr + result.stdout)
        self.assertEqual(0, hub.counters()["total"]["requests"])

    def test_what_the_wire_does(self):
        """One fault each, on every request of the route: a typed error, and success once the fault is gone."""
        short = "[network]\nprogress_timeout_seconds = 3\n"
        table = [
            ("short body", {"match": {"route": "cdn"}, "action": {"type": "cut", "after": 0}}, "bad_upstream"),
            ("wrong hash", {"match": {"route": "cdn"}, "action": {"type": "corrupt", "offset": 5000}}, "corrupt"),
            ("wrong length", {"match": {"route": "cdn"}, "action": {"type": "length", "delta": 17}}, "bad_upstream"),
            ("redirect loop", {"match": {"route": "resolve-get"}, "action": {"type": "redirect_loop"}}, "bad_upstream"),
            ("html", {"match": {"route": ["cdn", "resolve-cache"]}, "action": {"type": "html"}}, "bad_upstream"),
            ("path out of the snapshot", {"match": {"route": "tree"}, "action": {"type": "inject_path", "path": "../evil"}},
             "bad_upstream"),
        ]
        for number, (name, fault, kind) in enumerate(table):
            with self.subTest(name):
                hub = self.hub(SEED)
                hubd = self.hubd(hub.url, name=f"home{number}", config=short)
                hub.faults(fault)
                self.refused(hubd, kind, "acme/tiny")
                snapshots = [p for p in hubd.cache.glob("models--acme--tiny/snapshots/*/sub/model.bin")]
                self.assertEqual([], snapshots)
                self.assertFalse((hubd.cache.parent / "evil").exists() or (hubd.cache / "evil").exists())
                hub.clear_faults()
                done = hubd.ctl("download", "acme/tiny", "--quiet", check=True)
                self.assertEqual(2, len(content(pathlib.Path(done.stdout.strip()))))

    def test_a_connection_that_keeps_breaking_is_resumed(self):
        hub = self.hub(SEED)
        hubd = self.hubd(hub.url)
        hub.faults({"match": {"route": "cdn"}, "action": {"type": "cut", "after": 700_000}})
        hubd.ctl("download", "acme/tiny", check=True)
        self.assertLessEqual(hub.counters()["routes"]["cdn"]["bytes"], 3_000_000)

    def test_hosts_that_cannot_be_reached(self):
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        closed = socket.create_server(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        closed.close()
        config = "[network]\nprogress_timeout_seconds = 3\n[metadata]\ntimeout_seconds = 3\n"
        table = [
            ("dns", "http://no-such-host.invalid", config, ("no-such-host.invalid",)),
            ("refused", f"http://127.0.0.1:{port}", config, (f"127.0.0.1:{port}",)),
            ("proxy", "http://hub.invalid", f'[network]\nhttp_proxy = "http://127.0.0.1:{port}"\n', (f"127.0.0.1:{port}",)),
            ("silent", f"http://127.0.0.1:{listener.getsockname()[1]}", config, ("127.0.0.1",)),
        ]
        for name, endpoint, text, words in table:
            with self.subTest(name):
                hubd = self.hubd(endpoint, name=name, config=text)
                result = hubd.ctl("download", "acme/tiny", timeout=HANG)
                self.assertEqual(1, result.returncode)
                for word in words:
                    self.assertIn(word, result.stderr)

    def test_tls_that_cannot_be_trusted(self):
        key, certificate = self.folder / "key.pem", self.folder / "cert.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate,
                        "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"],
                       check=True, capture_output=True)
        hub = self.hub(None, "--tls", str(certificate), str(key), "--sample")
        unknown = self.hubd(hub.url, name="unknown")
        result = unknown.ctl("download", "hubd/sample-model", timeout=HANG)
        self.assertEqual(1, result.returncode)
        self.assertIn("certificate", result.stderr)
        known = self.hubd(hub.url, name="known", config=f'[network]\nca_file = "{certificate}"\n')
        known.ctl("download", "hubd/sample-model", "config.json", check=True)

    def test_a_full_disk_is_refused_before_the_first_byte(self):
        if os.geteuid() != 0:
            self.skipTest("mounting a small tmpfs needs root")
        hub = self.hub(SEED)
        small = self.folder / "home/hf"
        small.mkdir(parents=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", small], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", str(small)])
        hubd = self.hubd(hub.url, config="[disk]\nfree_floor = \"0\"\n")
        self.refused(hubd, "disk_full", "acme/tiny")
        self.assertEqual(0, hub.counters()["routes"].get("cdn", {}).get("bytes", 0))

    def test_a_read_only_cache_and_a_closed_socket_folder(self):
        if os.geteuid() != 0:
            self.skipTest("becoming a plain user needs root")
        hub = self.hub(SEED)
        drop = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
        home = self.folder / "plain"
        home.mkdir()
        for path in (self.folder, BIN):
            os.chmod(path, 0o755)
        cache = home / "hf/hub"
        cache.mkdir(parents=True)
        os.chmod(cache, 0o555)
        hubd = Hubd(home, hub.url, prefix=drop)
        self.addCleanup(hubd.close)
        os.chmod(hubd.runtime, 0o777)
        with self.assertRaisesRegex(RuntimeError, "hub"):
            hubd.start()
        self.assertRegex(hubd.log_text(), "(?i)permission denied|read-only|not writable")
        os.chown(cache, 65534, 65534)
        os.chmod(cache, 0o755)
        os.chown(home, 65534, 65534)
        os.chown(home / "hf", 65534, 65534)
        os.chmod(hubd.runtime, 0o555)
        with self.assertRaisesRegex(RuntimeError, "hubd ended"):
            hubd.start()
        self.assertIn(str(hubd.runtime), hubd.log_text())

    def test_a_second_hubd_names_the_first(self):
        hub = self.hub(SEED)
        first = self.hubd(hub.url)
        second = Hubd(self.folder / "home", hub.url)
        self.addCleanup(second.close)
        with self.assertRaises(RuntimeError):
            second.start()
        self.assertIn(str(first.process.pid), second.log_text())
        self.assertEqual(0, first.ctl("status").returncode)

    def test_hubd_killed_while_a_client_waits(self):
        hub = self.hub(SEED)
        hubd = self.hubd(hub.url)
        hub.faults({"match": {"route": "cdn"}, "action": {"type": "stall", "after": 1000}})
        client = hubd.ctl_start("download", "acme/tiny")
        while hub.counters()["routes"].get("cdn", {}).get("requests", 0) == 0 and client.poll() is None:
            pass
        hubd.kill()
        _, err = client.communicate(timeout=HANG)
        self.assertEqual(1, client.returncode)
        self.assertEqual(1, err.count("Error: "), err)
        self.assertIn("hubd", err)
        hub.clear_faults()
        hubd.start()
        hubd.ctl("download", "acme/tiny", check=True)
        self.assertEqual([], leftovers(hubd))

    def test_ctrl_c_keeps_the_bytes_and_says_how_to_come_back(self):
        hub = self.hub(SEED)
        hubd = self.hubd(hub.url)
        hub.faults({"match": {"route": "cdn"}, "action": {"type": "stall", "after": 1_500_000}})
        client = hubd.ctl_start("download", "acme/tiny")
        while hub.counters()["routes"].get("cdn", {}).get("requests", 0) == 0 and client.poll() is None:
            pass
        client.send_signal(signal.SIGINT)
        _, err = client.communicate(timeout=HANG)
        self.assertEqual(130, client.returncode, err)
        self.assertIn("again", err)
        hub.clear_faults()
        hubd.ctl("download", "acme/tiny", check=True)

    def test_a_newer_client_field_is_ignored(self):
        hub = self.hub(SEED)
        hubd = self.hubd(hub.url)
        status, answer = hubd.rpc("Downloads", "Plan", {"repo": {"id": "acme/tiny", "fromTheFuture": 7}, "alsoNew": {"x": [1]}})
        self.assertEqual(200, status, answer)
        self.assertEqual(2, len(answer["files"]))

    def test_tokens_stay_out_of_sight(self):
        hub = self.hub(SEED)
        hubd = self.hubd(hub.url, "--log-level", "debug")
        secret = "hf_alice"
        hubd.ctl("download", "acme/gated", env={"HF_TOKEN": secret}, check=True)
        hubd.ctl("download", "acme/no-such", env={"HF_TOKEN": secret})
        self.assertNotIn(secret, hubd.log_text())
        command_line = pathlib.Path(f"/proc/{hubd.process.pid}/cmdline").read_bytes()
        self.assertNotIn(secret.encode(), command_line)
        self.assertNotIn(secret, json.dumps(hubd.rpc("Admin", "Status", {})[1]))
        for path in (self.folder / "home").rglob("*"):
            if path.is_file():
                self.assertNotIn(secret.encode(), path.read_bytes(), path)


if __name__ == "__main__":
    shutil.which("openssl") or sys.exit("openssl is needed")
    unittest.main(verbosity=2)
