# SPDX-License-Identifier: Apache-2.0
"""hubctl and the life of hubd: starting one, stopping it, its settings, and what is said when it is not there."""
import contextlib
import fcntl
import json
import os
import pathlib
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import BIN, HANG, ProofCase, clean_env  # noqa: E402


class Shell:
    """hubctl as a user's shell runs it, with automatic starting allowed."""

    def __init__(self, test: ProofCase, name: str = "home", **extra: str):
        self.home = test.folder / name
        self.home.mkdir()
        self.runtime = pathlib.Path(tempfile.mkdtemp(prefix="hubd-t-"))
        os.chmod(self.runtime, 0o700)
        self.env = clean_env(self.home, XDG_RUNTIME_DIR=str(self.runtime), **extra)
        test.addCleanup(shutil.rmtree, self.runtime, True)
        test.addCleanup(self.run, "stop")

    def start(self, *arguments: str, **extra: str) -> subprocess.Popen:
        return subprocess.Popen([str(BIN / "hubctl"), *arguments], env={**self.env, **extra}, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def run(self, *arguments: str, **extra: str) -> subprocess.CompletedProcess:
        process = self.start(*arguments, **extra)
        out, err = process.communicate(timeout=HANG)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def json(self, *arguments: str, **extra: str):
        result = self.run(*arguments, "--json", **extra)
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)


