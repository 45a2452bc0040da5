# SPDX-License-Identifier: Apache-2.0
"""Who is served: the uid that the kernel names decides, on both sockets; never anything in a message."""
import os
import pathlib
import shutil
import signal
import socket
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import HANG, Hubd, ProofCase  # noqa: E402
from probe import GUEST, as_guest_binary, grpc, http, kind  # noqa: E402

NOWHERE = "http://127.0.0.1:9"  # nothing of this test asks the Hub


def open_to_all(hubd: Hubd) -> None:
    """As a careless administrator might: then hubd's own check is all that is left."""
    os.chmod(hubd.runtime, 0o755)
    for path in (hubd.socket, str(hubd.socket) + ".http"):
        os.chmod(path, 0o666)


@unittest.skipUnless(os.geteuid() == 0, "becoming another user needs root")
class TwoUsers(ProofCase):
    def setUp(self):
        super().setUp()
        self.probe = as_guest_binary()
        self.addCleanup(shutil.rmtree, self.probe.parent, True)

    def test_the_sockets_are_closed_to_others(self):
        hubd = self.hubd(NOWHERE)
        os.chmod(hubd.runtime, 0o755)
        self.assertEqual(14, grpc(hubd.socket, "/hubd.v1.Admin/Hello", guest=self.probe)["code"])  # cannot connect
        with self.assertRaisesRegex(ConnectionError, "Permission denied"):
            http(hubd.socket, "/hubd.v1.Admin/Hello", {}, guest=True)

    def test_another_user_is_refused_on_both_sockets(self):
        hubd = self.hubd(NOWHERE)
        open_to_all(hubd)
        answer = grpc(hubd.socket, "/hubd.v1.Admin/Hello", guest=self.probe)
        self.assertEqual(7, answer["code"])  # PERMISSION_DENIED
        self.assertEqual("ERROR_KIND_PERMISSION_DENIED", answer["detail"]["kind"])
        self.assertIn(str(GUEST), answer["detail"]["message"])
        self.assertEqual([], answer["answers"])
        status, answer = http(hubd.socket, "/hubd.v1.Admin/Hello", {}, guest=True)
        self.assertEqual(403, status)
        self.assertEqual("ERROR_KIND_PERMISSION_DENIED", kind(answer))
        self.assertIn(str(GUEST), answer["message"])
        mine = grpc(hubd.socket, "/hubd.v1.Admin/Hello")
        self.assertEqual(0, mine["code"])
        self.assertEqual(os.geteuid(), mine["answers"][0].get("uid", 0))

    def test_a_listed_user_is_served_and_still_may_not_act_for_the_owner(self):
        config = self.folder / "home/hubd.toml"
        hubd = self.hubd(NOWHERE, config=f"[security]\nallow_uids = [{GUEST}]\n")
        open_to_all(hubd)
        answer = grpc(hubd.socket, "/hubd.v1.Admin/Hello", guest=self.probe)
        self.assertEqual((0, GUEST), (answer["code"], answer["answers"][0]["uid"]))
        self.assertEqual(GUEST, http(hubd.socket, "/hubd.v1.Admin/Hello", {}, guest=True)[1]["uid"])
        closed = {
            "/hubd.v1.Downloads/Plan": {"repo": {"id": "a/b"}, "localDir": "/root/x"},
            "/hubd.v1.Auth/GetToken": {},
            "/hubd.v1.Auth/ListTokens": {},
            "/hubd.v1.Auth/Logout": {},
            "/hubd.v1.Admin/SetConfig": {"key": "log.level", "value": "debug"},
            "/hubd.v1.Admin/Shutdown": {},
        }
        for method, message in closed.items():
            with self.subTest(method):
                self.assertEqual("ERROR_KIND_PERMISSION_DENIED",
                                 grpc(hubd.socket, method, message, guest=self.probe)["detail"]["kind"])
                status, answer = http(hubd.socket, method, message, guest=True)
                self.assertEqual((403, "ERROR_KIND_PERMISSION_DENIED"), (status, kind(answer)))
        self.assertEqual("ERROR_KIND_PERMISSION_DENIED",
                         grpc(hubd.socket, "/hubd.v1.Store/Adopt", {"folder": "/root/x"}, guest=self.probe)["detail"]["kind"])
        # The owner's token goes to the owner's Hubs only, and the cache holds what comes from them.
        elsewhere = {"caller": {"endpoint": "http://127.0.0.1:1"}, "repo": {"id": "a/b"}}
        for method in ("/hubd.v1.Downloads/Plan", "/hubd.v1.Downloads/Ensure", "/hubd.v1.Auth/WhoAmI"):
            with self.subTest(method):
                message = elsewhere if "Auth" not in method else {"caller": elsewhere["caller"]}
                self.assertEqual("ERROR_KIND_PERMISSION_DENIED",
                                 grpc(hubd.socket, method, message, guest=self.probe)["detail"]["kind"])
                ours = {**message, "caller": {"endpoint": NOWHERE}}
                self.assertNotEqual("ERROR_KIND_PERMISSION_DENIED",
                                    grpc(hubd.socket, method, ours, guest=self.probe)["detail"]["kind"])
                self.assertNotEqual("ERROR_KIND_PERMISSION_DENIED", grpc(hubd.socket, method, message)["detail"]["kind"])
        # Taken off the list while hubd runs.
        config.write_text("[security]\nallow_uids = []\n")
        hubd.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + HANG
        while http(hubd.socket, "/hubd.v1.Admin/Hello", {}, guest=True)[0] == 200:
            self.assertLess(time.monotonic(), deadline)
        self.assertEqual(7, grpc(hubd.socket, "/hubd.v1.Admin/Hello", guest=self.probe)["code"])


