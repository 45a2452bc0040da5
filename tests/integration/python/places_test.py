# SPDX-License-Identifier: Apache-2.0
"""Where the package looks for hubd and for files: sockets, their owners, starting one, caches mounted elsewhere."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from case import HANG, PACKAGE, PythonCase  # noqa: E402
from harness import BIN, clean_env  # noqa: E402


class Places(PythonCase):
    def runtime(self) -> pathlib.Path:
        folder = pathlib.Path(tempfile.mkdtemp(prefix="hubd-t-"))
        self.addCleanup(shutil.rmtree, folder, True)
        return folder

    def test_starts_a_hubd_when_none_runs_and_it_keeps_nothing_of_the_caller(self):
        runtime = self.runtime()
        home = self.folder / "own"
        env = clean_env(home, HF_ENDPOINT=self.server.url, XDG_RUNTIME_DIR=str(runtime), PYTHONPATH=str(PACKAGE),
                        PATH=f"{BIN}:{os.environ['PATH']}", HF_TOKEN="hf_alice")
        code = """
import hubd, json
path = hubd.snapshot_download("acme/private")
print(json.dumps([path, hubd.find().path, hubd.find().hello()["pid"], hubd.find().hello().get("autoStarted")]))
"""
        pid = 0
        try:
            done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=HANG)
            self.assertEqual(0, done.returncode, done.stderr)
            path, socket, pid, started = json.loads(done.stdout)
            self.assertEqual(str(runtime / "hubd/hubd.sock"), socket)
            self.assertTrue(started)
            self.assertTrue(path.startswith(str(home / "hf/hub")), path)
            variables = pathlib.Path(f"/proc/{pid}/environ").read_bytes()
            for secret in (b"HF_TOKEN=", b"hf_alice", b"HF_ENDPOINT="):
                self.assertNotIn(secret, variables)
            # A second program finds the same one; forbidden to start one, a third finds it too.
            env["HUBD_AUTOSTART"] = "0"
            again = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=HANG)
            self.assertEqual(pid, json.loads(again.stdout)[2])
        finally:
            if pid:
                os.kill(pid, signal.SIGTERM)
                self.ended(pid)

    def ended(self, pid: int) -> None:
        import time

        deadline = time.monotonic() + HANG
        while os.path.exists(f"/proc/{pid}") and time.monotonic() < deadline:
            if pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return
            time.sleep(0.02)

    def test_starts_none_when_forbidden(self):
        env = clean_env(self.folder / "own", XDG_RUNTIME_DIR=str(self.runtime()), PYTHONPATH=str(PACKAGE),
                        HUBD_AUTOSTART="0", PATH=f"{BIN}:{os.environ['PATH']}")
        done = subprocess.run([sys.executable, "-c", "import hubd; hubd.snapshot_download('acme/model')"], env=env,
                              capture_output=True, text=True, timeout=HANG)
        self.assertIn("DaemonUnavailable", done.stderr)
        self.assertIn("nobody answers at", done.stderr)

    def test_a_folder_that_others_can_write_is_not_trusted(self):
        runtime = self.runtime()
        folder = runtime / "hubd"
        folder.mkdir(mode=0o700)
        for name in ("hubd.sock", "hubd.sock.http"):
            os.symlink(self.daemon.socket.with_name(self.daemon.socket.name + name[9:]), folder / name)
        env = {"XDG_RUNTIME_DIR": str(runtime), "HUBD_SOCKET": ""}
        code = "import hubd, json; print(json.dumps(len(hubd.list_repo_files('acme/model'))))"
        self.assertEqual(6, self.result(code, **env))
        os.chmod(folder, 0o777)
        done = self.program(code, check=False, **env)
        self.assertIn("PermissionError", done.stderr)
        self.assertIn("may be written by others", done.stderr)

    @unittest.skipUnless(os.geteuid() == 0, "needs a second user")
    def test_a_folder_of_another_user_is_not_trusted(self):
        runtime = self.runtime()
        (runtime / "hubd").mkdir(mode=0o700)
        for name in ("hubd.sock", "hubd.sock.http"):
            os.symlink(self.daemon.socket.with_name(self.daemon.socket.name + name[9:]), runtime / "hubd" / name)
        os.chown(runtime / "hubd", 65534, 65534)
        done = self.program("import hubd; hubd.list_repo_files('acme/model')", check=False,
                            XDG_RUNTIME_DIR=str(runtime), HUBD_SOCKET="")
        self.assertIn("belongs to user 65534", done.stderr)

    def test_another_cache_is_a_typed_error(self):
        done = self.result("""
import hubd, json
try:
    hubd.snapshot_download("acme/model", cache_dir="/nowhere/else")
