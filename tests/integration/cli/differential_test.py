# SPDX-License-Identifier: Apache-2.0
"""hubctl under the name `hf` against the stock `hf` 2.4, on one local Hub: exit codes, outputs and requests are the same.

One row per command line. A row may name what differs, and why; nothing else may."""
import pathlib
import re
import signal
import subprocess
import sys
import time
import unittest
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import BIN, HANG, ProofCase, clean_env, stock_python  # noqa: E402

CARD = "---\nlicense: mit\ntags: [a, b, a]\nlanguage: de\nmodel_name: näme\n---\n# Hi\n"
SEED = {
    "users": [{"name": "alice", "token": "hf_alice"}, {"name": "bob", "token": "hf_bob"}],
    "repos": [
        {"id": "acme/model", "commits": [
            {"files": [{"path": "README.md", "text": CARD}, {"path": "config.json", "text": "{}"},
                       {"path": "onnx/a.onnx", "size": 200_000, "random_seed": 1}, {"path": "onnx/deep/b.txt", "text": "b"},
                       {"path": "sub dir/ä.txt", "text": "ä"}, {"path": "model.bin", "size": 2_000_000, "random_seed": 2}],
             "tags": ["v1"]},
            {"files": [{"path": "config.json", "text": "{\"a\": 1}"}]}]},
        {"id": "acme/empty", "commits": []},
        {"id": "acme/data", "type": "dataset", "commits": [{"files": [{"path": "train.csv", "text": "a\n1\n"}]}]},
        {"id": "acme/space", "type": "space", "commits": [{"files": [{"path": "app.py", "text": "a\n1\n"}]}]},
        {"id": "alice/secret", "private": True, "commits": [{"files": [{"path": "x", "text": "x"}]}]},
        {"id": "acme/gated", "gated": "manual", "granted": ["alice"],
         "commits": [{"files": [{"path": "config.json", "text": "{}"}]}]},
    ] + [{"id": f"many/m{i:02}", "commits": [{"files": [{"path": "x", "text": str(i)}]}]} for i in range(40)],
}

# What may differ, by name; each with its reason.
REASONS = {
    "files": "downloads are hubd's: one listing instead of a HEAD per file, and answers already here cost nothing",
    "one": "for one file hubd asks for its commit and its listing first, where hf asks for the file at once: one request more",
    "ages": "the two run at different moments: `20 seconds ago`, `21 seconds ago`",
    "nothing": "that there is nothing to prune is said in our words",
    "usage": "the sentence of a wrong command line is ours; that it is one, and its code, is the same",
}
FORMS = {"human": ["--format", "human"], "json": ["--json"], "quiet": ["-q"]}


def without_ages(text: str) -> str:
    """No ages, and no column widths that hang on them."""
    return re.sub(r" +", " ", re.sub(r"-{2,}", "--", re.sub(r"(\d+|a few) (second|minute)s? ago", "AGO", text)))


class Row:
    def __init__(self, *words: str, forms=("human", "json", "quiet"), differs=(), env=None):
        self.words, self.forms, self.differs, self.env = words, forms, set(differs), env or {}
        assert self.differs <= set(REASONS)