class Connections(ProofCase):
    def connect(self, path) -> socket.socket:
        client = socket.socket(socket.AF_UNIX)
        self.addCleanup(client.close)
        client.settimeout(HANG)
        client.connect(str(path))
        return client

    def closed(self, client: socket.socket) -> bool:
        """Did hubd turn this connection away? An accepted one is answered, an unwanted one ends."""
        try:
            client.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0")
            return client.recv(1) == b""
        except (BrokenPipeError, ConnectionResetError):
            return True

    def test_a_connections_number_is_not_given_to_the_next_one(self):
        hubd = self.hubd(NOWHERE)
        descriptors = pathlib.Path(f"/proc/{hubd.process.pid}/fd")
        seen = set()
        for _ in range(8):
            before = set(os.listdir(descriptors))
            client = self.connect(hubd.socket)
            self.assertFalse(self.closed(client))
            new = {int(n) for n in set(os.listdir(descriptors)) - before if int(n) >= 1024}
            self.assertEqual(1, len(new), new)
            self.assertFalse(new & seen)
            seen |= new
            client.close()

    def test_calls_of_one_connection_are_bounded(self):
        client = self.connect(self.hubd(NOWHERE).socket)
        client.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0")
        stream = client.makefile("rb")
        header = stream.read(9)
        self.assertEqual(4, header[3], "the first frame is SETTINGS")
        body = stream.read(int.from_bytes(header[:3], "big"))
        settings = {int.from_bytes(body[i:i + 2], "big"): int.from_bytes(body[i + 2:i + 6], "big")
                    for i in range(0, len(body), 6)}
        self.assertLessEqual(settings.get(3, 1 << 32), 256, settings)  # MAX_CONCURRENT_STREAMS

    def http_status(self, client: socket.socket) -> int:
        try:
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            text = client.recv(4096).decode()
        except (BrokenPipeError, ConnectionResetError):
            return 0
        return int(text.split()[1]) if text else 0

    def test_one_user_cannot_take_all_grpc_connections(self):
        hubd = self.hubd(NOWHERE, config="[server]\nconnections_per_uid = 3\n")
        held = [self.connect(hubd.socket) for _ in range(3)]
        self.assertEqual([False] * 3, [self.closed(client) for client in held])
        self.assertTrue(self.closed(self.connect(hubd.socket)))
        held.pop().close()
        deadline = time.monotonic() + HANG
        while self.closed(self.connect(hubd.socket)):
            self.assertLess(time.monotonic(), deadline)

    def test_one_user_cannot_take_all_http_connections(self):
        hubd = self.hubd(NOWHERE, config="[server]\nconnections_per_uid = 3\n")
        deadline = time.monotonic() + HANG
        while True:  # the harness's own connection may still be closing
            held = [self.connect(str(hubd.socket) + ".http") for _ in range(3)]
            if [self.http_status(client) for client in held] == [200] * 3:
                break
            for client in held:
                client.close()
            self.assertLess(time.monotonic(), deadline)
        self.assertNotEqual(200, self.http_status(self.connect(str(hubd.socket) + ".http")))
        held.pop().close()
        while self.http_status(self.connect(str(hubd.socket) + ".http")) != 200:
            self.assertLess(time.monotonic(), deadline)


if __name__ == "__main__":
    unittest.main(verbosity=2)
