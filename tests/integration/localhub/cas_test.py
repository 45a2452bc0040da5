# SPDX-License-Identifier: Apache-2.0
"""The local Hub's CAS, seen with a bare HTTP client: hand-over, tokens, reconstructions, signed ranges, uploads, faults."""
import hashlib
import http.client
import json
import pathlib
import re
import struct
import sys
import time
import unittest
from email.parser import BytesParser
from urllib.parse import urlsplit

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
from faults_test import ask  # noqa: E402
from harness import ProofCase  # noqa: E402

SIZE = 3_000_000
SEED = {
    "users": [{"name": "alice", "token": "hf_alice"}, {"name": "bob", "token": "hf_bob"}],
    "repos": [
        {"id": "alice/m", "commits": [{"files": [
            {"path": "a.bin", "size": SIZE, "random_seed": 1, "xet": True},
            {"path": "b.bin", "size": 1_000_000, "random_seed": 2, "xet": {"xorb_chunks": 4}},
            {"path": "c.txt", "text": "tell me more " * 30_000, "xet": {"scheme": "lz4"}},
            {"path": "empty.bin", "text": "", "xet": True}]}]},
        {"id": "alice/other", "commits": [{"files": [{"path": "o.bin", "size": 200_000, "random_seed": 3, "xet": True}]}]},
        {"id": "alice/secret", "private": True, "commits": [{"files": [{"path": "s.bin", "size": 200_000, "random_seed": 4, "xet": True}]}]},
        {"id": "alice/gated", "gated": "auto", "commits": [{"files": [{"path": "g.bin", "size": 200_000, "random_seed": 5, "xet": True}]}]}]}


class Case(ProofCase):
    def setUp(self):
        super().setUp()
        self.local = self.hub(SEED)
        self.url = self.local.url
        self.info = self.local.call("GET", "/_localhub/info")
        self.read = self.token()

    def token(self, repo="alice/m", kind="read", user="hf_alice"):
        headers = {"Authorization": "Bearer " + user} if user else {}
        answer = ask(f"{self.url}/api/models/{repo}/xet-{kind}-token/main", **headers)
        self.assertEqual(200, answer.status, answer.body)
        return json.loads(answer.body)["accessToken"]

    def cas(self, path, method="GET", body=None, token=None, **headers):
        if token is None:
            token = self.read
        if token:
            headers["Authorization"] = "Bearer " + token
        return ask(self.info["cas_url"] + path, method, body, **headers)

    def xet_hash(self, path="a.bin", repo="alice/m", **headers):
        return ask(f"{self.url}/{repo}/resolve/main/{path}", "HEAD", **headers).headers["X-Xet-Hash"]

    def plain(self, path="a.bin"):
        return ask(ask(f"{self.url}/alice/m/resolve/main/{path}").headers["Location"]).body

    def plan(self, path="a.bin", version="v2", **headers):
        answer = self.cas(f"/{version}/reconstructions/{self.xet_hash(path)}", **headers)
        self.assertEqual(200, answer.status, answer.body)
        return json.loads(answer.body)

    def described(self, path="a.bin"):
        return self.local.call("GET", "/_localhub/xet/file/" + self.xet_hash(path))

    def knobs(self, **knobs):
        self.local.call("POST", "/_localhub/knobs", knobs)

    def fault(self, action, **match):
        self.local.clear_faults()
        self.local.faults({"match": match, "action": action})


def records(data):
    """Chunks of scheme 0 in a run of records."""
    chunks = []
    while data:
        packed, scheme, length = int.from_bytes(data[1:4], "little"), data[4], int.from_bytes(data[5:8], "little")
        assert scheme == 0 and packed == length and data[0] == 0, data[:8]
        chunks.append(data[8:8 + packed])
        data = data[8 + packed:]
    return chunks


def rebuild(plan, fetch):
    """The bytes a plan describes; fetch(url, start, end inclusive) -> record bytes."""
    have = {}
    for xorb, entries in plan.get("xorbs", plan.get("fetch_info")).items():
        for entry in entries:
            for one in entry.get("ranges") or [{"chunks": entry["range"], "bytes": entry["url_range"]}]:
                found = records(fetch(entry["url"], one["bytes"]["start"], one["bytes"]["end"]))
                assert len(found) == one["chunks"]["end"] - one["chunks"]["start"]
                have.update({(xorb, one["chunks"]["start"] + i): chunk for i, chunk in enumerate(found)})
    out = b""
    for term in plan["terms"]:
        part = b"".join(have[term["hash"], n] for n in range(term["range"]["start"], term["range"]["end"]))
        assert len(part) == term["unpacked_length"]
        out += part
    return out[plan["offset_into_first_range"]:]


