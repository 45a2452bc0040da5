# SPDX-License-Identifier: Apache-2.0
"""Calls to hubd as somebody: by gRPC through peer_probe, by JSON over HTTP, as this user or as another one."""
from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import BIN, HANG  # noqa: E402

GUEST = 65534  # "nobody": a user that is not the one who runs the tests
AS_GUEST = ("setpriv", f"--reuid={GUEST}", f"--regid={GUEST}", "--clear-groups")

HTTP_CALL = """
import http.client, json, socket, sys
path, method = sys.argv[1:3]
connection = http.client.HTTPConnection("localhost", timeout=60)
connection.sock = socket.socket(socket.AF_UNIX)
connection.sock.settimeout(60)
connection.sock.connect(path)
connection.request("POST", method, sys.stdin.read(), {"Content-Type": "application/json"})
answer = connection.getresponse()
print(json.dumps([answer.status, answer.read().decode()]))
"""


def as_guest_binary() -> pathlib.Path:
    """peer_probe at a place that every user reaches; the caller removes its folder."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="hubd-probe-"))
    os.chmod(folder, 0o755)
    return pathlib.Path(shutil.copy(BIN / "peer_probe", folder))


def encode(method: str, message: dict) -> str:
    return subprocess.run([BIN / "peer_probe", "encode", method], input=json.dumps(message), check=True, text=True,
                          capture_output=True, timeout=HANG).stdout.strip()


def grpc(socket, method: str, message: dict | None = None, request: str | None = None, guest: pathlib.Path | None = None):
    """One call: {"code", "detail", "answers"}. `request` is the message's bytes in hex, where a test has them."""
    data = request if request is not None else encode(method, message or {})
    command = [*AS_GUEST, guest] if guest else [BIN / "peer_probe"]
    done = subprocess.run([*command, "call", str(socket), method], input=data, text=True, capture_output=True,
                          timeout=HANG)
    if done.returncode != 0:
        raise AssertionError(f"peer_probe ended with {done.returncode}: {done.stderr}")
    return json.loads(done.stdout)


def http(socket, method: str, message: dict, guest: bool = False) -> tuple[int, dict]:
    """One unary call over the JSON socket: (status, answer)."""
    command = [*(AS_GUEST if guest else ()), shutil.which("python3") or sys.executable, "-I", "-c", HTTP_CALL,
               f"{socket}.http", method]
    done = subprocess.run(command, input=json.dumps(message), text=True, capture_output=True, timeout=HANG)
    if done.returncode != 0:
        raise ConnectionError(done.stderr.strip().splitlines()[-1])
    status, text = json.loads(done.stdout)
    return status, json.loads(text)


def kind(answer: dict) -> str:
    """The error kind in a JSON answer's details."""
    return answer["details"][0]["debug"]["kind"]


def http_lines(socket, method: str, message: dict) -> list[dict]:
    """A call over the JSON socket, streaming or not: the lines of its answer. A failed stream ends with an error line."""
    done = subprocess.run([sys.executable, "-I", "-c", HTTP_CALL, f"{socket}.http", method], input=json.dumps(message),
                          text=True, capture_output=True, timeout=HANG, check=True)
    return [json.loads(line) for line in json.loads(done.stdout)[1].splitlines() if line]


def ensure(hubd, repo: str, **more) -> dict:
    """Ensures a repo: its last event, or the error's details."""
    answer = grpc(hubd.socket, "/hubd.v1.Downloads/Ensure", {"repo": {"id": repo}, **more})
    return answer["answers"][-1]["done"] if answer["code"] == 0 else answer["detail"]
