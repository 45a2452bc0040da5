# SPDX-License-Identifier: Apache-2.0
"""hubd.open: reading a file of a repo in place, without downloading it."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from case import PythonCase  # noqa: E402


class Open(PythonCase):
    def test_reads_like_a_file_at_every_place(self):
        found = self.result("""
import hubd, io, json, random
with hubd.open("acme/model", "model.safetensors") as file:
    first = file.read()
    size = len(first)
    chance = random.Random(7)
    wrong = []
    for _ in range(60):
        at = chance.randrange(size + 10)
        count = chance.choice((0, 1, 7, 4096, 300_000))
        file.seek(at)
        if file.read(count) != first[at:at + count]:
            wrong.append([at, count])
    file.seek(-10, io.SEEK_END)
    end = file.read() == first[-10:] and file.read() == b"" and file.tell() == size
    file.seek(0)
    lines = file.read(100) == first[:100]
    flags = [file.readable(), file.seekable(), file.writable(), file.raw.size]
path = hubd.hf_hub_download("acme/model", "model.safetensors")
with open(path, "rb") as stored:
    same = stored.read() == first
print(json.dumps([wrong, end, lines, flags, same]))
""")
        self.assertEqual([[], True, True, [True, True, False, 2_500_000], True], found)

    def test_only_what_is_read_is_fetched_and_nothing_is_stored(self):
        code = """
import hubd, json
with hubd.open("acme/large", "large.bin") as file:
    file.seek(20_000_000)
    data = file.read(1000)
    file.seek(39_999_000)
    data += file.read()
print(json.dumps(len(data)))
"""
        self.assertEqual(2000, self.result(code))
        fetched = self.server.counters()["routes"]["cdn"]["bytes"]
        self.assertLess(fetched, 20_000_000)
        self.assertEqual([], list(self.daemon.cache.glob("models--acme--large/blobs/*")))

    def test_a_cached_file_is_opened_from_the_disk(self):
        code = """
import hubd, json
path = hubd.hf_hub_download("acme/model", "model.safetensors")
with hubd.open("acme/model", "model.safetensors") as file:
    plain = [file.name == path, type(file.raw).__name__]
with hubd.open("acme/data", "data/big.bin", repo_type="dataset", whole=True) as file:
    plain += [type(file.raw).__name__, len(file.read())]
print(json.dumps(plain))
"""
        self.assertEqual([True, "FileIO", "FileIO", 400_000], self.result(code))

    def test_text_revisions_and_errors(self):
        found = self.result("""
import hubd, json
out = [hubd.open("acme/model", "config.json", revision="v1", mode="r").read(),
       hubd.open("acme/model", "sub/dir/vocab.txt", mode="r", encoding="utf-8").readlines(),
       hubd.open("acme/model", "empty.txt").read().decode(),
       hubd.open("acme/gated", "config.json", token="hf_alice").read().decode()]
for repo, name, more in (("acme/model", "nope", {}), ("acme/no-such", "x", {}), ("acme/gated", "config.json", {"token": "hf_bob"}),
                         ("acme/model", "config.json", {"revision": "nope"}), ("acme/model", "../x", {}),
                         ("acme/model", "config.json", {"mode": "wb"})):
    try:
        hubd.open(repo, name, **more)
        out.append("opened")
    except Exception as error:
        out.append(type(error).__name__)
print(json.dumps(out))
""")
        self.assertEqual(['{"a": 1}', ["a\n", "b\n"], "", "{}", "RemoteEntryNotFoundError", "RepositoryNotFoundError",
                          "GatedRepoError", "RevisionNotFoundError", "ValueError", "ValueError"], found)

    def test_a_range_that_breaks_off_goes_on(self):
        self.server.faults({"match": {"path": "*large.bin", "route": "cdn", "times": 1},
                            "action": {"type": "cut", "after": 5_000_000}})
        found = self.result("""
import hashlib, hubd, json
digest = hashlib.sha256()
with hubd.open("acme/large", "large.bin") as file:
    while True:
        block = file.read(1 << 20)
        if not block:
            break
        digest.update(block)
    etag = file.raw.etag
print(json.dumps([digest.hexdigest(), etag]))
""")
        self.assertEqual(found[1], found[0])


if __name__ == "__main__":
    unittest.main()