class HandOver(Case):
    def test_a_file_names_its_id_and_both_routes(self):
        answer = ask(self.url + "/alice/m/resolve/main/a.bin", "HEAD")
        self.assertEqual(302, answer.status)
        self.assertRegex(answer.headers["X-Xet-Hash"], "^[0-9a-f]{64}$")
        self.assertEqual(str(SIZE), answer.headers["X-Linked-Size"])
        auth, info = re.findall(r'<([^>]*)>; rel="([^"]*)"', answer.headers["Link"])
        self.assertEqual("xet-auth", auth[1])
        self.assertEqual(auth[0], answer.headers["X-Xet-Refresh-Route"])
        self.assertEqual((f"{self.info['cas_url']}/v1/reconstructions/{answer.headers['X-Xet-Hash']}", "xet-reconstruction-info"), info)
        self.assertEqual(200, ask(auth[0]).status)
        told = ask(self.url + "/alice/m/resolve/main/a.bin", Accept="application/vnd.xet-fileinfo+json, */*", Range="bytes=0-0")
        self.assertEqual((200, "application/vnd.xet-fileinfo+json"), (told.status, told.headers["Content-Type"]))
        self.assertEqual(answer.headers["Link"], told.headers["Link"])
        listed = {e["path"]: e.get("xetHash") for e in self.local.call("GET", "/api/models/alice/m/tree/main")}
        self.assertEqual(answer.headers["X-Xet-Hash"], listed["a.bin"])
        self.assertEqual("0" * 64, listed["empty.bin"])
        paths = self.local.call("POST", "/api/models/alice/m/paths-info/main", {"paths": ["a.bin"]})
        self.assertEqual(answer.headers["X-Xet-Hash"], paths[0]["xetHash"])

    def test_the_plain_route_serves_the_same_bytes(self):
        body = self.plain()
        self.assertEqual(SIZE, len(body))
        etag = ask(self.url + "/alice/m/resolve/main/a.bin", "HEAD").headers["X-Linked-ETag"].strip('"')
        self.assertEqual(etag, hashlib.sha256(body).hexdigest())
        location = ask(self.url + "/alice/m/resolve/main/a.bin").headers["Location"]
        self.assertEqual(body[1000:2001], ask(location, Range="bytes=1000-2000").body)
        self.assertEqual(b"tell me more " * 30_000, self.plain("c.txt"))

    def test_ids_are_masked_where_the_files_are_refused(self):
        listed = self.local.call("GET", "/api/models/alice/gated/tree/main")
        self.assertEqual("*" * 64, [e["xetHash"] for e in listed if e["path"] == "g.bin"][0])

    def test_tokens_follow_rights(self):
        def status(repo, kind, user=None, rev="main"):
            headers = {"Authorization": "Bearer " + user} if user else {}
            return ask(f"{self.url}/api/models/{repo}/xet-{kind}-token/{rev}", **headers).status
        self.assertEqual(200, status("alice/m", "read"))
        self.assertEqual(401, status("alice/m", "write"))
        self.assertEqual(403, status("alice/m", "write", "hf_bob"))
        self.assertEqual(401, status("alice/secret", "read"))
        self.assertEqual(404, status("alice/secret", "read", "hf_bob"))
        self.assertEqual(401, status("alice/gated", "read"))
        self.assertEqual(403, status("alice/gated", "read", "hf_bob"))
        self.assertEqual(404, status("alice/m", "read", rev="nothing"))
        answer = ask(self.url + "/api/models/alice/m/xet-read-token/main")
        told = json.loads(answer.body)
        self.assertEqual((told["casUrl"], told["accessToken"], str(told["exp"])),
                         tuple(answer.headers["X-Xet-" + name] for name in ("Cas-Url", "Access-Token", "Token-Expiration")))
        self.knobs(xet_token_length=20_000, xet_token_headers=False)
        answer = ask(self.url + "/api/models/alice/m/xet-read-token/main")
        self.assertIsNone(answer.headers["X-Xet-Access-Token"])
        self.assertEqual(20_000, len(json.loads(answer.body)["accessToken"]))
        self.assertEqual(200, self.cas("/v2/reconstructions/" + self.xet_hash(), token=json.loads(answer.body)["accessToken"]).status)

    def test_tokens_have_scope_repo_and_end(self):
        path = "/v2/reconstructions/" + self.xet_hash()
        self.assertEqual(200, self.cas(path).status)
        self.assertEqual(200, self.cas(path, token=self.token(kind="write")).status)
        self.assertEqual(401, self.cas(path, token="").status)
        self.assertEqual(401, self.cas(path, token="xet_made-up").status)
        self.assertEqual(404, self.cas(path, token=self.token("alice/other")).status)
        self.assertEqual(403, self.cas("/v1/shards", "POST", b"").status)
        self.assertEqual(403, self.cas("/v1/xorbs/default/" + "0" * 64, "POST", b"x").status)
        self.assertEqual(403, self.cas("/v1/xorb-grants/default/" + "0" * 64, "POST", b"{}").status)
        self.knobs(xet_token_lifetime_s=0)
        self.assertEqual(401, self.cas(path, token=self.token()).status)
        self.local.call("POST", "/_localhub/expire-tokens")
        self.assertEqual(401, self.cas(path).status)


