# SPDX-License-Identifier: Apache-2.0
"""Programs in containers use the hubd of their host: docs/containers.md, done by namespaces.

Mount, pid and user namespaces stand in for an engine: a read-only root, the cache mounted read-only at another path than on the
host, the folder of the socket, a user that exists nowhere, no HOME. What is there is used by programs that nobody changed, by the
package and by hubctl, and none of them writes anything.
"""
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "python"), str(HERE.parent / "daemon")]
from dropin_case import PACKAGE, interpreter  # noqa: E402
from harness import BIN, COUNTERPARTS, HANG, ROOT, ProofCase  # noqa: E402
from probe import kind  # noqa: E402

CONTAINER = ROOT / "tests/support/container.py"
INSIDE, OUTSIDE = 4711, 345678  # the user in the container, and what the kernel calls it on the host
WEIGHTS = {"path": "model.bin", "size": 1_500_000, "random_seed": 4}
SEED = {"repos": [{"id": f"acme/{name}", "commits": [{"files": [{"path": "config.json", "text": f"{{\"a\": \"{name}\"}}"}, WEIGHTS]}]}
                  for name in ("stock", "package", "ctl", "part")]}
CHANGES = ("trace=openat,openat2,open,creat,mkdir,mkdirat,mknod,mknodat,rename,renameat,renameat2,link,linkat,symlink,symlinkat,"
           "unlink,unlinkat,rmdir,truncate,ftruncate,fallocate,chmod,fchmod,fchmodat,chown,fchown,lchown,fchownat,utimensat,utime,"
           "utimes,setxattr,fsetxattr,bind")
WRITING = ("O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC")
STOCK = """
import huggingface_hub, json
print(json.dumps([huggingface_hub.snapshot_download("acme/stock"), huggingface_hub.hf_hub_download("acme/stock", "config.json"),
                  open(huggingface_hub.hf_hub_download("acme/stock", "config.json")).read()]))
"""
OURS = """
import hubd, json
print(json.dumps([hubd.snapshot_download("acme/{0}"), hubd.hf_hub_download("acme/{0}", "config.json"),
                  open(hubd.hf_hub_download("acme/{0}", "config.json")).read()]))
"""
CALL = """
import http.client, json, socket
connection = http.client.HTTPConnection("localhost", timeout=60)
connection.sock = socket.socket(socket.AF_UNIX)
connection.sock.connect("/run/hubd/s.http")
connection.request("POST", "/hubd.v1.Admin/Hello", "{}", {"Content-Type": "application/json"})
answer = connection.getresponse()
print(json.dumps([answer.status, json.loads(answer.read())]))
"""


def setUpModule() -> None:
    if os.geteuid() != 0:
        raise unittest.SkipTest("making mounts needs root")
    done = subprocess.run(["unshare", "--mount", "--pid", "--fork", "--user", "--map-root-user", "true"], capture_output=True,
                          text=True, timeout=HANG)
    again = subprocess.run(["unshare", "--mount", "--pid", "--fork", "mount", "-t", "tmpfs", "tmpfs", "/mnt"],
                           capture_output=True, text=True, timeout=HANG)
    if done.returncode != 0 or again.returncode != 0:
        raise unittest.SkipTest("this machine makes no namespaces: " + (done.stderr + again.stderr).strip())


