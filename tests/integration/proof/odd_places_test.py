# SPDX-License-Identifier: Apache-2.0
"""Caches at odd places: a home that nobody else may enter, a umask that keeps others out, file systems whose locks lie, a cache on
another file system than HF_HOME, a cache that was moved."""
import errno
import os
import pathlib
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import BIN, HANG, ROOT, Hubd, ProofCase, clean_env, content, stock, stock_python  # noqa: E402

NOWHERE = "http://127.0.0.1:9"
SHIM = ROOT / "tests/support/flock_shim.c"
SEED = {"repos": [{"id": "acme/model", "commits": [{"files": [
    {"path": "config.json", "text": "{}"}, {"path": "sub/vocab.txt", "text": "a\n"}, {"path": "model.bin", "size": 2_000_000, "random_seed": 1}]}]}]}
DOWNLOAD = "from huggingface_hub import snapshot_download; print(snapshot_download('acme/model'))"
NOBODY = 65534


def requests(hub) -> int:
    return hub.counters()["total"]["requests"]


def modes(root: pathlib.Path) -> dict[str, str]:
    """What stands in a cache, hubd's own things apart, with the modes of files and folders."""
    found = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if not path.is_symlink() and "/.hubd" not in name and path.name != "CACHEDIR.TAG":
            found[name] = f"{'dir' if path.is_dir() else 'file'} {stat.S_IMODE(path.stat().st_mode):o}"
    return found


class Umask(ProofCase):
    def test_counterpart_files_have_the_modes_that_the_stock_client_gives_them(self):
        hub = self.hub(SEED)
        python = stock_python("2.4.0")
        for mask in ("077", "022", "002"):
            with self.subTest(mask):
                under = ("sh", "-c", f'umask {mask}; exec "$@"', "sh")
                home = self.folder / f"stock-{mask}"
                home.mkdir()
                subprocess.run([*under, python, "-c", DOWNLOAD], check=True, capture_output=True, timeout=HANG,
                               env=clean_env(home, HF_ENDPOINT=hub.url))
                hubd = self.hubd(hub.url, name=f"ours-{mask}", prefix=under)
                hubd.ctl("download", "acme/model", check=True)
                expected, found = modes(home / "hf/hub"), modes(hubd.cache)
                locks = [name for name in {**expected, **found} if name.startswith(".locks")]
                for name in locks:  # hubd's locks may be taken by every user of the cache, whatever its umask
                    expected.pop(name, None), found.pop(name, None)
                self.assertEqual(expected, found)
                self.assertIn(f"file {0o666 & ~int(mask, 8):o}", found.values())


@unittest.skipUnless(os.geteuid() == 0, "becoming another user needs root")
class PrivateHome(ProofCase):
    def test_a_user_whose_home_is_closed_has_a_hubd_that_works_and_closes_nothing_else(self):
        hub = self.hub(SEED)
        os.chmod(self.folder, 0o755)
        home = self.folder / "nobody"
        home.mkdir(mode=0o700)
        os.chown(home, NOBODY, NOBODY)
        programs = pathlib.Path(tempfile.mkdtemp(prefix="hubd-bin-"))  # the build's folder may be closed to that user
        self.addCleanup(shutil.rmtree, programs, True)
        os.chmod(programs, 0o755)
        for name in ("hubd", "hubctl"):
            shutil.copy(BIN / name, programs)
        runtime = pathlib.Path(tempfile.mkdtemp(prefix="hubd-t-"))
        self.addCleanup(shutil.rmtree, runtime, True)
        os.chown(runtime, NOBODY, NOBODY)
        env = {**clean_env(home, HF_ENDPOINT=hub.url, XDG_RUNTIME_DIR=str(runtime)), "HOME": str(home), "PATH": f"{programs}:/usr/bin:/bin"}
        del env["HF_HOME"]
        as_nobody = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "sh", "-c", 'umask 022; exec "$@"', "sh"]

        def ctl(*arguments: str) -> str:
            done = subprocess.run([*as_nobody, programs / "hubctl", *arguments], env=env, cwd="/", capture_output=True, text=True,
                                  timeout=HANG)
            self.assertEqual(0, done.returncode, done.stdout + done.stderr)
            return done.stdout

        try:
            path = pathlib.Path(ctl("--quiet", "download", "acme/model").strip())  # which starts that user's own hubd
            self.assertTrue(path.is_relative_to(home / ".cache/huggingface/hub"), path)
            self.assertEqual(3, len(content(path)))
            self.assertEqual(0o700, stat.S_IMODE(home.stat().st_mode))
            everything = [home, *home.rglob("*"), *runtime.rglob("*")]
            self.assertEqual({NOBODY}, {entry.lstat().st_uid for entry in everything})
            hub.reset()
            self.assertEqual(str(path), ctl("--quiet", "download", "acme/model", "--revision", path.name).strip())
            self.assertEqual(0, requests(hub))
        finally:
            ctl("stop")