except hubd.errors.ForeignCacheError as error:
    print(json.dumps([isinstance(error, OSError), error.call.kind, "/nowhere/else" in str(error)]))
""")
        self.assertEqual([True, "ForeignCache", True], done)

    def test_a_cache_mounted_elsewhere_is_found_by_its_id(self):
        # Another path to the same cache, as a container has it: here a copy made of hard links, so that the daemon
        # cannot take the two paths for one folder.
        path = pathlib.Path(self.result("import hubd, json; print(json.dumps(hubd.snapshot_download('acme/model')))"))
        mount = self.folder / "mounted"
        shutil.copytree(self.daemon.cache, mount, symlinks=True)
        code = """
import asyncio, hubd, hubd.aio, json
print(json.dumps([hubd.snapshot_download("acme/model"), hubd.hf_hub_download("acme/model", "config.json"),
                  hubd.hf_hub_download("acme/model", "config.json", dry_run=True).local_path,
                  asyncio.run(hubd.aio.snapshot_download("acme/model"))]))
"""
        here = str(mount / path.relative_to(self.daemon.cache))
        self.assertEqual([here, here + "/config.json", here + "/config.json", here],
                         self.result(code, HF_HUB_CACHE=str(mount)))
        # A file that this mount does not show is read at the daemon's own path, where that is visible ...
        shutil.rmtree(here)
        self.assertEqual(str(path / "config.json"), self.result(
            "import hubd, json; print(json.dumps(hubd.hf_hub_download('acme/model', 'config.json')))",
            HF_HUB_CACHE=str(mount)))

    def test_a_file_that_is_nowhere_to_be_seen_is_a_typed_error(self):
        found = self.result("""
import hubd, json
from hubd import _download
try:
    _download.located({"rootId": "0" * 32, "relativePath": "models--a--b/snapshots/c/d", "size": "1",
                       "absolutePath": "/nowhere/models--a--b/snapshots/c/d"}, "/nowhere/else")
except hubd.errors.MountError as error:
    print(json.dumps([isinstance(error, OSError), "hubd.mount_map" in str(error), "/nowhere/else" in str(error)]))
""")
        self.assertEqual([True, True, True], found)

    @unittest.skipUnless(shutil.which("strace"), "needs strace")
    def test_reading_writes_nothing(self):
        commit = self.commit()
        self.program("import hubd; hubd.snapshot_download('acme/model')")
        log = self.folder / "trace"
        code = f"""
import hubd
hubd.snapshot_download("acme/model", revision={commit!r})
hubd.snapshot_download("acme/model")
hubd.hf_hub_download("acme/model", "config.json")
hubd.try_to_load_from_cache("acme/model", "config.json")
hubd.list_repo_files("acme/model")
hubd.open("acme/large", "large.bin").read(10)
"""
        subprocess.run(["strace", "-f", "-o", str(log), "-e",
                        "trace=openat,open,creat,mkdir,mkdirat,rename,renameat,renameat2,link,linkat,symlink,symlinkat,"
                        "unlink,unlinkat,truncate,chmod,fchmodat,utimensat", sys.executable, "-c", code],
                       env=self.env(), check=True, timeout=HANG, capture_output=True)
        changing = []
        for line in log.read_text().splitlines():
            opened = "open" in line.split("(")[0]
            if opened and not any(flag in line for flag in ("O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC")):
                continue
            if "ENOENT" in line or "+++" in line or "---" in line or '"/dev/' in line or '"/proc/' in line:
                continue
            changing.append(line)
        self.assertEqual([], changing)

    def test_the_callers_settings_travel(self):
        found = self.result("""
import hubd, json, os
one = hubd.caller()
os.environ.update(HF_ENDPOINT="http://127.0.0.1:1/", HF_TOKEN=" hf_x\\n", HF_HUB_OFFLINE="1")
two = hubd.caller()
os.environ["HF_HUB_DISABLE_IMPLICIT_TOKEN"] = "1"
three, four = hubd.caller(), hubd.caller(token=True)
print(json.dumps([one["tokenMode"], one.get("offline"), two["endpoint"], two["token"], two["tokenMode"], two["offline"],
                  three["tokenMode"], four["token"], hubd.caller(token="hf_y", deadline=1.5)["deadlineMs"],
                  hubd.caller(token=False)["tokenMode"]]))
""")
        self.assertEqual(["TOKEN_MODE_NONE", None, "http://127.0.0.1:1", "hf_x", "TOKEN_MODE_GIVEN", True,
                          "TOKEN_MODE_NONE", "hf_x", "1500", "TOKEN_MODE_NONE"], found)


if __name__ == "__main__":
    unittest.main()
