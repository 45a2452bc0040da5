# SPDX-License-Identifier: Apache-2.0
"""What the process-level tests share: a local Hub, a hubd, hubctl and the stock clients, each in its own folder.

Only loopback and Unix sockets; every process started here is ended here, by its pid. Standard library only.

HUBD_BIN_DIR        where hubd, hubctl and localhub are (ctest sets it)
HUBD_COUNTERPARTS   where the real peers are (./check sets it); a test that needs one is skipped without it, and fails
                    instead when CI=true
"""
from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import unittest
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("HUBD_BIN_DIR", ROOT / "build/release/bin"))
COUNTERPARTS = pathlib.Path(os.environ.get("HUBD_COUNTERPARTS", pathlib.Path.home() / ".cache/hubd-counterparts"))
STOCK_VERSIONS = ("0.36.2", "1.33.0", "2.4.0")
HANG = 120  # seconds: the one loose limit of every wait


def clean_env(home: pathlib.Path, **extra: str) -> dict[str, str]:
    """An environment without the machine's Hugging Face, proxy or hubd settings."""
    env = {k: v for k, v in os.environ.items()
           if not k.startswith(("HF_", "HUBD_", "HUGGING", "TRANSFORMERS_", "XDG_")) and not k.lower().endswith("_proxy")}
    env.update(HOME=str(home), HF_HOME=str(home / "hf"), HF_HUB_DISABLE_TELEMETRY="1", HF_HUB_DISABLE_XET="1",
               HF_HUB_DISABLE_PROGRESS_BARS="1", HF_HUB_DISABLE_UPDATE_CHECK="1", NO_COLOR="1", PYTHONUNBUFFERED="1")
    env.update(extra)
    return env


def stop(process: subprocess.Popen, sig: int = signal.SIGTERM) -> int:
    """Ends one process that we started; SIGKILL when it does not go."""
    if process.poll() is None:
        process.send_signal(sig)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.wait(20)


def certificate(folder: pathlib.Path) -> tuple[pathlib.Path, pathlib.Path]:
    """A certificate for this machine's loopback, which is its own authority, and its key."""
    folder.mkdir(parents=True, exist_ok=True)
    crt, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out", crt,
                    "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"], check=True, capture_output=True)
    return crt, key


class LocalHub:
    """One local Hub process on a free port."""

    def __init__(self, folder: pathlib.Path, seed: dict | None = None, *options: str):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        arguments = [str(BIN / "localhub"), "--listen", "127.0.0.1:0", "--data", str(folder / "data"), "--print-url"]
        if seed is not None:
            (folder / "seed.json").write_text(json.dumps(seed))
            arguments += ["--seed", str(folder / "seed.json")]
        self.trust = ssl.create_default_context(cafile=options[options.index("--tls") + 1]) if "--tls" in options else None
        self.log = open(folder / "localhub.log", "w")
        self.process = subprocess.Popen(arguments + list(options), stdout=subprocess.PIPE, stderr=self.log, text=True,
                                        env=clean_env(folder))
        self.url = self.process.stdout.readline().strip()
        if not self.url:
            raise RuntimeError("localhub did not start: " + (folder / "localhub.log").read_text())

    def close(self) -> None:
        stop(self.process)
        self.process.stdout.close()
        self.log.close()

    def call(self, method: str, path: str, body: object | None = None) -> object:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"}, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=self.trust))
        with opener.open(request, timeout=HANG) as answer:
            text = answer.read()
        return json.loads(text) if text.strip() else None

    def counters(self) -> dict:
        return self.call("GET", "/_localhub/counters")

    def reset(self) -> None:
        self.call("POST", "/_localhub/counters/reset")

    def knobs(self, **knobs) -> None:
        self.call("POST", "/_localhub/knobs", knobs)

    def requests(self) -> list[dict]:
        """The last 4096 of them, oldest first."""
        return self.call("GET", "/_localhub/requests?limit=4096")

    def faults(self, *faults: dict) -> None:
        self.call("POST", "/_localhub/faults", list(faults))

    def clear_faults(self) -> None:
        self.call("DELETE", "/_localhub/faults")


