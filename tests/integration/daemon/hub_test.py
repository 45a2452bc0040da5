# SPDX-License-Identifier: Apache-2.0
"""hubd.v1.Hub/Invoke and /content: the Hub's reads beside downloads, and files that are read in place."""
import base64
import hashlib
import http.client
import json
import pathlib
import socket
import sys
import threading
import time
import unittest
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import HANG, ProofCase  # noqa: E402
from probe import ensure  # noqa: E402

MIB = 1 << 20
SEED = {"users": [{"name": "alice", "token": "hf_alice"}],
        "repos": [{"id": "acme/tiny", "commits": [{"files": [{"path": "config.json", "text": "{}"},
                                                             {"path": "sub dir/ä.bin", "size": 3 * MIB, "random_seed": 1}]}]},
                  {"id": "alice/secret", "private": True,
                   "commits": [{"files": [{"path": "weights.bin", "size": 300_000, "random_seed": 2}]}]}]}
TOKEN = {"token": "hf_alice", "tokenMode": "TOKEN_MODE_GIVEN"}
PATH = "sub dir/ä.bin"


def content(hubd, *, method="GET", headers=None, **query):
    """(status, headers, bytes); bytes is None when the answer was cut."""
    connection = http.client.HTTPConnection("localhost", timeout=HANG)
    try:
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(HANG)
        connection.sock.connect(str(hubd.socket) + ".http")
        connection.request(method, "/content?" + urllib.parse.urlencode(query, quote_via=urllib.parse.quote), headers=headers or {})
        answer = connection.getresponse()
        try:
            body = answer.read()
        except http.client.IncompleteRead:
            body = None
        return answer.status, dict(answer.headers.items()), body
    finally:
        connection.close()


