# SPDX-License-Identifier: Apache-2.0
"""Completion in real shells: what bash, zsh and fish offer at a cursor."""
import os
import pathlib
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from commands_test import in_terminal  # noqa: E402
from harness import BIN, HANG, ProofCase, clean_env  # noqa: E402

# The words before the cursor (the last one unfinished), and what is offered.
TABLE = [
    (["down"], {"download"}),
    (["cache", ""], {"ls", "list", "rm", "prune", "verify"}),
    (["models", "i"], {"info"}),
    (["download", "gpt2", "--rev"], {"--revision"}),
    (["download", "--type", ""], {"model", "dataset", "space", "kernel"}),
    (["models", "ls", "--sort", "l"], {"likes", "last_modified"}),
    (["completion", "z"], {"zsh"}),
    (["download", "gpt2", "--local-dir", "some"], {"some-folder"}),
    (["download", "--from", "some"], {"some-file.txt", "some-folder"}),
]


def shell(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        if os.environ.get("CI") == "true":
            raise AssertionError(f"{name} is not installed")
        raise unittest.SkipTest(f"{name} is not installed")
    return path


def quoted(word: str) -> str:
    return "'" + word + "'"


class Completion(ProofCase):
    def setUp(self) -> None:
        super().setUp()
        (self.folder / "some-folder").mkdir()
        (self.folder / "some-file.txt").write_text("x")
        bin = self.folder / "bin"
        bin.mkdir()
        for name in ("hubctl", "hf"):
            (bin / name).symlink_to(BIN / "hubctl")
        self.env = clean_env(self.folder / "home", HUBD_NO_AUTOSTART="1", LANG="C.UTF-8", TERM="dumb")
        self.env["PATH"] = f"{bin}:{self.env['PATH']}"
        (self.folder / "home").mkdir()

    def run_shell(self, arguments: list[str], script: str) -> list[str]:
        done = subprocess.run(arguments + [script], env=self.env, cwd=self.folder, capture_output=True, text=True, timeout=HANG,
                              stdin=subprocess.DEVNULL)
        self.assertEqual("", done.stderr, script)
        return [line.rstrip("/ ") for line in done.stdout.splitlines() if line.strip()]

    def bash(self, program: str, words: list[str], load: str) -> list[str]:
        cut = []  # as bash cuts: '=' is a word of its own
        for word in words:
            head, equals, tail = word.partition("=")
            cut += [head, "=", tail] if equals and word.startswith("--") else [word]
        array = " ".join(quoted(w) for w in [program, *cut])
        return self.run_shell([shell("bash"), "--norc", "-c"], f"""
            {load}
            COMP_WORDS=({array}); COMP_CWORD={len(cut)}
            {program.replace("-", "_").join(["_", "_complete"])}
            printf '%s\\n' "${{COMPREPLY[@]}}" """)

    def test_bash_offers_what_the_tree_of_commands_has(self):
        for words, wanted in TABLE:
            with self.subTest(words):
                self.assertEqual(wanted, set(self.bash("hubctl", words, 'eval "$(hubctl completion bash)"')))
        self.assertEqual(["dataset"], self.bash("hubctl", ["download", "--type=d"], 'eval "$(hubctl completion bash)"'))

    def test_bash_knows_the_start_up_line_of_hf(self):
        self.assertEqual(["download"], self.bash("hf", ["down"], 'eval "$(_HF_COMPLETE=bash_source hf)"'))

    def test_fish_offers_what_the_tree_of_commands_has(self):
        for words, wanted in TABLE:
            with self.subTest(words):
                line = " ".join(["hubctl", *words])
                found = self.run_shell([shell("fish"), "--no-config", "-c"], f"hubctl completion fish | source; complete -C '{line}'")
                self.assertEqual(wanted, {candidate.split("\t")[0].rstrip("/") for candidate in found})

    def test_zsh_offers_what_the_tree_of_commands_has(self):
        for words, wanted in TABLE:
            with self.subTest(words):
                # What the completion functions of zsh are handed, printed instead of shown.
                array = " ".join(quoted(w) for w in ["hubctl", *words])
                found = self.run_shell([shell("zsh"), "-f", "-c"], f"""
                    compdef() {{ :; }}
                    compadd() {{ shift; print -l -- "$@"; }}
                    _describe() {{ local name="${{@[-1]}}"; print -l -- "${{(@)${{(P@)name}}%%:*}}"; }}
                    _files() {{ if [[ "$1" == "-/" ]]; then print -l -- ${{words[CURRENT]}}*(/N); else print -l -- ${{words[CURRENT]}}*(N); fi; }}
                    eval "$(hubctl completion zsh)"
                    words=({array}); CURRENT={len(words) + 1}
                    _hubctl_complete""")
                self.assertEqual(wanted, set(found))

    def test_zsh_takes_the_script_as_a_function_of_fpath(self):
        functions = self.folder / "functions"
        functions.mkdir()
        script = subprocess.run([str(BIN / "hubctl"), "completion", "zsh"], env=self.env, capture_output=True, text=True, timeout=HANG)
        (functions / "_hubctl").write_text(script.stdout)
        self.assertEqual(["_hubctl"], self.run_shell([shell("zsh"), "-f", "-c"],
                                                     f"fpath=({functions} $fpath); autoload -U compinit; compinit -u -D; print -- $_comps[hubctl]"))

    def typed(self, command: list[str], load: str) -> bytes:
        """What an interactive shell shows when a word is completed with the tab key and the command then runs."""
        self.env["TERM"] = "xterm"
        keys = [(b"", f"PS1='RE''ADY '; {load}\n".encode()), (b"READY ", b"hubctl env --js\t\n"), (b'"platform"', b"exit\n")]
        return in_terminal(command, self.env, keys)[1]

    def test_the_tab_key_completes_in_bash_and_zsh(self):
        for command, load in (([shell("bash"), "--norc", "-i"], 'eval "$(hubctl completion bash)"'),
                              ([shell("zsh"), "-f", "-i"], 'autoload -U compinit; compinit -u -D; eval "$(hubctl completion zsh)"')):
            with self.subTest(command):
                seen = self.typed(command, load)
                self.assertIn(b'{"hubctl version":', seen)

    def test_the_shell_is_that_of_the_user_when_none_is_named(self):
        for name, path in (("zsh", "/bin/zsh"), ("bash", "/usr/bin/bash")):
            own = subprocess.run([str(BIN / "hubctl"), "completion"], env={**self.env, "SHELL": path}, capture_output=True, text=True, timeout=HANG)
            named = subprocess.run([str(BIN / "hubctl"), "completion", name], env=self.env, capture_output=True, text=True, timeout=HANG)
            self.assertEqual((0, named.stdout), (own.returncode, own.stdout))
        other = subprocess.run([str(BIN / "hubctl"), "completion"], env={**self.env, "SHELL": "/bin/tcsh"}, capture_output=True, text=True, timeout=HANG)
        self.assertEqual(2, other.returncode)
        self.assertIn("tcsh", other.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
