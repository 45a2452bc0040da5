# SPDX-License-Identifier: Apache-2.0
"""Starts this user's hubd, the way hubctl does: in a session of its own, with its log in the Hugging Face home."""
from __future__ import annotations

import errno
import os
import re
import shutil
import sys
import time
from typing import Any, Dict, Iterator, List, Optional

from hubd import _env
from hubd._connection import listens
from hubd._failures import DaemonUnavailable

START_MAX = 20.0
START_AGAIN = 0.25
LOOK_EVERY = 0.01
EXIT_BUSY = 3  # hubd's own: another one owns the cache
LOG_MAX = 8 << 20
# What belongs to this caller must not become everybody's: it travels with each call.
_CALLERS_OWN = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_ENDPOINT", "HUGGINGFACE_CO_STAGING", "HF_HUB_OFFLINE",
                "TRANSFORMERS_OFFLINE", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HUBD_SOCKET", "HUBD_NO_AUTOSTART",
                "HUBD_AUTOSTART", "HUBD_DROPIN", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PID", "NOTIFY_SOCKET",
                "WATCHDOG_USEC", "WATCHDOG_PID")
_started: List[Any] = []  # kept, so that nobody warns about a child that outlives its Popen


def program() -> Optional[str]:
    """hubd beside this interpreter (a wheel may bring it), else on PATH."""
    beside = os.path.join(os.path.dirname(sys.executable or ""), "hubd")
    if os.path.isfile(beside) and os.access(beside, os.X_OK):
        return beside
    return shutil.which("hubd")


def environment() -> Dict[str, str]:
    env = {name: value for name, value in os.environ.items() if name not in _CALLERS_OWN}
    for name in ("HF_HOME", "HF_TOKEN_PATH"):  # hubd starts in "/": a relative folder would be another one there
        if env.get(name):
            env[name] = os.path.abspath(_env.expanded(env[name]))
    return env


def start(path: str, root: str) -> Iterator[float]:
    """Starts hubd for `root`, and is iterated until the socket answers, at most 20 s: each item is how long to wait
    before the next look. Raises DaemonUnavailable.

    Two of us at once start one daemon: the second loses the cache's owner lock and ends, and both wait for the socket.
    """
    command = program()
    if command is None:
        raise DaemonUnavailable(errno.ENOENT, "hubd does not run, and its program was found neither beside %s nor on PATH"
                                % (sys.executable or "python"))
    log = os.path.join(os.path.abspath(_env.hf_home()), "hubd", "hubd.log")
    _prepare(log)
    begin = _size(log)
    arguments = [command, "--auto-started", "--socket", path, "--cache", root]
    deadline = time.monotonic() + START_MAX
    next_start = 0.0
    child = None
    while time.monotonic() < deadline:
        if listens(path):
            return
        if child is None and time.monotonic() >= next_start:
            next_start = time.monotonic() + START_AGAIN
            child = _spawn(arguments, log)
        code = None if child is None else child.poll()
        if code is not None:
            child = None
            if code != EXIT_BUSY:
                break
            owner = _last_line(log, begin)
            other = re.search(r"socket (/[^)]*)", owner)
            if other and other.group(1) != path and listens(other.group(1)):
                raise DaemonUnavailable(errno.EBUSY, "hubd could not be started: " + owner)
        yield LOOK_EVERY
    why = _last_line(log, begin) or ("it ended without a word" if child is None else "it does not answer")
    raise DaemonUnavailable(errno.ECONNREFUSED, "hubd could not be started: %s (log: %s)" % (why, log))


def _spawn(arguments, log):
    import subprocess

    try:
        with open(log, "ab", opener=lambda name, flags: os.open(name, flags, 0o600)) as out:
            child = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=environment(),
                                     cwd="/", start_new_session=True)
    except OSError as error:
        raise DaemonUnavailable(error.errno, "start %s: %s" % (arguments[0], error.strerror)) from None
    _started.append(child)
    return child


def _prepare(log: str) -> None:
    folder = os.path.dirname(log)
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        if _size(log) > LOG_MAX:
            os.replace(log, log + ".1")
    except OSError as error:
        raise DaemonUnavailable(error.errno, "make folder %s for hubd's log: %s" % (folder, error.strerror)) from None


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def _last_line(path: str, begin: int) -> str:
    try:
        with open(path, "rb") as file:
            file.seek(begin)
            lines = [line for line in file.read(1 << 20).decode("utf-8", "replace").splitlines() if line.strip()]
    except OSError:
        return ""
    return lines[-1] if lines else ""
