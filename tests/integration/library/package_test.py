# SPDX-License-Identifier: Apache-2.0
"""libhubd-client from a staged install: who finds it, what its headers need, which names it shows."""
import ctypes
import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from library_case import HERE, WARNINGS, LibraryCase, run  # noqa: E402

import harness  # noqa: E402

# Besides these, headers without a dot in their name: the standard library's.
SYSTEM_HEADERS = {"sys/types.h"}
BARE = {"linux-vdso.so.1", "libstdc++.so.6", "libm.so.6", "libgcc_s.so.1", "libc.so.6"}


def names(library: pathlib.Path, *options: str) -> list[str]:
    return [line.split(maxsplit=2)[2] for line in run("nm", "--defined-only", "-C", *options, library).splitlines()
            if re.match(r"[0-9a-f]{16} ", line)]


class PackageTest(LibraryCase):
    def test_headers_need_the_standard_library_only(self):
        headers = sorted((self.prefix / "include").rglob("*.h"))
        self.assertIn(self.prefix / "include/hubd/client/client.h", headers)
        for header in headers:
            with self.subTest(header.name):
                for mark, target in re.findall(r'^\s*#\s*include\s+([<"])([^>"]+)', header.read_text(), re.M):
                    if mark == '"':
                        self.assertTrue((header.parent / target).is_file(), target)
                    else:
                        self.assertTrue("." not in target and "/" not in target or target in SYSTEM_HEADERS, target)
                run("g++", "-std=c++20", *WARNINGS, "-fsyntax-only", "-include", header, "-x", "c++", "/dev/null")

    def test_shows_the_names_of_hubd_client_only(self):
        for library, options in (("libhubd-client.a", ["-g"]), ("libhubd-client.so", ["-D"])):
            with self.subTest(library):
                found = names(self.libraries / library, *options)
                self.assertGreater(len(found), 30)
                self.assertEqual([], [name for name in found if not name.startswith("hubd::client::")])
                self.assertEqual([], [name for name in found if "v1::" in name or "grpc" in name])

    def test_so_names_carry_the_version(self):
        text = run("readelf", "-d", self.libraries / "libhubd-client.so")
        self.assertRegex(text, r"SONAME.*\[libhubd-client\.so\.0\.1\]")
        self.assertEqual("0.1.0", "".join(self.flags("--modversion", "hubd-client")))

    def test_a_version_that_is_too_new_is_refused(self):
        project = self.stage / "newer"
        project.mkdir()
        (project / "CMakeLists.txt").write_text("cmake_minimum_required(VERSION 3.16)\nproject(newer LANGUAGES CXX)\n"
                                                "find_package(hubd-client 0.2 CONFIG REQUIRED)\n")
        text = run("cmake", "-S", project, "-B", project / "b", f"-DCMAKE_PREFIX_PATH={self.prefix}", code=1)
        self.assertIn("version: 0.1.0", text)

    def test_lives_beside_another_grpc_and_protobuf(self):
        hubd = self.hubd("http://127.0.0.1:9")
        root_id = hubd.rpc("Admin", "Hello", {})[1]["rootId"]
        built = self.cmake(HERE / "consumer")
        by_pkg_config = self.gxx("beside-by-pkg-config", HERE / "consumer/beside.cc")
        for program in (built / "beside", by_pkg_config):
            self.assertEqual(root_id, run(program, env=hubd.env).strip())
            needed = set(re.findall(r"\(NEEDED\).*\[(.+)\]", run("readelf", "-d", program)))
            self.assertLessEqual({n for n in needed if not n.startswith("ld-linux")}, BARE)
        with self.subTest("a shared object that is loaded"):
            plugin = ctypes.CDLL(str(next(built.glob("*plugin.so"))))
            text = ctypes.create_string_buffer(200)
            code = plugin.plugin_root_id(str(hubd.socket).encode(), text, len(text))
            self.assertEqual((0, root_id), (code, text.value.decode()))

    def test_nobody_there_is_a_typed_error(self):
        program = self.gxx("beside-alone", HERE / "consumer/beside.cc")
        env = harness.clean_env(self.folder, HUBD_SOCKET=str(self.folder / "none.sock"))
        self.assertRegex(run(program, env=env, code=1),
                         r"^unavailable: hubd does not run: nobody answers at /.*none\.sock\n$")


if __name__ == "__main__":
    unittest.main()
