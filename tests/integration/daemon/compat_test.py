# SPDX-License-Identifier: Apache-2.0
"""An old client still works with this hubd: requests recorded as they went over the wire, on both transports, and the
answers' fields that such a client looks at. tests/golden/api.json holds the recording; HUBD_ACCEPT=1 makes it again."""
import json
import os
import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import ProofCase  # noqa: E402
from probe import encode, grpc, http_lines  # noqa: E402

GOLDEN = pathlib.Path(__file__).parents[2] / "golden/api.json"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
SEED = {"users": [{"name": "alice", "token": "hf_alice"}],
        "repos": [{"id": "acme/tiny", "commits": [{"id": COMMIT, "files": [
            {"path": "config.json", "text": "{}"}, {"path": "sub/model.bin", "size": 300_000, "random_seed": 1}]}]}]}
CALLER = {"token": "hf_alice", "tokenMode": "TOKEN_MODE_GIVEN", "deadlineMs": "60000", "userAgent": "old/1.0"}
REPO = {"type": "REPO_TYPE_MODEL", "id": "acme/tiny", "revision": COMMIT}

# In this order on one hubd; every field of every request of today at least once.
REQUESTS = [
    ("Admin/Hello", {"client": "hubctl", "clientVersion": "0.1.0"}),
    ("Store/Stats", {"caller": CALLER}),  # while nothing is pending yet
    ("Store/Rebuild", {"caller": CALLER}),
    ("Store/Verify", {"caller": CALLER}),
    ("Store/Adopt", {"caller": CALLER, "folder": "/no/such/folder", "repo": REPO}),
    ("Admin/Status", {}), ("Admin/Examine", {}),
    ("Admin/GetConfig", {}),
    ("Admin/SetConfig", {"key": "metadata.branch_max_age_seconds", "value": "5"}),
    ("Auth/Login", {"caller": {"token": "hf_alice"}}),
    ("Auth/WhoAmI", {"caller": CALLER}),
    ("Auth/ListTokens", {}),
    ("Auth/GetToken", {}),
    ("Auth/SwitchToken", {"tokenName": "no-such-name"}),
    ("Downloads/Plan", {"caller": CALLER, "repo": REPO, "force": False,
                        "selection": {"allowPatterns": ["*.json"], "ignorePatterns": ["*.md"], "hasAllowPatterns": True}}),
    ("Downloads/Plan", {"caller": CALLER, "repo": REPO, "sources": True}),
    ("Downloads/Ensure", {"caller": CALLER, "repo": REPO, "selection": {"files": ["config.json", "sub/model.bin"]},
                          "force": True, "detach": False, "requireVerified": True, "wantProgress": False, "maxWorkers": 2}),
    ("Downloads/Ensure", {"caller": CALLER, "repo": REPO, "priority": "PRIORITY_BACKGROUND"}),
    ("Downloads/Ready", {"caller": {"offline": True}, "repo": {"id": "acme/tiny"}, "selection": {}}),
    ("Downloads/Ensure", {"caller": {"offline": True}, "repo": {"type": "REPO_TYPE_DATASET", "id": "acme/none"}}),
    ("Downloads/Ensure", {"caller": {"cacheRoot": "/somewhere/else"}, "repo": REPO}),
    ("Downloads/Ensure", {"repo": {"id": "not//valid"}}),
    ("Transfers/List", {"includeFinished": True}),
    ("Transfers/Watch", {"id": "no-such-transfer"}),
    ("Transfers/Cancel", {"id": "no-such-transfer"}),
    ("Transfers/Detach", {"id": "no-such-transfer"}),
    ("Transfers/Pause", {"id": "no-such-transfer"}),
    ("Transfers/Resume", {"id": "no-such-transfer"}),
    ("Transfers/Why", {"id": "no-such-transfer"}),
    ("Transfers/Overview", {}),
    ("Transfers/Attach", {"id": "no-such-transfer", "deadlineMs": "1000"}),
    ("Cache/Scan", {"caller": CALLER}),
    ("Cache/Verify", {"caller": CALLER, "repo": REPO}),
    ("Cache/Remove", {"caller": CALLER, "targets": ["model/acme/tiny"], "dryRun": True}),
    ("Cache/Prune", {"caller": CALLER, "dryRun": True}),
    ("Hub/Invoke", {"caller": CALLER, "method": "GET", "path": "/api/models/acme/tiny", "query": "expand=sha", "body": "",
                    "maxAgeMs": "1000"}),
    ("Auth/Logout", {"tokenName": ""}),
    ("Admin/Shutdown", {"drain": True}),
]