class Containers(ProofCase):
    def setUp(self) -> None:
        super().setUp()
        self.server = self.hub(SEED)
        self.served(OUTSIDE)

    def served(self, uid: int, name: str = "home") -> None:
        # As an ordinary umask would have it: what hubd makes in the cache may be read by every user of the host.
        self.daemon = self.hubd(self.server.url, name=name, config=f"[security]\nallow_uids = [{uid}]\n",
                                prefix=("sh", "-c", 'umask 022; exec "$@"', "sh"))

    def binds(self) -> list:
        """What a container has of its host, besides the system's programs."""
        found = [(self.daemon.cache, "/models", "ro"), (self.daemon.runtime, "/run/hubd", "ro"), (BIN, "/opt/hubd", "ro"),
                 (PACKAGE, "/opt/python", "ro")]
        base = pathlib.Path(sys.base_prefix)
        if not base.is_relative_to("/usr"):
            found.append((base, str(base), "ro"))
        return found

    def run_in(self, *command: str, uid: int = OUTSIDE, binds: list | None = None, trace: bool = False, check: bool = True,
               **env: str) -> subprocess.CompletedProcess:
        folder = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
        (folder / "root").mkdir()
        variables = {"PATH": f"/opt/hubd:{sys.base_prefix}/bin:/usr/bin:/bin", "HUBD_SOCKET": "/run/hubd/s",
                     "HF_HUB_CACHE": "/models", "HF_ENDPOINT": self.server.url, "HUBD_AUTOSTART": "0", "HUBD_NO_AUTOSTART": "1",
                     "PYTHONDONTWRITEBYTECODE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", **env}
        plan = {"root": str(folder / "root"), "uid": INSIDE, "host_uid": uid, "command": list(command),
                "binds": [[str(host), inside, mode] for host, inside, mode in (self.binds() if binds is None else binds)],
                "env": {name: value for name, value in variables.items() if value},
                "trace": str(folder / "trace") if trace else "", "trace_calls": CHANGES}
        (folder / "plan.json").write_text(json.dumps(plan))
        done = subprocess.run(["unshare", "--mount", "--pid", "--fork", "--kill-child", sys.executable, "-I", str(CONTAINER),
                               str(folder / "plan.json")], capture_output=True, text=True, timeout=HANG * 2,
                              stdin=subprocess.DEVNULL)
        if check and done.returncode != 0:
            self.fail(f"the container ended with {done.returncode}:\n{done.stdout}\n{done.stderr}\n" + self.daemon.log_text())
        self.trace = folder / "trace"
        return done

    def result(self, *command: str, **options):
        return json.loads(self.run_in(*command, **options).stdout.splitlines()[-1])

    def stock_binds(self, python: str) -> list:
        # Below the test's own folder, and the counterpart where it is installed: paths that the interpreter was made with.
        home = pathlib.Path(python).parents[1]
        return [*self.binds(), (home, str(home), "ro"), (COUNTERPARTS, str(COUNTERPARTS), "ro")]

    def here(self, repo: str) -> str:
        snapshot = next(self.daemon.cache.glob(f"models--acme--{repo}/snapshots/*"))
        self.assertEqual(["config.json", "model.bin"], sorted(path.name for path in snapshot.iterdir()))
        return "/models/" + str(snapshot.relative_to(self.daemon.cache))

    def asked_only_by_hubd(self) -> None:
        others = [name for name in self.server.counters()["clients"] if "hubd" not in name and "hubctl" not in name and
                  "Python-urllib" not in name]
        self.assertEqual([], others)

    def assert_found(self, repo: str, found: list) -> None:
        here = self.here(repo)
        self.assertEqual([here, here + "/config.json", json.dumps({"a": repo})], found)
        self.asked_only_by_hubd()

    def test_the_container_is_one(self):
        code = """
import json, os
tried = []
for path in ("/x", "/models/x", "/run/hubd/x", "/usr/x", "/models/.locks/x"):
    try:
        open(path, "w")
        tried.append(path)
    except OSError:
        pass
alone = len([name for name in os.listdir("/proc") if name.isdigit()]) < 5
print(json.dumps([os.getuid(), alone, "HOME" in os.environ, os.path.exists(%r), tried]))
""" % str(self.daemon.cache)
        self.assertEqual([INSIDE, True, False, False, []], self.result("python3", "-c", code))

    def test_counterpart_an_unmodified_program(self):
        for version in ("2.4.0", "0.36.2"):
            with self.subTest(version):
                python = interpreter(self.folder, "hub-" + version)
                found = self.result(python, "-c", STOCK, binds=self.stock_binds(python), HUBD_DROPIN="require")
                self.assert_found("stock", found)
        # Asked again, by a program that would also do it alone: still through hubd, and by the commit without it.
        commit = pathlib.Path(found[0]).name
        self.server.reset()
        python = interpreter(self.folder, "hub-2.4.0")
        self.assertEqual(found, self.result(python, "-c", STOCK, binds=self.stock_binds(python), HUBD_DROPIN="1"))
        code = f"""
import huggingface_hub, json
print(json.dumps(huggingface_hub.hf_hub_download("acme/stock", "config.json", revision="{commit}")))
"""
        binds = [bind for bind in self.stock_binds(python) if bind[1] != "/run/hubd"]
        self.assertEqual(found[1], self.result(python, "-c", code, binds=binds, HUBD_DROPIN="require"))
        self.asked_only_by_hubd()

    def test_the_package(self):
        self.assert_found("package", self.result("python3", "-c", OURS.format("package"), PYTHONPATH="/opt/python"))

    def test_hubctl(self):
        done = json.loads(self.run_in("hubctl", "--json", "download", "acme/ctl").stdout)
        self.assertEqual(self.here("ctl"), done["path"])
        one = json.loads(self.run_in("hubctl", "--json", "download", "acme/ctl", "config.json").stdout)
        self.assertEqual(self.here("ctl") + "/config.json", one["path"])
        self.assertIn("recipes", json.loads(self.run_in("hubctl", "--json", "store", "stats").stdout))
        self.asked_only_by_hubd()

    @unittest.skipUnless(shutil.which("strace"), "needs strace")
    def test_counterpart_nothing_is_written(self):
        python = interpreter(self.folder, "hub-2.4.0")
        if self.run_in("strace", "-qq", "-o", "/dev/null", "true", check=False).returncode != 0:
            self.skipTest("a program in a container cannot be traced here")
        runs = {"stock": ([python, "-c", STOCK], dict(binds=self.stock_binds(python), HUBD_DROPIN="require")),
                "package": (["python3", "-c", OURS.format("package")], dict(PYTHONPATH="/opt/python")),
                "ctl": (["hubctl", "--json", "download", "acme/ctl"], {})}
        for name, (command, options) in runs.items():
            with self.subTest(name):
                self.run_in(*command, trace=True, **options)
                lines = self.trace.read_text(errors="replace").splitlines()
                self.assertGreater(len(lines), 10, "the trace was to tell what was opened")
                self.assertEqual([], [line for line in lines if self.is_change(line)])

    def is_change(self, line: str) -> bool:
        """Did this call make, or try to make, a change outside of /dev and /proc?"""
        call = line.split(maxsplit=1)[1] if " " in line else line
        if call.startswith(("+++", "---", "<...")) or '"/dev/' in call or '"/proc/' in call:
            return False
        if call.startswith(("open", "creat")):
            return call.startswith("creat") or any(flag in call for flag in WRITING)
        return not (call.startswith("bind(") and "AF_UNIX" not in call)

    def test_a_user_who_is_not_allowed_gets_the_typed_error_on_both_sockets(self):
        status, answer = self.result("python3", "-c", CALL, uid=OUTSIDE + 1)
        self.assertEqual((403, "ERROR_KIND_PERMISSION_DENIED"), (status, kind(answer)))
        self.assertIn(str(OUTSIDE + 1), answer["message"])  # as the host calls it: what has to stand in allow_uids
        self.assertIn("allow_uids", answer["message"])
        probe = json.loads(self.run_in("peer_probe", "call", "/run/hubd/s", "/hubd.v1.Admin/Hello", uid=OUTSIDE + 1).stdout)
        self.assertEqual((7, "ERROR_KIND_PERMISSION_DENIED"), (probe["code"], probe["detail"]["kind"]))
        done = self.run_in("hubctl", "download", "acme/ctl", uid=OUTSIDE + 1, check=False)
        self.assertEqual(1, done.returncode)
        self.assertIn(str(OUTSIDE + 1), done.stderr)
        done = self.run_in("python3", "-c", OURS.format("ctl"), uid=OUTSIDE + 1, check=False, PYTHONPATH="/opt/python")
        self.assertIn(str(OUTSIDE + 1), done.stderr)
        self.assertIn("allow_uids", done.stderr)
        self.assertFalse((self.daemon.cache / "models--acme--ctl").exists())

    def test_what_is_not_mounted_is_said(self):
        without = [bind for bind in self.binds() if bind[1] != "/models"]
        code = OURS.format("ctl")
        done = self.run_in("python3", "-c", code, binds=without, check=False, PYTHONPATH="/opt/python", HF_HUB_CACHE="")
        self.assertIn("ForeignCache", done.stderr)
        self.assertIn(str(self.daemon.cache), done.stderr)
        done = self.run_in("python3", "-c", code, binds=without, check=False, PYTHONPATH="/opt/python",
                           HF_HUB_CACHE=str(self.daemon.cache))
        self.assertIn("MountError", done.stderr)
        self.assertIn("HUBD_MOUNT_MAP", done.stderr)
        done = self.run_in("hubctl", "download", "acme/ctl", binds=without, check=False, HF_HUB_CACHE=str(self.daemon.cache))
        self.assertEqual(1, done.returncode)
        self.assertIn("HUBD_MOUNT_MAP", done.stderr)
        none = [bind for bind in self.binds() if bind[1] != "/run/hubd"]
        done = self.run_in("hubctl", "download", "acme/ctl", binds=none, check=False)
        self.assertIn("/run/hubd/s", done.stderr)
        done = self.run_in("python3", "-c", code, binds=none, check=False, PYTHONPATH="/opt/python")
        self.assertIn("DaemonUnavailable", done.stderr)

    def test_one_repo_is_mounted_alone_and_named_by_the_map(self):
        self.daemon.ctl("download", "acme/part", check=True)
        repo = self.daemon.cache / "models--acme--part"
        binds = [bind for bind in self.binds() if bind[1] != "/models"] + [(repo, "/model", "ro")]
        options = dict(binds=binds, HF_HUB_CACHE="", HUBD_MOUNT_MAP=f"{repo}=/model")
        here = self.here("part").replace("/models/models--acme--part", "/model")
        found = self.result("python3", "-c", OURS.format("part"), PYTHONPATH="/opt/python", **options)
        self.assertEqual([here, here + "/config.json", '{"a": "part"}'], found)
        done = json.loads(self.run_in("hubctl", "--json", "download", "acme/part", **options).stdout)
        self.assertEqual(here, done["path"])
        self.assertEqual(hashlib.sha256((repo / done["path"][len("/model/"):] / "model.bin").read_bytes()).hexdigest(),
                         self.run_in("sha256sum", here + "/model.bin", binds=binds).stdout.split()[0])


if __name__ == "__main__":
    unittest.main(verbosity=2)
