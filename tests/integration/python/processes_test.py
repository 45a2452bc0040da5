# SPDX-License-Identifier: Apache-2.0
"""The package in programs as they are: forking, with threads, with asyncio, spawned, interrupted, and beside a hubd that
dies, stops or starts again."""
import hashlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from case import HANG, PythonCase  # noqa: E402

LONG = os.environ.get("HUBD_LONG") == "1"
LARGE = 40_000_000


class Processes(PythonCase):
    def start(self, code: str, **env: str) -> subprocess.Popen:
        process = subprocess.Popen([sys.executable, "-c", code], env=self.env(**env), stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait, 20)
        self.addCleanup(process.kill)
        return process

    def until(self, condition, what: str):
        """Waits for something that another process brings about."""
        deadline = time.monotonic() + HANG
        while time.monotonic() < deadline:
            found = condition()
            if found:
                return found
            time.sleep(0.02)
        self.fail(f"{what} did not happen:\n" + self.daemon.log_text())

    def transfers(self) -> list:
        return self.daemon.rpc("Transfers", "List", {})[1].get("transfers", [])

    def throttled(self, rate: int) -> None:
        self.server.faults({"match": {"path": "*large.bin"}, "action": {"type": "throttle", "bytes_per_second": rate}})

    # --- fork ---

    def test_forked_workers_use_and_never_hang(self):
        rounds = 1000 if LONG else 100
        commit = self.commit()
        self.program("import hubd; hubd.snapshot_download('acme/model')")
        self.throttled(20_000)  # the download is to last longer than all the rounds
        code = f"""
import hubd, json, os, select, sys, threading
used, rounds, commit = {{used}}, {rounds}, {commit!r}
result = []
download = threading.Thread(target=lambda: result.append(hubd.snapshot_download("acme/large")), daemon=True)
if used:
    hubd.list_repo_files("acme/model")
    download.start()
daemon = None
for number in range(rounds):
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(reading)
            answer = len(hubd.list_repo_files("acme/model")) if number % 2 else hubd.find().hello()["pid"] > 0
            path = hubd.hf_hub_download("acme/model", "config.json", revision=commit)
            if number % 10 == 0:
                with hubd.open("acme/data", "data/big.bin", repo_type="dataset") as file:
                    file.seek(1000)
                    answer = len(file.read(100)) == 100
            os.write(writing, b"ok" if answer and os.path.exists(path) else b"no")
        except BaseException as error:
            os.write(writing, repr(error).encode()[:500])
        finally:
            os._exit(0)
    os.close(writing)
    ready, _, _ = select.select([reading], [], [], 60)
    text = os.read(reading, 600) if ready else b"hangs"
    os.close(reading)
    if text != b"ok":
        os.kill(pid, 9)
        os.waitpid(pid, 0)
        print(json.dumps(["round", number, text.decode()]))
        sys.exit(0)
    os.waitpid(pid, 0)
    if used and number % 10 == 0:
        hubd.model_info("acme/model")  # the parent's client still works between the forks
print(json.dumps(["done", rounds, "" if not used else "running" if download.is_alive() else "ended"]))
"""
        self.assertEqual(["done", rounds, ""], self.result(code.replace("{used}", "False"), timeout=HANG * 8))
        found = self.result(code.replace("{used}", "True"), timeout=HANG * 8)
        self.assertEqual(["done", rounds, "running"], found)

    def test_a_child_keeps_no_lease_of_its_parent(self):
        self.throttled(1_000_000)
        process = self.start("""
import hubd, os, sys
from hubd import _request
daemon = hubd.find()
events = daemon.stream("hubd.v1.Downloads/Ensure", {"caller": hubd.caller(), "wantProgress": True,
                                                     "repo": _request.repo_message("acme/large")})
next(events)
child = os.fork()
if child == 0:
    sys.stdin.read()
    os._exit(0)
print(child, flush=True)
os.kill(os.getpid(), 9)
""", home="home")
        child = int(process.stdout.readline())
        self.addCleanup(lambda: os.path.exists(f"/proc/{child}") and os.kill(child, signal.SIGKILL))
        process.wait(HANG)
        self.until(lambda: not self.transfers(), "the end of a transfer whose only caller was killed")
        self.assertTrue(os.path.exists(f"/proc/{child}"), "the child was to outlive its parent")

    # --- threads, asyncio, spawn ---

    def test_threads_share_one_client(self):
        found = self.result("""
import concurrent.futures, hubd, json, os
def work(number):
    path = hubd.snapshot_download("acme/model", revision=("main", "v1", "dev/x")[number % 3])
    return [os.path.basename(path), len(hubd.list_repo_files("acme/many")), hubd.file_exists("acme/model", "nope")]
with concurrent.futures.ThreadPoolExecutor(24) as pool:
    found = list(pool.map(work, range(72)))
from hubd import _daemon
print(json.dumps([len({entry[0] for entry in found}), {entry[1] for entry in found} == {900},
                  any(entry[2] for entry in found), sum(len(d._idle) for d in _daemon._daemons.values())]))
""")
        self.assertEqual([3, True, False], found[:3])
        self.assertLessEqual(found[3], 4)

    def test_asyncio_runs_the_same_core_without_a_thread(self):
        found = self.result("""
import asyncio, hubd.aio, json, os, threading
async def main():
    paths = await asyncio.gather(*[hubd.aio.snapshot_download("acme/model", revision=r) for r in ("main", "v1") * 8])
    files = await hubd.aio.list_repo_files("acme/model")
    tree = [entry.path async for entry in hubd.aio.list_repo_tree("acme/many", recursive=True)]
    info = await hubd.aio.Api(token="hf_alice").model_info("acme/private")
    scan = await hubd.aio.scan_cache_dir()
    kinds = []
    for call in (hubd.aio.hf_hub_download("acme/no-such", "x"), hubd.aio.model_info("acme/model", revision="nope"),
                 hubd.aio.hf_hub_download("acme/model", "nope")):
        try:
            await call
        except Exception as error:
            kinds.append(type(error).__name__)
    return [len(set(paths)), len(files), len(tree), info.id, sorted(repo.repo_id for repo in scan.repos), kinds,
            threading.active_count()]
print(json.dumps(asyncio.run(main())))
""")
        self.assertEqual([2, 6, 901, "acme/private", ["acme/model"],
                          ["RepositoryNotFoundError", "RevisionNotFoundError", "RemoteEntryNotFoundError"], 1], found)

    def test_a_cancelled_task_drops_its_lease(self):
        self.throttled(1_000_000)
        process = subprocess.Popen([sys.executable, "-c", """
import asyncio, hubd.aio, sys
async def main():
    task = asyncio.ensure_future(hubd.aio.snapshot_download("acme/large"))
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.readline()
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        print("cancelled", flush=True)
    await reader.readline()
asyncio.run(main())
"""], env=self.env(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            self.until(self.transfers, "a transfer")
            process.stdin.write("cancel\n")
            process.stdin.flush()
            self.assertEqual("cancelled", process.stdout.readline().strip())
            self.until(lambda: not self.transfers(), "the end of a transfer that nobody wants")
        finally:
            process.communicate("end\n", timeout=HANG)
        self.assertEqual(0, process.returncode)

    def test_spawned_workers_get_the_same_files(self):
        script = self.folder / "spawn.py"
        script.write_text("""
import json, multiprocessing, hubd
def work(number):
    try:
        hubd.model_info("acme/no-such")
    except OSError as error:
        return [hubd.snapshot_download("acme/model"), type(error).__name__]
if __name__ == "__main__":
    hubd.list_repo_files("acme/model")
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        found = pool.map(work, range(4))
    print(json.dumps([len({path for path, _ in found}), {name for _, name in found} == {"RepositoryNotFoundError"}]))
""")
        done = subprocess.run([sys.executable, str(script)], env=self.env(), capture_output=True, text=True, timeout=HANG)
        self.assertEqual([1, True], json.loads(done.stdout or "null"), done.stderr)

    def test_exceptions_travel_between_processes(self):
        found = self.result("""
import hubd, json, pickle
out = []
for call in (lambda: hubd.hf_hub_download("acme/no-such", "x"), lambda: hubd.hf_hub_download("acme/model", "nope"),
             lambda: hubd.snapshot_download("acme/never", local_files_only=True),
             lambda: hubd.find().call("hubd.v1.Nope/Nope", {})):
    try:
        call()
    except Exception as error:
        other = pickle.loads(pickle.dumps(error))
        out.append([type(other) is type(error), str(other) == str(error)])
print(json.dumps(out))
""")
        self.assertEqual([[True, True]] * 4, found)

    def test_an_error_names_its_call_as_hubds_log_does(self):
        call = self.result("""
import hubd, json
try:
    hubd.hf_hub_download("acme/no-such", "x")
except Exception as error:
    print(json.dumps(error.call.call_id))
""")
        self.assertTrue(call)
        self.assertIn("[call %s]" % call, self.daemon.log_text())

    # --- a hubd that goes away ---

    def test_a_killed_hubd_is_one_typed_error(self):
        self.throttled(1_000_000)
        code = """
import hubd, json
kinds = []
try:
    hubd.snapshot_download("acme/large")
except OSError as error:
    kinds = [type(error).__name__, error.call.kind, "went away" in str(error)]
print(json.dumps(kinds), flush=True)
"""
        process = self.start(code)
        self.until(lambda: any(int(t.get("bytesFetched", 0)) > 0 or t["state"] == "running" for t in self.transfers()),
                   "a running transfer")
        self.daemon.kill()
        out, err = process.communicate(timeout=HANG)
        self.assertEqual(["HubdError", "Unavailable", True], json.loads(out or "null"), err)

    def test_a_client_outlives_its_hubd(self):
        process = subprocess.Popen([sys.executable, "-c", """
import hubd, sys
print(len(hubd.list_repo_files("acme/model")), flush=True)
sys.stdin.readline()
print(len(hubd.list_repo_files("acme/data", repo_type="dataset")), hubd.find().hello()["pid"], flush=True)
"""], env=self.env(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            self.assertEqual("6", process.stdout.readline().strip())
            self.daemon.kill()
            self.daemon.start()
            out, _ = process.communicate("go on\n", timeout=HANG)
        finally:
            process.kill()
            process.wait(20)
        self.assertEqual(["2", str(self.daemon.process.pid)], out.split())

    def test_a_silent_hubd_is_noticed(self):
        code = """
import asyncio, hubd, hubd.aio, json
from hubd import _connection
_connection.LOOK_AFTER = _connection.LOOK_MAX = 0.3
daemon = hubd.find()
daemon.hello()
import sys
print("ready", flush=True)
sys.stdin.readline()
kinds = []
try:
    daemon.call("hubd.v1.Admin/Hello", {})
except hubd.CallError as error:
    kinds.append(error.kind)
try:
    asyncio.run(hubd.aio.Daemon(daemon).call("hubd.v1.Admin/Hello", {}))
except hubd.CallError as error:
    kinds.append(error.kind)
try:
    daemon.call("hubd.v1.Admin/Hello", {}, timeout=0.1)
except hubd.CallError as error:
    kinds.append(error.kind)
print(json.dumps(kinds))
"""
        process = subprocess.Popen([sys.executable, "-c", code], env=self.env(), stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, text=True)
        try:
            self.assertEqual("ready", process.stdout.readline().strip())
            self.daemon.process.send_signal(signal.SIGSTOP)
            out, _ = process.communicate("go on\n", timeout=HANG)
        finally:
            self.daemon.process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait(20)
        self.assertEqual(["Stalled", "Stalled", "DeadlineExceeded"], json.loads(out))

    def test_ctrl_c_ends_the_call_and_its_lease(self):
        self.throttled(1_000_000)
        process = self.start("""
import hubd
try:
    hubd.snapshot_download("acme/large")
except KeyboardInterrupt:
    print(len(hubd.list_repo_files("acme/model")), flush=True)
""")
        self.until(self.transfers, "a transfer")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=HANG)
        self.assertEqual("6", out.strip(), err)
        self.until(lambda: not self.transfers(), "the end of a transfer that nobody wants")

    def test_many_processes_fetch_once(self):
        processes = [self.start("import hubd; print(hubd.snapshot_download('acme/large'), end='')")
                     for _ in range(16 if LONG else 6)]
        paths = [process.communicate(timeout=HANG)[0] for process in processes]
        self.assertEqual(1, len(set(paths)), paths)
        digest = hashlib.sha256(pathlib.Path(paths[0], "large.bin").read_bytes()).hexdigest()
        self.assertEqual(digest, pathlib.Path(paths[0], "large.bin").resolve().name)
        counters = self.server.counters()["routes"]
        self.assertEqual(LARGE, counters["cdn"]["bytes"])


if __name__ == "__main__":
    unittest.main()