class Starting(ProofCase):
    def test_many_shells_at_once_start_one_hubd(self):
        shell = Shell(self)
        processes = [shell.start("status", "--json") for _ in range(6)]
        pids = set()
        for process in processes:
            out, err = process.communicate(timeout=HANG)
            self.assertEqual(0, process.returncode, err)
            pids.add(json.loads(out)["pid"])
        self.assertEqual(1, len(pids))

    def test_it_outlives_the_shell_in_a_session_of_its_own(self):
        shell = Shell(self)
        pid = shell.json("status")["pid"]
        self.assertNotEqual(os.getsid(0), os.getsid(pid))
        self.assertEqual(pid, os.getsid(pid))
        self.assertEqual("/", os.readlink(f"/proc/{pid}/cwd"))
        self.assertTrue(shell.json("status")["auto_started"])
        log = shell.home / "hf/hubd/hubd.log"
        self.assertEqual(0o600, stat.S_IMODE(log.stat().st_mode))

    def test_what_belongs_to_one_caller_does_not_become_the_daemons(self):
        shell = Shell(self, HF_TOKEN="hf_secret", HF_HUB_OFFLINE="1", HF_ENDPOINT="http://127.0.0.1:9")
        status = shell.json("status")
        self.assertEqual("online", status["network"])
        values = {value["key"]: value for value in shell.json("config", "--effective")}
        self.assertEqual("default", values["upstream"]["source"])
        command = pathlib.Path(f"/proc/{status['pid']}/cmdline").read_bytes()
        self.assertNotIn(b"hf_secret", command)
        if os.geteuid() == 0:
            self.assertNotIn(b"hf_secret", pathlib.Path(f"/proc/{status['pid']}/environ").read_bytes())

    def test_stop_ends_it_and_may_be_repeated(self):
        shell = Shell(self)
        pid = shell.json("status")["pid"]
        self.assertEqual({"stopped": True, "pid": pid}, shell.json("stop"))
        self.assertEqual([], list((self.folder / "home").rglob("*.sock")) + list(shell.runtime.rglob("*.sock")))
        with open(shell.home / "hf/hub/.locks/.hubd-owner", "r+") as owner:
            fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self.assertEqual({"stopped": False}, shell.json("stop"))
        self.assertNotEqual(pid, shell.json("status")["pid"])

    def test_one_that_has_let_go_of_the_socket_but_not_of_the_cache_is_followed_by_a_new_one(self):
        shell = Shell(self)
        first = shell.json("status")["pid"]
        shell.json("stop")
        log = shell.home / "hf/hubd/hubd.log"
        with open(shell.home / "hf/hub/.locks/.hubd-owner", "r+") as owner:
            fcntl.flock(owner, fcntl.LOCK_EX)
            before = log.stat().st_size
            starting = shell.start("status", "--json")
            deadline = time.monotonic() + HANG
            while time.monotonic() < deadline and "is owned by" not in log.read_text()[before:]:
                time.sleep(0.02)
        out, err = starting.communicate(timeout=HANG)
        self.assertEqual(0, starting.returncode, err)
        self.assertNotEqual(first, json.loads(out)["pid"])

    def test_a_socket_that_another_user_could_have_made_is_told_nothing(self):
        shell = Shell(self, HF_TOKEN="hf_secret")
        folder = shell.runtime / "hubd"
        folder.mkdir()
        folder.chmod(0o777)
        with socket.socket(socket.AF_UNIX) as trap:
            trap.bind(str(folder / "hubd.sock"))
            trap.listen(8)
            result = shell.run("auth", "whoami", "--json")
            self.assertEqual(1, result.returncode)
            error = json.loads(result.stderr)["error"]
            self.assertEqual("permission_denied", error["kind"])
            self.assertIn(f"folder {folder} may be written by others", error["message"])
            trap.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    with trap.accept()[0] as visitor:
                        visitor.settimeout(HANG)
                        self.assertEqual(b"", visitor.recv(1))

    def test_without_leave_to_start_one_sentence_says_what_to_do(self):
        shell = Shell(self)
        for arguments, extra in ((("status",), {"HUBD_NO_AUTOSTART": "1"}), (("status", "--no-start"), {}),
                                 (("download", "a/b"), {"HUBD_NO_AUTOSTART": "1"})):
            result = shell.run(*arguments, **extra)
            self.assertEqual(1, result.returncode)
            self.assertEqual("", result.stdout)
            self.assertEqual(1, len(result.stderr.splitlines()), result.stderr)
            self.assertRegex(result.stderr, "^Error: hubd does not run.*nobody answers at .*; start it with `hubd`")
        self.assertFalse((shell.home / "hf").exists())

    def test_a_hubd_that_cannot_start_says_why(self):
        shell = Shell(self)
        (shell.home / "file").write_text("not a folder")
        result = shell.run("status", HF_HUB_CACHE=str(shell.home / "file"))
        self.assertEqual(1, result.returncode)
        self.assertEqual(1, len(result.stderr.splitlines()), result.stderr)
        self.assertIn(str(shell.home / "file"), result.stderr)
        self.assertIn("hubd.log", result.stderr)

    def test_each_cache_has_its_own_hubd(self):
        shell = Shell(self)
        other = str(shell.home / "other")
        first = shell.json("status")
        self.assertEqual({"stopped": False}, shell.json("stop", HF_HUB_CACHE=other))
        self.assertEqual([], shell.json("cache", "ls", "--cache-dir", other))
        second = shell.json("status", HF_HUB_CACHE=other)
        self.addCleanup(shell.run, "stop", HF_HUB_CACHE=other)
        self.assertNotEqual(first["pid"], second["pid"])
        self.assertEqual(other, second["cache"])
        self.assertEqual(first["pid"], shell.json("status")["pid"])

    def test_a_named_hubd_of_another_cache_refuses(self):
        shell = Shell(self)
        socket = shell.json("status")["socket"]
        result = shell.run("cache", "ls", "--cache-dir", str(shell.home / "other"), "--socket", socket, "--json")
        self.assertEqual(1, result.returncode)
        self.assertEqual("foreign_cache", json.loads(result.stderr)["error"]["kind"])


    def test_a_hubd_that_hangs_is_named_after_a_while(self):
        hubd = self.hubd("http://127.0.0.1:9")
        hubd.process.send_signal(signal.SIGSTOP)
        self.addCleanup(hubd.process.send_signal, signal.SIGCONT)
        result = hubd.ctl("status", "--json")
        self.assertEqual(1, result.returncode)
        error = json.loads(result.stderr)["error"]
        self.assertEqual("deadline_exceeded", error["kind"])
        self.assertIn(str(hubd.socket), error["message"])