class Reading(Case):
    def fetch(self, url, start, end):
        answer = ask(url, Range=f"bytes={start}-{end}")
        self.assertEqual((206, end - start + 1), (answer.status, len(answer.body)), answer.body[:200])
        return answer.body

    def test_whole_files_and_ranges_of_both_versions(self):
        for path in ("a.bin", "b.bin"):
            body = self.plain(path)
            for version in ("v1", "v2"):
                self.assertEqual(body, rebuild(self.plan(path, version), self.fetch))
                for begin, end in ((0, 0), (0, 8191), (100_000, 299_999), (len(body) - 1, len(body) - 1), (500_001, 2**64 - 2)):
                    plan = self.plan(path, version, Range=f"bytes={begin}-{end}")
                    got = rebuild(plan, self.fetch)
                    self.assertEqual(body[begin:end + 1], got[:len(body[begin:end + 1])], (path, version, begin, end))
                    self.assertLess(len(got) - len(body[begin:end + 1]), 131072)
                    self.assertLess(plan["offset_into_first_range"], 131072)
        self.assertEqual({"offset_into_first_range": 0, "terms": [], "xorbs": {}}, self.plan("empty.bin"))
        whole = self.plan("b.bin")
        self.assertGreater(len(whole["xorbs"]), 2)

    def test_edited_files_share_xorbs_with_what_they_came_from(self):
        like = {"path": "like.bin", "size": SIZE, "random_seed": 1, "xet": True, "edits": [
            {"at": 1_000_000, "size": 10, "random_seed": 7}, {"at": 2_000_000, "size": 100, "remove": 0, "random_seed": 8},
            {"at": 2_500_000, "remove": 1000}]}
        self.local.call("POST", "/_localhub/seed", {"repos": [{"id": "alice/m", "commits": [{"files": [like]}]}]})
        body, base = self.plain("like.bin"), self.plain()
        self.assertEqual((SIZE - 900, base[:1_000_000], base[1_000_010:2_000_000], base[2_000_000:2_500_000], base[2_501_000:]),
                         (len(body), body[:1_000_000], body[1_000_010:2_000_000], body[2_000_100:2_500_100], body[2_500_100:]))
        self.assertNotEqual(base[1_000_000:1_000_010], body[1_000_000:1_000_010])
        self.assertEqual(body, rebuild(self.plan("like.bin"), self.fetch))
        shared = self.described()["terms"][0]["xorb"]
        terms = self.described("like.bin")["terms"]
        self.assertGreater(sum(t["length"] for t in terms if t["xorb"] == shared), 0.7 * SIZE)
        self.assertEqual(2, len({t["xorb"] for t in terms}))

    def test_bad_ranges_and_names(self):
        path = "/v2/reconstructions/" + self.xet_hash()
        for text in (f"bytes={SIZE}-", "bytes=5-2", "items=0-1", "bytes=x-y"):
            self.assertEqual(416, self.cas(path, Range=text).status, text)
        self.assertEqual(200, self.cas(path, Range="bytes=-5").status)
        self.assertEqual(404, self.cas("/v2/reconstructions/" + "1" * 64).status)
        self.assertEqual(404, self.cas("/v1/reconstructions/" + "1" * 64).status)
        self.assertEqual(400, self.cas("/v2/reconstructions/xyz").status)
        for method, unknown in (("GET", "/v3/x"), ("GET", "/v2/chunks/default/" + "1" * 64), ("PUT", path), ("DELETE", path), ("GET", "/")):
            self.assertEqual(404, self.cas(unknown, method).status, unknown)
        self.assertEqual(200, self.cas("/health", token="").status)
        self.assertEqual(200, self.cas("/v1/telemetry", "POST", b"{}").status)

    def test_json_is_packed_for_those_who_ask(self):
        path = "/v2/reconstructions/" + self.xet_hash()
        packed = self.cas(path, Accept_Encoding="gzip, zstd")
        self.assertEqual(("zstd", b"\x28\xb5\x2f\xfd"), (packed.headers["Content-Encoding"], packed.body[:4]))
        self.assertIsNone(self.cas(path, Accept_Encoding="gzip, deflate").headers["Content-Encoding"])
        self.knobs(cas_compression=False)
        self.assertIsNone(self.cas(path, Accept_Encoding="zstd").headers["Content-Encoding"])

    def test_batch(self):
        a, b = self.xet_hash(), self.xet_hash("b.bin")
        got = json.loads(self.cas(f"/v1/reconstructions?file_id={a}&file_id={b}").body)
        posted = json.loads(self.cas("/v1/reconstructions", "POST", json.dumps([{"prefix": "default", "hash": h} for h in (a, b)])).body)
        for answer in (got, posted):
            self.assertEqual({a, b}, set(answer["files"]))
            plan = {"terms": answer["files"][b], "fetch_info": answer["fetch_info"], "offset_into_first_range": 0}
            self.assertEqual(self.plain("b.bin"), rebuild(plan, self.fetch))

    def test_heads(self):
        self.assertEqual(str(SIZE), self.cas("/v1/files/" + self.xet_hash(), "HEAD").headers["Content-Length"])
        xorb = self.described()["terms"][0]["xorb"]
        told = self.local.call("GET", "/_localhub/xet/xorb/" + xorb)
        self.assertEqual(str(told["stored"]), self.cas("/v1/xorbs/default/" + xorb, "HEAD").headers["Content-Length"])
        self.assertEqual(404, self.cas("/v1/xorbs/default/" + "1" * 64, "HEAD").status)
        self.assertEqual(404, self.cas("/v1/files/" + "1" * 64, "HEAD").status)

    def test_signed_ranges(self):
        entry = list(self.plan(Range="bytes=1000000-1999999")["xorbs"].values())[0][0]
        start, end = entry["ranges"][0]["bytes"]["start"], entry["ranges"][0]["bytes"]["end"]
        good = self.fetch(entry["url"], start, end)
        self.assertEqual(good[10:20], self.fetch(entry["url"], start + 10, start + 19))
        self.assertEqual(good, ask(entry["url"]).body)
        self.assertEqual(206, ask(entry["url"], "HEAD", Range=f"bytes={start}-{end}").status)
        for a, b in ((start - 1, end), (start, end + 1), (0, 10)):
            self.assertEqual(403, ask(entry["url"], Range=f"bytes={a}-{b}").status)
        self.assertEqual(403, ask(entry["url"].replace("Signature=", "Signature=0"), Range=f"bytes={start}-{end}").status)
        self.knobs(xorb_ranges="exact")
        self.assertEqual(good, self.fetch(entry["url"], start, end))
        for a, b in ((start, end - 1), (start + 1, end), (start, end + 1)):
            self.assertEqual(403, ask(entry["url"], Range=f"bytes={a}-{b}").status)
        self.local.call("POST", "/_localhub/expire-urls")
        self.assertEqual(403, ask(entry["url"], Range=f"bytes={start}-{end}").status)
        self.assertEqual(0, self.local.counters()["cdn_authorization"])

    def test_several_ranges_come_as_parts(self):
        seed = {"repos": [{"id": "alice/parts", "commits": [{"files": [
            {"path": "all.bin", "size": 2_000_000, "random_seed": 9, "xet": True}]}]}]}
        self.local.call("POST", "/_localhub/seed", seed)
        plan = self.plan(Range="bytes=0-2000000")
        url = list(plan["xorbs"].values())[0][0]["url"]
        answer = ask(url, Range="bytes=0-99,5000-5009,200000-200499")
        self.assertEqual(206, answer.status)
        whole = self.fetch(url, 0, 300_000)
        parsed = BytesParser().parsebytes(b"Content-Type: " + answer.headers["Content-Type"].encode() + b"\r\n\r\n" + answer.body)
        parts = [(p["Content-Range"].split("/")[0], p.get_payload(decode=True)) for p in parsed.get_payload()]
        self.assertEqual(["bytes 0-99", "bytes 5000-5009", "bytes 200000-200499"], [name for name, _ in parts])
        self.assertIn(whole[5000:5010], answer.body)
        self.assertIn(whole[200000:200500], answer.body)

    def test_dedup_answers_take_every_form(self):
        first = self.described()["chunks"][0][0]
        seen = set()
        keys = set()
        for _ in range(4):
            answer = self.cas("/v1/chunks/default/" + first)
            self.assertEqual(200, answer.status)
            shard = answer.body
            self.assertEqual(b"HFRepoMetaData\0", shard[:15])
            self.assertEqual((2, 200), struct.unpack("<QQ", shard[32:48]))
            self.assertEqual(b"\xff" * 32, shard[48:80])  # no files
            footer = shard[-200:]
            key, lookups = footer[72:104], struct.unpack("<Q", footer[64:72])[0]
            self.assertEqual(len(shard) - 200, struct.unpack("<Q", footer[192:200])[0])
            self.assertGreater(struct.unpack("<Q", footer[112:120])[0], struct.unpack("<Q", footer[104:112])[0])
            count = struct.unpack("<I", shard[96 + 36:96 + 40])[0]
            self.assertEqual(len(self.described()["chunks"]), count)
            self.assertIn(lookups, (0, count))
            clear = b"".join(bytes.fromhex(first)[i:i + 8][::-1] for i in range(0, 32, 8))
            self.assertEqual(key == bytes(32), shard[144:176] == clear)
            self.assertEqual(1 << 31, struct.unpack("<I", shard[144 + 40:144 + 44])[0])
            seen.add((key != bytes(32), lookups > 0))
            keys.add(key)
        self.assertEqual({(True, True), (True, False), (False, False)}, seen)
        self.assertEqual(4, len(keys))
        self.assertEqual(200, self.cas("/v1/chunks/default-merkledb/" + first).status)
        self.assertEqual(400, self.cas("/v1/chunks/other/" + first).status)
        self.assertEqual(404, self.cas("/v1/chunks/default/" + "1" * 64).status)
        hidden = [c[0] for c in self.described()["chunks"][1:] if int(c[0][-16:], 16) % 1024]
        self.assertEqual(404, self.cas("/v1/chunks/default/" + hidden[0]).status)

    def test_chunk_hashes_around_an_edit(self):
        path = "/v2/file-chunk-hashes/" + self.xet_hash()
        answer = self.cas(path, X_Range_Dirty="bytes=1000000-1000009,2500000-2600000")
        self.assertEqual(200, answer.status)
        told = json.loads(answer.body)
        chunks = self.described()["chunks"]
        self.assertEqual((len(chunks), SIZE), (told["totalChunks"], told["fileSize"]))
        ends = [0]
        for _, size in chunks:
            ends.append(ends[-1] + size)
        for window, (first, last) in zip(told["windows"], ((1000000, 1000009), (2500000, 2600000))):
            begin, end = window["dirtyByteRange"]
            self.assertTrue(begin in ends and end in ends and begin <= first and end > last)
        self.assertEqual(len(told["windows"]) + 1, len(told["hashRanges"]))
        self.assertTrue(told["hashRanges"][0]["at_start"])
        self.assertFalse(told["hashRanges"][0]["at_end"])
        self.assertEqual(400, self.cas(path).status)
        clean = json.loads(self.cas("/v2/file-chunk-hashes/" + self.xet_hash("b.bin"), X_Range_Dirty="bytes=0-0").body)
        self.assertIsNone(clean["hashRanges"][0])
        self.assertGreater(len(clean["gapVerification"]), 0)

    def test_coverage_is_counted_by_chunk_and_client(self):
        chunks = len(self.described()["chunks"])
        entry = list(self.plan()["xorbs"].values())[0][0]
        one = list(self.plan(Range="bytes=1000000-1000000")["xorbs"].values())[0][0]
        self.local.reset()
        for url, (start, end), client in ((entry["url"], entry["ranges"][0]["bytes"].values(), "x"), (one["url"], one["ranges"][0]["bytes"].values(), "x"),
                                          (one["url"], one["ranges"][0]["bytes"].values(), "y")):
            ask(url, Range=f"bytes={start}-{end}", X_Localhub_Client=client)
        told = self.local.call("GET", "/_localhub/xorbs")
        self.assertEqual({"*", "x", "y"}, set(told))
        self.assertEqual((chunks, chunks + 1, 2), tuple(told["x"][k] for k in ("chunks_distinct", "chunks_served", "chunk_served_max")))
        self.assertEqual((1, 1), (told["y"]["chunks_distinct"], told["y"]["requests"]))
        self.assertEqual(3, told["*"]["chunk_served_max"])
        self.assertEqual(SIZE + 8 * chunks, told["x"]["bytes"] - told["y"]["bytes"])
        ranges = list(told["x"]["xorbs"].values())[0]["ranges"]
        self.assertEqual([1, 1], [r["requests"] for r in ranges])
        # Half a record is not a chunk, at either end, in parts, or when the connection is cut.
        ends = [c["end"] for c in self.local.call("GET", "/_localhub/xet/xorb/" + self.described()["terms"][0]["xorb"])["chunks"]]

        def served(wanted):
            self.local.reset()
            try:
                ask(entry["url"], Range="bytes=" + wanted)
            except http.client.IncompleteRead:
                pass
            counts = list(self.local.call("GET", "/_localhub/xorbs")["*"]["xorbs"].values())[0]["chunks"]
            return {n: times for n, times in enumerate(counts) if times}
        self.assertEqual({1: 1}, served(f"1-{ends[1] - 1}"))
        self.assertEqual({0: 1, 1: 1}, served(f"0-{ends[2] - 2}"))
        self.assertEqual({2: 1, 5: 1}, served(f"{ends[1]}-{ends[2] - 1},{ends[4]}-{ends[5] - 1}"))
        self.local.faults({"match": {"route": "xorb"}, "action": {"type": "cut", "after": ends[1] + 5}})
        self.assertEqual({0: 1, 1: 1}, served(f"0-{ends[5] - 1}"))


