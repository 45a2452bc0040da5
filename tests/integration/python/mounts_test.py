# SPDX-License-Identifier: Apache-2.0
"""A cache that this process sees at another path than hubd, or only a part of it: HUBD_MOUNT_MAP and hubd.mount_map.

Copies made of hard links stand in for mounts, so that hubd cannot take the two paths for one folder.
"""
import json
import pathlib
import shutil
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from dropin_case import DropinCase  # noqa: E402
from case import PythonCase  # noqa: E402

CALLS = """
import asyncio, hubd, hubd.aio, json
{}
print(json.dumps([hubd.snapshot_download("acme/model"), hubd.hf_hub_download("acme/model", "config.json"),
                  hubd.hf_hub_download("acme/model", "config.json", dry_run=True).local_path,
                  asyncio.run(hubd.aio.snapshot_download("acme/model"))]))
"""


class Mounts(PythonCase):
    def setUp(self) -> None:
        super().setUp()
        self.path = pathlib.Path(self.result("import hubd, json; print(json.dumps(hubd.snapshot_download('acme/model')))"))
        self.mount = self.folder / "mounted"

    def mounted(self, what: pathlib.Path, where: pathlib.Path) -> None:
        shutil.copytree(what, where, symlinks=True)

    def paths(self, folder: pathlib.Path) -> list[str]:
        return [str(folder), f"{folder}/config.json", f"{folder}/config.json", str(folder)]

    def test_a_cache_whose_id_is_not_to_be_seen_is_found_by_the_map(self):
        self.mounted(self.daemon.cache, self.mount)
        shutil.rmtree(self.mount / ".locks")
        here = self.mount / self.path.relative_to(self.daemon.cache)
        done = self.program(CALLS.format(""), check=False, HF_HUB_CACHE=str(self.mount))
        self.assertIn("ForeignCache", done.stderr)
        mapped = f"{self.daemon.cache}={self.mount}"
        self.assertEqual(self.paths(here), self.result(CALLS.format(""), HF_HUB_CACHE=str(self.mount),
                                                       HUBD_MOUNT_MAP=mapped))
        # A folder above it says the same; the longest that fits counts.
        above = f"{self.daemon.cache.parent}={self.folder}/wrong:/=/nowhere:{mapped}"
        self.assertEqual(self.paths(here), self.result(CALLS.format(""), HF_HUB_CACHE=str(self.mount),
                                                       HUBD_MOUNT_MAP=above))
        # The program's own word counts before the variable's.
        own = CALLS.format(f"hubd.mount_map = {{{str(self.daemon.cache)!r}: {str(self.mount)!r}}}")
        self.assertEqual(self.paths(here), self.result(own, HF_HUB_CACHE=str(self.mount), HUBD_MOUNT_MAP="/a=/b"))

    def test_one_repo_is_mounted_and_no_cache_is_named(self):
        part = self.folder / "models/one"
        repo = self.daemon.cache / "models--acme--model"
        self.mounted(repo, part)
        here = part / self.path.relative_to(repo)
        self.assertEqual(self.paths(here), self.result(CALLS.format(""), home="container", HF_HOME="",
                                                       HUBD_MOUNT_MAP=f"{repo}={part}"))
        # A named cache is meant as it was said.
        done = self.program(CALLS.format(""), check=False, HF_HOME="/nowhere", HUBD_MOUNT_MAP=f"{repo}={part}")
        self.assertIn("ForeignCache", done.stderr)

    def test_the_id_counts_before_the_map(self):
        self.mounted(self.daemon.cache, self.mount)
        here = self.mount / self.path.relative_to(self.daemon.cache)
        self.assertEqual(self.paths(here), self.result(CALLS.format(""), HF_HUB_CACHE=str(self.mount),
                                                       HUBD_MOUNT_MAP=f"{self.daemon.cache}={self.folder}/wrong"))

    def test_a_local_dir_of_this_process_is_named_to_hubd_as_the_host_has_it(self):
        host = self.folder / "host"
        host.mkdir()
        (self.folder / "inside").symlink_to(host)  # a mount shows both names, and so does this link
        code = """
import hubd, json, os
os.path.realpath = lambda path: os.path.abspath(path)  # a mount is not resolved
print(json.dumps([hubd.snapshot_download("acme/model", local_dir={0!r}),
                  hubd.hf_hub_download("acme/model", "config.json", local_dir={0!r})]))
""".format(f"{self.folder}/inside/one")
        found = self.result(code, HUBD_MOUNT_MAP=f"{host}={self.folder}/inside")
        self.assertEqual([f"{self.folder}/inside/one", f"{self.folder}/inside/one/config.json"], found)
        self.assertTrue((host / "one/config.json").is_file())
        done = self.program(code.replace("/one", "/two"), check=False,
                            HUBD_MOUNT_MAP=f"{self.folder}/other={self.folder}/inside")
        self.assertIn("MountError", done.stderr)
        self.assertIn(f"{self.folder}/other/two", done.stderr)

    def test_what_is_no_map_is_said(self):
        self.mounted(self.daemon.cache, self.mount)
        shutil.rmtree(self.mount / ".locks")
        for text, why in (("cache=/mnt", "'cache' to '/mnt'"), ("/cache", "'/cache' to ''")):
            done = self.program(CALLS.format(""), check=False, HF_HUB_CACHE=str(self.mount), HUBD_MOUNT_MAP=text)
            self.assertIn("ValueError: HUBD_MOUNT_MAP maps " + why, done.stderr)

    def test_the_variable_is_what_the_attribute_says(self):
        self.assertEqual({"/a": "/b", "/c/d": "/e"}, self.result("import hubd, json; print(json.dumps(hubd.mount_map))",
                                                                HUBD_MOUNT_MAP="/a=/b:/c/d=/e"))


class DropinMounts(DropinCase):
    def test_counterpart_an_unmodified_program_reads_at_the_mount(self):
        for version in ("0.36.2", "2.4.0"):
            with self.subTest(version):
                mount = self.folder / f"mounted-{version}"
                program = """
import huggingface_hub, json
print(json.dumps([huggingface_hub.snapshot_download("acme/model"), huggingface_hub.hf_hub_download("acme/model", "config.json")]))
"""
                python = self.python("hub-" + version)
                path = pathlib.Path(self.result(program, python=python)[0])
                shutil.copytree(self.daemon.cache, mount, symlinks=True)
                shutil.rmtree(mount / ".locks")
                found = self.result(program, python=python, HF_HUB_CACHE=str(mount),
                                    HUBD_MOUNT_MAP=f"{self.daemon.cache}={mount}")
                here = str(mount / path.relative_to(self.daemon.cache))
                self.assertEqual([here, here + "/config.json"], found)
                self.assertEqual({}, self.strangers())


if __name__ == "__main__":
    unittest.main()
