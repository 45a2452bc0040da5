# SPDX-License-Identifier: Apache-2.0
"""What the tests of the drop-in share: interpreters that have a counterpart's packages and our wheel, and who asked the Hub."""
from __future__ import annotations

import contextlib
import io
import os
import pathlib
import sys
import unittest
import venv
import zipfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from case import PACKAGE, SEED, PythonCase  # noqa: E402,F401
from harness import COUNTERPARTS, Hubd, LocalHub, ProofCase, clean_env  # noqa: E402,F401


def counterpart(name: str) -> pathlib.Path:
    """The interpreter of a counterpart; skips the test where it is not installed."""
    python = COUNTERPARTS / name / "bin/python"
    if not python.exists():
        message = f"counterpart {name} is not installed"
        if os.environ.get("CI") == "true":
            raise AssertionError(message)
        raise unittest.SkipTest(message)
    return python


def build_wheel(folder: pathlib.Path) -> pathlib.Path:
    sys.path.insert(0, str(PACKAGE / "backend"))
    try:
        import hubd_build
    finally:
        sys.path.pop(0)
    with contextlib.redirect_stdout(io.StringIO()):
        return folder / hubd_build.build_wheel(str(folder))


def interpreter(folder: pathlib.Path, name: str) -> str:
    """A Python with our wheel installed, then the packages of counterpart `name`; the counterpart itself stays untouched."""
    home = folder / ("with-" + name)
    if not home.exists():
        stock = counterpart(name)
        venv.create(home, with_pip=False)
        site = home / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
        zipfile.ZipFile(build_wheel(folder)).extractall(site)
        (site / "zz-counterpart.pth").write_text(f"{stock.parents[1]}/lib/{site.parent.name}/site-packages\n")
    return str(home / "bin/python")


class DropinCase(PythonCase):
    """A local Hub, a hubd in front of it, and programs that do not know of either."""

    def python(self, name: str) -> str:
        return interpreter(self.folder, name)

    def env(self, home: str = "home", dropin: str | None = "require", **more: str) -> dict[str, str]:
        env = clean_env(self.folder / home, HF_ENDPOINT=self.server.url, PYTHONDONTWRITEBYTECODE="1")
        if dropin is not None:
            env.update(HUBD_DROPIN=dropin, HUBD_SOCKET=str(self.daemon.socket), HUBD_AUTOSTART="0")
        env.update(more)
        return env

    def strangers(self, known: tuple[str, ...] = ()) -> dict[str, list[str]]:
        """Who asked the Hub past hubd, which puts its name into each User-Agent: the routes by client, without `known` ones."""
        found = {}
        for name, client in self.server.counters()["clients"].items():
            routes = sorted(set(client["routes"]) - set(known))
            if routes and not any(ours in name for ours in ("hubd", "hubctl", "Python-urllib")):
                found[name] = routes
        return found

    def asked(self) -> int:
        return self.server.counters()["total"]["requests"]
