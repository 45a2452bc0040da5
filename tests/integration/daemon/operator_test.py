# SPDX-License-Identifier: Apache-2.0
"""What an operator sees of a running hubd: metrics on a port, probes, the audit, calls that can be found in the log, limits."""
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import stat
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import BIN, HANG, ROOT, Hubd, ProofCase  # noqa: E402
from probe import ensure  # noqa: E402

NOWHERE = "http://127.0.0.1:9"
MIB = 1 << 20
SEED = {"users": [{"name": "alice", "token": "hf_alice"}], "repos": [
    {"id": "acme/model", "commits": [{"files": [{"path": "config.json", "text": "{}"}, {"path": "model.bin", "size": 3 * MIB, "random_seed": 7, "xet": True}]}]},
    {"id": "acme/twin", "commits": [{"files": [{"path": "model.bin", "size": 3 * MIB, "random_seed": 7, "xet": True}]}]},
    {"id": "acme/plain", "commits": [{"files": [{"path": "data.bin", "size": 2 * MIB, "random_seed": 8, "lfs": True}]}]}]}


def port_of(hubd) -> int:
    return int(re.search(r"metrics are served on 127\.0\.0\.1 port (\d+)", hubd.log_text()).group(1))


def get(port: int, path: str, method: str = "GET") -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=HANG)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


