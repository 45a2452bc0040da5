# SPDX-License-Identifier: Apache-2.0
"""hubctl download --from and plan --from: many repos from one file."""
import json
import pathlib
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import BIN, HANG, ProofCase, content  # noqa: E402

SEED = {
    "users": [{"name": "alice", "token": "hf_alice"}],
    "repos": [
        {"id": "acme/model", "commits": [
            {"files": [{"path": "config.json", "text": "{}"}, {"path": "with blank/a.json", "text": "[]"},
                       {"path": "model.bin", "size": 2_000_000, "random_seed": 2}], "tags": ["v1"]},
            {"files": [{"path": "new.txt", "text": "new"}]}]},
        {"id": "acme/other", "commits": [{"files": [{"path": "x.txt", "text": "x"}, {"path": "y.txt", "text": "y"}]}]},
        {"id": "acme/big", "commits": [{"files": [{"path": "big.bin", "size": 9_000_000, "random_seed": 3}]}]},
        {"id": "acme/data", "type": "dataset", "commits": [{"files": [{"path": "train.csv", "text": "a\n1\n"}]}]},
    ],
}
LIST = """# what the training needs
acme/model@v1 *.json          # not the weights
datasets/acme/data

acme/other x.txt
"""


class Batch(ProofCase):
    def setUp(self) -> None:
        super().setUp()
        self.local = self.hub(SEED)
        self.hubd_ = self.hubd(self.local.url)

    def list(self, text: str) -> str:
        path = self.folder / "list.txt"
        path.write_text(text)
        return str(path)

    def ctl(self, *arguments: str, code: int = 0, **env: str):
        done = self.hubd_.ctl(*arguments, env=env)
        self.assertEqual(code, done.returncode, done.stdout + done.stderr)
        return done

    def bytes_moved(self) -> int:
        return self.local.counters()["routes"].get("cdn", {}).get("requests", 0)

    def test_each_line_is_downloaded_in_the_order_of_the_file(self):
        rows = json.loads(self.ctl("download", "--from", self.list(LIST), "--json").stdout)
        self.assertEqual([(2, "acme/model", "model", "v1", 2), (3, "acme/data", "dataset", "main", 1), (5, "acme/other", "model", "main", 1)],
                         [(r["line"], r["repo_id"], r["repo_type"], r["revision"], r["files"]) for r in rows])
        self.assertEqual({"config.json", "with blank/a.json"}, set(content(pathlib.Path(rows[0]["path"]))))
        self.assertEqual("a\n1\n", (pathlib.Path(rows[1]["path"]) / "train.csv").read_text())
        self.assertEqual("x", pathlib.Path(rows[2]["path"]).read_text())
        self.assertEqual(["line", "repo_id", "repo_type", "revision", "path", "commit", "files", "bytes", "bytes_fetched", "requests"], list(rows[0]))
        quiet = self.ctl("download", "--from", self.list(LIST), "-q")
        self.assertEqual([r["path"] for r in rows], quiet.stdout.splitlines())
        self.assertEqual("", quiet.stderr)
        human = self.ctl("download", "--from", self.list(LIST))
        self.assertRegex(human.stdout, r"(?m)^REPO +FILES +SIZE +FETCHED +PATH$")
        self.assertIn("[3/3] ", human.stderr)

    def test_standard_input_is_a_list_too(self):
        done = subprocess.run([str(BIN / "hubctl"), "download", "--from", "-", "-q"], env=self.hubd_.env, input="acme/other\n",
                              capture_output=True, text=True, timeout=HANG)
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        self.assertEqual({"x.txt", "y.txt"}, set(content(pathlib.Path(done.stdout.strip()))))

    def test_a_wrong_line_moves_nothing(self):
        for text, where in (("acme/other\nacme//model\n", "list.txt:2: "), ("acme/other\nacme/model@ x\n", "list.txt:2: "),
                            ("acme/other \"x\n", "list.txt:1: "), ("acme/other\n\n# a\nacme/model --include x\n", "list.txt:4: "),
                            ("# nothing\n", "names no repository")):
            with self.subTest(text):
                refused = self.ctl("download", "--from", self.list(text), code=2)
                self.assertIn(where, refused.stderr)
                self.assertEqual((1, ""), (len(refused.stderr.splitlines()), refused.stdout))
        self.assertIn("/nonexistent/list", self.ctl("download", "--from", "/nonexistent/list", code=2).stderr)
        self.assertEqual(0, self.local.counters()["total"]["requests"])

    def test_what_each_line_says_is_not_taken_from_the_command_line(self):
        for more in (["acme/model"], ["--revision", "v1"], ["--type", "dataset"], ["--include", "*"], ["--exclude", "*"], ["--local-dir", "x"]):
            self.assertIn("--from", self.ctl("download", "--from", self.list(LIST), *more, code=2).stderr)
            self.assertIn("--from", self.ctl("plan", "--from", self.list(LIST), *more, code=2).stderr)

    def test_a_line_that_fails_is_named_and_stops_no_other(self):
        done = self.ctl("download", "--from", self.list("acme/none\nacme/other\nacme/model none.txt\n"), "--json", code=1)
        rows = json.loads(done.stdout)
        self.assertEqual(["repository_not_found", None, "entry_not_found"], [r.get("error", {}).get("kind") for r in rows])
        self.assertEqual(2, rows[1]["files"])
        errors = [json.loads(line)["error"] for line in done.stderr.splitlines()]
        self.assertEqual(["repository_not_found", "entry_not_found"], [e["kind"] for e in errors])
        self.assertIn("list.txt:1: ", errors[0]["message"])
        self.assertIn("list.txt:3: ", errors[1]["message"])
        quiet = self.ctl("download", "--from", self.list("acme/none\nacme/other\n"), "-q", code=1)
        self.assertEqual([rows[1]["path"]], quiet.stdout.splitlines())

    def test_names_and_globs_that_match_nothing_are_told(self):
        done = self.ctl("download", "--from", self.list("acme/other x.txt no.txt\nacme/model *.nothing\n"))
        self.assertIn("list.txt:1: 'no.txt' is not a file of acme/other", done.stderr)
        self.assertIn("list.txt:2: no file of acme/model is selected", done.stderr)

    def test_plan_adds_up_and_moves_nothing(self):
        text = self.list("acme/model model.bin\nacme/big\nacme/other\n")
        self.ctl("download", "acme/other")
        plan = json.loads(self.ctl("plan", "--from", text, "--json").stdout)
        self.assertEqual([2_000_000, 9_000_000, 2], [r["bytes_total"] for r in plan["repos"]])
        self.assertEqual((11_000_002, 11_000_000, 2, True), (plan["bytes_total"], plan["bytes_network"], plan["bytes_cached"], plan["fits"]))
        self.assertEqual(sum(r["bytes_network"] for r in plan["repos"]), plan["bytes_network"])
        self.assertEqual(0, self.bytes_moved())
        self.assertIn("bytes to fetch", self.ctl("plan", "--from", text).stdout)
        self.assertEqual("11000000\n", self.ctl("plan", "--from", text, "-q").stdout)
        self.assertEqual(plan["repos"], json.loads(self.ctl("download", "--from", text, "--dry-run", "--json").stdout)["repos"])
        partly = self.ctl("plan", "--from", self.list("acme/none\nacme/big\n"), "--json", code=1)
        self.assertEqual(9_000_000, json.loads(partly.stdout)["bytes_network"])
        self.assertEqual(0, self.bytes_moved())

    def test_ctrl_c_leaves_all_of_them_to_hubd(self):
        self.local.faults({"match": {"route": "cdn"}, "action": {"type": "throttle", "bytes_per_second": 400_000}})
        process = self.hubd_.ctl_start("download", "--from", self.list("acme/model model.bin\nacme/big\n"))
        deadline = time.monotonic() + HANG
        while self.bytes_moved() < 2 and time.monotonic() < deadline:  # both are moving
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=HANG)
        self.assertEqual((130, ""), (process.returncode, out), err)
        self.assertRegex(err, r"hubd goes on with transfers \S+, \S+\.")
        self.local.clear_faults()
        rows = json.loads(self.ctl("download", "--from", self.list("acme/model model.bin\nacme/big\n"), "--json").stdout)
        self.assertEqual([2_000_000, 9_000_000], [r["bytes"] for r in rows])

    def test_without_a_hub_the_lines_fail_with_their_numbers(self):
        done = self.ctl("download", "--from", self.list("acme/model\nacme/other\n"), code=1, HF_HUB_OFFLINE="1")
        self.assertIn("list.txt:1: ", done.stderr)
        self.assertIn("list.txt:2: ", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
