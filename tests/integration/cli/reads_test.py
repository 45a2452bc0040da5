# SPDX-License-Identifier: Apache-2.0
"""hubctl models|datasets|spaces and repos tag: reads of the Hub through hubd, and what an operator meets on a bad day."""
import json
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import BIN, HANG, ProofCase  # noqa: E402

SEED = {
    "users": [{"name": "alice", "token": "hf_alice"}],
    "repos": [{"id": "acme/model", "commits": [{"files": [{"path": "config.json", "text": "{}"}, {"path": "a/b.txt", "text": "b"}], "tags": ["v1"]}]},
              {"id": "acme/data", "type": "dataset", "commits": [{"files": [{"path": "train.csv", "text": "a\n1\n"}]}]}]
    + [{"id": f"many/m{i:02}", "commits": [{"files": [{"path": "x", "text": str(i)}]}]} for i in range(25)],
}


class Reads(ProofCase):
    def setUp(self) -> None:
        super().setUp()
        self.local = self.hub(SEED)
        self.hubd_ = self.hubd(self.local.url)

    def ctl(self, *arguments: str, code: int = 0, **env: str):
        done = self.hubd_.ctl(*arguments, env=env)
        self.assertEqual(code, done.returncode, done.stdout + done.stderr)
        return done

    def requests(self) -> int:
        return self.local.counters()["total"]["requests"]

    def test_what_many_ask_is_asked_once(self):
        first = self.ctl("models", "info", "acme/model", "--json").stdout
        self.assertEqual(first, self.ctl("models", "info", "acme/model", "--json").stdout)
        self.assertEqual(1, self.requests())
        self.assertEqual("acme/model\n", self.ctl("models", "info", "acme/model", "-q").stdout)
        self.ctl("models", "info", "acme/model", "-q", HF_TOKEN="hf_alice")
        self.assertEqual(2, self.requests(), "another token is another question")

    def test_every_page_of_a_long_list_is_read_and_none_too_many(self):
        self.local.call("POST", "/_localhub/knobs", {"list_page": 10})
        ids = self.ctl("models", "ls", "--author", "many", "--limit", "100", "-q").stdout.split()
        self.assertEqual([f"many/m{i:02}" for i in range(25)], sorted(ids))
        self.assertEqual(3, self.requests())
        self.local.reset()
        self.assertEqual(12, len(json.loads(self.ctl("models", "ls", "--author", "many", "--limit", "12", "--json").stdout)))
        self.assertLessEqual(self.requests(), 2)

    def test_json_is_whole_and_empty_lists_are_lists(self):
        self.assertEqual("[]\n", self.ctl("models", "ls", "--search", "nothing-like-it", "--json").stdout)
        self.assertEqual("[]\n", self.ctl("repos", "tag", "ls", "datasets/acme/data", "--json").stdout)
        self.assertEqual("", self.ctl("models", "ls", "--search", "nothing-like-it", "-q").stdout)
        entries = json.loads(self.ctl("models", "ls", "acme/model", "--json").stdout)
        self.assertEqual({"a": True, "config.json": False}, {e["path"]: "tree_id" in e for e in entries})

    def test_quiet_prints_only_ids_and_paths(self):
        for words, wanted in ((["datasets", "ls", "-q"], "acme/data\n"), (["datasets", "info", "acme/data", "-q"], "acme/data\n"),
                              (["models", "ls", "acme/model", "-R", "-q"], "a/\na/b.txt\nconfig.json\n"), (["repos", "tag", "ls", "acme/model", "-q"], "v1\n")):
            done = self.ctl(*words)
            self.assertEqual((wanted, ""), (done.stdout, done.stderr))

    def test_a_wrong_name_is_told_with_what_to_do(self):
        done = self.ctl("models", "info", "acme/modle", code=1)
        self.assertIn("Error: Model 'acme/modle' not found.", done.stderr)
        self.assertIn("hubctl auth login", done.stderr)
        error = json.loads(self.ctl("models", "info", "acme/data", "--json", code=1).stderr)["error"]
        self.assertEqual("repository_not_found", error["kind"])
        self.assertIn("no model", self.ctl("models", "info", "datasets/acme/data", code=1).stderr)
        self.assertIn("not found on model 'acme/model'", self.ctl("models", "ls", "acme/model", "--revision", "none", code=1).stderr)

    def test_without_a_hub_the_last_answer_serves_and_says_so(self):
        config = "[metadata]\nbranch_max_age_seconds = 0\n"
        hubd = self.hubd(self.local.url, name="other", config=config)
        known = hubd.ctl("models", "info", "acme/model", "--json", check=True)
        self.local.close()
        again = hubd.ctl("models", "info", "acme/model", "--json")
        self.assertEqual((0, known.stdout), (again.returncode, again.stdout))
        self.assertIn("Warning: the Hub could not be asked", again.stderr)
        new = hubd.ctl("datasets", "info", "acme/data", "--json")
        self.assertEqual((1, ""), (new.returncode, new.stdout))
        self.assertEqual("unreachable", json.loads(new.stderr)["error"]["kind"])
        self.assertEqual(1, len(new.stderr.splitlines()))

    def test_offline_asks_nothing(self):
        error = json.loads(self.ctl("models", "info", "acme/model", "--json", code=1, HF_HUB_OFFLINE="1").stderr)["error"]
        self.assertEqual("offline", error["kind"])
        self.assertEqual(0, self.requests())

    def test_a_reader_that_left_is_no_error(self):
        done = subprocess.run(["bash", "-c", f"set -o pipefail; '{BIN}/hubctl' models ls -q --limit 100 | head -n 1; exit ${{PIPESTATUS[0]}}"],
                              env=self.hubd_.env, capture_output=True, text=True, timeout=HANG)
        self.assertEqual("", done.stderr)
        self.assertIn(done.returncode, (0, 141))

    def test_no_colour_and_no_escape_reaches_a_pipe(self):
        self.local.call("POST", "/_localhub/seed", {"repos": [{"id": "evil/m", "commits": [{"files": [{"path": "a\u001b[31mred", "text": "x"}]}]}]})
        for words in (["models", "ls", "evil/m"], ["models", "ls", "evil/m", "--tree"], ["models", "ls", "evil/m", "-q"], ["models", "info", "evil/m"]):
            self.assertNotIn("\x1b", self.ctl(*words).stdout)

    def test_huggingface_cli_is_served_with_a_warning(self):
        link = self.folder / "huggingface-cli"
        link.symlink_to(BIN / "hubctl")
        done = subprocess.run([str(link), "download", "acme/model", "config.json"], env=self.hubd_.env, capture_output=True, text=True, timeout=HANG)
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertEqual("{}", pathlib.Path(done.stdout.strip()).read_text())
        self.assertIn("Warning: `huggingface-cli` is an old name; use `hf`", done.stderr)
        scan = subprocess.run([str(link), "scan-cache"], env=self.hubd_.env, capture_output=True, text=True, timeout=HANG)
        self.assertIn("model/acme/model", scan.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
