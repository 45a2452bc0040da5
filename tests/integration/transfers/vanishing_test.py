# SPDX-License-Identifier: Apache-2.0
"""Clients that connect, ask and vanish without a word: hubd keeps nothing of them."""
import json
import pathlib
import random
import signal
import socket
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from case import LONG, MB, MIB, TransferCase, model, open_socket  # noqa: E402

CLIENTS = 2000 if LONG else 200
AT_ONCE = 50


class Vanishing(TransferCase):
    def ask(self, repo: str, chance: random.Random) -> socket.socket:
        """A call for a repo by JSON, in full or cut short."""
        body = json.dumps({"repo": {"id": repo}, "wantProgress": chance.random() < 0.5}).encode()
        path, kind = chance.choice((("Downloads/Ensure", "application/json"), ("Downloads/Plan", "application/json")))
        text = f"POST /hubd.v1.{path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
        end = open_socket(self.daemon)
        end.sendall(text if chance.random() < 0.8 else text[:chance.randrange(len(text))])
        return end

    def settled(self) -> int:
        """Descriptors, once nothing moves and no connection to the local Hub is used."""
        self.wait_until(lambda: not self.transfers(), "transfers of clients that left to stop")
        self.wait_until(lambda: self.local.counters()["in_flight"] == 0, "requests of clients that left to stop")
        return self.descriptors()

    def test_nothing_of_them_stays(self):
        names = [f"acme/r{i}" for i in range(8)]
        self.start(*(model(60 * MB, name, seed=20 + i) for i, name in enumerate(names)), model(2 * MB, seed=3))
        self.local.knobs(throttle=4 * MB)  # nothing is whole before its client leaves
        chance = random.Random(3)
        self.got(self.get("plain"))
        self.got(self.get("xet", "acme/model"))
        marks = []
        rounds = CLIENTS // AT_ONCE
        for number in range(rounds):
            ends = [self.ask(chance.choice(names), chance) for _ in range(AT_ONCE - 5)]
            programs = [self.daemon.ctl_start("download", chance.choice(names)) for _ in range(5)]  # by gRPC
            self.wait_until(lambda: self.transfers(), "a transfer to begin")
            for end in ends:
                if chance.random() < 0.5:
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                end.close()
            for program in programs:
                program.send_signal(signal.SIGKILL)
                program.communicate(timeout=60)
            marks.append((self.settled(), self.process("VmRSS")))
        self.note(f"{rounds * AT_ONCE} clients; descriptors {marks[0][0]} -> {marks[-1][0]}, resident {marks[0][1] // MIB} -> {marks[-1][1] // MIB} MiB")
        # Connections to the CDN may idle in the pool, 16 for each of three hosts.
        self.assertLessEqual(marks[-1][0], marks[0][0] + 16)
        self.assertLessEqual(marks[-1][1], marks[len(marks) // 4][1] + 32 * MIB)
        self.assertEqual([], self.transfers())
        self.assertEqual("0", self.daemon.rpc("Admin", "Status", {})[1].get("transfersRunning", "0"))
        # It serves as before, and what came for those who left was kept.
        self.local.knobs(throttle=0)
        for name in names:
            self.got(self.get("plain", name))
            self.assert_right(name)
        self.assertEqual([], self.partials())


if __name__ == "__main__":
    unittest.main()