def fields(value) -> object:
    """An answer's shape: names of fields, not what they say."""
    if isinstance(value, dict):
        return {key: fields(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [fields(value[0])] if value else []
    return None


def lacks(recorded, now, where: str = "") -> list[str]:
    """Fields of the recording that an answer of today has not."""
    if isinstance(recorded, dict):
        found = []
        for key, inner in recorded.items():
            if not isinstance(now, dict) or key not in now:
                found.append(f"{where}.{key}")
            else:
                found += lacks(inner, now[key], f"{where}.{key}")
        return found
    if isinstance(recorded, list) and recorded:
        return lacks(recorded[0], now[0], f"{where}[0]") if isinstance(now, list) and now else [f"{where}[0]"]
    return []


def recorded() -> list[dict]:
    """What stands there already stays as it is: that is what old clients send."""
    return json.loads(GOLDEN.read_text()) if GOLDEN.exists() else []


class OldClients(ProofCase):
    maxDiff = None

    def over_grpc(self, hubd, entry: dict) -> dict:
        answer = grpc(hubd.socket, entry["method"], request=entry["grpc"])
        return {"kind": answer["detail"].get("kind") if answer["code"] else None,
                "answer": fields(answer["answers"][-1] if answer["answers"] else {})}

    def over_http(self, hubd, entry: dict) -> dict:
        lines = http_lines(hubd.socket, entry["method"], entry["http"])
        last = lines[-1] if lines else {}
        error = last.get("error", last) if "details" in last.get("error", last) else None
        return {"kind": error["details"][0]["debug"]["kind"] if error else None, "answer": {} if error else fields(last)}

    def test_recorded_requests_are_served_on_both_transports(self):
        hub = self.hub(SEED)
        if os.environ.get("HUBD_ACCEPT") == "1":
            hubd = self.hubd(hub.url, name="record")
            recording = recorded()
            for name, message in REQUESTS:
                if not any((entry["method"], entry["http"]) == (f"/hubd.v1.{name}", message) for entry in recording):
                    grpc_bytes = encode(f"/hubd.v1.{name}", message)
                    recording.append({"method": f"/hubd.v1.{name}", "http": message, "grpc": grpc_bytes})
            recording.sort(key=lambda entry: entry["method"].endswith("/Shutdown"))  # stays the last one
            for entry in recording:
                entry["outcome"] = self.over_grpc(hubd, entry)
            GOLDEN.write_text(json.dumps(recording, indent=1) + "\n")
            self.skipTest(f"{GOLDEN.name} was recorded again")
        recording = recorded()
        for transport in (self.over_grpc, self.over_http):
            hubd = self.hubd(hub.url, name=transport.__name__)
            for number, entry in enumerate(recording):
                with self.subTest(transport=transport.__name__, number=number, method=entry["method"]):
                    outcome = transport(hubd, entry)
                    self.assertEqual(entry["outcome"]["kind"], outcome["kind"])
                    self.assertEqual([], lacks(entry["outcome"]["answer"], outcome["answer"]))

    def test_every_method_was_recorded(self):
        methods = set()
        for path in sorted((pathlib.Path(__file__).parents[3] / "proto/hubd/v1").glob("*.proto")):
            text = path.read_text()
            for service, body in re.findall(r"^service (\w+) \{(.*?)^\}", text, re.S | re.M):
                methods |= {f"/hubd.v1.{service}/{method}" for method in re.findall(r"^\s*rpc (\w+)", body, re.M)}
        self.assertGreater(len(methods), 15)
        self.assertEqual(set(), methods - {entry["method"] for entry in recorded()})

    def test_fields_of_a_newer_client_are_ignored(self):
        hubd = self.hubd("http://127.0.0.1:9")
        newer = encode("/hubd.v1.Admin/Hello", {"client": "hubctl"}) + "a00601" + "fa7f0a" + "00" * 10
        answer = grpc(hubd.socket, "/hubd.v1.Admin/Hello", request=newer)
        self.assertEqual((0, hubd.process.pid), (answer["code"], answer["answers"][0]["pid"]))
        status, answer = hubd.rpc("Admin", "Hello", {"client": "hubctl", "fromTheFuture": {"x": [1]}, "also": None})
        self.assertEqual((200, hubd.process.pid), (status, answer["pid"]))

    def test_what_is_no_message_is_refused_on_both_transports(self):
        hubd = self.hubd("http://127.0.0.1:9")
        self.assertEqual(3, grpc(hubd.socket, "/hubd.v1.Admin/SetConfig", request="0aff")["code"])  # INVALID_ARGUMENT
        self.assertEqual(400, hubd.rpc("Admin", "SetConfig", {"key": 7})[0])
        self.assertEqual(200, hubd.rpc("Admin", "Hello", {})[0])


if __name__ == "__main__":
    unittest.main(verbosity=2)