class Invoke(ProofCase):
    def ask(self, hubd, path, **more):
        status, answer = hubd.rpc("Hub", "Invoke", {"path": path, **more})
        return status, answer

    def requests(self, hub):
        return hub.counters()["total"]["requests"]

    def test_the_hubs_answer_is_the_answer(self):
        hub = self.hub(SEED)
        hubd = self.hubd(hub.url)
        status, answer = self.ask(hubd, "/api/models/acme/tiny")
        self.assertEqual((200, 200), (status, answer["status"]))
        self.assertEqual("acme/tiny", json.loads(base64.b64decode(answer["body"]))["id"])
        status, answer = self.ask(hubd, "/api/models/acme/none", caller=TOKEN)
        self.assertEqual((200, 404, "RepoNotFound"), (status, answer["status"], answer["headers"]["x-error-code"]))
        body = base64.b64encode(json.dumps({"paths": ["config.json"], "expand": False}).encode()).decode()
        status, answer = self.ask(hubd, "/api/models/acme/tiny/paths-info/main", method="POST", body=body)
        self.assertEqual("config.json", json.loads(base64.b64decode(answer["body"]))[0]["path"])
        status, answer = self.ask(hubd, "/acme/tiny/resolve/main/config.json", method="HEAD")
        self.assertEqual(40, len(answer["headers"]["x-repo-commit"]), answer)

    def test_only_reads_are_taken(self):
        hub = self.hub(SEED)
        hubd = self.hubd(hub.url)
        for request in ({"path": "/api/repos/create", "method": "POST"}, {"path": "/api/models/acme/tiny", "method": "DELETE"},
                        {"path": "/acme/tiny/resolve/main/config.json"}, {"path": "//elsewhere/api/models"},
                        {"path": "/api/models\r\nX: y"}, {"path": "api/models"}):
            with self.subTest(request):
                status, answer = hubd.rpc("Hub", "Invoke", request)
                self.assertIn(answer["details"][0]["debug"]["kind"], ("ERROR_KIND_NOT_SUPPORTED", "ERROR_KIND_BAD_REQUEST"))
        self.assertEqual(0, self.requests(hub))

    def test_many_who_ask_the_same_are_one_request_per_age_and_token(self):
        hub = self.hub(SEED)
        hubd = self.hubd(hub.url, config="[metadata]\nbranch_max_age_seconds = 3600\n")
        hub.call("POST", "/_localhub/knobs", {"delay_ms": 100})
        threads = [threading.Thread(target=self.ask, args=(hubd, "/api/models/acme/tiny")) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(HANG)
        self.assertEqual(1, self.requests(hub))
        self.assertTrue(self.ask(hubd, "/api/models/acme/tiny")[1]["fromMemory"])
        self.ask(hubd, "/api/models/acme/tiny", caller=TOKEN)
        self.assertEqual(2, self.requests(hub), "another token is another question")
        self.ask(hubd, "/api/models/acme/tiny", maxAgeMs="-1")
        self.assertEqual(3, self.requests(hub))

    def test_an_answer_of_a_private_repo_serves_nobody_without_its_token(self):
        hub = self.hub(SEED)
        hubd = self.hubd(hub.url, config="[metadata]\nbranch_max_age_seconds = 3600\n")
        self.assertEqual(200, self.ask(hubd, "/api/models/alice/secret", caller=TOKEN)[1]["status"])
        answer = self.ask(hubd, "/api/models/alice/secret", caller={"tokenMode": "TOKEN_MODE_NONE"})[1]
        self.assertEqual(401, answer["status"])

    def test_the_last_answer_stands_in_while_the_hub_is_away(self):
        hub = self.hub(SEED)
        hubd = self.hubd(hub.url, config="[metadata]\nbranch_max_age_seconds = 0\ntimeout_seconds = 1\n")
        self.ask(hubd, "/api/models/acme/tiny")
        hub.faults({"match": {"route": ["info", "revision", "tree", "repo-info"]}, "action": {"type": "silent"}})
        hub.close()
        status, answer = self.ask(hubd, "/api/models/acme/tiny")
        self.assertEqual((200, True), (status, answer.get("stale")), answer)
        status, answer = self.ask(hubd, "/api/models/acme/other")
        self.assertEqual("ERROR_KIND_UNREACHABLE", answer["details"][0]["debug"]["kind"])

    def test_offline_asks_nobody(self):
        hub = self.hub(SEED)
        hubd = self.hubd(hub.url)
        answer = self.ask(hubd, "/api/models/acme/tiny", caller={"offline": True})[1]
        self.assertEqual("ERROR_KIND_OFFLINE", answer["details"][0]["debug"]["kind"])
        self.assertEqual(0, self.requests(hub))

    def test_the_callers_deadline_cuts_a_lookup(self):
        hub = self.hub(SEED)
        hubd = self.hubd(hub.url)
        hub.call("POST", "/_localhub/knobs", {"delay_ms": 20_000})
        try:
            for service, method, message in (("Hub", "Invoke", {"path": "/api/models/acme/tiny"}),
                                             ("Downloads", "Plan", {"repo": {"id": "acme/tiny"}})):
                begun = time.monotonic()
                status, answer = hubd.rpc(service, method, {"caller": {"deadlineMs": "300"}, **message})
                self.assertEqual("ERROR_KIND_DEADLINE_EXCEEDED", answer["details"][0]["debug"]["kind"], answer)
                self.assertLess(time.monotonic() - begun, 10)
        finally:
            hub.call("POST", "/_localhub/knobs", {"delay_ms": 0})


class Content(ProofCase):
    def setUp(self):
        super().setUp()
        self.server = self.hub(SEED)
        self.daemon = self.hubd(self.server.url)
        import urllib.request
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(self.server.url + "/acme/tiny/resolve/main/" + urllib.parse.quote(PATH), timeout=HANG) as answer:
            self.bytes = answer.read()
        self.assertEqual(3 * MIB, len(self.bytes))
        self.server.reset()

    def get(self, byte_range=None, **more):
        headers = {"Range": byte_range} if byte_range else {}
        return content(self.daemon, headers={**headers, **more.pop("headers", {})},
                       **{"type": "model", "repo": "acme/tiny", "revision": "main", "path": PATH, **more})

    def test_ranges_of_a_file_that_is_not_here(self):
        for asked, first, last in (("bytes=0-99", 0, 99), ("bytes=1000000-1999999", 1_000_000, 1_999_999),
                                   (f"bytes={3 * MIB - 5}-", 3 * MIB - 5, 3 * MIB - 1), ("bytes=-7", 3 * MIB - 7, 3 * MIB - 1),
                                   ("bytes=3000000-99999999", 3_000_000, 3 * MIB - 1)):
            with self.subTest(asked):
                status, headers, body = self.get(asked)
                self.assertEqual((206, f"bytes {first}-{last}/{3 * MIB}"), (status, headers["Content-Range"]))
                self.assertEqual(self.bytes[first:last + 1], body)
                self.assertEqual("network", headers["X-Hubd-From"])
                self.assertEqual(f'"{hashlib.sha256(self.bytes).hexdigest()}"', headers["ETag"])
        routes = self.server.counters()["routes"]
        self.assertEqual(1, sum(routes.get(r, {}).get("requests", 0) for r in ("revision", "paths-info", "tree")) - 1, routes)
        self.assertEqual(1, routes["resolve-get"]["requests"], "the CDN's address is kept for the next range")

    def test_a_range_outside_and_a_malformed_one(self):
        status, headers, _ = self.get(f"bytes={3 * MIB}-")
        self.assertEqual((416, f"bytes */{3 * MIB}"), (status, headers["Content-Range"]))
        for ignored in ("bytes=5-3", "bytes=a-b", "bytes=0-1,5-6", "lines=1-2"):
            status, _, body = self.get(ignored)
            self.assertEqual((200, self.bytes), (status, body), ignored)

    def test_a_published_file_comes_from_the_disk(self):
        ensure(self.daemon, "acme/tiny")
        self.server.reset()
        status, headers, body = self.get("bytes=5-1048580")
        self.assertEqual((206, "cache", self.bytes[5:1_048_581]), (status, headers["X-Hubd-From"], body))
        status, headers, body = self.get()
        self.assertEqual((200, self.bytes), (status, body))
        self.assertEqual(0, self.server.counters()["total"]["requests"])

    def test_head_tells_and_moves_nothing(self):
        status, headers, body = content(self.daemon, method="HEAD", repo="acme/tiny", path=PATH)
        self.assertEqual((200, str(3 * MIB), b""), (status, headers["Content-Length"], body))
        self.assertNotIn("cdn", self.server.counters()["routes"])

    def test_wrong_bytes_of_a_whole_file_never_look_whole(self):
        self.server.faults({"match": {"route": "cdn"}, "action": {"type": "corrupt", "offset": 1000}})
        status, _, body = self.get()
        self.assertTrue(status == 200 and body is None, "the answer is cut before its end")

    def test_errors_are_those_of_the_api(self):
        for query, kind in (({"repo": "acme/none"}, "ERROR_KIND_REPOSITORY_NOT_FOUND"), ({"path": "no.bin"}, "ERROR_KIND_ENTRY_NOT_FOUND"),
                            ({"revision": "nope"}, "ERROR_KIND_REVISION_NOT_FOUND"), ({"path": "../x"}, "ERROR_KIND_BAD_REQUEST"),
                            ({"type": "car"}, "ERROR_KIND_BAD_REQUEST")):
            with self.subTest(query):
                status, _, body = self.get(**query)
                self.assertEqual(kind, json.loads(body)["details"][0]["debug"]["kind"])
                self.assertGreaterEqual(status, 400)
        status, _, body = self.get(headers={"X-Hubd-Offline": "1"})
        self.assertEqual("ERROR_KIND_LOCAL_ENTRY_NOT_FOUND", json.loads(body)["details"][0]["debug"]["kind"])

    def test_a_private_file_needs_its_token(self):
        query = {"repo": "alice/secret", "path": "weights.bin"}
        status, _, body = self.get(headers={"X-Hubd-Token": "hf_alice"}, **query)
        self.assertEqual((200, 300_000), (status, len(body)))
        status, _, body = self.get(headers={"X-Hubd-Anonymous": "1"}, **query)
        self.assertEqual("ERROR_KIND_REPOSITORY_NOT_FOUND", json.loads(body)["details"][0]["debug"]["kind"])


if __name__ == "__main__":
    unittest.main()
