# SPDX-License-Identifier: Apache-2.0
"""Each fault and knob of the local Hub, seen with a bare HTTP client."""
import http.client
import json
import pathlib
import ssl
import subprocess
import sys
import time
import unittest
from urllib.parse import urlsplit

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import ProofCase, sha256  # noqa: E402

SIZE = 3_000_000
SEED = {
    "users": [{"name": "alice", "token": "hf_alice"}],
    "repos": [
        {"id": "acme/m", "commits": [{"files": [{"path": "config.json", "text": "{\"a\": 1}\n"}, {"path": "w.bin", "size": SIZE, "random_seed": 1},
                                                {"path": "x.bin", "size": 1000, "random_seed": 2, "lfs": True}]}]},
        {"id": "acme/gated", "gated": "auto", "commits": [{"files": [{"path": "a.txt", "text": "a"}]}]},
        {"id": "acme/secret", "private": True, "commits": [{"files": [{"path": "a.txt", "text": "a"}]}]}]}
FILE, LFS = "/acme/m/resolve/main/config.json", "/acme/m/resolve/main/w.bin"


class Reply:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body


def ask(url, method="GET", body=None, timeout=60, context=None, **headers):
    """One request, no redirect followed. A body that ends early raises IncompleteRead."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    options = {"context": context} if parts.scheme == "https" else {}
    connection = kind(parts.hostname, parts.port, timeout=timeout, **options)
    try:
        connection.request(method, parts.path + ("?" + parts.query if parts.query else ""), body,
                           {k.replace("_", "-"): v for k, v in headers.items()})
        answer = connection.getresponse()
        return Reply(answer.status, answer.headers, answer.read())
    finally:
        connection.close()


class Faults(ProofCase):
    def setUp(self):
        super().setUp()
        self.local = self.hub(SEED)
        self.url = self.local.url

    def cdn(self, path=LFS):
        return ask(self.url + path).headers["Location"]

    def fault(self, action, **match):
        self.local.clear_faults()
        self.local.faults({"match": match, "action": action})

    def count(self, route):
        return self.local.counters()["routes"].get(route, {"requests": 0, "bytes": 0})

    def test_ranges_and_conditions(self):
        location = self.cdn()
        whole = ask(location)
        self.assertEqual((200, SIZE), (whole.status, len(whole.body)))
        for text, want in (("bytes=10-19", whole.body[10:20]), ("bytes=2999990-", whole.body[-10:]), ("bytes=-7", whole.body[-7:]),
                           ("bytes=0-0", whole.body[:1]), ("bytes=2999999-9999999", whole.body[-1:])):
            part = ask(location, Range=text)
            self.assertEqual((206, want), (part.status, part.body), text)
            self.assertTrue(part.headers["Content-Range"].endswith("/%d" % SIZE))
        beyond = ask(location, Range="bytes=3000000-")
        self.assertEqual((416, "bytes */3000000"), (beyond.status, beyond.headers["Content-Range"]))
        for text in ("bytes=5-2", "bytes=0-1,5-6", "items=0-1"):
            self.assertEqual(200, ask(location, Range=text).status, text)
        first = ask(self.url + FILE)
        self.assertEqual(307, first.status)
        self.assertTrue(first.headers["Location"].startswith("/api/resolve-cache/models/acme/m/"))
        cached = ask(self.url + first.headers["Location"])
        self.assertEqual((200, b"{\"a\": 1}\n"), (cached.status, cached.body))
        etag = cached.headers["ETag"]
        self.assertEqual(304, ask(self.url + first.headers["Location"], If_None_Match=etag).status)
        self.assertEqual(200, ask(self.url + first.headers["Location"], If_None_Match='"other"').status)
        self.assertEqual(200, ask(self.url + first.headers["Location"], Range="bytes=0-1", If_Range='"other"').status)
        self.assertEqual(206, ask(self.url + first.headers["Location"], Range="bytes=0-1", If_Range=etag).status)
        head = ask(location, "HEAD")
        self.assertEqual((200, b"", str(SIZE)), (head.status, head.body, head.headers["Content-Length"]))
        self.assertEqual(head.headers["X-Linked-ETag"], ask(self.url + LFS, "HEAD").headers["X-Linked-ETag"])

    def test_every_answer_has_a_request_id(self):
        for path in (FILE, LFS, "/api/models/acme/m", "/nothing/at/all", "/acme/none/resolve/main/x"):
            self.assertRegex(ask(self.url + path).headers["X-Request-Id"], r"^Root=1-[0-9a-f]{8}-[0-9a-f]{24}$")
        self.assertEqual("mine", ask(self.url + FILE, X_Request_Id="mine").headers["X-Request-Id"])
        self.assertTrue(ask(self.url + FILE, X_Amzn_Trace_Id="abc").headers["X-Request-Id"].endswith(";abc"))

    def test_error_texts(self):
        alice = {"Authorization": "Bearer hf_alice"}
        commit = json.loads(ask(self.url + "/api/models/acme/m").body)["sha"]
        rows = [
            ("/acme/none/resolve/main/x", {}, 401, "RepoNotFound", "Invalid username or password."),
            ("/acme/none/resolve/main/x", alice, 404, "RepoNotFound", "Repository not found"),
            ("/acme/secret/resolve/main/a.txt", alice, 404, "RepoNotFound", "Repository not found"),
            ("/api/models/acme/secret/tree/main", {}, 401, "RepoNotFound", "Invalid username or password."),
            (FILE, {"Authorization": "Bearer hf_none"}, 401, None, "Invalid credentials in Authorization header"),
            ("/acme/m/resolve/nope/x", {}, 404, "RevisionNotFound", "Invalid rev id: nope"),
            ("/acme/m/resolve/main/x", {}, 404, "EntryNotFound", "Entry not found"),
            ("/api/models/acme/m/tree/main/none", {}, 404, "EntryNotFound", "none does not exist on \"main\""),
            ("/acme/gated/resolve/main/a.txt", {}, 401, "GatedRepo",
             "Access to model acme/gated is restricted. You must have access to it and be authenticated to access it. Please log in."),
            ("/acme/gated/resolve/main/a.txt", alice, 403, "GatedRepo", "Access to model acme/gated is restricted and you are not in the "
             "authorized list. Visit %s/acme/gated to ask for access." % self.url)]
        for path, headers, status, code, message in rows:
            got = ask(self.url + path, **headers)
            self.assertEqual((status, code, message, {"error": message}),
                             (got.status, got.headers["X-Error-Code"], got.headers["X-Error-Message"], json.loads(got.body)), path)
        self.assertEqual(commit, ask(self.url + "/acme/m/resolve/main/x").headers["X-Repo-Commit"])

    def test_signed_urls(self):
        location = self.cdn()
        self.assertEqual(403, ask(location.replace("Expires=", "Expires=1")).status)
        self.assertEqual(403, ask(location.split("?")[0]).status)
        self.assertEqual(200, ask(location).status)
        self.local.call("POST", "/_localhub/expire-urls")
        late = ask(location)
        self.assertEqual(403, late.status)
        self.assertIn(b"expired", late.body)
        self.assertEqual(200, ask(self.cdn()).status)
        self.local.call("POST", "/_localhub/knobs", {"url_lifetime_s": 0})
        self.assertEqual(403, ask(self.cdn()).status)

    def test_bodies(self):
        location = self.cdn()
        good = ask(location).body
        self.fault({"type": "cut", "after": 1000}, route="cdn", times=1)
        with self.assertRaises(http.client.IncompleteRead) as cut:
            ask(location)
        self.assertEqual(good[:1000], cut.exception.partial)
        self.assertEqual(good, ask(location).body)
        self.fault({"type": "cut", "after": -1}, path="*/w.bin")
        with self.assertRaises((http.client.RemoteDisconnected, ConnectionResetError)):
            ask(location)
        self.fault({"type": "corrupt", "offset": 2_000_000}, route="cdn", nth=2)
        self.assertEqual(good, ask(location).body)
        bad = ask(location).body
        self.assertEqual([2_000_000], [i for i in range(SIZE) if good[i] != bad[i]])
        self.assertEqual(good, ask(location).body)
        self.fault({"type": "corrupt", "offset": 50}, route="cdn")
        self.assertEqual(good[60:70], ask(location, Range="bytes=60-69").body)
        self.assertNotEqual(good[45:55], ask(location, Range="bytes=45-54").body)
        self.fault({"type": "length", "delta": -10}, route="cdn")
        self.assertEqual(good[:-10], ask(location).body)
        self.fault({"type": "length", "delta": 10}, route="cdn")
        with self.assertRaises(http.client.IncompleteRead) as short:
            ask(location)
        self.assertEqual(good, short.exception.partial)
        self.fault({"type": "ignore_range"}, route="cdn")
        self.assertEqual((200, good), (lambda r: (r.status, r.body))(ask(location, Range="bytes=5-9")))

    def test_stalls_end_when_faults_are_cleared(self):
        location = self.cdn()
        for action in ({"type": "stall", "after": 5000}, {"type": "silent"}):
            self.fault(action, route="cdn")
            parts = urlsplit(location)
            connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
            connection.request("GET", parts.path + "?" + parts.query)
            if action["type"] == "stall":
                answer = connection.getresponse()
                self.assertEqual(5000, len(answer.read(5000)))
                connection.sock.settimeout(0.3)
                with self.assertRaises(TimeoutError):
                    answer.fp.raw._sock.recv(1)
                self.assertEqual(1, self.local.counters()["in_flight"])
            connection.close()
        # A client that goes away leaves nothing behind.
        deadline = time.monotonic() + 30
        while self.local.counters()["in_flight"] and time.monotonic() < deadline:
            time.sleep(0.02)
        self.assertEqual(0, self.local.counters()["in_flight"])
        self.fault({"type": "stall", "after": 5000}, route="cdn")
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
        connection.request("GET", parts.path + "?" + parts.query)
        answer = connection.getresponse()
        answer.read(5000)
        self.local.clear_faults()
        self.assertEqual(SIZE - 5000, len(answer.read()))
        connection.close()
        self.fault({"type": "stall", "after": 100, "seconds": 0.1}, route="cdn")
        self.assertEqual(SIZE, len(ask(location).body))

    def test_a_black_hole_swallows_what_is_on_its_way_and_gives_it_back(self):
        location = self.cdn()
        parts = urlsplit(location)
        self.local.call("POST", "/_localhub/knobs", {"throttle": 20_000_000})
        moving = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
        moving.request("GET", parts.path + "?" + parts.query)
        answer = moving.getresponse()
        begun = answer.read(1000)
        self.local.call("POST", "/_localhub/knobs", {"black_hole": True})
        sent = -1
        while (now := self.count("cdn")["bytes"]) != sent:  # what was already written
            sent = now
            time.sleep(0.1)
        self.assertLess(sent, SIZE)
        for url in (location, self.url + FILE):
            with self.assertRaises(TimeoutError):
                ask(url, timeout=0.3)
        self.local.call("POST", "/_localhub/knobs", {"black_hole": ["cas"], "throttle": 0})
        self.assertEqual(200, ask(location).status)
        self.assertEqual(SIZE, len(begun) + len(answer.read()))
        moving.close()
        lines = [line for line in self.local.call("GET", "/_localhub/requests") if line["route"] == "resolve-get"]
        self.assertEqual([302, 0], [line["status"] for line in lines])
        self.assertLess(lines[0]["at"], lines[1]["at"])
        self.assertLessEqual(lines[1]["at"], time.monotonic())
        self.assertEqual(400, ask(self.url + "/_localhub/knobs", "POST", json.dumps({"black_hole": ["moon"]})).status)

    def test_pace(self):
        begin = time.monotonic()
        self.fault({"type": "throttle", "bytes_per_second": 1, "after": SIZE - 1}, route="cdn")
        self.assertEqual(SIZE, len(ask(self.cdn()).body))
        self.assertGreater(time.monotonic() - begin, 0.9)
        location = self.cdn("/acme/m/resolve/main/x.bin")
        self.fault({"type": "throttle", "bytes_per_second": 2000}, route="cdn")
        begin = time.monotonic()
        self.assertEqual(1000, len(ask(location).body))
        self.assertGreater(time.monotonic() - begin, 0.4)
        self.local.clear_faults()
        self.local.call("POST", "/_localhub/knobs", {"throttle": 2000})
        begin = time.monotonic()
        ask(location)
        self.assertGreater(time.monotonic() - begin, 0.4)
        self.local.call("POST", "/_localhub/knobs", {"throttle": 0, "delay_ms": 150})
        begin = time.monotonic()
        ask(self.url + "/api/models/acme/m")
        self.assertGreater(time.monotonic() - begin, 0.14)

    def test_answers_instead(self):
        self.fault({"type": "status", "status": 503, "headers": {"Retry-After": "7"}}, route="resolve*", method="HEAD")
        down = ask(self.url + LFS, "HEAD")
        self.assertEqual((503, "7"), (down.status, down.headers["Retry-After"]))
        self.assertEqual(302, ask(self.url + LFS).status)
        self.fault({"type": "status", "status": 429, "t": 20}, route=["tree", "revision"])
        busy = ask(self.url + "/api/models/acme/m/tree/main")
        self.assertEqual((429, "\"api\";r=0;t=20"), (busy.status, busy.headers["RateLimit"]))
        self.fault({"type": "expire"}, origin="cdn", skip=1)
        location = self.cdn()
        self.assertEqual([200, 403, 403], [ask(location).status for _ in range(3)])
        self.fault({"type": "redirect_loop"}, route="resolve-get")
        self.assertEqual((307, LFS), (lambda r: (r.status, r.headers["Location"]))(ask(self.url + LFS)))
        self.fault({"type": "redirect_loop", "absolute": True}, route="resolve-get")
        self.assertEqual(self.url + LFS, ask(self.url + LFS).headers["Location"])
        self.fault({"type": "html"}, route="cdn")
        page = ask(location)
        self.assertEqual((200, "text/html; charset=utf-8"), (page.status, page.headers["Content-Type"]))
        self.fault({"type": "inject_path", "path": "../evil"}, route="tree")
        paths = [e["path"] for e in json.loads(ask(self.url + "/api/models/acme/m/tree/main?recursive=true").body)]
        self.assertEqual(["config.json", "w.bin", "x.bin", "../evil"], paths)
        self.fault({"type": "drop_header", "name": "X-Repo-Commit"}, route="resolve*")
        self.assertIsNone(ask(self.url + LFS).headers["X-Repo-Commit"])
        self.fault({"type": "delay", "ms": 150}, client="slow*")
        begin = time.monotonic()
        ask(self.url + LFS, User_Agent="slow/1")
        self.assertGreater(time.monotonic() - begin, 0.14)

    def test_matching_by_chance_repeats(self):
        def row():
            self.fault({"type": "status", "status": 500}, route="info", probability=0.5, seed=7)
            return [ask(self.url + "/api/models/acme/m").status for _ in range(30)]
        first = row()
        self.assertEqual({200, 500}, set(first))
        self.assertEqual(first, row())
        for bad in ([{"match": {}, "action": {"type": "explode"}}], [{"match": {"colour": 1}, "action": {"type": "cut"}}], [{}]):
            self.assertEqual(400, ask(self.url + "/_localhub/faults", "POST", json.dumps(bad)).status)

    def test_rate_limit(self):
        self.local.call("POST", "/_localhub/knobs", {"rate_limits": {"api": {"q": 3, "w": 300}}})
        answers = [ask(self.url + "/api/models/acme/m") for _ in range(4)]
        self.assertEqual([200, 200, 200, 429], [a.status for a in answers])
        self.assertRegex(answers[0].headers["RateLimit"], r'^"api";r=2;t=\d+$')
        self.assertEqual('"fixed window";"api";q=3;w=300', answers[0].headers["RateLimit-Policy"])
        self.assertEqual(200, ask(self.url + "/api/models/acme/m", Authorization="Bearer hf_alice").status)
        self.assertEqual(302, ask(self.url + LFS).status)

    def test_counters(self):
        self.local.reset()
        location = self.cdn()
        ask(location, Range="bytes=0-99", X_Localhub_Client="me", Authorization="Bearer hf_alice")
        ask(self.url + FILE, "HEAD")
        counters = self.local.counters()
        self.assertEqual({"resolve-get": 1, "cdn": 1, "resolve-head": 1}, {k: v["requests"] for k, v in counters["routes"].items()})
        self.assertEqual((100, 0), (counters["routes"]["cdn"]["bytes"], counters["routes"]["resolve-head"]["bytes"]))
        self.assertEqual({"206": 1}, counters["routes"]["cdn"]["statuses"])
        self.assertEqual((1, 100), (counters["clients"]["me"]["requests"], counters["clients"]["me"]["bytes"]))
        self.assertEqual((1, 3), (counters["cdn_authorization"], counters["total"]["requests"]))
        lines = self.local.call("GET", "/_localhub/requests?limit=2")
        self.assertEqual([("cdn", "bytes=0-99", 206), ("resolve-head", "", 307)], [(r["route"], r["range"], r["status"]) for r in lines])

    def test_large_file_is_the_same_in_every_run(self):
        again = self.hub(SEED)
        self.assertEqual(ask(self.cdn()).body, ask(ask(again.url + LFS).headers["Location"]).body)

    def test_tls(self):
        key, certificate = str(self.folder / "key.pem"), str(self.folder / "cert.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "2",
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"], check=True, capture_output=True)
        hub = self.hub(SEED, "--tls", certificate, key)
        context = ssl.create_default_context(cafile=certificate)
        self.assertTrue(hub.url.startswith("https://"))
        location = ask(hub.url + LFS, context=context).headers["Location"]
        self.assertTrue(location.startswith("https://"))
        self.assertEqual(SIZE, len(ask(location, context=context).body))
        # As on the public Hub: https URLs are recognised without the code.
        self.assertIsNone(ask(hub.url + "/acme/none/resolve/main/x", context=context).headers["X-Error-Code"])

    def test_bad_seed_is_one_sentence(self):
        for seed in ({"repos": [{"id": "a/b", "commits": [{"files": [{"path": "x"}]}]}]}, {"nonsense": 1}, {"repos": [{"type": "model"}]}):
            self.assertEqual(400, ask(self.url + "/_localhub/seed", "POST", json.dumps(seed)).status)


if __name__ == "__main__":
    unittest.main()