class Faults(Case):
    def range_of(self, path="a.bin"):
        entry = list(self.plan(path)["xorbs"].values())[0][0]
        one = entry["ranges"][0]["bytes"]
        return entry["url"], f"bytes={one['start']}-{one['end']}"

    def test_a_payload_byte_changes_and_framing_stays(self):
        url, wanted = self.range_of()
        good = records(ask(url, Range=wanted).body)
        self.fault({"type": "corrupt_chunk", "chunk": 3, "at": 7}, route="xorb")
        bad = records(ask(url, Range=wanted).body)
        self.assertEqual([3], [n for n, (a, b) in enumerate(zip(good, bad)) if a != b])
        self.assertEqual(good[3][7] ^ 1, bad[3][7])
        url, wanted = self.range_of("c.txt")
        self.local.clear_faults()
        good = ask(url, Range=wanted).body
        self.fault({"type": "corrupt_chunk", "chunk": 0}, route="xorb")
        bad = ask(url, Range=wanted).body
        self.assertEqual(1, sum(a != b for a, b in zip(good, bad)))

    def test_framing_breaks(self):
        url, wanted = self.range_of()
        good = ask(url, Range=wanted).body
        for part, places in (("version", {0}), ("scheme", {4}), ("packed_length", {1}), ("length", {5})):
            self.fault({"type": "corrupt_chunk", "chunk": 0, "part": part}, route="xorb")
            bad = ask(url, Range=wanted).body
            self.assertEqual(places, {n for n, (a, b) in enumerate(zip(good, bad)) if a != b}, part)
        self.fault({"type": "bomb", "chunk": 1}, route="xorb")
        bad = ask(url, Range=wanted).body
        self.assertEqual(len(good), len(bad))
        at = 8 + int.from_bytes(good[1:4], "little")
        self.assertEqual((1, good[at + 1:at + 4], b"\x04\x22\x4d\x18"), (bad[at + 4], bad[at + 1:at + 4], bad[at + 8:at + 12]))

    def test_general_faults_reach_the_cas(self):
        url, wanted = self.range_of()
        self.fault({"type": "status", "status": 403}, route="xorb", times=1)
        self.assertEqual([403, 206], [ask(url, Range=wanted).status for _ in range(2)])
        for status in (404, 501):
            self.fault({"type": "status", "status": status}, route="cas-reconstruction")
            self.assertEqual(status, self.cas("/v2/reconstructions/" + self.xet_hash()).status)
            self.assertEqual(200, self.cas("/v1/reconstructions/" + self.xet_hash()).status)
        # One range of one xorb and no other, by its first byte.
        self.local.clear_faults()
        start = list(self.plan()["xorbs"].values())[0][0]
        part = list(self.plan(Range="bytes=1000000-1999999")["xorbs"].values())[0][0]
        at = part["ranges"][0]["bytes"]["start"]
        self.fault({"type": "status", "status": 503}, route="xorb", path="/xorbs/default/" + self.described()["terms"][0]["xorb"], range_from=at)
        self.assertEqual([503, 206], [ask(u["url"], Range=f"bytes={u['ranges'][0]['bytes']['start']}-{u['ranges'][0]['bytes']['end']}").status
                                      for u in (part, start)])
        self.fault({"type": "expire"}, route="xorb")
        self.assertEqual([403, 403], [ask(url, Range=wanted).status for _ in range(2)])
        self.fault({"type": "cut", "after": 5000}, route="xorb")
        with self.assertRaises(http.client.IncompleteRead) as short:
            ask(url, Range=wanted)
        self.assertEqual(5000, len(short.exception.partial))
        self.fault({"type": "stall", "after": 5000, "seconds": 0.2}, route="xorb")
        begin = time.monotonic()
        self.assertEqual(206, ask(url, Range=wanted).status)
        self.assertGreater(time.monotonic() - begin, 0.2)
        self.fault({"type": "throttle", "bytes_per_second": 10_000_000}, route="xorb")
        begin = time.monotonic()
        self.assertEqual(206, ask(url, Range=wanted).status)
        self.assertGreater(time.monotonic() - begin, 0.2)
        self.fault({"type": "length", "delta": -100}, route="xorb")
        self.assertEqual(int(wanted.split("-")[1]) + 1 - 100, len(ask(url, Range=wanted).body))

    def test_lying_reconstructions(self):
        true = self.plan("b.bin")
        size = sum(t["unpacked_length"] for t in true["terms"])

        def lie(how, path="b.bin", version="v2", **more):
            self.fault({"type": "reconstruction", "how": how, **more}, route="cas-reconstruction*")
            return self.plan(path, version)
        total = lambda plan: sum(t["unpacked_length"] for t in plan["terms"])  # noqa: E731
        self.assertGreater(total(lie("overlap")), size)
        self.assertLess(total(lie("gap")), size)
        single = lie("gap", "a.bin")
        self.assertEqual(single["terms"][0]["range"]["end"] + 1, single["terms"][1]["range"]["start"])
        self.assertEqual(true["terms"][-1]["range"]["end"] + 1000, lie("past_xorb")["terms"][-1]["range"]["end"])
        self.assertEqual(size + 1, total(lie("wrong_length")))
        self.assertEqual(size + 5, total(lie("wrong_length", version="v1", delta=5)))
        self.assertEqual(2**40, lie("bad_offset")["offset_into_first_range"])
        last = lie("reversed")["terms"][-1]["range"]
        self.assertGreater(last["start"], last["end"])
        self.assertEqual(len(true["xorbs"]) - 1, len(lie("no_fetch")["xorbs"]))
        self.assertEqual(1, list(lie("shifted_bytes", "a.bin")["xorbs"].values())[0][0]["ranges"][0]["bytes"]["start"])
        self.assertEqual(2**64 - 1, lie("huge_numbers")["terms"][0]["unpacked_length"])
        self.assertEqual("http://127.0.0.1:9/x", list(lie("url", location="http://127.0.0.1:9/x")["xorbs"].values())[0][0]["url"])
        other = lie("other_file", file=self.xet_hash("a.bin"))
        self.assertEqual(SIZE, total(other))
        self.assertEqual(1000, len(lie("terms", count=1000)["terms"]))
        self.fault({"type": "reconstruction", "how": "terms"}, route="cas-reconstruction")
        connection = http.client.HTTPConnection(urlsplit(self.info["cas_url"]).netloc, timeout=60)
        connection.request("GET", "/v2/reconstructions/" + self.xet_hash(), headers={"Authorization": "Bearer " + self.read})
        answer = connection.getresponse()
        self.assertGreater(int(answer.headers["Content-Length"]), 10**11)
        self.assertEqual(1_000_000, len(answer.read(1_000_000)))
        connection.close()
        self.assertEqual(400, ask(self.url + "/_localhub/faults", "POST", json.dumps([{"action": {"type": "reconstruction", "how": "kindly"}}])).status)