class Settings(ProofCase):
    def test_config_shows_sets_and_keeps(self):
        hubd = self.hubd("http://127.0.0.1:9")
        self.assertEqual("online\n", hubd.ctl("config", "get", "network.mode", check=True).stdout)
        done = json.loads(hubd.ctl("config", "set", "network.mode", "offline", "--json", check=True).stdout)
        self.assertEqual({"key": "network.mode", "value": "offline", "restart_needed": False}, done)
        self.assertEqual("offline", json.loads(hubd.ctl("status", "--json", check=True).stdout)["network"])
        hubd.stop()
        hubd.start()
        values = {v["key"]: v for v in json.loads(hubd.ctl("config", "--effective", "--json", check=True).stdout)}
        self.assertEqual("offline", values["network.mode"]["value"])
        self.assertIn("overlay", values["network.mode"]["source"])
        self.assertEqual({"key", "value", "source", "live", "help"}, set(values["network.mode"]))
        short = json.loads(hubd.ctl("config", "--json", check=True).stdout)
        self.assertIn("network.mode", [v["key"] for v in short])
        self.assertNotIn("default", [v["source"] for v in short])
        self.assertIn("network.mode", hubd.ctl("config", "--effective", check=True).stdout)

    def test_config_refuses_what_it_does_not_know(self):
        hubd = self.hubd("http://127.0.0.1:9")
        typo = hubd.ctl("config", "get", "network.mod")
        self.assertEqual(1, typo.returncode)
        self.assertIn("did you mean 'network.mode'?", typo.stderr)
        for key, value in (("network.mod", "offline"), ("network.mode", "sideways")):
            wrong = hubd.ctl("config", "set", key, value)
            self.assertEqual(1, wrong.returncode)
            self.assertEqual(1, wrong.stderr.count("Error: "), wrong.stderr)
            self.assertIn("network.mode", wrong.stderr)

    def test_status_and_version_have_stable_json(self):
        hubd = self.hubd("http://127.0.0.1:9")
        status = json.loads(hubd.ctl("status", "--json", check=True).stdout)
        self.assertEqual(hubd.process.pid, status["pid"])
        self.assertLessEqual({"status", "version", "pid", "uptime", "mode", "auto_started", "cache", "state_folder", "socket",
                              "network", "disk_free", "disk_floor", "transfers_running", "transfers_waiting", "clients",
                              "bytes_fetched", "bytes_published", "requests", "integrity_failures", "unverified_blobs",
                              "memory", "root_id", "problem"}, set(status))
        self.assertFalse(status["auto_started"])
        self.assertEqual("running\n", hubd.ctl("status", "--quiet", check=True).stdout)
        version = json.loads(hubd.ctl("version", "--json", check=True).stdout)
        self.assertEqual({"version", "hubd"}, set(version))
        self.assertEqual(version["version"], hubd.ctl("--version", check=True).stdout.strip())


class Streams(ProofCase):
    def test_a_reader_that_leaves_gets_no_words(self):
        hubd = self.hubd("http://127.0.0.1:9")
        for ignored in (False, True):
            reading, writing = os.pipe()
            os.close(reading)
            process = subprocess.Popen([str(BIN / "hubctl"), "config", "--effective"], env=hubd.env, stdout=writing,
                                       stderr=subprocess.PIPE, text=True, restore_signals=not ignored)
            os.close(writing)
            _, err = process.communicate(timeout=HANG)
            self.assertEqual("", err)
            self.assertIn(process.returncode, (0, 1, -signal.SIGPIPE))

    def test_a_full_disk_behind_stdout_is_an_error(self):
        hubd = self.hubd("http://127.0.0.1:9")
        with open("/dev/full", "w") as full:
            process = subprocess.Popen([str(BIN / "hubctl"), "config", "--effective"], env=hubd.env, stdout=full,
                                       stderr=subprocess.PIPE, text=True)
            _, err = process.communicate(timeout=HANG)
        self.assertEqual(1, process.returncode)
        self.assertRegex(err, "^Error: the output could not be written")


if __name__ == "__main__":
    unittest.main(verbosity=2)
