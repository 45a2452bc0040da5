# SPDX-License-Identifier: Apache-2.0
"""`hubctl hash`: right ids in each form, streaming, and errors that name the file."""
import hashlib
import json
import os
import pathlib
import random
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import BIN, HANG, ProofCase, clean_env  # noqa: E402


class Hash(ProofCase):
    def hash(self, *arguments: object) -> subprocess.CompletedProcess:
        return subprocess.run([BIN / "hubctl", "hash", *map(str, arguments)], capture_output=True, text=True, timeout=HANG,
                              cwd=self.folder, env=clean_env(self.folder, HUBD_NO_AUTOSTART="1"))

    def write(self, name: str, content: bytes) -> pathlib.Path:
        path = self.folder / name
        path.write_bytes(content)
        return path

    def test_ids(self) -> None:
        content = random.Random(1).randbytes(1_500_000)
        self.write("a", content)
        self.write("empty", b"")
        run = self.hash("--json", "a", "empty")
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        a, empty = json.loads(run.stdout)
        self.assertEqual((a["path"], a["size"]), ("a", len(content)))
        self.assertEqual(a["sha256"], hashlib.sha256(content).hexdigest())
        self.assertEqual(a["git_sha1"], hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest())
        self.assertEqual((empty["xet"], empty["chunks"]), ("0" * 64, 0))
        self.assertIn("xet:      " + a["xet"], self.hash("a").stdout)
        self.assertEqual(self.hash("-q", "a", "empty").stdout, a["xet"] + "\n" + "0" * 64 + "\n")

    def test_chunks_cover_the_file_in_every_form(self) -> None:
        self.write("a", random.Random(2).randbytes(700_000))
        self.write("empty", b"")
        a, empty = json.loads(self.hash("--json", "--chunks", "a", "empty").stdout)
        self.assertEqual((empty["chunks"], empty["chunks_total"], empty["complete"]), ([], 0, True))
        end = 0
        for chunk in a["chunks"]:
            self.assertEqual(chunk["offset"], end)
            end += chunk["length"]
        self.assertEqual((end, a["chunks_total"]), (700_000, len(a["chunks"])))
        hashes = [chunk["hash"] for chunk in a["chunks"]]
        self.assertEqual(self.hash("-q", "--chunks", "a").stdout.split(), hashes)
        human = self.hash("--chunks", "a", "--format", "human").stdout
        self.assertEqual([line.split()[0] for line in human.splitlines() if " +" in line], hashes)

    def test_a_file_that_cannot_be_read_does_not_hide_the_others(self) -> None:
        self.write("a", b"a")
        os.mkfifo(self.folder / "pipe")
        run = self.hash("--json", "nothing", "pipe", ".", "a")
        self.assertEqual(run.returncode, 1)
        self.assertEqual([one["path"] for one in json.loads(run.stdout)], ["a"])
        errors = [json.loads(line)["error"] for line in run.stderr.splitlines()]
        self.assertEqual([one["kind"] for one in errors], ["bad_request"] * 3)
        for error, name in zip(errors, ("nothing", "pipe", ".")):
            self.assertTrue(error["message"].startswith(name + " "), error)

    def test_memory_does_not_grow_with_the_file(self) -> None:
        def peak(size: int) -> int:
            with open(self.folder / "sparse", "wb") as file:
                file.truncate(size)
            process = subprocess.Popen([BIN / "hubctl", "hash", "sparse"], stdout=subprocess.DEVNULL, cwd=self.folder,
                                       env=clean_env(self.folder))
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            self.assertEqual(process.returncode, 0)
            return usage.ru_maxrss

        self.assertLess(peak(600 << 20), peak(1 << 20) + 4096)  # KiB


if __name__ == "__main__":
    unittest.main()
