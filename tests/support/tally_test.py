# SPDX-License-Identifier: Apache-2.0
"""What ./check says at its end is true."""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

TALLY = pathlib.Path(__file__).with_name("tally.py")


def case(name: str, status: str = "run", inner: str = "") -> str:
    return f'<testcase name="{name}" classname="{name}" status="{status}">{inner}</testcase>'


class Tally(unittest.TestCase):
    def tally(self, *suites: str, failed_builds: int = 0, ci: bool = False, missing: bool = False):
        with tempfile.TemporaryDirectory() as folder:
            files = []
            for number, suite in enumerate(suites):
                file = pathlib.Path(folder) / f"preset{number}.xml"
                file.write_text(f'<?xml version="1.0"?><testsuite name="x">{suite}</testsuite>')
                files.append(str(file))
            if missing:
                files.append(folder + "/*.xml")
            env = {key: value for key, value in os.environ.items() if key != "CI"} | ({"CI": "true"} if ci else {})
            done = subprocess.run([sys.executable, str(TALLY), str(failed_builds), *files], env=env, capture_output=True,
                                  text=True, timeout=30)
            return done.returncode, done.stdout.splitlines()

    def test_counts_over_all_presets(self):
        code, lines = self.tally(case("A.One") + case("A.Two"), case("A.One") + case("B", "disabled"))
        self.assertEqual((0, "3 passed, 0 failed, 1 skipped"), (code, lines[-1]))

    def test_a_failure_is_named_with_the_end_of_its_output(self):
        output = "<failure message=''/><system-out>" + "\n".join(f"line {i}" for i in range(100)) + "</system-out>"
        code, lines = self.tally(case("A.One") + case("A.Bad", "fail", output))
        self.assertEqual((1, "1 passed, 1 failed, 0 skipped"), (code, lines[-1]))
        self.assertIn("FAILED  preset0: A.Bad", lines)
        self.assertIn("    line 99", lines)
        self.assertNotIn("    line 1", lines)

    def test_a_preset_that_did_not_build_is_a_failure(self):
        code, lines = self.tally(case("A.One"), failed_builds=1)
        self.assertEqual((1, "1 passed, 1 failed, 0 skipped"), (code, lines[-1]))

    def test_nothing_that_ran_is_a_failure(self):
        for arguments in ({}, {"missing": True}):
            code, lines = self.tally(**arguments)
            self.assertEqual((1, "0 passed, 1 failed, 0 skipped"), (code, lines[-1]))

    def test_a_skipped_counterpart_fails_in_ci_only(self):
        suite = case("A.One") + case("counterpart.python", "notrun", "<skipped message='SKIP_REGULAR_EXPRESSION'/>")
        self.assertEqual("1 passed, 0 failed, 1 skipped", self.tally(suite)[1][-1])
        code, lines = self.tally(suite, ci=True)
        self.assertEqual((1, "1 passed, 1 failed, 0 skipped"), (code, lines[-1]))
        self.assertEqual("1 passed, 0 failed, 1 skipped", self.tally(case("A.One") + case("A.Skip", "notrun"), ci=True)[1][-1])


if __name__ == "__main__":
    unittest.main()
