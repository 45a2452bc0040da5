# SPDX-License-Identifier: Apache-2.0
"""Thousands of transfers that nobody waits for stand in line: they cost little, hold nothing, and are in nobody's way."""
import http.client
import json
import pathlib
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
from case import TransferCase, open_socket  # noqa: E402

REPOS, FILES, SIZE = 8, 500, 30_000
AT_WORK = 256 - 32  # the others are kept for what somebody waits for
KIB = 1024


class Line(TransferCase):
    def ask(self, repo: str, path: str) -> None:
        """Detached: leaves as soon as it has begun."""
        message = json.dumps({"repo": {"id": repo}, "selection": {"files": [path]}, "detach": True, "wantProgress": True}).encode()
        connection = http.client.HTTPConnection("localhost")
        try:
            connection.sock = open_socket(self.daemon)
            connection.request("POST", "/hubd.v1.Downloads/Ensure", b"\0" + len(message).to_bytes(4, "big") + message,
                               {"Content-Type": "application/connect+json"})
            answer = connection.getresponse()
            head = answer.read(5)
            first = json.loads(answer.read(int.from_bytes(head[1:], "big")))
            self.assertTrue(first.get("started", {}).get("transferId"), first)
        finally:
            connection.close()

    def test_thousands_in_line_cost_little_and_are_in_nobodys_way(self):
        repos = [{"id": f"acme/r{r}", "commits": [{"files": [{"path": "f/{}.bin", "count": FILES, "size": SIZE, "random_seed": r + 1, "lfs": True}]}]}
                 for r in range(REPOS)]
        small = {"id": "acme/small", "commits": [{"files": [{"path": "config.json", "text": "{}"}]}]}
        self.start(*repos, small, config='[bandwidth]\nmax = "256 KiB/s"\n')
        wanted = [(f"acme/r{r}", e["path"]) for r in range(REPOS)
                  for e in self.local.call("GET", f"/api/models/acme/r{r}/tree/main?recursive=true&limit=1000") if e["type"] == "file"]
        self.assertEqual(REPOS * FILES, len(wanted))
        for repo, path in wanted[:FILES]:
            self.ask(repo, path)
        before, descriptors = self.process("VmRSS"), self.descriptors()
        for repo, path in wanted[FILES:]:
            self.ask(repo, path)
        each = (self.process("VmRSS") - before) / (len(wanted) - FILES)
        self.note(f"{each / KIB:.1f} KiB for each in line, {self.descriptors()} descriptors")
        self.assertLess(each, 4 * KIB)
        self.assertLess(self.descriptors(), descriptors + 50)
        waiting = [t for t in self.transfers() if t["state"] == "waiting" and "a place" in t.get("waitingFor", "")]
        self.assertGreater(len(waiting), len(wanted) * 0.8)
        self.assertIn(f"{AT_WORK} transfers are at work", waiting[-1]["waitingFor"])

        self.daemon.ctl("download", "acme/small", check=True)
        one = waiting[-1]["id"]
        self.daemon.ctl("transfers", "cancel", one, check=True)
        self.wait_until(lambda: one not in {t["id"] for t in self.transfers()}, "the cancelled one to leave the line")
        other = waiting[-2]["id"]
        self.daemon.ctl("transfers", "pause", other, check=True)
        self.assertIn("paused", self.daemon.ctl("why", other, check=True).stdout)
        left = len(self.transfers())
        self.assertGreater(left, len(wanted) * 0.7, "still in line: the small one did not wait for them")

        self.assertEqual(0, self.daemon.stop())
        self.daemon.start()
        self.wait_until(lambda: len(self.transfers()) > left * 0.8, "the line to stand again")
        self.wait_until(lambda: (other, "paused") in {(t["id"], t["state"]) for t in self.transfers()}, "the paused one to be there")
        self.assertNotIn(one, {t["id"] for t in self.transfers()})


if __name__ == "__main__":
    unittest.main()