class Locks(ProofCase):
    """A cache whose flock lies is nothing that hubd may share with others: refused when it starts."""

    def shim(self) -> pathlib.Path:
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None:
            self.skipTest("needs a C compiler")
        library = self.folder / "flock_shim.so"
        subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, SHIM], check=True, capture_output=True, timeout=HANG)
        return library

    def refusal(self, how: str) -> str:
        hubd = self.hubd(NOWHERE, name=f"flock-{how}", start=False,
                         env={"LD_PRELOAD": str(self.shim()), "FLOCK_SHIM": how, "ASAN_OPTIONS": "verify_asan_link_order=0"})
        with self.assertRaisesRegex(RuntimeError, "hubd ended with 1"):
            hubd.start()
        lines = hubd.log_text().strip().splitlines()
        self.assertEqual(1, len(lines), lines)
        self.assertIn(str(hubd.cache), lines[0])
        self.assertIn("[not_supported]", lines[0])
        self.assertRegex(lines[0], "put the cache on another one|choose a cache on a local disk")
        self.assertFalse(os.path.exists(hubd.socket))
        self.assertEqual([], [path for path in hubd.cache.rglob("*") if path.is_file()], "nothing is left behind")
        return lines[0]

    def test_a_lock_that_everybody_gets(self):
        self.refusal("succeeds")

    def test_a_lock_that_nobody_gets(self):
        for code in (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EWOULDBLOCK):
            with self.subTest(errno.errorcode[code]):
                self.refusal(str(code))


@unittest.skipUnless(os.path.isdir("/dev/shm") and os.access("/dev/shm", os.W_OK), "needs /dev/shm")
class TwoFileSystems(ProofCase):
    def setUp(self) -> None:
        super().setUp()
        self.other = pathlib.Path(tempfile.mkdtemp(prefix="hubd-shm-", dir="/dev/shm"))
        self.addCleanup(shutil.rmtree, self.other, True)
        if self.other.stat().st_dev == self.folder.stat().st_dev:
            self.skipTest("/dev/shm is no file system of its own")
        self.server = self.hub(SEED)

    def works(self, hubd: Hubd, state: pathlib.Path, cache: pathlib.Path) -> None:
        self.assertEqual(str(state), hubd.rpc("Admin", "Status", {})[1]["stateFolder"])
        self.assertEqual(state.stat().st_dev, cache.stat().st_dev)
        self.server.faults({"match": {"route": "cdn", "times": 1}, "action": {"type": "cut", "after": 700_000}})
        path = pathlib.Path(hubd.ctl("--quiet", "download", "acme/model", check=True).stdout.strip())
        self.assertTrue(path.resolve().is_relative_to(cache), path)
        blob = (path / "model.bin").resolve()
        self.assertEqual(1, blob.stat().st_nlink, "by rename, not by copy")
        self.assertEqual(cache.stat().st_dev, blob.stat().st_dev)
        self.assertEqual([], [p for p in state.rglob("*") if p.is_file() and p.stat().st_size > 1_000_000], "no partial is left")

    def test_the_cache_is_elsewhere_than_hf_home(self):
        cache = self.other / "cache"
        hubd = self.hubd(self.server.url, env={"HF_HUB_CACHE": str(cache)})
        self.works(hubd, self.other / "cache-hubd", cache)
        self.assertFalse((self.folder / "home/hf/hubd").exists())

    def test_the_hub_folder_of_hf_home_is_a_link_to_another_file_system(self):
        home = self.folder / "linked"
        (home / "hf").mkdir(parents=True)
        cache = self.other / "hub"
        cache.mkdir()
        (home / "hf/hub").symlink_to(cache)
        hubd = self.hubd(self.server.url, name="linked")
        state = pathlib.Path(hubd.rpc("Admin", "Status", {})[1]["stateFolder"])
        self.works(hubd, state, cache)
        self.assertFalse((home / "hf/hubd").exists(), "what is of no use there is not left there")

    def test_a_configured_state_folder_elsewhere_is_refused(self):
        hubd = self.hubd(NOWHERE, start=False, config=f'[state]\nfolder = "{self.other}/state"\n')
        with self.assertRaisesRegex(RuntimeError, "hubd ended with 2"):
            hubd.start()
        self.assertIn("another file system", hubd.log_text())


