# SPDX-License-Identifier: Apache-2.0
"""Steering transfers from outside: priorities, pause, resume, attach, deadlines, through hubctl and the Python package."""
import fcntl
import json
import os
import pathlib
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import BIN, HANG, ROOT, ProofCase, sha256  # noqa: E402

SIZE = 8_000_000
SEED = {"users": [{"name": "alice", "token": "hf_alice"}],
        "repos": [{"id": f"acme/{name}", "commits": [{"files": [{"path": "model.bin", "size": SIZE, "random_seed": seed},
                                                                {"path": "config.json", "text": "{}"}]}]}
                  for seed, name in enumerate(("one", "two", "three"), 1)]}


class TransfersCase(ProofCase):
    def setUp(self) -> None:
        super().setUp()
        self.local = self.hub(SEED)
        self.hubd_ = self.hubd(self.local.url)
        self.ctl("config", "set", "bandwidth.max", "800 kB/s")  # ten seconds a file, so that there is something to steer
        self.processes: list[subprocess.Popen] = []
        self.addCleanup(self.end_all)

    def end_all(self) -> None:
        for process in self.processes:
            process.kill()
            process.communicate()

    def ctl(self, *arguments: str, check: bool = True, **env: str):
        return self.hubd_.ctl(*arguments, env=env, check=check)

    def json(self, *arguments: str):
        return json.loads(self.ctl(*arguments, "--json").stdout)

    def started(self, *arguments: str, **env: str) -> subprocess.Popen:
        process = self.hubd_.ctl_start(*arguments, env=env)
        self.processes.append(process)
        return process

    def until(self, what, why: str):
        deadline = time.monotonic() + HANG
        while time.monotonic() < deadline:
            found = what()
            if found:
                return found
            time.sleep(0.02)
        self.fail(f"never: {why}\n{self.hubd_.log_text()}")

    def transfer(self, repo: str = "acme/one", state: str | None = None):
        for transfer in self.json("transfers", "ls"):
            if transfer["repo_id"] == repo and transfer["bytes_done"] > 100_000 and state in (None, transfer["state"]):
                return transfer
        return None

    def detached(self, *arguments: str) -> str:
        return self.json("download", "acme/one", "--detach", *arguments)["transfer"]

    def finished(self, process: subprocess.Popen) -> str:
        out, err = process.communicate(timeout=HANG)
        self.assertEqual(0, process.returncode, out + err + self.hubd_.log_text())
        return out

    def fast(self) -> None:
        self.ctl("config", "set", "bandwidth.max", "off")



class Detach(TransfersCase):
    def test_a_detached_download_leaves_at_once_and_comes_to_its_end(self):
        transfer = self.detached()
        self.until(lambda: self.transfer(), "it moves without anybody")
        shown = self.json("transfers", "show", transfer)
        self.assertTrue(shown["detached"])
        self.ctl("config", "set", "bandwidth.max", "off")
        self.ctl("transfers", "attach", transfer)
        path = self.json("download", "acme/one", "--detach")["path"]  # what is here needs no transfer
        self.assertEqual(SIZE, (pathlib.Path(path) / "model.bin").stat().st_size)

    def test_what_cannot_begin_says_so(self):
        self.assertEqual(1, self.ctl("download", "acme/none", "--detach", check=False).returncode)
        clash = self.ctl("download", "--from", "-", "--detach", check=False)
        self.assertEqual(2, clash.returncode)
        self.assertIn("--detach", clash.stderr)


