# SPDX-License-Identifier: Apache-2.0
"""The configuration as an operator meets it: where values come from, mistakes, changes while hubd runs, the units."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import BIN, HANG, ProofCase  # noqa: E402

NOWHERE = "http://127.0.0.1:9"


def values(hubd) -> dict[str, dict]:
    return {v["key"]: v for v in hubd.rpc("Admin", "GetConfig", {})[1]["values"]}


class Sources(ProofCase):
    def test_every_value_says_who_set_it(self):
        hubd = self.hubd(NOWHERE, "--log-level", "warning",
                         config='[network]\nmode = "prefer-local"\n\n[disk]\nfree_floor = "3 GiB"\n',
                         env={"NO_PROXY": "localhost", "HTTPS_PROXY": "http://me:secret@proxy.example:3128"})
        hubd.rpc("Admin", "SetConfig", {"key": "metadata.branch_max_age_seconds", "value": "7"})
        found = values(hubd)
        file = hubd.folder / "hubd.toml"
        expected = {
            "network.mode": ("prefer-local", f"{file}:2"),
            "disk.free_floor": ("3 GiB", f"{file}:5"),
            "log.level": ("warning", "command line"),
            "socket": (str(hubd.socket), "command line"),
            "cache.root": (str(hubd.cache), "environment HF_HOME"),
            "upstream": (NOWHERE, "environment HF_ENDPOINT"),
            "network.no_proxy": ("localhost", "environment NO_PROXY"),
            "network.https_proxy": ("http://me:****@proxy.example:3128", "environment HTTPS_PROXY"),
            "memory.max": ("512 MiB", "default"),
        }
        for key, (value, source) in expected.items():
            self.assertEqual((value, source), (found[key]["value"], found[key]["source"]), key)
        overlay = found["metadata.branch_max_age_seconds"]
        self.assertEqual("7", overlay["value"])
        self.assertTrue(overlay["source"].startswith(f"overlay {hubd.folder}/hubd.overlay.toml:"), overlay)
        self.assertTrue(found["log.level"]["live"])
        self.assertFalse(found["memory.max"].get("live", False))

    def test_a_misspelt_key_names_file_and_line_and_nothing_starts(self):
        hubd = self.hubd(NOWHERE, config='[network]\nmode = "online"\nconections_per_host = 4\n', start=False)
        with self.assertRaisesRegex(RuntimeError, "hubd ended with 2"):
            hubd.start()
        lines = hubd.log_text().strip().splitlines()
        self.assertEqual(1, len(lines), lines)
        self.assertIn(f"{hubd.folder}/hubd.toml:3: unknown key network.conections_per_host", lines[0])
        self.assertIn("did you mean network.connections_per_host?", lines[0])
        self.assertFalse(hubd.cache.exists())

    def test_a_wrong_proxy_or_authority_stops_the_start_with_a_sentence(self):
        for name, text, word in (("proxy", '[network]\nhttp_proxy = "socks5://127.0.0.1:1"\n', "proxy"),
                                 ("ca", '[network]\nca_file = "/no/such.pem"\n', "/no/such.pem")):
            with self.subTest(name):
                hubd = self.hubd(NOWHERE, config=text, start=False, name=name)
                with self.assertRaisesRegex(RuntimeError, "hubd ended with 2"):
                    hubd.start()
                lines = hubd.log_text().strip().splitlines()
                self.assertEqual(1, len(lines), lines)
                self.assertIn(word, lines[0])


class Changes(ProofCase):
    def wait_for(self, hubd, key: str, value: str) -> None:
        deadline = time.monotonic() + HANG
        while values(hubd)[key]["value"] != value:
            self.assertLess(time.monotonic(), deadline)

    def test_sighup_applies_live_keys_and_keeps_the_old_ones_on_a_mistake(self):
        hubd = self.hubd(NOWHERE, config='[network]\nmode = "online"\n')
        file = hubd.folder / "hubd.toml"
        file.write_text('[network]\nmode = "offline"\n[memory]\nmax = "1 GiB"\n')
        hubd.process.send_signal(signal.SIGHUP)
        self.wait_for(hubd, "network.mode", "offline")
        self.assertEqual("offline", hubd.rpc("Admin", "Status", {})[1]["network"])
        self.assertEqual("512 MiB", values(hubd)["memory.max"]["value"])
        self.assertIn("memory.max needs a restart", hubd.log_text())
        file.write_text('[network]\nmode = "on"\n')
        hubd.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + HANG
        while "was not reloaded" not in hubd.log_text():
            self.assertLess(time.monotonic(), deadline)
        self.assertIn(f"{file}:2", hubd.log_text())
        self.assertEqual("offline", values(hubd)["network.mode"]["value"])

    def test_offline_closes_the_way_out_at_once_and_online_opens_it(self):
        hub = self.hub({"users": [{"name": "alice", "token": "hf_alice"}]})
        hubd = self.hubd(hub.url)
        who = {"caller": {"token": "hf_alice", "tokenMode": "TOKEN_MODE_GIVEN"}}
        self.assertEqual("alice", hubd.rpc("Auth", "WhoAmI", who)[1]["name"])
        hubd.rpc("Admin", "SetConfig", {"key": "network.mode", "value": "offline"})
        before = hub.counters()["total"]["requests"]
        status, answer = hubd.rpc("Auth", "WhoAmI", who)
        self.assertNotEqual(200, status)
        self.assertEqual("ERROR_KIND_OFFLINE", answer["details"][0]["debug"]["kind"])
        self.assertEqual(before, hub.counters()["total"]["requests"])
        hubd.rpc("Admin", "SetConfig", {"key": "network.mode", "value": "online"})
        self.assertEqual("alice", hubd.rpc("Auth", "WhoAmI", who)[1]["name"])
        status = hubd.rpc("Admin", "Status", {})[1]
        self.assertEqual(str(hub.counters()["total"]["requests"]), status["requests"])

    def test_a_setting_survives_a_restart(self):
        hubd = self.hubd(NOWHERE)
        self.assertEqual(200, hubd.rpc("Admin", "SetConfig", {"key": "disk.free_floor", "value": "2 GiB"})[0])
        self.assertEqual(str(2 << 30), hubd.rpc("Admin", "Status", {})[1]["bytesFloor"])
        hubd.stop()
        hubd.start()
        self.assertEqual(str(2 << 30), hubd.rpc("Admin", "Status", {})[1]["bytesFloor"])

    def test_lines_are_json_when_asked_for(self):
        hubd = self.hubd(NOWHERE, config='[log]\nformat = "json"\n')
        lines = [json.loads(line) for line in hubd.log_text().splitlines()]
        self.assertTrue(any(str(hubd.cache) in str(line) for line in lines), lines)


class Trust(ProofCase):
    def test_a_private_authority_is_trusted_when_configured_by_file_folder_or_variable(self):
        key, certificate = self.folder / "key.pem", self.folder / "cert.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate,
                        "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"],
                       check=True, capture_output=True)
        authorities = self.folder / "authorities"
        authorities.mkdir()
        digest = subprocess.run(["openssl", "x509", "-hash", "-noout", "-in", certificate], check=True,
                                capture_output=True, text=True).stdout.strip()
        shutil.copy(certificate, authorities / f"{digest}.0")
        hub = self.hub({"users": [{"name": "alice", "token": "hf_alice"}]}, "--tls", str(certificate), str(key))
        who = {"caller": {"token": "hf_alice", "tokenMode": "TOKEN_MODE_GIVEN"}}
        status, answer = self.hubd(hub.url, name="none").rpc("Auth", "WhoAmI", who)
        self.assertEqual("ERROR_KIND_UNREACHABLE", answer["details"][0]["debug"]["kind"])
        ways = {
            "file": {"config": f'[network]\nca_file = "{certificate}"\n'},
            "folder": {"config": f'[network]\nca_directory = "{authorities}"\n'},
            "file variable": {"env": {"SSL_CERT_FILE": str(certificate)}},
            "bundle variable": {"env": {"REQUESTS_CA_BUNDLE": str(authorities)}},
        }
        for name, way in ways.items():
            with self.subTest(name):
                self.assertEqual(200, self.hubd(hub.url, name=name.replace(" ", "-"), **way).rpc("Auth", "WhoAmI", who)[0])


class Units(ProofCase):
    def test_the_installed_units_are_valid(self):
        if shutil.which("systemd-analyze") is None:
            if os.environ.get("CI") == "true":
                self.fail("systemd-analyze is not installed")
            self.skipTest("systemd-analyze is not installed")
        stage = self.folder / "stage"
        for part in ("systemd", "daemon"):
            subprocess.run(["cmake", f"-DCMAKE_INSTALL_PREFIX={stage}", "-P", BIN.parent / part / "cmake_install.cmake"],
                           check=True, capture_output=True)
        units = sorted((stage / "lib/systemd/user").iterdir())
        self.assertEqual(["hubd-http.socket", "hubd.service", "hubd.socket"], [unit.name for unit in units])
        self.assertIn(f"ExecStart={stage}/bin/hubd\n", (stage / "lib/systemd/user/hubd.service").read_text())
        runtime = self.folder / "run"
        runtime.mkdir(mode=0o700)
        checked = subprocess.run(["systemd-analyze", "--user", "verify", "--recursive-errors=yes", "--man=no", *units],
                                 capture_output=True, text=True, timeout=HANG,
                                 env={**os.environ, "XDG_RUNTIME_DIR": str(runtime), "HOME": str(self.folder)})
        self.assertEqual((0, ""), (checked.returncode, checked.stdout + checked.stderr))

    def test_a_package_installs_below_its_destdir(self):
        destination = self.folder / "package"
        for part in ("systemd", "daemon"):
            subprocess.run(["cmake", "-DCMAKE_INSTALL_PREFIX=/usr", "-P", BIN.parent / part / "cmake_install.cmake"],
                           check=True, capture_output=True, env={**os.environ, "DESTDIR": str(destination)})
        self.assertTrue(os.access(destination / "usr/bin/hubd", os.X_OK))
        service = (destination / "usr/lib/systemd/user/hubd.service").read_text()
        self.assertIn("ExecStart=/usr/bin/hubd\n", service)


if __name__ == "__main__":
    unittest.main(verbosity=2)
