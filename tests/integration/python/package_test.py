# SPDX-License-Identifier: Apache-2.0
"""The wheel: reproducible, installable without an index, cheap to import, free when the drop-in is off."""
import ast
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
import venv
import zipfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from case import HANG, PACKAGE, ROOT  # noqa: E402

SOURCES = sorted((PACKAGE / "hubd").rglob("*.py"))


def build(folder: str, what: str = "wheel") -> pathlib.Path:
    code = f"import sys; sys.path.insert(0, 'backend'); import hubd_build; print(hubd_build.build_{what}({folder!r}))"
    done = subprocess.run([sys.executable, "-B", "-c", code], cwd=PACKAGE, capture_output=True, text=True, check=True,
                          timeout=HANG)
    return pathlib.Path(folder) / done.stdout.strip()


class Package(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="hubd-wheel-")
        self.addCleanup(self.folder.cleanup)

    def test_every_source_is_python_3_9(self):
        self.assertGreater(len(SOURCES), 15)
        for path in SOURCES:
            with self.subTest(path=path.name):
                text = path.read_text()
                ast.parse(text, feature_version=(3, 9))
                self.assertTrue(text.startswith("# SPDX-License-Identifier: Apache-2.0\n"))
                # Annotations are not evaluated, so that `X | None` or list[str] in one cannot break 3.9.
                if text.count("\n") > 8:
                    self.assertIn("from __future__ import annotations", text)

    def test_the_version_is_the_daemons(self):
        cmake = re.search(r"project\(hubd VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text()).group(1)
        self.assertIn(f'__version__ = "{cmake}"', (PACKAGE / "hubd/_version.py").read_text())

    def test_the_same_tree_gives_the_same_bytes(self):
        for what in ("wheel", "sdist"):
            with tempfile.TemporaryDirectory(dir=self.folder.name) as one, \
                    tempfile.TemporaryDirectory(dir=self.folder.name) as other:
                first = build(one, what)
                os.utime(PACKAGE / "hubd/__init__.py")  # another time stamp is another moment, not another tree
                self.assertEqual(first.read_bytes(), build(other, what).read_bytes())

    def test_installs_without_an_index_and_the_drop_in_costs_nothing(self):
        wheel = build(self.folder.name)
        names = zipfile.ZipFile(wheel).namelist()
        for name in ("hubd/__init__.py", "hubd/py.typed", "hubd-dropin.pth", "hubd/aio.py",
                     "hubd/proto/hubd/v1/common.proto"):
            self.assertIn(name, names)
        home = pathlib.Path(self.folder.name) / "venv"
        venv.create(home, with_pip=True)
        python = str(home / "bin/python")
        env = {k: v for k, v in os.environ.items() if not k.startswith(("HUBD_", "PYTHON", "HF_"))}
        subprocess.run([python, "-m", "pip", "install", "--no-index", "--quiet", "--disable-pip-version-check", str(wheel)],
                       env=env, check=True, timeout=HANG * 3)

        def modules(**more: str) -> list:
            code = "import sys, json; print(json.dumps(sorted(sys.modules)))"
            return json.loads(subprocess.run([python, "-c", code], env={**env, **more}, cwd="/", check=True, timeout=HANG,
                                             capture_output=True, text=True).stdout)

        off = modules()
        self.assertEqual([], [name for name in off if name.startswith("hubd")])
        self.assertEqual(off, modules(HUBD_DROPIN="0"))
        (home / "lib").joinpath(f"python{sys.version_info[0]}.{sys.version_info[1]}",
                                "site-packages/hubd-dropin.pth").unlink()
        self.assertEqual(off, modules(), "the .pth imported something beyond what every interpreter has")

    def test_importing_loads_no_module_of_weight(self):
        code = ("import sys; before = set(sys.modules); import hubd; hubd.hf_hub_download; hubd.try_to_load_from_cache; "
                "print(sorted(set(sys.modules) - before))")
        done = subprocess.run([sys.executable, "-S", "-c", code], env={**os.environ, "PYTHONPATH": str(PACKAGE)}, cwd="/",
                              capture_output=True, text=True, check=True, timeout=HANG)
        loaded = ast.literal_eval(done.stdout)
        for heavy in ("json", "socket", "asyncio", "http.client", "huggingface_hub", "tqdm", "ssl", "dataclasses",
                      "subprocess", "urllib.parse", "logging"):
            self.assertNotIn(heavy, loaded)

    def test_every_name_that_is_offered_is_there(self):
        code = ("import hubd, json; missing = [n for n in hubd.__all__ if getattr(hubd, n, None) is None]; "
                "import hubd.aio; missing += ['aio.' + n for n in hubd._API if not hasattr(hubd.aio, n)]; "
                "print(json.dumps([missing, dir(hubd)]))")
        done = subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(PACKAGE)}, cwd="/",
                              capture_output=True, text=True, check=True, timeout=HANG)
        missing, offered = json.loads(done.stdout)
        self.assertEqual([], missing)
        self.assertIn("snapshot_download", offered)


if __name__ == "__main__":
    unittest.main()