class Hubd:
    """One hubd with its own home, cache and socket."""

    def __init__(self, folder: pathlib.Path, endpoint: str, *options: str, config: str = "", env: dict | None = None,
                 prefix: tuple[str, ...] = ()):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.runtime = pathlib.Path(tempfile.mkdtemp(prefix="hubd-t-"))  # short: socket paths have 107 bytes
        self.socket = self.runtime / "s"
        self.cache = folder / "hf/hub"
        self.options = list(options)
        self.endpoint = endpoint
        self.env = clean_env(folder, HF_ENDPOINT=endpoint, HUBD_SOCKET=str(self.socket), HUBD_NO_AUTOSTART="1")
        self.env.update(env or {})
        self.prefix = list(prefix)
        if config:
            (folder / "hubd.toml").write_text(config)
            self.options += ["--config", str(folder / "hubd.toml")]
        self.process: subprocess.Popen | None = None

    def start(self) -> "Hubd":
        self.log = open(self.folder / "hubd.log", "a")
        self.process = subprocess.Popen(
            self.prefix + [str(BIN / "hubd"), "--socket", str(self.socket), *self.options], stdin=subprocess.DEVNULL,
            stdout=self.log, stderr=self.log, env=self.env)
        deadline = time.monotonic() + HANG
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"hubd ended with {self.process.returncode}:\n" + self.log_text())
            with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
                if self.rpc("Admin", "Hello", {})[0] == 200:
                    return self
            time.sleep(0.02)
        raise RuntimeError("hubd did not answer:\n" + self.log_text())

    def log_text(self) -> str:
        return (self.folder / "hubd.log").read_text(errors="replace")[-8000:]

    def rpc(self, service: str, method: str, message: dict) -> tuple[int, dict]:
        """One unary call over the JSON socket: (status, answer)."""
        connection = http.client.HTTPConnection("localhost", timeout=HANG)
        try:
            connection.sock = socket.socket(socket.AF_UNIX)
            connection.sock.settimeout(HANG)
            connection.sock.connect(str(self.socket) + ".http")
            connection.request("POST", f"/hubd.v1.{service}/{method}", json.dumps(message),
                               {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or b"{}")
        finally:
            connection.close()

    def ctl_start(self, *arguments: str, env: dict | None = None, **popen) -> subprocess.Popen:
        return subprocess.Popen([str(BIN / "hubctl"), *arguments], env={**self.env, **(env or {})},
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                **popen)

    def ctl(self, *arguments: str, env: dict | None = None, check: bool = False, timeout: float = HANG * 3):
        process = self.ctl_start(*arguments, env=env)
        out, err = process.communicate(timeout=timeout)
        result = subprocess.CompletedProcess(arguments, process.returncode, out, err)
        if check and result.returncode != 0:
            raise AssertionError(f"hubctl {arguments} -> {result.returncode}\n{out}\n{err}\n{self.log_text()}")
        return result

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(20)
        self.log.close()

    def stop(self) -> int:
        code = stop(self.process)
        self.log.close()
        return code

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.stop()
        shutil.rmtree(self.runtime, ignore_errors=True)


def stock_python(version: str) -> str:
    """The interpreter that has this huggingface_hub; skips the test where it is not installed."""
    python = COUNTERPARTS / f"hub-{version}/bin/python"
    if not python.exists():
        message = f"counterpart huggingface_hub {version} is not installed"
        if os.environ.get("CI") == "true":
            raise AssertionError(message)
        raise unittest.SkipTest(message)
    return str(python)


def stock(version: str, code: str, home: pathlib.Path, check: bool = True, **env: str) -> subprocess.CompletedProcess:
    """Runs a snippet under a stock huggingface_hub; its stdout is usually one JSON line."""
    result = subprocess.run([stock_python(version), "-c", code], env=clean_env(home, **env), capture_output=True,
                            text=True, timeout=HANG * 3)
    if check and result.returncode != 0:
        raise AssertionError(f"stock {version} failed:\n{result.stdout}\n{result.stderr}")
    return result


def sha256(path: os.PathLike | str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def content(folder: pathlib.Path) -> dict[str, str]:
    """path -> sha256 of every file below, links followed."""
    return {str(p.relative_to(folder)): sha256(p) for p in sorted(folder.rglob("*")) if p.is_file()}


def tree(folder: pathlib.Path) -> dict[str, str]:
    """Every entry below `folder` as kind, mode and content: what a later client of any version would see."""
    entries = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        mode = path.lstat().st_mode & 0o7777
        if path.is_symlink():
            entries[name] = "link " + os.readlink(path)
        elif path.is_dir():
            entries[name] = f"dir {mode:o}"
        else:
            entries[name] = f"file {mode:o} {sha256(path)}"
    return entries


class ProofCase(unittest.TestCase):
    """A test with its own folder; everything started through it ends with it."""

    def setUp(self) -> None:
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="hubd-proof-"))
        self.addCleanup(shutil.rmtree, self.folder, True)

    def hub(self, seed: dict | None = None, *options: str) -> LocalHub:
        hub = LocalHub(self.folder / f"hub{len(list(self.folder.glob('hub*')))}", seed, *options)
        self.addCleanup(hub.close)
        return hub

    def hubd(self, endpoint: str, *options: str, name: str = "home", start: bool = True, **more) -> Hubd:
        hubd = Hubd(self.folder / name, endpoint, *options, **more)
        self.addCleanup(hubd.close)
        return hubd.start() if start else hubd
