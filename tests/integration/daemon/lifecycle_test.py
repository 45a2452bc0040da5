# SPDX-License-Identifier: Apache-2.0
"""How hubd begins and ends: the owner of a cache, its sockets, systemd's hand-over, signals, idling out."""
import os
import pathlib
import socket
import signal
import stat
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import BIN, HANG, Hubd, ProofCase, stop  # noqa: E402
from probe import grpc, http  # noqa: E402

NOWHERE = "http://127.0.0.1:9"  # nothing of these tests asks the Hub, unless it starts one
SEED = {"repos": [{"id": "acme/big", "commits": [{"files": [{"path": "model.bin", "size": 30_000_000, "random_seed": 1}]}]}]}

# Puts two listening sockets where systemd would and becomes hubd, which must find its own pid in LISTEN_PID.
ACTIVATE = """
import os, sys
for number, descriptor in enumerate(sys.argv[1].split(",")):
    os.dup2(int(descriptor), 3 + number, inheritable=True)
os.environ["LISTEN_PID"] = str(os.getpid())
os.execv(sys.argv[2], sys.argv[2:])
"""


class Owner(ProofCase):
    def test_the_owner_file_tells_everybody_who_serves_the_cache(self):
        hubd = self.hubd(NOWHERE)
        path = hubd.cache / ".locks/.hubd-owner"
        self.assertEqual(0o644, stat.S_IMODE(path.stat().st_mode))
        facts = dict(line.split("=", 1) for line in path.read_text().splitlines())
        hello = hubd.rpc("Admin", "Hello", {})[1]
        self.assertEqual(hello["rootId"], facts["root_id"])
        self.assertEqual((str(hubd.process.pid), str(hubd.socket)), (facts["pid"], facts["socket"]))
        self.assertEqual(pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip(), facts["boot_id"])
        self.assertEqual(0, hubd.stop())
        hubd.start()
        self.assertEqual(hello["rootId"], hubd.rpc("Admin", "Hello", {})[1]["rootId"])

    def test_a_second_hubd_names_the_first_and_leaves_it_alone(self):
        first = self.hubd(NOWHERE)
        second = self.hubd(NOWHERE, start=False)
        with self.assertRaisesRegex(RuntimeError, "hubd ended with 3"):
            second.start()
        lines = second.log_text().strip().splitlines()
        self.assertIn(f"pid {first.process.pid}", lines[-1])
        self.assertIn(str(first.socket), lines[-1])
        self.assertEqual(200, first.rpc("Admin", "Status", {})[0])

    def test_two_caches_have_two_hubds_and_two_states(self):
        first = self.hubd(NOWHERE)
        other = self.folder / "other"
        second = self.hubd(NOWHERE, "--cache", str(other))
        states = {h.rpc("Admin", "Status", {})[1]["stateFolder"] for h in (first, second)}
        self.assertEqual({str(first.cache.parent / "hubd"), f"{other}-hubd"}, states)
        for folder in states:
            self.assertEqual(0o700, stat.S_IMODE(os.stat(folder).st_mode))

    def test_nothing_of_hubd_stands_in_the_cache_root(self):
        hubd = self.hubd(NOWHERE)
        self.assertEqual([".locks"], sorted(p.name for p in hubd.cache.iterdir()))
        hubd.stop()
        self.assertEqual([".locks"], sorted(p.name for p in hubd.cache.iterdir()))


@unittest.skipUnless(os.geteuid() == 0, "becoming another user needs root")
class ReadOnly(ProofCase):
    def test_what_may_not_be_written_is_one_sentence(self):
        home = self.folder / "plain"
        cache = home / "hf/hub"
        cache.mkdir(parents=True)
        for path in (self.folder, BIN):
            os.chmod(path, 0o755)
        hubd = Hubd(home, NOWHERE, config="[security]\nallow_uids = [0]\n",
                    prefix=("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"))
        self.addCleanup(hubd.close)
        os.chown(hubd.runtime, 65534, 65534)
        with self.assertRaisesRegex(RuntimeError, "hubd ended with 1"):
            hubd.start()
        lines = hubd.log_text().strip().splitlines()
        self.assertEqual(1, len(lines), lines)
        self.assertIn(str(cache), lines[0])
        self.assertIn("[permission_denied]", lines[0])
        # The cache may be written, nothing else may: then the state goes into its .locks.
        os.chown(cache, 65534, 65534)
        hubd.start()
        self.assertEqual(str(cache / ".locks/.hubd"), hubd.rpc("Admin", "Status", {})[1]["stateFolder"])

    def test_a_configured_state_folder_that_may_not_be_written(self):
        closed = self.folder / "closed"
        closed.mkdir()
        os.chmod(closed, 0o555)
        home = self.folder / "plain"
        home.mkdir()
        for path in (self.folder, BIN):
            os.chmod(path, 0o755)
        os.chown(home, 65534, 65534)
        hubd = Hubd(home, NOWHERE, config=f'[state]\nfolder = "{closed}/state"\n',
                    prefix=("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"))
        self.addCleanup(hubd.close)
        os.chown(hubd.runtime, 65534, 65534)
        with self.assertRaisesRegex(RuntimeError, "hubd ended with 1"):
            hubd.start()
        lines = hubd.log_text().strip().splitlines()
        self.assertEqual(1, len(lines), lines)
        self.assertIn(str(closed), lines[0])