class Steering(TransfersCase):
    def test_a_pause_survives_kill_9_and_resume_goes_on_where_it_was(self):
        client = self.started("download", "acme/one", "--quiet", "--progress")
        transfer = self.until(self.transfer, "bytes move")
        paused = self.json("transfers", "pause", transfer["id"])
        self.assertEqual({"id": transfer["id"], "state": "paused"}, paused)
        at = self.json("transfers", "show", transfer["id"])
        self.assertIn(f"paused by user {os.getuid()}", at["waiting_for"])
        self.assertEqual("normal", at["priority"])
        waiting = self.until(lambda: self.waiting_line(client), "who waits hears of it")
        self.assertIn("paused by user", waiting)
        served = self.local.counters()
        self.hubd_.kill()
        client.communicate(timeout=HANG)
        self.assertEqual(1, client.returncode)
        self.hubd_.start()
        again = self.until(lambda: self.json("transfers", "ls"), "the paused transfer is there again")
        self.assertEqual([(transfer["id"], "paused")], [(t["id"], t["state"]) for t in again])
        self.assertEqual(self.bytes_of(served), self.bytes_of(self.local.counters()))
        self.fast()
        attached = self.started("transfers", "attach", transfer["id"], "--json")
        self.ctl("transfers", "resume", transfer["id"])
        done = json.loads(self.finished(attached))
        self.assertEqual("done", done["state"])
        self.assertEqual(SIZE, (pathlib.Path(done["path"]) / "model.bin").stat().st_size)
        self.assertEqual([], self.json("transfers", "ls"))
        end = next(t for t in self.json("transfers", "ls", "--all") if t["id"] == transfer["id"])
        self.assertLessEqual(end["bytes_fetched"], SIZE + 2 - at["bytes_done"], "what had come was kept")

    def waiting_line(self, process: subprocess.Popen):
        line = process.stderr.readline()
        return line if "waiting" in line else None

    def bytes_of(self, counters: dict) -> int:
        return counters["total"]["bytes"]

    def test_who_attaches_keeps_the_transfer_alive_and_ctrl_c_leaves_it_running(self):
        first = self.started("download", "acme/one", "--quiet")
        transfer = self.until(self.transfer, "bytes move")
        attached = self.started("transfers", "attach", transfer["id"])
        self.until(lambda: self.json("transfers", "show", transfer["id"])["clients"] == 2, "two leases")
        first.kill()
        self.until(lambda: self.json("transfers", "show", transfer["id"])["clients"] == 1, "one lease")
        attached.send_signal(signal.SIGINT)
        _, err = attached.communicate(timeout=HANG)
        self.assertEqual(130, attached.returncode, err)
        self.assertIn(f"hubd goes on with transfer {transfer['id']}", err)
        self.fast()
        self.assertEqual("done", json.loads(self.finished(self.started("transfers", "attach", transfer["id"], "--json")))["state"])

    def test_a_timeout_ends_the_call_with_a_typed_error_and_progress_says_it(self):
        keeper = self.started("download", "acme/one", "--quiet")
        transfer = self.until(self.transfer, "bytes move")
        for command in (("download", "acme/one"), ("transfers", "attach", transfer["id"])):
            begun = time.monotonic()
            late = self.ctl(*command, "--timeout", "2", "--json", check=False, HF_HUB_DISABLE_PROGRESS_BARS="0")
            self.assertEqual(1, late.returncode, late.stdout + late.stderr)
            error = json.loads(late.stderr.splitlines()[-1])["error"]
            self.assertEqual("deadline_exceeded", error["kind"])
            self.assertIn("of 8.0 MB are here", error["message"])
            self.assertIn("deadline in", late.stderr)
            self.assertLess(time.monotonic() - begun, 20)
        self.assertIsNone(keeper.poll(), "another's transfer goes on")
        wrong = self.ctl("download", "acme/one", "--timeout", "soon", check=False)
        self.assertEqual(2, wrong.returncode)

    def test_priorities_are_seen_shared_and_raised(self):
        self.started("download", "acme/one", "--quiet", "--priority", "background")
        self.started("download", "acme/two", "--quiet", HUBD_PRIORITY="interactive")
        both = self.until(lambda: (self.transfer("acme/one"), self.transfer("acme/two"))
                          if self.transfer("acme/two") else None, "both move")
        self.assertEqual("interactive", both[1]["priority"])
        one, two = (next(t for t in self.json("transfers", "ls") if t["repo_id"] == name) for name in ("acme/one", "acme/two"))
        self.assertEqual(("background", "interactive"), (one["priority"], two["priority"]))
        self.assertGreater(two["bytes_done"], one["bytes_done"])
        code = "import hubd; print(hubd.snapshot_download('acme/one'))"
        raiser = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                  env={**self.hubd_.env, "HUBD_PRIORITY": "normal", "PYTHONPATH": str(ROOT / "client/python")})
        self.processes.append(raiser)
        self.until(lambda: self.json("transfers", "show", one["id"])["priority"] == "normal", "who joins raises it")
        wrong = self.ctl("download", "acme/three", check=False, HUBD_PRIORITY="urgent")
        self.assertEqual(2, wrong.returncode)
        self.assertIn("HUBD_PRIORITY is 'urgent'", wrong.stderr)
        self.assertEqual(2, self.ctl("download", "acme/three", "--priority", "urgent", check=False).returncode)
        self.fast()
        folder = pathlib.Path(self.finished(raiser).strip())
        self.assertEqual(64, len(sha256(folder / "model.bin")))

    def test_what_has_ended_is_not_paused(self):
        self.fast()
        self.ctl("download", "acme/one")
        done = self.json("transfers", "ls", "--all")[0]
        self.assertEqual("done", done["state"])
        refused = self.ctl("transfers", "pause", done["id"], "--json", check=False)
        self.assertEqual(1, refused.returncode)
        self.assertIn("has ended before", json.loads(refused.stderr)["error"]["message"])
        self.assertEqual("done", self.json("transfers", "attach", done["id"])["state"])
        for verb in ("pause", "resume", "attach", "show"):
            nobody = self.ctl("transfers", verb, "t99-nobody", "--json", check=False)
            self.assertEqual((1, "entry_not_found"), (nobody.returncode, json.loads(nobody.stderr)["error"]["kind"]), verb)


