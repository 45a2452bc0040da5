# SPDX-License-Identifier: Apache-2.0
"""A CAS that means harm, with the plain route closed: a typed error that names the file, nothing published, memory within bounds,
and hubd serves the next one."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from case import HANG, XET, Case, model  # noqa: E402

SIZE = 4_000_000
CLOSED = [{"match": {"route": "cdn"}, "action": {"type": "status", "status": 404}},
          {"match": {"route": "resolve-get", "path": "*model.bin"}, "action": {"type": "status", "status": 404, "code": "EntryNotFound"}}]


def stored(name: str, seed: int, scheme: str | None = None) -> dict:
    repo = model(name, seed=seed, size=SIZE)
    if scheme:
        repo["commits"][0]["files"][1]["xet"] = {"scheme": scheme, "xorb_chunks": 16}
    return repo


class Hostile(Case):
    def judge(self, cases: list, *, scheme: str | None = None, before: tuple = ()) -> None:
        """Each case is a fault of its own repo: a CAS that failed is left alone for a minute."""
        self.start(*[stored(f"acme/m{i}", 100 + i, scheme) for i in range(len(cases))], stored("acme/honest", 99))
        for i, fault in enumerate(cases):
            with self.subTest(**fault["action"], **fault.get("match", {})):
                self.local.clear_faults()
                self.local.faults(*before, fault, *CLOSED)
                refused = self.get(f"acme/m{i}", check=False)
                fired = self.local.call("GET", "/_localhub/faults")[len(before)]["fired"]
                self.assertGreater(fired, 0, "the fault was met")
                self.assertNotEqual(0, refused.returncode)
                self.assertIn("model.bin", refused.stderr)
                self.assertNotIn("internal", refused.stderr.lower())
                self.assert_nothing_visible(f"acme/m{i}")
                self.assertIsNone(self.daemon.process.poll())
        self.assertLess(self.peak_kib(), 512 * 1024)
        self.assertEqual([], list((self.daemon.cache.parent / "hubd/recipes").glob("*/*.recipe")))
        self.local.clear_faults()
        self.get("acme/honest")
        self.assert_right("acme/honest")

    def test_records_that_are_none(self):
        parts = ("version", "scheme", "packed_length", "length", "frame", "tail")
        for scheme in ("lz4", "bg4"):
            self.judge([{"match": {"route": "xorb"}, "action": {"type": "corrupt_chunk", "chunk": 3, "part": part}} for part in parts], scheme=scheme)
            self.daemon.close()
            self.folder = self.folder / scheme
            self.folder.mkdir()

    def test_bombs(self):
        self.judge([{"match": {"route": "xorb"}, "action": {"type": "bomb", "chunk": 3, "length": length}} for length in (1, 131_072, 131_073, 16_777_215)])

    def lie(self, first: dict | None) -> None:
        """Each lie is about a file of its own, all at once."""
        lies = [{"how": how} for how in ("overlap", "gap", "past_xorb", "bad_offset", "reversed", "no_fetch", "shifted_bytes", "huge_numbers")]
        lies += [{"how": "wrong_length", "delta": 1}, {"how": "wrong_length", "delta": -1}, {"how": "terms", "count": 1_000_000_000}, {"how": "other_file"}]
        repos = [f"acme/m{i}" for i in range(len(lies))]
        self.start(*[stored(repo, 100 + i) for i, repo in enumerate(repos)], stored("acme/honest", 99))
        ids = {repo: next(e["xetHash"] for e in self.local.call("GET", f"/api/models/{repo}/tree/main") if e["path"] == "model.bin")
               for repo in [*repos, "acme/honest"]}
        lies[-1]["file"] = ids["acme/honest"]
        faults = [{"match": {"origin": "cas", "path": f"*{ids[repo]}"}, "action": {"type": "reconstruction", **lie}} for repo, lie in zip(repos, lies)]
        self.local.faults(*([first] if first else []), *faults, *CLOSED)
        asking = [self.daemon.ctl_start("download", repo, env=XET) for repo in repos]
        for repo, lie, one in zip(repos, lies, asking):
            with self.subTest(**lie):
                out, err = one.communicate(timeout=HANG)
                self.assertNotEqual(0, one.returncode)
                self.assertIn("model.bin", err)
                self.assertNotIn("internal", err.lower())
                self.assert_nothing_visible(repo)
        met = [fault["fired"] for fault in self.local.call("GET", "/_localhub/faults")][1 if first else 0:]
        self.assertNotIn(0, met[:len(lies)], "each lie was heard")
        self.assertLessEqual(self.route("xorb")["bytes"], 6 * SIZE * len(lies), "what cannot be right is not asked for again and again")
        self.assertLess(self.peak_kib(), 512 * 1024)
        self.local.clear_faults()
        self.get("acme/honest")
        self.assert_right("acme/honest")

    def test_lies(self):
        self.lie(None)

    def test_lies_of_version_1(self):
        self.lie({"match": {"route": "cas-reconstruction"}, "action": {"type": "status", "status": 501}})

    def test_addresses_that_lead_elsewhere(self):
        places = ("file:///etc/passwd", "gopher://127.0.0.1/", "http://", "//", "http://[::1", "x" * 100_000)
        self.judge([{"match": {"origin": "cas"}, "action": {"type": "reconstruction", "how": "url", "location": place}} for place in places])

    def test_answers_that_are_no_answers(self):
        bodies = ("", "{}", "[" * 1_000_000)
        ranges = ({"type": "html"}, {"type": "status", "status": 206, "body": "x"}, {"type": "length", "delta": 1000})
        self.judge([*[{"match": {"route": "cas-reconstruction*"}, "action": {"type": "status", "status": 200, "body": text}} for text in bodies],
                    *[{"match": {"route": "xorb"}, "action": action} for action in ranges]])

    def test_lies_about_parts_while_the_rest_is_copied(self):
        """The first answer is honest, and three quarters of the file are here; the questions for the rest are answered with lies."""
        edits = [{"at": at, "size": 300_000, "random_seed": 5} for at in (500_000, 2_000_000, 3_200_000)]
        lies = [{"how": how} for how in ("overlap", "gap", "bad_offset", "reversed", "no_fetch", "shifted_bytes")] + [{"how": "wrong_length", "delta": 7}]
        self.start(stored("acme/model", 7), *[{**model(f"acme/n{i}", [{**e, "random_seed": 10 * i + 5} for e in edits], size=SIZE)} for i in range(len(lies))])
        self.get()
        for i, lie in enumerate(lies):
            with self.subTest(**lie):
                self.local.clear_faults()
                self.local.faults({"match": {"route": "cas-reconstruction", "skip": 1}, "action": {"type": "reconstruction", **lie}}, *CLOSED)
                got = self.get(f"acme/n{i}", check=False)
                if got.returncode:
                    self.assertIn("model.bin", got.stderr)
                    self.assert_nothing_visible(f"acme/n{i}")
                else:
                    self.assert_right(f"acme/n{i}")

    def test_dedup_answers_that_are_none_cost_nothing_but_reuse(self):
        self.start(stored("acme/model", 7), {**model("acme/next", [{"at": 1_000_000, "size": 100_000, "random_seed": 5}], size=SIZE)})
        self.get(HF_HUB_DISABLE_XET="1")
        self.wait_for_recipe()
        self.local.faults({"match": {"route": "cas-reconstruction", "times": 1}, "action": {"type": "status", "status": 404}},
                          {"match": {"route": "cas-reconstruction-v1", "times": 1}, "action": {"type": "status", "status": 404}},
                          {"match": {"route": "cas-chunk"}, "action": {"type": "status", "status": 200, "body": "HFRepoMetaData" + "\x00\xff" * 40_000}})
        self.get("acme/next")
        self.assert_right("acme/next")
        self.assertEqual(0, self.status().get("xetFallbacks", 0))


if __name__ == "__main__":
    unittest.main()