class Relocated(ProofCase):
    def setUp(self) -> None:
        super().setUp()
        self.server = self.hub(SEED)

    def warm(self, hubd: Hubd, commit: str, where: pathlib.Path, root_id: str) -> None:
        self.server.reset()
        path = pathlib.Path(hubd.ctl("--quiet", "download", "acme/model", "--revision", commit, check=True).stdout.strip())
        self.assertTrue(path.is_relative_to(where), path)
        self.assertEqual(self.files, content(path))
        self.assertEqual(0, requests(self.server))
        status = hubd.rpc("Admin", "Status", {})[1]
        self.assertEqual(root_id, status["rootId"], "it is the same cache")
        ready = hubd.rpc("Downloads", "Ready", {"repo": {"type": "REPO_TYPE_MODEL", "id": "acme/model", "revision": commit}})[1]
        self.assertEqual((True, []), (ready.get("ready"), ready.get("unverified", [])), "what was hashed stays known")

    def begin(self) -> tuple[Hubd, str, str]:
        hubd = self.hubd(self.server.url)
        path = pathlib.Path(hubd.ctl("--quiet", "download", "acme/model", check=True).stdout.strip())
        self.files = content(path)
        root_id = hubd.rpc("Admin", "Hello", {})[1]["rootId"]
        self.assertEqual(0, hubd.stop())
        return hubd, path.name, root_id

    def test_the_whole_home_was_moved(self):
        hubd, commit, root_id = self.begin()
        moved = self.folder / "moved"
        hubd.folder.rename(moved)
        self.warm(self.hubd(self.server.url, name="moved"), commit, moved / "hf/hub", root_id)

    def test_the_cache_alone_was_moved(self):
        hubd, commit, root_id = self.begin()
        moved = self.folder / "disk/hub"
        moved.parent.mkdir()
        hubd.cache.rename(moved)
        self.warm(self.hubd(self.server.url, env={"HF_HUB_CACHE": str(moved)}), commit, moved, root_id)

    def test_the_cache_is_reached_through_a_link(self):
        hubd, commit, root_id = self.begin()
        real = self.folder / "disk/hub"
        real.parent.mkdir()
        hubd.cache.rename(real)
        hubd.cache.symlink_to(real)
        again = self.hubd(self.server.url)
        self.warm(again, commit, self.folder, root_id)
        # Whichever of its names a caller has for it.
        for name in (real, hubd.cache):
            again.ctl("download", "acme/model", "--revision", commit, env={"HF_HUB_CACHE": str(name)}, check=True)

    def test_counterpart_the_stock_client_reads_a_cache_that_was_moved(self):
        hubd, commit, _ = self.begin()
        moved = self.folder / "elsewhere"
        hubd.cache.rename(moved)
        self.server.reset()
        done = stock("2.4.0", f"from huggingface_hub import snapshot_download; print(snapshot_download('acme/model', revision={commit!r}))",
                     self.folder, HF_ENDPOINT=self.server.url, HF_HUB_CACHE=str(moved), HF_HUB_OFFLINE="1")
        self.assertEqual(self.files, content(pathlib.Path(done.stdout.strip())))


if __name__ == "__main__":
    unittest.main(verbosity=2)