class Metrics(ProofCase):
    def test_a_port_of_loopback_serves_metrics_and_nothing_else(self):
        hub = self.hub(SEED)
        hubd = self.hubd(hub.url, config='[metrics]\nlisten = "127.0.0.1:0"\n[bandwidth]\nmax = "7 MB/s"\n')
        ensure(hubd, "acme/plain")
        port = port_of(hubd)
        status, text = get(port, "/metrics")
        self.assertEqual(200, status)
        values = dict(line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#"))
        self.assertEqual(str(2 * MIB), values["hubd_published_bytes_total"])
        self.assertEqual("7000000", values["hubd_bandwidth_limit_bytes_per_second"])
        self.assertEqual("0", values["hubd_transfers_parked"])
        self.assertEqual(str(512 * MIB), values["hubd_memory_limit_bytes"])
        for name in ("hubd_resident_bytes", "hubd_open_files", "hubd_open_files_limit", "hubd_disk_free_bytes", "hubd_permits_limit", "hubd_upstream_connections_limit"):
            self.assertGreater(int(values[name]), 0, name)
        self.assertEqual(404, get(port, "/hubd.v1.Admin/Status")[0])
        self.assertEqual(405, get(port, "/metrics", "POST")[0])
        self.assertEqual(404, get(port, "/content?repo=acme/plain&path=data.bin")[0])
        listed = re.findall(r"^\| `(hubd_\w+)`", (ROOT / "docs/metrics.md").read_text(), re.M)
        self.assertEqual(set(), {name.split("{")[0] for name in values} - set(listed), "not in docs/metrics.md")
        hubd.ctl("stop", check=True)
        with self.assertRaises(OSError):
            get(port, "/metrics")

    def test_only_loopback_is_taken(self):
        for number, where in enumerate(("0.0.0.0:9464", "192.0.2.1:9464", "localhost:9464", "127.0.0.1", "127.0.0.1:70000", "[::]:1")):
            hubd = self.hubd(NOWHERE, name=f"h{number}", config=f'[metrics]\nlisten = "{where}"\n', start=False)
            with self.assertRaisesRegex(RuntimeError, "metrics.listen: expected a loopback address"):
                hubd.start()

    def test_a_taken_port_is_a_sentence(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            hubd = self.hubd(NOWHERE, config=f'[metrics]\nlisten = "127.0.0.1:{taken.getsockname()[1]}"\n', start=False)
            with self.assertRaisesRegex(RuntimeError, r"metrics\.listen: bind 127\.0\.0\.1:\d+: Address already in use"):
                hubd.start()


class Probes(ProofCase):
    def test_each_probe_is_one_line_and_a_status(self):
        hubd = self.hubd(NOWHERE, start=False)
        for probe in ("startup", "liveness", "readiness"):
            result = hubd.ctl("probe", f"--{probe}")
            self.assertEqual(1, result.returncode)
            self.assertRegex(result.stdout, rf"^{probe}: hubd does not run.*\n$")
        hubd.start()
        hubd.rpc("Admin", "SetConfig", {"key": "disk.free_floor", "value": "0"})
        for probe in ("startup", "liveness", "readiness"):
            result = hubd.ctl("probe", f"--{probe}")
            self.assertEqual((0, f"{probe}: ok\n"), (result.returncode, result.stdout))
        hubd.rpc("Admin", "SetConfig", {"key": "disk.free_floor", "value": "900 TiB"})
        self.assertEqual(0, hubd.ctl("probe", "--liveness").returncode)
        result = hubd.ctl("probe", "--readiness", "--json")
        self.assertEqual(1, result.returncode)
        self.assertIn("are kept free", json.loads(result.stdout)["reason"])
        self.assertEqual(2, hubd.ctl("probe").returncode)
        self.assertEqual(2, hubd.ctl("probe", "--startup", "--liveness").returncode)

    def test_one_that_hangs_is_not_alive(self):
        hubd = self.hubd(NOWHERE)
        os.kill(hubd.process.pid, signal.SIGSTOP)
        try:
            result = hubd.ctl("probe", "--liveness")
        finally:
            os.kill(hubd.process.pid, signal.SIGCONT)
        self.assertEqual(1, result.returncode)
        self.assertIn("did not answer within", result.stdout)


class Audit(ProofCase):
    def records(self, hubd) -> list[dict]:
        file = hubd.cache.parent / "hubd/audit.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def test_every_publish_is_one_record(self):
        hub = self.hub(SEED)
        hubd = self.hubd(hub.url, env={"HF_HUB_DISABLE_XET": "0"})
        xet = {"HF_HUB_DISABLE_XET": "0", "HF_TOKEN": "hf_alice"}
        hubd.ctl("download", "acme/model", env=xet, check=True)
        hubd.ctl("download", "acme/twin", env=xet, check=True)
        hubd.ctl("download", "acme/plain", "--local-dir", str(self.folder / "there"), env=xet, check=True)
        hubd.ctl("download", "acme/plain", env=xet, check=True)
        hubd.ctl("download", "acme/model", env=xet, check=True)  # all is here: no publish
        records = self.records(hubd)
        found = sorted((r["repo"], r["path"], r["source"]) for r in records)
        self.assertEqual([("acme/model", "config.json", "network"), ("acme/model", "model.bin", "xet"), ("acme/plain", "data.bin", "copied"),
                          ("acme/plain", "data.bin", "network"), ("acme/twin", "model.bin", "linked")], found)
        for record in records:
            self.assertEqual(os.getuid(), record["uid"])
            self.assertEqual("publish", record["event"])
            self.assertRegex(record["commit"], "^[0-9a-f]{40}$")
            self.assertTrue(record["call"])
            self.assertTrue(os.path.exists(record["place"]), record)
        xet_one = next(r for r in records if r["source"] == "xet")
        self.assertEqual(3 * MIB, xet_one["bytes"])
        self.assertGreater(xet_one["bytes_fetched"], 0)
        file = hubd.cache.parent / "hubd/audit.jsonl"
        self.assertEqual(0o600, stat.S_IMODE(file.stat().st_mode))
        self.assertNotIn("hf_alice", file.read_text() + hubd.log_text())
        hubd.kill()
        hubd.start()
        self.assertEqual(records, self.records(hubd))

    def test_the_log_or_nowhere_by_choice(self):
        hub = self.hub(SEED)
        logged = self.hubd(hub.url, config='[audit]\nto = "log"\n[log]\nformat = "json"\n')
        ensure(logged, "acme/plain")
        lines = [json.loads(line) for line in logged.log_text().splitlines()]
        audit = [line for line in lines if line["message"].startswith("audit: ")]
        self.assertEqual(1, len(audit))
        self.assertEqual(audit[0]["call"], json.loads(audit[0]["message"].removeprefix("audit: "))["call"])
        self.assertEqual([], self.records(logged))
        off = self.hubd(hub.url, name="off", config='[audit]\nto = "off"\n')
        ensure(off, "acme/plain")
        self.assertEqual([], self.records(off))


class Calls(ProofCase):
    def test_a_clients_error_names_the_call_that_the_log_tells_of(self):
        hub = self.hub(SEED)
        hubd = self.hubd(hub.url, config='[log]\nformat = "json"\n')
        result = hubd.ctl("download", "acme/none", "--json")  # by gRPC
        call = json.loads(result.stderr.splitlines()[-1])["error"]["call_id"]
        sentence = hubd.ctl("download", "acme/none").stderr.strip().splitlines()[-1]
        other = re.search(r" \[call ([\w.-]+)\]$", sentence).group(1)
        self.assertNotEqual(call, other)
        lines = [json.loads(line) for line in hubd.log_text().splitlines()]
        for one in (call, other):
            (about,) = [line["message"] for line in lines if line.get("call") == one]
            self.assertIn("Downloads/Ensure", about)
            self.assertIn("repository_not_found", about)
        status, answer = hubd.rpc("Downloads", "Plan", {"repo": {"id": "acme/none"}, "caller": {"callId": "train-7.rank_3"}})  # by JSON
        self.assertNotEqual(200, status)
        self.assertEqual("train-7.rank_3", answer["details"][0]["debug"]["callId"])
        self.assertIn('"call":"train-7.rank_3"', hubd.log_text())
        status, answer = hubd.rpc("Downloads", "Plan", {"repo": {"id": "acme/none"}, "caller": {"callId": "x\"}\nforged"}})
        self.assertNotIn("forged", json.dumps(answer) + hubd.log_text())
        text = self.hubd(hub.url, name="text")
        named = json.loads(text.ctl("download", "acme/none", "--json").stderr.splitlines()[-1])["error"]["call_id"]
        self.assertIn(f"[call {named}]", text.log_text())

    def test_as_hf_nothing_is_added(self):
        hub = self.hub(SEED)
        hubd = self.hubd(hub.url)
        name = self.folder / "hf"
        name.symlink_to(BIN / "hubctl")
        result = subprocess.run([name, "download", "acme/none"], env=hubd.env, capture_output=True, text=True, timeout=HANG)
        self.assertNotIn("[call ", result.stderr)


class Limits(ProofCase):
    def limited(self, endpoint: str, descriptors: int, name: str = "home", **more) -> Hubd:
        return self.hubd(endpoint, name=name, prefix=("bash", "-c", f'ulimit -n {descriptors}; exec "$@"', "--"), **more)

    def test_the_soft_limit_of_descriptors_is_raised(self):
        hubd = self.hubd(NOWHERE, prefix=("bash", "-c", 'ulimit -Sn 256; exec "$@"', "--"))
        status = hubd.rpc("Admin", "Status", {})[1]
        self.assertGreater(int(status["openFilesMax"]), 256)
        self.assertGreater(int(status["openFiles"]), 0)

    def cpu_seconds(self, hubd) -> float:
        fields = pathlib.Path(f"/proc/{hubd.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def test_without_descriptors_clients_wait_and_nothing_spins_or_dies(self):
        hub = self.hub(SEED)
        hubd = self.limited(hub.url, 140)
        self.assertIn("RLIMIT_NOFILE", hubd.log_text())
        checks = json.loads(hubd.ctl("doctor", "acme/plain", "--json").stdout)["checks"]
        self.assertIn(("limits", "warn"), [(check["check"], check["level"]) for check in checks])
        self.crowd_out(hubd, 300)
        self.assertEqual(str(2 * MIB), ensure(hubd, "acme/plain")["bytesFetched"])

    def test_when_even_accepting_finds_no_descriptor(self):
        free = self.hubd(NOWHERE, name="free")
        own = int(free.rpc("Admin", "Status", {})[1]["openFiles"])
        hub = self.hub(SEED)
        hubd = self.limited(hub.url, own + 3)  # one for the call that asked is among them
        self.crowd_out(hubd, 8)
        pauses = hubd.log_text().count("accepting connections pauses")
        self.assertTrue(1 <= pauses <= 60, pauses)
        answer = ensure(hubd, "acme/plain")  # too few for a download: said, not hung
        self.assertIn(answer.get("kind"), ("ERROR_KIND_EXHAUSTED", "ERROR_KIND_UNREACHABLE"), answer)

    def crowd_out(self, hubd, count: int) -> None:
        """Clients take what there is; hubd waits, and serves again when they have gone."""
        crowd = []
        for _ in range(count):
            one = socket.socket(socket.AF_UNIX)
            one.settimeout(0.2)
            try:
                one.connect(str(hubd.socket) + ".http")
            except (TimeoutError, BlockingIOError):
                one.close()
                break
            crowd.append(one)
        before = self.cpu_seconds(hubd)
        began = time.monotonic()
        while time.monotonic() - began < 2:
            self.assertIsNone(hubd.process.poll())
            select_wait(0.2)
        self.assertLess(self.cpu_seconds(hubd) - before, 1.0)  # of 2 s: it waits
        for one in crowd:
            one.close()
        self.assertEqual(200, hubd.rpc("Admin", "Hello", {})[0])

    def test_a_transfer_with_few_descriptors_ends_well(self):
        hub = self.hub({"repos": [{"id": "acme/many", "commits": [{"files": [{"path": "part-{}.bin", "count": 60, "size": 1_200_000, "random_seed": 2, "lfs": True}]}]}]})
        hubd = self.limited(hub.url, 128)
        done = ensure(hubd, "acme/many")
        self.assertIn("commit", done, done)
        self.assertEqual(60, len(done["files"]))
        self.assertIsNone(hubd.process.poll())

    def in_group_of(self, limit: int) -> tuple[str, ...]:
        """A prefix under which hubd reads `limit` where its control group's memory limit stands: a folder laid over it, in a mount
        namespace of its own."""
        if os.getuid() != 0 or subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode != 0:
            self.skipTest("needs root and mount namespaces")
        groups = dict(line.split(":", 2)[1:] for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines())
        for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
            left, right = (part.split() for part in line.split(" - "))
            old = right[0] == "cgroup" and "memory" in right[2].split(",")
            if old or right[0] == "cgroup2" and "memory" not in groups:
                group = groups["memory" if old else ""].removeprefix(left[3] if left[3] != "/" else "")
                file = f"{left[4]}{group.rstrip('/')}/memory.{'limit_in_bytes' if old else 'max'}"
                script = f'mount -t tmpfs none {left[4]} && mkdir -p "$(dirname {file})" && echo {limit} > {file} && exec "$@"'
                return ("unshare", "-m", "bash", "-c", script, "--")
        self.skipTest("no control groups are mounted")

    def test_a_control_group_shrinks_the_default_and_an_operators_word_holds(self):
        prefix = self.in_group_of(256 * MIB)
        shrunk = self.hubd(NOWHERE, name="shrunk", prefix=prefix)
        status = json.loads(shrunk.ctl("status", "--json", check=True).stdout)
        self.assertEqual(128 * MIB, status["memory_max"])
        self.assertRegex(status["memory_why"], r"half of the control group's limit, .*/memory\.(max|limit_in_bytes)")
        self.assertIn("buffers of transfers get", shrunk.log_text())
        said = self.hubd(NOWHERE, name="said", prefix=prefix, config='[memory]\nmax = "300 MiB"\n')
        self.assertEqual(300 * MIB, json.loads(said.ctl("status", "--json", check=True).stdout)["memory_max"])
        self.assertRegex(said.log_text(), "warning: memory.max .* is more than three quarters of what the control group allows")

    def test_the_memory_of_the_control_group_bounds_the_default(self):
        hubd = self.hubd(NOWHERE)
        status = json.loads(hubd.ctl("status", "--json", check=True).stdout)
        self.assertLessEqual(status["memory_max"], 512 * MIB)
        self.assertTrue(status["memory_why"])


def select_wait(seconds: float) -> None:
    """Gives the daemon a moment in which it should do nothing."""
    import select
    select.select([], [], [], seconds)


if __name__ == "__main__":
    unittest.main(verbosity=2)