class Writing(Case):
    def setUp(self):
        super().setUp()
        self.write = self.token(kind="write")
        entry = list(self.plan("b.bin")["xorbs"].items())[-1]
        self.known = entry[0]
        one = entry[1][0]["ranges"][0]["bytes"]
        self.body = ask(entry[1][0]["url"], Range=f"bytes={one['start']}-{one['end']}").body

    def test_direct_uploads(self):
        path = "/v1/xorbs/default/" + self.known
        answer = self.cas(path, "POST", self.body, self.write)
        self.assertEqual((200, {"was_inserted": False}), (answer.status, json.loads(answer.body)))
        for broken in (self.body[:-1], b"", self.body[8:], self.body[:4] + b"\x05" + self.body[5:], self.body[:20] + b"\x00" + self.body[21:]):
            self.assertEqual(400, self.cas(path, "POST", broken, self.write).status)
        self.assertEqual(400, self.cas("/v1/xorbs/other/" + self.known, "POST", self.body, self.write).status)
        self.assertEqual(200, self.cas(path, "POST", self.body + b"XETBLOB\x01 and so on", self.write).status)

    def test_grants(self):
        path = "/v1/xorb-grants/default/"
        ticket = {"length": 10, "checksum": {"algo": "crc64nvme", "value": "12577168950296156296"}}  # of "123456789"
        self.assertEqual(200, self.cas(path + self.known, "POST", json.dumps(ticket), self.write).status)
        granted = self.cas(path + "1" * 64, "POST", json.dumps(ticket), self.write)
        self.assertEqual(201, granted.status)
        told = json.loads(granted.body)
        self.assertEqual("PUT", told["method"])
        commit = f"/v1/xorb-commits/default/{'1' * 64}/grant/{told['id']}"
        self.assertEqual(404, self.cas(commit, "POST", b"", self.write).status)
        self.assertEqual(400, ask(told["url"], "PUT", b"123456789").status)
        self.assertEqual(403, ask(told["url"].replace("Signature=", "Signature=0"), "PUT", b"123456789").status)
        ticket["length"] = 9
        told = json.loads(self.cas(path + "1" * 64, "POST", json.dumps(ticket), self.write).body)
        self.assertEqual(400, ask(told["url"], "PUT", b"12345678x").status)
        self.assertEqual(200, ask(told["url"], "PUT", b"123456789").status)
        self.assertEqual(412, ask(told["url"], "PUT", b"123456789").status)
        commit = f"/v1/xorb-commits/default/{'1' * 64}/grant/{told['id']}"
        self.assertEqual(400, self.cas(commit, "POST", b"", self.write).status)  # no xorb at all
        self.assertEqual(422, self.cas(path + "1" * 64, "POST", b"{}", self.write).status)
        self.knobs(xorb_grants=False)
        self.assertEqual(404, self.cas(path + self.known, "POST", json.dumps(ticket), self.write).status)

    def test_a_malformed_shard_is_refused_in_both_versions(self):
        for body in (b"", b"x" * 200):
            self.assertEqual(400, self.cas("/v1/shards", "POST", body, self.write).status)
            answer = self.cas("/v2/shards", "POST", body, self.write)
            self.assertEqual((200, "application/x-ndjson"), (answer.status, answer.headers["Content-Type"]))
            last = json.loads(answer.body.splitlines()[-1])
            self.assertEqual(("error", False), (last["type"], last["retryable"]))
        empty = b"HFRepoMetaData\0" + bytes.fromhex("556967456a7b815783a5bdd95ccdd14aa9") + struct.pack("<QQ", 2, 0) + (b"\xff" * 32 + bytes(16)) * 2
        self.assertEqual(200, self.cas("/v1/shards", "POST", empty, self.write).status)
        self.assertEqual("result", json.loads(self.cas("/v2/shards", "POST", empty, self.write).body.splitlines()[-1])["type"])


if __name__ == "__main__":
    unittest.main()