class Sockets(ProofCase):
    def test_sockets_of_a_killed_hubd_are_taken_over(self):
        hubd = self.hubd(NOWHERE)
        hubd.kill()
        self.assertTrue(hubd.socket.exists())
        hubd.start()
        self.assertEqual(0, grpc(hubd.socket, "/hubd.v1.Admin/Hello")["code"])
        self.assertEqual(200, hubd.rpc("Admin", "Hello", {})[0])

    def test_a_socket_in_use_is_not_taken(self):
        first = self.hubd(NOWHERE)
        second = self.hubd(NOWHERE, "--cache", str(self.folder / "other"), start=False)
        second.socket = first.socket
        with open(second.folder / "hubd.log", "a") as log:
            process = subprocess.Popen([BIN / "hubd", "--socket", first.socket, *second.options], env=second.env,
                                       stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.addCleanup(stop, process)
        self.assertNotEqual(0, process.wait(HANG))
        self.assertIn(str(first.socket), second.log_text())
        self.assertEqual(first.process.pid, first.rpc("Admin", "Hello", {})[1]["pid"])

    def test_sockets_are_private_and_go_with_hubd(self):
        hubd = self.hubd(NOWHERE)
        http_socket = pathlib.Path(str(hubd.socket) + ".http")
        for path in (hubd.socket, http_socket):
            self.assertEqual(0o600, stat.S_IMODE(path.stat().st_mode))
        self.assertEqual(0, hubd.stop())
        self.assertFalse(hubd.socket.exists() or http_socket.exists())


class ServiceManager(ProofCase):
    def listening(self, path: pathlib.Path) -> socket.socket:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        listener.listen(16)
        self.addCleanup(listener.close)
        return listener

    def activate(self, hubd: Hubd, names: str, *listeners: socket.socket) -> subprocess.Popen:
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notify.bind(str(hubd.runtime / "notify"))
        notify.settimeout(HANG)
        self.addCleanup(notify.close)
        self.notify = notify
        env = dict(hubd.env, LISTEN_FDS=str(len(listeners)), LISTEN_FDNAMES=names, NOTIFY_SOCKET=str(hubd.runtime / "notify"))
        descriptors = [listener.fileno() for listener in listeners]
        # Numbers that the hand-over does not overwrite.
        high = [os.dup(d) for d in descriptors]
        while min(high) < 10:
            high = [os.dup(d) for d in high]
        for descriptor in high:
            os.set_inheritable(descriptor, True)
        with open(hubd.folder / "hubd.log", "a") as log:
            process = subprocess.Popen(
                [sys.executable, "-I", "-c", ACTIVATE, ",".join(map(str, high)), BIN / "hubd", *hubd.options],
                env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=high)
        self.addCleanup(stop, process)
        return process

    def test_sockets_of_the_service_manager_are_served_and_it_is_told(self):
        hubd = self.hubd(NOWHERE, start=False)
        path = hubd.socket
        listeners = (self.listening(pathlib.Path(f"{path}.http")), self.listening(path))
        process = self.activate(hubd, "http:grpc", *listeners)  # in any order: the names tell
        self.assertEqual(b"READY=1", self.notify.recv(100))
        self.assertEqual(process.pid, grpc(path, "/hubd.v1.Admin/Hello")["answers"][0]["pid"])
        self.assertEqual(process.pid, http(path, "/hubd.v1.Admin/Hello", {})[1]["pid"])
        process.send_signal(signal.SIGHUP)
        self.assertEqual([b"RELOADING=1", b"READY=1"], [self.notify.recv(100)[:11] for _ in range(2)])
        process.send_signal(signal.SIGTERM)
        self.assertEqual(b"STOPPING=1", self.notify.recv(100))
        self.assertEqual(0, process.wait(HANG))
        self.assertTrue(path.exists(), "the sockets belong to the service manager")

    def test_sockets_under_a_wrong_name_are_refused(self):
        hubd = self.hubd(NOWHERE, start=False)
        listeners = (self.listening(pathlib.Path(f"{hubd.socket}.http")), self.listening(hubd.socket))
        process = self.activate(hubd, "http:rpc", *listeners)
        self.assertEqual(2, process.wait(HANG))
        self.assertIn("FileDescriptorName=", hubd.log_text())

    def test_the_watchdog_is_fed(self):
        hubd = self.hubd(NOWHERE, start=False)
        hubd.env["WATCHDOG_USEC"] = "200000"
        listeners = (self.listening(hubd.socket), self.listening(pathlib.Path(f"{hubd.socket}.http")))
        self.activate(hubd, "grpc:http", *listeners)
        told = [self.notify.recv(100) for _ in range(3)]
        self.assertIn(b"WATCHDOG=1", told)


class Ending(ProofCase):
    def test_idling_out(self):
        hubd = self.hubd(NOWHERE, config="[lifetime]\nidle_exit_seconds = 1\n")
        self.assertEqual(0, hubd.process.wait(HANG))
        self.assertFalse(hubd.socket.exists())

    def test_started_by_a_client_it_idles_out_unless_told_otherwise(self):
        hubd = self.hubd(NOWHERE, "--auto-started")
        values = {v["key"]: v for v in hubd.rpc("Admin", "GetConfig", {})[1]["values"]}
        self.assertEqual(("1800", "auto-started"), tuple(values["lifetime.idle_exit_seconds"][k] for k in ("value", "source")))
        self.assertTrue(hubd.rpc("Admin", "Hello", {})[1]["autoStarted"])

    def test_shutdown_ends_it(self):
        hubd = self.hubd(NOWHERE)
        self.assertEqual(200, hubd.rpc("Admin", "Shutdown", {})[0])
        self.assertEqual(0, hubd.process.wait(HANG))

    def test_no_core_holds_tokens(self):
        hubd = self.hubd(NOWHERE)
        limits = pathlib.Path(f"/proc/{hubd.process.pid}/limits").read_text()
        line = next(line for line in limits.splitlines() if line.startswith("Max core file size"))
        self.assertEqual(["0", "0"], line.split()[4:6])

    def test_sigterm_does_not_wait_for_a_huge_file_that_is_being_hashed(self):
        hubd = self.hubd(NOWHERE, start=False)
        repo = hubd.cache / "models--acme--huge"
        (repo / "blobs").mkdir(parents=True)
        blob = repo / "blobs" / ("a" * 64)
        blob.touch()
        os.truncate(blob, 200 << 30)  # sparse, from another program: minutes to hash
        hubd.start()
        read = pathlib.Path(f"/proc/{hubd.process.pid}/io")
        deadline = time.monotonic() + HANG
        while int(read.read_text().split()[1]) < 100 << 20:
            self.assertLess(time.monotonic(), deadline)
        begun = time.monotonic()
        hubd.process.send_signal(signal.SIGTERM)
        self.assertEqual(0, hubd.process.wait(HANG))
        self.assertLess(time.monotonic() - begun, 10)

    def test_sigterm_parks_a_transfer_and_ends_within_ten_seconds(self):
        hub = self.hub(SEED)
        hubd = self.hubd(hub.url)
        hub.faults({"match": {"route": "cdn"}, "action": {"type": "throttle", "bytes_per_second": 1_000_000}})
        answers: list = []
        request = {"repo": {"id": "acme/big"}, "wantProgress": True}
        client = threading.Thread(target=lambda: answers.append(grpc(hubd.socket, "/hubd.v1.Downloads/Ensure", request)))
        client.start()
        self.addCleanup(client.join)
        deadline = time.monotonic() + HANG
        while hub.counters()["routes"].get("cdn", {}).get("bytes", 0) == 0:
            self.assertTrue(client.is_alive() and time.monotonic() < deadline, answers)
        begun = time.monotonic()
        hubd.process.send_signal(signal.SIGTERM)
        self.assertEqual(0, hubd.process.wait(HANG), hubd.log_text())
        self.assertLess(time.monotonic() - begun, 10)
        client.join(HANG)
        self.assertEqual("ERROR_KIND_UNAVAILABLE", answers[0]["detail"]["kind"], answers)
        shown = [p for p in hubd.cache.rglob("*") if p.name == "model.bin" or p.parent.name == "blobs"]
        self.assertEqual([], shown)
        hub.clear_faults()
        hubd.start()
        done = grpc(hubd.socket, "/hubd.v1.Downloads/Ensure", request)
        self.assertEqual(0, done["code"], done)
        last = done["answers"][-1]["done"]
        self.assertEqual(30_000_000, os.stat(last["files"][0]["absolutePath"]).st_size)
        self.assertLess(hub.counters()["routes"]["cdn"]["bytes"], 30_000_000 * 1.02 + (32 << 20))


if __name__ == "__main__":
    unittest.main(verbosity=2)
