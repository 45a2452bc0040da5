# SPDX-License-Identifier: Apache-2.0
"""The verbs of hubctl against a real hubd and a local Hub: what they print in each form, and their exit codes."""
import json
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import BIN, HANG, ProofCase, content  # noqa: E402

SEED = {
    "users": [{"name": "alice", "token": "hf_alice"}, {"name": "bob", "token": "hf_bob"}],
    "repos": [
        {"id": "acme/model", "commits": [
            {"files": [{"path": "config.json", "text": "{}"}, {"path": "onnx/a.onnx", "size": 200_000, "random_seed": 1},
                       {"path": "onnx/b.txt", "text": "b"}, {"path": "model.bin", "size": 2_000_000, "random_seed": 2}],
             "tags": ["v1"]}]},
        {"id": "acme/data", "type": "dataset", "commits": [{"files": [{"path": "train.csv", "text": "a\n1\n"}]}]},
        {"id": "acme/gated", "gated": "manual", "granted": ["alice"],
         "commits": [{"files": [{"path": "config.json", "text": "{}"}]}]},
    ],
}


def in_terminal(command: list[str], env: dict, answers: list[tuple[bytes, bytes]]) -> tuple[int, bytes]:
    """Runs a command on a terminal of its own; (prompt, answer) pairs are typed as the prompts appear."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe(command[0], command, env)
    seen, answers = b"", list(answers)
    deadline = time.monotonic() + HANG
    while time.monotonic() < deadline:
        ready, _, _ = select.select([terminal], [], [], 1)
        if ready:
            try:
                chunk = os.read(terminal, 65536)
            except OSError:  # the other side has closed
                break
            if not chunk:
                break
            seen += chunk
        if answers and answers[0][0] in seen:
            os.write(terminal, answers.pop(0)[1])
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), seen


class Commands(ProofCase):
    def setUp(self) -> None:
        super().setUp()
        self.local = self.hub(SEED)
        self.hubd_ = self.hubd(self.local.url)

    def ctl(self, *arguments: str, check: bool = True, **env: str):
        return self.hubd_.ctl(*arguments, env=env, check=check)

    def json(self, *arguments: str, **env: str):
        return json.loads(self.ctl(*arguments, "--json", **env).stdout)

    # --- download

    def test_download_prints_the_folder_in_each_form(self):
        done = self.json("download", "acme/model")
        self.assertEqual(["path", "commit", "files", "bytes", "bytes_fetched", "requests"], list(done))
        self.assertEqual(4, done["files"])
        self.assertEqual(4, len(content(pathlib.Path(done["path"]))))
        self.assertEqual(done["commit"], pathlib.Path(done["path"]).name)
        path = done["path"]
        self.assertEqual(path + "\n", self.ctl("download", "acme/model", "--quiet").stdout)
        self.assertEqual(path + "\n", self.ctl("download", "acme/model", "--format", "quiet").stdout)
        self.assertEqual(f"path={path}\n", self.ctl("download", "acme/model", "--format", "agent").stdout)
        human = self.ctl("download", "acme/model", "--revision", done["commit"])
        self.assertRegex(human.stdout, rf"^(✓|\[OK\]) Downloaded\n  path: {path}\n$")
        self.assertRegex(human.stderr, r"^4 files, 2\.2 MB: 0 B fetched, 0 requests\n$")

    def test_download_of_one_file_prints_its_path(self):
        path = pathlib.Path(self.ctl("download", "acme/model", "config.json", "--quiet").stdout.strip())
        self.assertEqual("{}", path.read_text())
        self.assertEqual("config.json", path.name)
        self.assertEqual([path], [p for p in path.parent.rglob("*") if not p.is_dir()])
        uri = self.ctl("download", "hf://acme/model@v1/onnx/b.txt", "--quiet").stdout.strip()
        self.assertEqual("b", pathlib.Path(uri).read_text())

    def test_download_of_several_names_folders_and_patterns(self):
        table = [
            (["config.json", "onnx/b.txt"], {"config.json", "onnx/b.txt"}),
            (["onnx/"], {"onnx/a.onnx", "onnx/b.txt"}),
            (["--include", "*.json", "--include", "onnx/*", "--exclude", "*.onnx"], {"config.json", "onnx/b.txt"}),
        ]
        for number, (arguments, wanted) in enumerate(table):
            with self.subTest(arguments):
                target = self.folder / f"local{number}"
                path = self.ctl("download", "acme/model", *arguments, "--local-dir", str(target), "--quiet").stdout.strip()
                self.assertEqual(str(target), path)
                found = {name for name in content(target) if not name.startswith(".cache/")}
                self.assertEqual(wanted, found)
        missing = self.ctl("download", "acme/model", "config.json", "nope.txt")
        self.assertIn("Warning: 'nope.txt' is not a file", missing.stderr)

    def test_download_takes_a_relative_local_dir(self):
        process = subprocess.run([str(BIN / "hubctl"), "download", "datasets/acme/data", "--local-dir", "here", "-q"],
                                 cwd=self.folder, env=self.hubd_.env, capture_output=True, text=True, timeout=HANG)
        self.assertEqual(str(self.folder / "here") + "\n", process.stdout, process.stderr)
        self.assertEqual("a\n1\n", (self.folder / "here/train.csv").read_text())

    def test_dry_run_and_plan_move_nothing(self):
        text = self.ctl("download", "acme/model", "--dry-run").stdout
        self.assertIn("[dry-run] Will download 4 files (out of 4) totalling 2.2M.", text)
        self.assertRegex(text, r"(?m)^model\.bin +2\.0M$")
        self.assertEqual([{"file": "config.json", "size": "2.0"}],
                         [f for f in self.json("download", "acme/model", "--dry-run") if f["file"] == "config.json"])
        plan = self.json("plan", "acme/model@v1")
        self.assertEqual(4, len(plan["files"]))
        self.assertTrue(plan["fits"])
        self.assertEqual(plan["bytes_total"], plan["bytes_network"])
        self.assertEqual(0, self.local.counters()["routes"].get("cdn", {}).get("requests", 0))
        self.ctl("download", "acme/model", "config.json")
        self.assertIn("(out of 4)", self.ctl("download", "acme/model", "--dry-run").stdout)
        self.assertRegex(self.ctl("download", "acme/model", "--dry-run").stdout, r"(?m)^config\.json +-$")

    def test_progress_is_a_line_in_a_log_and_bars_on_a_terminal(self):
        self.local.faults({"match": {"route": "cdn"}, "action": {"type": "throttle", "bytes_per_second": 800_000}})
        result = self.ctl("download", "acme/model", "--quiet", "--progress")
        self.assertRegex(result.stderr, r"(?m)^acme/model: \d+ % of 2\.2 MB")
        self.ctl("cache", "rm", "model/acme/model", "--yes")
        env = {**self.hubd_.env, "TERM": "xterm", "LANG": "C.UTF-8"}
        del env["HF_HUB_DISABLE_PROGRESS_BARS"]
        code, seen = in_terminal([str(BIN / "hubctl"), "download", "acme/model"], env, [])
        self.assertEqual(0, code, seen)
        self.assertRegex(seen, rb"acme/model +\d+%")
        self.assertIn(b"\x1b[1A\x1b[2K", seen)
        self.assertIn(b"Downloaded", seen)

    def test_quiet_download_says_nothing_else(self):
        self.assertEqual("", self.ctl("download", "acme/model", "--quiet").stderr)

    # --- transfers

    def stalled_download(self) -> subprocess.Popen:
        self.local.faults({"match": {"route": "cdn"}, "action": {"type": "stall", "after": 100_000}})
        client = self.hubd_.ctl_start("download", "acme/model")
        deadline = time.monotonic() + HANG
        while time.monotonic() < deadline and not self.json("transfers", "ls"):
            time.sleep(0.05)
        return client

    def test_ctrl_c_detaches_and_the_transfer_can_be_seen_and_cancelled(self):
        client = self.stalled_download()
        transfer = self.json("transfers", "ls")[0]
        self.assertEqual("acme/model", transfer["repo_id"])
        client.send_signal(signal.SIGINT)
        _, err = client.communicate(timeout=HANG)
        self.assertEqual(130, client.returncode, err)
        self.assertIn("again", err)
        self.assertIn(f"hubctl transfers watch {transfer['id']}", err)
        still = [t for t in self.json("transfers", "ls") if t["id"] == transfer["id"]]
        self.assertEqual([True], [t["detached"] for t in still])
        self.assertIn(transfer["id"], self.ctl("transfers", "ls").stdout)
        self.ctl("transfers", "cancel", transfer["id"])
        self.assertEqual([], self.json("transfers", "ls"))

    def test_watch_follows_until_the_end(self):
        client = self.stalled_download()
        transfer = self.json("transfers", "ls")[0]
        watcher = self.hubd_.ctl_start("transfers", "watch", transfer["id"], "--json")
        self.ctl("transfers", "cancel", transfer["id"])
        for process in (watcher, client):
            out, err = process.communicate(timeout=HANG)
            self.assertEqual(1, process.returncode, out + err)
            self.assertIn("cancelled", out + err)

    def test_transfers_that_are_not_there(self):
        self.assertEqual([], self.json("transfers", "ls"))
        self.assertIn("No transfers run", self.ctl("transfers", "ls").stdout)
        for arguments in (("transfers", "cancel", "nope"), ("transfers", "watch", "nope"), ("transfers", "watch")):
            result = self.ctl(*arguments, check=False)
            self.assertEqual(1, result.returncode)
            self.assertEqual(1, result.stderr.count("Error: "), result.stderr)

    # --- ready

    def test_ready_answers_by_its_exit_code(self):
        unknown = self.ctl("ready", "acme/model", check=False)
        self.assertEqual(3, unknown.returncode, unknown.stdout + unknown.stderr)
        commit = self.json("download", "acme/model", "--include", "*.json")["commit"]
        part = self.ctl("ready", f"acme/model@{commit}", check=False)
        self.assertEqual(3, part.returncode)
        self.assertIn("model.bin", part.stdout)
        machine = self.ctl("ready", f"acme/model@{commit}", "--json", check=False)
        self.assertEqual(3, machine.returncode)
        answer = json.loads(machine.stdout)
        self.assertFalse(answer["ready"])
        self.assertIn("model.bin", answer["missing"])
        self.assertEqual(0, self.ctl("ready", f"acme/model@{commit}", "--pattern", "*.json").returncode)
        self.ctl("download", "acme/model")
        self.assertTrue(self.json("ready", f"acme/model@{commit}")["ready"])
        self.assertEqual(commit + "\n", self.ctl("ready", "acme/model", "-q").stdout)

    # --- cache

    def test_cache_ls_shows_what_is_there(self):
        self.assertEqual("No results found.\n", self.ctl("cache", "ls").stdout)
        self.ctl("download", "acme/model")
        self.ctl("download", "acme/data", "--repo-type", "dataset")
        rows = self.json("cache", "ls")
        self.assertEqual(["dataset/acme/data", "model/acme/model"], [row["id"] for row in rows])
        self.assertEqual({"id", "repo_id", "repo_type", "size", "last_accessed", "last_modified", "refs"}, set(rows[0]))
        self.assertEqual("2.2M", rows[1]["size"])
        self.assertEqual(["main"], rows[1]["refs"])
        text = self.ctl("cache", "ls").stdout
        self.assertRegex(text, r"^ID +SIZE +LAST_ACCESSED +LAST_MODIFIED +REFS\n-")
        self.assertRegex(text, r"Found 2 repo\(s\) for a total of 2 revision\(s\) and 2\.2M on disk\.\n$")
        self.assertEqual("model/acme/model\n", self.ctl("cache", "ls", "-q", "-f", "size>1M").stdout)
        self.assertEqual("model/acme/model\n", self.ctl("cache", "ls", "-q", "--sort", "size", "--limit", "1").stdout)
        revisions = self.json("cache", "ls", "--revisions", "--filter", "type=dataset")
        self.assertEqual(1, len(revisions))
        self.assertTrue(pathlib.Path(revisions[0]["snapshot_path"]).is_dir())

    def test_cache_rm_asks_says_and_deletes(self):
        self.ctl("download", "acme/model")
        asked = self.ctl("cache", "rm", "model/acme/model", check=False)
        self.assertEqual(1, asked.returncode)
        self.assertIn("--yes", asked.stderr)
        dry = self.json("cache", "rm", "model/acme/model", "--dry-run")
        self.assertEqual({"dry_run": True, "repos": 1, "revisions": 1, "size": "2.2M"}, dry)
        self.assertTrue((self.hubd_.cache / "models--acme--model").exists())
        nothing = self.ctl("cache", "rm", "model/no/such", "--yes")
        self.assertIn("Could not find in cache: model/no/such", nothing.stderr)
        self.assertIn("Nothing to delete.", nothing.stdout)
        code, seen = in_terminal([str(BIN / "hubctl"), "cache", "rm", "model/acme/model"], self.hubd_.env, [(b"[y/N]", b"n\n")])
        self.assertEqual(1, code, seen)
        self.assertTrue((self.hubd_.cache / "models--acme--model").exists())
        done = self.json("cache", "rm", "MODEL/Acme/Model", "--yes")
        self.assertEqual({"repos_deleted": 1, "revisions_deleted": 1, "freed": "2.2M"}, done)
        self.assertFalse((self.hubd_.cache / "models--acme--model").exists())

    def test_cache_prune_deletes_what_nobody_refers_to(self):
        self.ctl("download", "acme/model")
        self.ctl("download", "acme/data", "--repo-type", "dataset")
        self.assertEqual("Nothing to delete.\n", self.ctl("cache", "prune").stdout)
        model, data = (self.hubd_.cache / name for name in ("models--acme--model", "datasets--acme--data"))
        (model / "refs/main").unlink()
        leftover = data / "blobs" / ("0" * 64 + ".incomplete")
        leftover.write_text("half")
        dry = self.json("cache", "prune", "--dry-run")
        self.assertEqual((True, 1, 1), (dry["dry_run"], dry["revisions"], dry["incomplete"]))
        self.assertEqual({"dry_run", "revisions", "incomplete", "shared_blobs", "size"}, set(dry))
        asked = self.ctl("cache", "prune", check=False)
        self.assertEqual(1, asked.returncode)
        self.assertIn("--yes", asked.stderr)
        self.assertTrue(leftover.exists())
        done = self.json("cache", "prune", "--yes")
        self.assertEqual({"revisions_deleted", "incomplete_deleted", "shared_blobs_deleted", "freed"}, set(done))
        self.assertEqual((1, 1, "2.2M"), (done["revisions_deleted"], done["incomplete_deleted"], done["freed"]))
        self.assertFalse(leftover.exists())
        self.assertEqual(["dataset/acme/data"], [row["id"] for row in self.json("cache", "ls")])

    def test_cache_verify_tells_right_from_wrong(self):
        path = pathlib.Path(self.ctl("download", "acme/model", "--quiet").stdout.strip())
        good = self.json("cache", "verify", "acme/model")
        self.assertEqual({"repo_id": "acme/model", "repo_type": "model", "checked": 4, "path": str(path)}, good)
        with open(os.path.realpath(path / "model.bin"), "r+b") as file:
            file.write(b"wrong")
        bad = self.ctl("cache", "verify", "acme/model", "--json", check=False)
        self.assertEqual(1, bad.returncode)
        self.assertEqual(["model.bin"], [m["path"] for m in json.loads(bad.stdout)["mismatches"]])
        self.assertEqual("corrupt", json.loads(bad.stderr)["error"]["kind"])
        both = self.ctl("cache", "verify", "acme/model", "--cache-dir", "x", "--local-dir", "y", check=False)
        self.assertEqual(2, both.returncode)

    # --- auth

    def login(self, token: str, *arguments: str):
        return subprocess.run([str(BIN / "hubctl"), "auth", "login", *arguments], env=self.hubd_.env, input=token + "\n",
                              capture_output=True, text=True, timeout=HANG)

    def test_login_stores_what_the_hub_accepts(self):
        nobody = self.ctl("auth", "whoami", check=False)
        self.assertEqual(1, nobody.returncode)
        self.assertIn("hubctl auth login", nobody.stderr)
        self.assertEqual(1, self.ctl("auth", "token", check=False).returncode)
        wrong = self.login("hf_wrong")
        self.assertEqual(1, wrong.returncode)
        self.assertNotIn("hf_wrong", wrong.stdout + wrong.stderr)
        self.assertEqual(0, self.login("hf_alice").returncode)
        self.assertEqual("alice", self.json("auth", "whoami")["user"])
        self.assertEqual("hf_alice\n", self.ctl("auth", "token").stdout)
        self.ctl("download", "acme/model", "config.json")
        stored = self.json("auth", "list")
        self.assertEqual([True], [token["active"] for token in stored])
        self.assertNotIn("hf_alice", json.dumps(stored))
        self.assertEqual(0, self.login("hf_bob").returncode)
        names = {token["name"]: token["active"] for token in self.json("auth", "ls")}
        self.assertEqual(2, len(names))
        other = next(name for name, active in names.items() if not active)
        self.ctl("auth", "switch", "--token-name", other)
        self.assertEqual("alice", self.json("auth", "whoami")["user"])
        self.assertEqual("bob", self.json("auth", "whoami", HF_TOKEN="hf_bob")["user"])
        self.ctl("auth", "logout")
        self.assertEqual([], self.json("auth", "list"))
        self.assertEqual(1, self.ctl("auth", "whoami", check=False).returncode)

    def test_a_token_file_of_the_caller_wins_over_that_of_hubd(self):
        self.assertEqual(0, self.login("hf_alice").returncode)
        (self.folder / "bob").write_text("hf_bob\n")
        other = {"HF_TOKEN_PATH": str(self.folder / "bob")}
        self.assertEqual("bob", self.json("auth", "whoami", **other)["user"])
        self.assertEqual("hf_bob\n", self.ctl("auth", "token", **other).stdout)
        self.assertEqual(1, self.ctl("download", "acme/gated", check=False, **other).returncode)
        self.ctl("download", "acme/gated")
        name = self.json("auth", "list")[0]["name"]
        self.assertEqual("", self.ctl("auth", "switch", "--token-name", name).stderr)
        warned = self.ctl("auth", "switch", "--token-name", name, **other)
        self.assertIn(f"Warning: {other['HF_TOKEN_PATH']} holds a token too", warned.stderr)
        self.assertIn("still holds a token", self.ctl("auth", "logout", **other).stderr)

    @unittest.skipUnless(shutil.which("git"), "git is not installed")
    def test_git_learns_a_token_and_forgets_it_at_logout(self):
        home = pathlib.Path(self.hubd_.env["HOME"])
        (home / ".gitconfig").write_text("[credential]\n\thelper = store\n")
        kept = home / ".git-credentials"
        self.assertEqual(0, self.login("hf_alice", "--add-to-git-credential").returncode)
        self.assertIn("hf_user:hf_alice@", kept.read_text())
        self.ctl("auth", "logout")
        self.assertNotIn("hf_alice", kept.read_text())

    def test_a_typed_token_is_not_shown(self):
        code, seen = in_terminal([str(BIN / "hubctl"), "auth", "login"], {**self.hubd_.env, "TERM": "xterm"}, [(b"Token: ", b"hf_alice\n")])
        self.assertEqual(0, code, seen)
        self.assertNotIn(b"hf_alice", seen)
        self.assertEqual("alice", self.json("auth", "whoami")["user"])

    def test_ctrl_c_at_the_prompt_gives_the_terminal_back(self):
        script = f"'{BIN}/hubctl' auth login; echo code=$?; stty -a"
        code, seen = in_terminal(["/bin/sh", "-c", f"trap : INT; {script}"], {**self.hubd_.env, "TERM": "xterm"}, [(b"Token: ", b"\x03")])
        self.assertIn(b"code=130", seen)
        self.assertTrue(re.search(rb"[^-]\becho\b", seen), seen)

    def test_a_given_token_opens_what_it_may_read(self):
        refused = self.ctl("download", "acme/gated", "--json", check=False)
        self.assertEqual(1, refused.returncode)
        self.assertEqual("gated_repo", json.loads(refused.stderr)["error"]["kind"])
        silent = self.ctl("download", "acme/gated", check=False, HF_TOKEN="hf_alice", HF_HUB_DISABLE_IMPLICIT_TOKEN="1")
        self.assertEqual(1, silent.returncode)
        self.ctl("download", "acme/gated", HF_TOKEN="hf_alice")
        self.ctl("cache", "rm", "model/acme/gated", "--yes")
        flag = self.ctl("download", "acme/gated", "--token", "hf_alice", HF_HUB_DISABLE_IMPLICIT_TOKEN="1")
        self.assertIn("Warning: a token on the command line", flag.stderr)
        self.assertNotIn("hf_alice", flag.stdout + flag.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