READS = [
    Row("models", "info", "acme/model"),
    Row("models", "info", "acme/model", "--revision", "v1"),
    Row("models", "info", "acme/model", "--expand", "likes, tags,cardData"),
    Row("models", "info", "acme/model", "--expand=siblings", forms=("json",)),
    Row("models", "info", "acme/gated"),
    Row("datasets", "info", "acme/data"),
    Row("datasets", "info", "acme/data", "--expand", "mainSize,createdAt", forms=("json",)),
    Row("spaces", "info", "acme/space"),
    Row("models", "ls"),
    Row("models", "list", "--limit", "2"),
    Row("models", "ls", "--limit", "0"),
    Row("models", "ls", "--author", "many", "--limit", "35", forms=("json", "quiet")),
    Row("models", "ls", "--search", "mod el&x"),
    Row("models", "ls", "--search", "model", "--sort", "last_modified", "--filter", "license:mit", "--filter", "a"),
    Row("models", "ls", "--no-gated", "--author", "acme"),
    Row("models", "ls", "--gated", "--apps", "vllm", "--num-parameters", "min:1,max:9", "--pipeline-tag", "x", forms=("json",)),
    Row("models", "ls", "--warm", forms=("json",)),
    Row("models", "ls", "--inference-provider", "groq", "--inference-provider", "novita", forms=("json",)),
    Row("models", "ls", "--expand", "downloads,likes", "--sort", "trending_score"),
    Row("models", "ls", "--author", "acme", "--no-truncate", forms=("human",)),
    Row("models", "ls", "--author", "acme", forms=("human",), env={"COLUMNS": "60"}),
    Row("models", "ls", "--author", "alice", env={"HF_TOKEN": "hf_alice"}),
    Row("datasets", "ls"),
    Row("datasets", "ls", "--sort", "downloads", "--search", "none"),
    Row("spaces", "ls", forms=("json", "quiet")),
    Row("models", "ls", "acme/model"),
    Row("models", "ls", "acme/model", "-R"),
    Row("models", "ls", "acme/model", "-h", "--recursive"),
    Row("models", "ls", "acme/model", "--tree", "-R", forms=("human", "quiet")),
    Row("models", "ls", "acme/model", "--tree", "-h", forms=("human",)),
    Row("models", "ls", "acme/model", "--revision", "v1", "-R", forms=("json",)),
    Row("models", "ls", "acme/empty"),
    Row("datasets", "ls", "acme/data"),
    Row("spaces", "ls", "acme/space", forms=("json", "quiet")),
    Row("models", "ls", "alice/secret", env={"HF_TOKEN": "hf_alice"}),
    Row("repos", "tag", "list", "acme/model"),
    Row("repos", "tag", "ls", "datasets/acme/data"),
    Row("repos", "tag", "ls", "acme/space", "--type", "space", forms=("json",)),
    Row("auth", "whoami", env={"HF_TOKEN": "hf_alice"}),
    Row("auth", "token", env={"HF_TOKEN": "hf_alice"}),
]
REFUSED = [
    Row("models", "info", "acme/none"),
    Row("models", "info", "acme/model", "--revision", "none"),
    Row("models", "info", "not//valid"),
    Row("models", "info", "acme/model", env={"HF_HUB_OFFLINE": "1"}),
    Row("datasets", "info", "acme/model", forms=("json",)),
    Row("models", "ls", "acme/none", forms=("json",)),
    Row("models", "ls", "acme/model", "--revision", "none", forms=("json",)),
    Row("models", "ls", "alice/secret", forms=("json",), env={"HF_TOKEN": "hf_bob"}),
    Row("repos", "tag", "ls", "acme/none", forms=("json",)),
    Row("auth", "whoami"),
    Row("auth", "whoami", forms=("json",), env={"HF_TOKEN": "hf_wrong"}),
    Row("auth", "token", forms=("quiet",)),
    Row("models", "info", "acme/model", "--expand", "nothing", differs=["usage"]),
    Row("models", "ls", "--sort", "name", differs=["usage"], forms=("human",)),
    Row("models", "ls", "--limit", "many", differs=["usage"], forms=("human",)),
    Row("models", "ls", "--tree", differs=["usage"], forms=("human",)),
    Row("models", "ls", "--revision", "v1", differs=["usage"], forms=("human",)),
    Row("models", "ls", "acme/model", "--search", "x", differs=["usage"], forms=("human",)),
    Row("models", "ls", "acme/model", "--tree", differs=["usage"], forms=("json",)),
    Row("models", "ls", "--warm", "--inference-provider", "groq", differs=["usage"], forms=("human",)),
    Row("models", "none", differs=["usage"], forms=()),
    Row("none", differs=["usage"], forms=()),
    Row("models", differs=["usage"], forms=()),
    Row(differs=["usage"], forms=()),
    Row("models", "info", "acme/model", "--nothing", differs=["usage"]),
    Row("models", "info", "acme/model", "--json", "-q", differs=["usage"], forms=()),
    Row("download", "acme/model", "--local-dir", "x", "--cache-dir", "y", forms=("human",)),
    Row("download", "hf://acme/model", "--revision", "v1", forms=("human",)),
    Row("download", "datasets/acme/data", "--type", "dataset", differs=["usage"], forms=("human",)),
    Row("download", "acme/model", "onnx/", "--include", "*.bin", forms=("human",)),
    Row("download", "acme/none", differs=["files"]),
    Row("download", "acme/gated", differs=["files"], forms=("json",)),
    Row("download", "acme/model", "none.txt", differs=["files", "one"], forms=("json",)),
    Row("download", "acme/model", "--revision", "none", differs=["files"], forms=("json",)),
]
FILES = [
    Row("download", "acme/model", "config.json", differs=["files", "one"]),
    Row("download", "acme/model", "--dry-run", differs=["files"]),
    Row("download", "acme/model", "--include", "onnx/*", differs=["files"]),
    Row("download", "acme/model", "config.json", "README.md", differs=["files"], forms=("json",)),
    Row("download", "acme/model", differs=["files"]),
    Row("download", "acme/model", "--dry-run", differs=["files"]),
    Row("download", "hf://datasets/acme/data@main/train.csv", differs=["files", "one"], forms=("json",)),
    Row("download", "acme/space", "--repo-type", "space", "app.py", differs=["files", "one"], forms=("json",)),
    Row("cache", "ls", differs=["ages"]),
    Row("cache", "ls", "--revisions", differs=["ages"]),
    Row("cache", "ls", "--sort", "size", "--limit", "1", "--filter", "type=model", differs=["ages"]),
    Row("cache", "verify", "acme/model", differs=["files"]),
    Row("cache", "rm", "model/acme/none", forms=("human", "quiet")),
    Row("cache", "ls", "--filter", "size", forms=("human",), differs=["usage"]),
    Row("cache", "prune", "--dry-run", forms=("json", "quiet")),
    Row("cache", "prune", "--dry-run", forms=("human",), differs=["nothing"]),
    Row("cache", "rm", "dataset/acme/data", "--dry-run"),
    Row("cache", "rm", "dataset/acme/data", "-y"),
]


