# SPDX-License-Identifier: Apache-2.0
"""libhubd-client as others find it: installed into a folder of its own, once per test file."""
from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import harness  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
BUILD = harness.BIN.parent
WARNINGS = ["-O1", "-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Werror"]


def run(*arguments: object, env: dict | None = None, cwd: pathlib.Path | None = None, code: int = 0) -> str:
    """One program that must end with `code`; its whole output."""
    done = subprocess.run([str(a) for a in arguments], env=env, cwd=cwd, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=harness.HANG * 3)
    if done.returncode != code:
        raise AssertionError(f"{' '.join(map(str, arguments))} -> {done.returncode}, not {code}\n{done.stdout}")
    return done.stdout


class LibraryCase(harness.ProofCase):
    """`prefix`: where the library is installed, and nothing else is."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.stage = pathlib.Path(tempfile.mkdtemp(prefix="hubd-library-"))
        cls.addClassCleanup(shutil.rmtree, cls.stage, True)
        cls.prefix = cls.stage / "prefix"
        run("cmake", "--install", BUILD, "--prefix", cls.prefix, "--component", "client")
        cls.libraries = next(cls.prefix.glob("**/libhubd-client.a")).parent

    @classmethod
    def cmake(cls, source: pathlib.Path, *targets: str) -> pathlib.Path:
        """Builds a project of somebody else that asks CMake for hubd-client; its build folder."""
        build = cls.stage / source.name
        run("cmake", "-S", source, "-B", build, f"-DCMAKE_PREFIX_PATH={cls.prefix}", "-DCMAKE_BUILD_TYPE=Release",
            "-DCMAKE_CXX_FLAGS=" + " ".join(WARNINGS))
        run("cmake", "--build", build, "-j", "2", *(["--target", *targets] if targets else []))
        return build

    @classmethod
    def flags(cls, *options: str) -> list[str]:
        """What pkg-config says of the installed library, and of nothing else."""
        env = {**os.environ, "PKG_CONFIG_LIBDIR": str(cls.libraries / "pkgconfig")}
        return run("pkg-config", *options, env=env).split()

    @classmethod
    def gxx(cls, name: str, *sources: pathlib.Path) -> pathlib.Path:
        """Builds a program by g++ and pkg-config alone."""
        out = cls.stage / name
        run("g++", *WARNINGS, *cls.flags("--cflags", "hubd-client"), *sources, "-o", out,
            *cls.flags("--libs", "hubd-client"))
        return out
