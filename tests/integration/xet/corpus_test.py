# SPDX-License-Identifier: Apache-2.0
"""Every shape of file: uploaded by hf_xet, into the local Hub's CAS and into Hugging Face's own, and downloaded by hubd. Contents are
equal, each chunk travels once, and requests stay few. HUBD_LONG=1: the large ones too."""
import pathlib
import random
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from case import HERE, LONG, MIB, XET, sha256  # noqa: E402, F401
import stock_xet_test  # noqa: E402

PIECE = 16 * MIB


def noise(seed: int, size: int):
    source = random.Random(seed)
    for at in range(0, size, PIECE):
        yield source.randbytes(min(PIECE, size - at))


def floats(count: int) -> bytes:
    """32-bit floats around 0.01, as weights are: the upper bytes of neighbours are alike."""
    source = random.Random(3)
    values = bytearray(source.randbytes(4 * count))
    values[3::4] = bytes(0x3C | 0x80 & i for i in source.randbytes(count))
    return bytes(values)


def sparse(size: int):
    """Zeros with a few islands."""
    island = random.Random(11).randbytes(100_000)
    for at in range(0, size, PIECE):
        piece = bytearray(min(PIECE, size - at))
        if at // PIECE % 8 == 1:
            piece[5_000_001:5_000_001 + len(island)] = island
        yield bytes(piece)


def small_corpus() -> dict:
    files = {"empty.bin": [b""], "one.bin": [b"\x01"], "8191.bin": noise(1, 8191), "8192.bin": noise(2, 8192), "8193.bin": noise(3, 8193),
             "zeros.bin": [bytes(65536)], "floats.bin": [floats(2_000_000)],
             "text.bin": [b"".join(b"%d line of text\n" % (i * 7919 % 10007) for i in range(300_000))],
             "equal.bin": [random.Random(5).randbytes(65536)] * 200, "equal_zeros.bin": [bytes(20 * MIB)]}
    sizes = random.Random(8)
    for i, most in enumerate((100, 10_000, MIB, 4 * MIB, 20 * MIB)):
        size = sizes.randrange(1, most)
        files[f"random{i}_{size}.bin"] = noise(100 + i, size)
    files["mebibyte.bin"] = noise(7, MIB)
    files["sparse.bin"] = sparse(2048 * MIB if LONG else 64 * MIB)
    return files


def large_corpus() -> dict:
    files = {"over_three_xorbs.bin": noise(9, 200 * MIB)}
    if LONG:
        files["300_mb.bin"] = noise(10, 300_000_000)
    return files


class Corpus:
    """With a CAS behind the local Hub: of its own, or Hugging Face's."""

    def bring(self, contents: dict) -> None:
        files = {name: self.folder / name for name in contents}
        for name, pieces in contents.items():
            with open(files[name], "wb") as file:
                for piece in pieces:
                    file.write(piece)
        self.upload(files)
        self.local.reset()
        daemon = self.hubd(self.local.url, env=XET)
        daemon.ctl("download", "alice/up", env=XET, check=True)
        snapshot = next(daemon.cache.glob("models--alice--up/snapshots/*"))
        self.assertEqual({n: sha256(p) for n, p in files.items()}, {n: sha256(snapshot / n) for n in files})
        status = daemon.rpc("Admin", "Status", {})[1]
        by_xet = [p for p in files.values() if p.stat().st_size >= MIB]
        self.assertEqual((len(by_xet), 0, 0), tuple(int(status.get(k, 0)) for k in ("xetFiles", "xetFallbacks", "integrityFailures")))
        self.judge(status, {n: p.stat().st_size for n, p in files.items()})

    def judge(self, status: dict, sizes: dict) -> None:
        """Bytes and requests, as hubd counts them."""
        distinct = sum(size for name, size in sizes.items() if name not in ("equal.bin", "equal_zeros.bin", "sparse.bin")) + 2 * MIB
        self.assertLessEqual(int(status["bytesFetched"]), 1.01 * distinct)
        # Per file: its token or paths, a plan for each GiB, a range of a xorb for each 64 MB; a plain one takes two.
        self.assertLessEqual(int(status["requests"]), 20 + 8 * len(sizes) + sum(sizes.values()) // (16 * MIB))

    def test_small_and_odd_files(self):
        self.bring(small_corpus())

    def test_files_of_several_xorbs(self):
        self.bring(large_corpus())


class LocalCorpus(Corpus, stock_xet_test.Case):
    def judge(self, status, sizes):
        super().judge(status, sizes)
        served = self.local.call("GET", "/_localhub/xorbs")["*"]
        self.assertEqual(served["chunks_distinct"], served["chunks_served"], "each chunk travels once")
        self.assertGreaterEqual(len(served["xorbs"]), 3 if "over_three_xorbs.bin" in sizes else 1)
        self.assertLessEqual(self.route("cas-reconstruction")["requests"], 3 * len(sizes))
        self.assertLessEqual(self.route("xet-token")["requests"], 1)


class ForeignCorpus(Corpus, stock_xet_test.Foreign):
    pass


def load_tests(loader, _standard, _pattern):
    suite = unittest.TestSuite()
    for case in (LocalCorpus, ForeignCorpus):
        for name in ("test_small_and_odd_files", "test_files_of_several_xorbs"):
            if case is LocalCorpus or LONG or name == "test_small_and_odd_files":
                suite.addTest(case(name))
    return suite


if __name__ == "__main__":
    unittest.main()
