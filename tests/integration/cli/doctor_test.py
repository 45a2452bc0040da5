# SPDX-License-Identifier: Apache-2.0
"""hubctl doctor: each thing that keeps downloads from working is named by its check, with what helps; in bounded time."""
import json
import os
import pathlib
import subprocess
import sys
import time
import unittest

sys.path[:0] = [str(pathlib.Path(__file__).parents[1]), str(pathlib.Path(__file__).parents[1] / "xet")]
from harness import BIN, ProofCase, clean_env  # noqa: E402

XET = {"HF_HUB_DISABLE_XET": "0"}
REPO = {"id": "acme/model", "commits": [{"files": [{"path": "config.json", "text": "{}"}, {"path": "model.bin", "size": 3000000, "random_seed": 7, "xet": True}]}]}
SEED = {"users": [{"name": "alice", "token": "hf_alice"}], "repos": [REPO]}
TIME_MAX = 20  # seconds, as docs/cli.md promises


class Doctor(ProofCase):
    def examine(self, hubd, *arguments: str, code: int | None = None, **env) -> dict[str, dict]:
        began = time.monotonic()
        result = hubd.ctl("doctor", *arguments, "--json", env={**XET, **env})
        self.assertLess(time.monotonic() - began, TIME_MAX)
        answer = json.loads(result.stdout)
        self.assertEqual(answer["ok"], result.returncode == 0, result.stdout)
        if code is not None:
            self.assertEqual(code, result.returncode, result.stdout + result.stderr)
        for check in answer["checks"]:
            self.assertIn(check["level"], ("ok", "warn", "fail"))
            self.assertEqual(check["level"] == "ok", check["remedy"] == "", check)
        return {check["check"]: check for check in answer["checks"]}

    def levels(self, checks: dict[str, dict]) -> dict[str, str]:
        return {name: check["level"] for name, check in checks.items() if check["level"] != "ok"}

    def test_a_sound_host_has_nothing_to_complain_of(self):
        hub = self.hub(SEED)
        hubd = self.hubd(hub.url)
        checks = self.examine(hubd, "acme/model", code=0, HF_TOKEN="hf_alice")
        checks.pop("disk")  # the machine's own
        self.assertEqual({}, self.levels(checks))
        self.assertLessEqual({"daemon", "version", "dns", "proxy", "tls", "hub", "clock", "token", "plain_route", "xet_route", "permissions", "state", "locks", "rate_limit"}, set(checks))
        self.assertIn("alice", checks["token"]["what"])
        self.assertIn("config.json" if "config.json" in checks["plain_route"]["what"] else "model.bin", checks["plain_route"]["what"])
        left = [p for p in hubd.folder.rglob("*doctor*")]
        self.assertEqual([], left)

    def test_the_xet_route_is_really_asked(self):
        hub = self.hub(SEED)
        hubd = self.hubd(hub.url)
        hubd.ctl("download", "acme/model", check=True)
        hub.reset()
        checks = self.examine(hubd, code=0)  # takes the cached repo
        self.assertIn("model.bin", checks["xet_route"]["what"])
        routes = hub.counters()["routes"]
        self.assertEqual(1, sum(v["requests"] for k, v in routes.items() if k.startswith("cas-reconstruction")), routes)
        hub.faults({"match": {"route": "cas-reconstruction*"}, "action": {"type": "status", "status": 503}})
        self.assertEqual({"xet_route": "fail"}, {k: v for k, v in self.levels(self.examine(hubd, code=1)).items() if k != "disk"})

    def test_a_refused_token_is_named_and_never_shown(self):
        hub = self.hub(SEED)
        hubd = self.hubd(hub.url)
        result = hubd.ctl("doctor", "acme/model", env={"HF_TOKEN": "hf_wrongwrongwrong"})
        self.assertEqual(1, result.returncode)
        self.assertNotIn("hf_wrong", result.stdout + result.stderr + hubd.log_text())
        self.assertRegex(result.stdout, r"(?m)^fail  token +the token given with the call is refused by 127\.0\.0\.1")
        self.assertRegex(result.stdout, r"(?m)^ +-> .*HF_TOKEN")

    def test_a_hub_that_is_not_there_and_one_that_never_answers(self):
        hubd = self.hubd("http://127.0.0.1:9")
        checks = self.examine(hubd, "acme/model", code=1)
        self.assertEqual("fail", checks["hub"]["level"])
        self.assertEqual("fail", checks["plain_route"]["level"])
        self.assertEqual("ok", checks["locks"]["level"])
        hub = self.hub(SEED)
        hub.faults({"action": {"type": "silent"}})
        slow = self.hubd(hub.url, name="slow")
        self.assertEqual("fail", self.examine(slow, "acme/model", code=1)["hub"]["level"])
        nameless = self.hubd("http://hub.invalid", name="nameless")
        self.assertEqual("fail", self.examine(nameless, "acme/model", code=1)["dns"]["level"])

    def test_a_certificate_that_nobody_trusts(self):
        certificate, key = self.folder / "c.pem", self.folder / "k.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
                        "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
        hub = self.hub(SEED, "--tls", str(certificate), str(key))
        checks = self.examine(self.hubd(hub.url), "acme/model", code=1)
        self.assertEqual("fail", checks["tls"]["level"])
        self.assertIn("network.ca_file", checks["tls"]["remedy"])
        trusting = self.hubd(hub.url, name="trusting", env={"SSL_CERT_FILE": str(certificate)})
        self.assertEqual("ok", self.examine(trusting, "acme/model", code=0)["tls"]["level"])

    def test_an_empty_window_a_full_disk_and_offline(self):
        hub = self.hub({**SEED, "knobs": {"rate_limits": {"api": {"q": 1, "w": 300}}}})
        hubd = self.hubd(hub.url, config='[disk]\nfree_floor = "900 TiB"\n')
        hubd.ctl("models", "info", "acme/model")
        checks = self.examine(hubd, "acme/model", code=1)
        self.assertEqual("warn", checks["rate_limit"]["level"])
        self.assertIn("auth login", checks["rate_limit"]["remedy"])
        self.assertEqual("fail", checks["disk"]["level"])
        self.assertEqual("warn", checks["hub"]["level"])  # not asked: the window is empty
        hub.reset()
        checks = self.examine(hubd, "acme/model", HF_HUB_OFFLINE="1")
        self.assertEqual("warn", checks["network"]["level"])
        self.assertEqual({}, {k: v for k, v in hub.counters()["routes"].items() if v["requests"]})

    def test_without_a_hubd_the_local_part_remains(self):
        hubd = self.hubd("http://127.0.0.1:9", start=False)
        checks = self.examine(hubd, "--no-start", code=1)
        self.assertEqual("fail", checks["daemon"]["level"])
        self.assertIn("permissions", checks)
        self.assertIn("disk", checks)

    def test_quiet_names_only_what_is_wrong(self):
        hub = self.hub(SEED)
        hubd = self.hubd(hub.url)
        result = hubd.ctl("doctor", "acme/none", "-q")
        self.assertEqual(1, result.returncode)
        self.assertIn("fail plain_route\n", result.stdout)
        self.assertNotIn("ok", result.stdout)


if __name__ == "__main__":
    unittest.main()