class Differential(ProofCase):
    def setUp(self) -> None:
        super().setUp()
        self.stock = [str(pathlib.Path(stock_python("2.4.0")).parent / "hf")]
        self.local = self.hub(SEED)
        self.local.call("POST", "/_localhub/knobs", {"list_page": 7, "tree_page_expand": 2})  # so that lists have pages
        # hf remembers nothing between two runs; so that requests can be compared, hubd remembers nothing either.
        self.hubd_ = self.hubd(self.local.url, config="[metadata]\nbranch_max_age_seconds = 0\n")
        link = self.folder / "bin/hf"
        link.parent.mkdir()
        link.symlink_to(BIN / "hubctl")
        self.ours = [str(link)]
        self.home = self.folder / "stock"
        self.home.mkdir()
        self.run_stock(["version"])  # its first run asks who may be an agent, and remembers

    def run_stock(self, words, **env):
        environment = clean_env(self.home, HF_ENDPOINT=self.local.url, **env)
        return self.measured(self.stock, words, environment)

    def run_ours(self, words, **env):
        return self.measured(self.ours, words, {**self.hubd_.env, **env})

    def measured(self, program, words, env):
        self.local.reset()
        done = subprocess.run(program + list(words), env=env, capture_output=True, text=True, timeout=HANG, stdin=subprocess.DEVNULL,
                              cwd=self.folder)
        asked = []
        for request in self.local.call("GET", "/_localhub/requests"):
            if request["route"] == "agent-harnesses":
                continue
            target = urllib.parse.urlsplit(request["target"])
            asked.append((request["method"], urllib.parse.unquote(target.path), sorted(urllib.parse.parse_qsl(target.query)), request["status"],
                          bool(request["authorization"])))
        return done, sorted(asked)

    def compare(self, row, form):
        words = list(row.words) + FORMS.get(form, [])
        with self.subTest(" ".join(words)):
            theirs, their_requests = self.run_stock(words, **row.env)
            ours, our_requests = self.run_ours(words, **row.env)
            told = f"\nhf: {theirs.stdout}{theirs.stderr}\nours: {ours.stdout}{ours.stderr}"
            self.assertEqual(theirs.returncode, ours.returncode, told)
            wanted = theirs.stdout.replace(str(self.home / "hf/hub"), "CACHE")
            found = ours.stdout.replace(str(self.hubd_.cache), "CACHE")
            if "ages" in row.differs:
                wanted, found = without_ages(wanted), without_ages(found)
            if "nothing" not in row.differs:
                self.assertEqual(wanted, found, told)
            if "files" in row.differs:
                self.assertLessEqual(len(our_requests), len(their_requests) + (1 if "one" in row.differs else 0), told)
            else:
                self.assertEqual(their_requests, our_requests, told)
            errors = [line for line in ours.stderr.splitlines() if line.startswith("Error: ")]
            if theirs.returncode == 0:
                self.assertEqual([], errors, told)
            elif row.words[-1:] != ("models",) and row.words:  # a group alone explains itself
                self.assertEqual(1, len(errors), told)

    def test_reads_are_the_same(self):
        for row in READS:
            for form in row.forms:
                self.compare(row, form)

    def test_what_is_refused_is_refused_the_same(self):
        for row in REFUSED:
            for form in row.forms or (None,):
                self.compare(row, form)

    def test_downloads_answer_the_same_and_cost_no_more_requests(self):
        for row in FILES:
            for form in row.forms:
                self.compare(row, form)

    def test_env_says_the_same_settings(self):
        for env in ({}, {"HF_HUB_OFFLINE": "yes", "DO_NOT_TRACK": "1", "HF_TOKEN_PATH": str(self.folder / "a/token"), "HF_HUB_ETAG_TIMEOUT": "3"},
                    {"HF_ASSETS_CACHE": str(self.folder / "assets"), "HF_HUB_DISABLE_PROGRESS_BARS": "0", "HF_XET_HIGH_PERFORMANCE": "on"}):
            def settings(text, home):
                lines = dict(line[2:].split(": ", 1) for line in text.splitlines() if line.startswith("- ") and ": " in line)
                return {name: value.replace(str(home), "HOME") for name, value in lines.items() if name.isupper()}
            theirs = settings(self.run_stock(["env"], **env)[0].stdout, self.home)
            ours = settings(self.run_ours(["env"], **env)[0].stdout, self.hubd_.folder)
            self.assertGreater(len(theirs), 10)
            self.assertEqual(theirs, ours)

    def test_the_version_is_the_one_whose_commands_we_speak(self):
        for form in ("json", "quiet"):
            theirs, ours = self.run_stock(["version"] + FORMS[form])[0], self.run_ours(["version"] + FORMS[form])[0]
            self.assertEqual((theirs.returncode, theirs.stdout), (ours.returncode, ours.stdout))
        self.assertEqual(self.run_stock(["--version"])[0].stdout, self.run_ours(["--version"])[0].stdout)

    def test_ctrl_c_ends_a_download_with_the_same_code(self):
        self.local.faults({"match": {"route": "cdn"}, "action": {"type": "throttle", "bytes_per_second": 50_000}})
        codes = []
        for program, env in ((self.stock, clean_env(self.home, HF_ENDPOINT=self.local.url)), (self.ours, self.hubd_.env)):
            self.local.reset()
            process = subprocess.Popen(program + ["download", "acme/model", "model.bin", "-q"], env=env, stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
            deadline = time.monotonic() + HANG
            def moving() -> bool:
                return self.local.counters()["routes"].get("cdn", {}).get("requests", 0) > 0

            while not moving() and process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.02)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=HANG)
            codes.append((process.returncode, out))
        self.assertEqual(codes[0], codes[1], err)
        self.local.clear_faults()

    def test_a_pipe_that_closes_ends_both(self):
        for program, env in ((self.stock, clean_env(self.home, HF_ENDPOINT=self.local.url)), (self.ours, self.hubd_.env)):
            process = subprocess.Popen(program + ["models", "ls", "-q"], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            process.stdout.close()
            errors = process.stderr.read().decode()
            process.stderr.close()
            process.wait(HANG)
            if program is self.ours:
                self.assertEqual("", errors)


if __name__ == "__main__":
    unittest.main(verbosity=2)