class Insight(TransfersCase):
    """`why` and `top`."""

    def test_why_names_a_foreign_lock_and_its_holder(self):
        etag = self.json("plan", "acme/one", "model.bin")["files"][0]["etag"]
        lock = self.hubd_.cache / ".locks/models--acme--one" / f"{etag}.lock"
        lock.parent.mkdir(parents=True, exist_ok=True)
        with open(lock, "w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            client = self.started("download", "acme/one", "model.bin", "--quiet")
            transfer = self.until(lambda: self.json("transfers", "ls"), "it runs")[0]
            why = self.until(lambda: self.why_with(transfer["id"], "lock"), "it waits for the lock")
        wait = why["waits"][0]
        self.assertEqual("model.bin", wait["file"])
        self.assertIn(str(os.getpid()), wait["holder"])
        self.assertIn("held by", wait["what"])
        self.assertLess(abs(wait["since_unix_ms"] / 1000 - time.time()), HANG)
        self.fast()
        self.finished(client)
        told = self.ctl("why", transfer["id"]).stdout
        self.assertRegex(told, r"(?m)^  \d\d:\d\d:\d\d  ended +done$")
        self.assertRegex(told, r"(?m)^  \d\d:\d\d:\d\d  published +model.bin$")
        self.assertIn("entry_not_found", self.ctl("why", "t0-none", "--json", check=False).stderr)

    def why_with(self, transfer: str, kind: str):
        why = self.json("why", transfer)
        return why if [wait for wait in why["waits"] if wait["kind"] == kind] else None

    def test_why_answers_at_once_while_much_moves(self):
        for name in ("acme/one", "acme/two", "acme/three"):
            self.started("download", name, "--quiet")
        transfer = self.until(self.transfer, "bytes move")
        why = self.until(lambda: self.why_with(transfer["id"], "bandwidth"), "it waits for bytes")
        self.assertIn("800.0 kB/s", why["waits"][0]["what"])
        self.ctl("config", "set", "bandwidth.max", "4 MB/s")
        times = []
        for _ in range(50):
            begun = time.monotonic()
            status, answer = self.hubd_.rpc("Transfers", "Why", {"id": transfer["id"]})
            times.append(time.monotonic() - begun)
            self.assertEqual((200, transfer["id"]), (status, answer["transfer"]["id"]))
        self.assertLess(sorted(times)[25], 0.05, "the median of fifty")

    def test_top_prints_frames_for_programs_and_a_listing_where_nobody_looks(self):
        self.started("download", "acme/one", "--quiet", "--priority", "interactive")
        self.until(self.transfer, "bytes move")
        lines = self.ctl("top", "--json", "--frames", "2", "--interval", "0.2").stdout.splitlines()
        frames = [json.loads(line) for line in lines]
        self.assertEqual(2, len(frames))
        budgets = frames[1]["budgets"]
        self.assertEqual(800_000, budgets["bandwidth_max"])
        self.assertGreater(budgets["disk_free"], 0)
        self.assertEqual([("acme/one", "interactive")], [(t["repo_id"], t["priority"]) for t in frames[1]["transfers"]])
        plain = self.ctl("top").stdout
        self.assertNotIn("\x1b", plain)
        self.assertRegex(plain, r"(?m)^bandwidth +\S.* of 800.0 kB/s")
        self.assertIn("acme/one", plain)
        endless = self.started("top", "--json", "--interval", "0.1")
        self.assertTrue(json.loads(endless.stdout.readline()))
        endless.stdout.close()
        self.assertEqual(0, endless.wait(HANG), "nobody reads any more")

    def on_terminal(self, *arguments: str):
        pid, terminal = pty.fork()
        if pid == 0:
            os.execvpe(str(BIN / "hubctl"), ["hubctl", *arguments], {**self.hubd_.env, "TERM": "xterm"})
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 20, 60, 0, 0))
        return pid, terminal

    def read_until(self, terminal: int, text: bytes, seen: bytes = b"") -> bytes:
        deadline = time.monotonic() + HANG
        while text not in seen and time.monotonic() < deadline:
            if select.select([terminal], [], [], 1)[0]:
                try:
                    seen += os.read(terminal, 65536)
                except OSError:  # its other end is closed
                    break
        self.assertIn(text, seen)
        return seen

    def test_top_gives_the_terminal_back_however_it_ends(self):
        enter, leave = b"\x1b[?1049h\x1b[?25l", b"\x1b[?25h\x1b[?1049l"
        for ending, wanted in (("q", 0), (signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)):
            with self.subTest(ending):
                pid, terminal = self.on_terminal("top", "--interval", "0.2")
                seen = self.read_until(terminal, b"No transfers.")
                self.assertIn(enter, seen)
                quiet = termios.tcgetattr(terminal)[3]
                self.assertFalse(quiet & termios.ECHO)
                fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 4, 30, 0, 0))
                os.kill(pid, signal.SIGWINCH)
                narrow = self.read_until(terminal, b"...")
                self.assertNotIn(leave, seen + narrow)
                if ending == "q":
                    os.write(terminal, b"q")
                else:
                    os.kill(pid, ending)
                self.read_until(terminal, leave)
                self.assertEqual(wanted, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
                self.assertTrue(termios.tcgetattr(terminal)[3] & termios.ECHO)
                os.close(terminal)


if __name__ == "__main__":
    unittest.main(verbosity=2)
