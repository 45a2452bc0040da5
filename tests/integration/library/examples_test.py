# SPDX-License-Identifier: Apache-2.0
"""The programs of client/examples, built as a project of their own from a staged install, against a real hubd."""
import base64
import json
import os
import pathlib
import shutil
import struct
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from library_case import LibraryCase, run  # noqa: E402

import harness  # noqa: E402

EXAMPLES = harness.ROOT / "client/examples"
TENSORS = {"layer.0.weight": bytes(range(256)) * 40, "layer.0.bias": b"\x01" * 100, "norm": b""}


def safetensors(tensors: dict[str, bytes]) -> bytes:
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, value in tensors.items():
        header[name] = {"dtype": "U8", "shape": [len(value)], "data_offsets": [len(data), len(data) + len(value)]}
        data += value
    text = json.dumps(header, separators=(",", ":")).encode()
    return struct.pack("<Q", len(text)) + text + data


SEED = {"repos": [
    {"id": "acme/model", "commits": [{"files": [
        {"path": "config.json", "text": "{}"},
        {"path": "model.safetensors", "base64": base64.b64encode(safetensors(TENSORS)).decode()}]}]},
    {"id": "acme/broken", "commits": [{"files": [{"path": "model.safetensors", "text": "no tensors at all"}]}]},
    {"id": "acme/data", "type": "dataset", "commits": [{"files": [
        {"path": "notes.txt", "text": "no data"},
        *({"path": f"train/{i}.bin", "size": 200_000 * i, "random_seed": i} for i in (1, 2, 3))]}]}]}


class ExamplesTest(LibraryCase):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        built = cls.cmake(EXAMPLES)
        cls.download, cls.training_loop = built / "download", built / "training_loop"

    def setUp(self) -> None:
        super().setUp()
        self.server = self.hub(SEED)
        self.daemon = self.hubd(self.server.url)

    def test_download_is_short_and_pkg_config_is_enough_for_it(self):
        source = EXAMPLES / "download.cc"
        self.assertLessEqual(source.read_text().count("\n"), 30)
        program = self.gxx("download-by-pkg-config", source)
        paths = [line for line in run(program, "acme/model", env=self.daemon.env).splitlines() if line.startswith("/")]
        self.assertEqual(["config.json", "model.safetensors"], sorted(os.path.basename(p) for p in paths))
        for path in paths:
            self.assertTrue(path.startswith(str(self.daemon.cache)), path)
        found = {os.path.basename(p): pathlib.Path(p).read_bytes() for p in paths}
        self.assertEqual({"config.json": b"{}", "model.safetensors": safetensors(TENSORS)}, found)

    def test_download_tells_what_is_wrong(self):
        env = self.daemon.env
        self.assertRegex(run(self.download, "acme/absent", env=env, code=1), r"^Error: model acme/absent does not exist")
        self.assertEqual("Error: usage: download REPO [REVISION]\n", run(self.download, env=env, code=1))
        wrong = {**env, "HUBD_MOUNT_MAP": "here=there"}
        self.assertIn("HUBD_MOUNT_MAP maps 'here' to 'there'", run(self.download, "acme/model", env=wrong, code=1))

    def test_a_cache_mounted_elsewhere_is_found_by_its_id(self):
        run(self.download, "acme/model", env=self.daemon.env)
        mount = self.folder / "mounted"
        shutil.copytree(self.daemon.cache, mount, symlinks=True)
        paths = run(self.download, "acme/model", env={**self.daemon.env, "HF_HUB_CACHE": str(mount)})
        files = [line for line in paths.splitlines() if line.startswith("/")]
        self.assertEqual(2, len(files))
        for path in files:
            self.assertTrue(path.startswith(str(mount)), path)

    def test_training_loop_reads_every_tensor_and_every_file(self):
        out = run(self.training_loop, "acme/model", "acme/data", env=self.daemon.env).splitlines()
        wanted = [f"tensor {name} {len(value)} {sum(value)}" for name, value in TENSORS.items()]
        self.assertEqual(wanted, [line for line in out if line.startswith("tensor")])
        data = [line for line in out if line.startswith("data")]
        snapshot = next(self.daemon.cache.glob("datasets--acme--data/snapshots/*"))
        self.assertEqual([f"data {i}.bin {-(-200_000 * i // 65536)} {sum((snapshot / f'train/{i}.bin').read_bytes())}"
                          for i in (1, 2, 3)], data)
        self.assertFalse((snapshot / "notes.txt").exists(), "nobody asked for it")
        fetched = self.daemon.rpc("Admin", "Status", {})[1]["bytesFetched"]
        self.assertEqual(out, run(self.training_loop, "acme/model", "acme/data", env=self.daemon.env).splitlines())
        self.assertEqual(fetched, self.daemon.rpc("Admin", "Status", {})[1]["bytesFetched"])

    def test_training_loop_refuses_what_is_no_safetensors_file(self):
        text = run(self.training_loop, "acme/broken", "acme/data", env=self.daemon.env, code=1)
        self.assertRegex(text, r"^Error: corrupt: /.*model\.safetensors is no safetensors file: its header does not fit\n$")


if __name__ == "__main__":
    unittest.main()
