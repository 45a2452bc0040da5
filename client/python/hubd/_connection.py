# SPDX-License-Identifier: Apache-2.0
"""One connection to hubd, and how long a call on it may take.

A connection serves one call at a time. A forked child closes what it inherited before its first call.
"""
from __future__ import annotations

import errno
import os
import socket
import struct
import time
import weakref
from typing import Any, Dict, Optional

from hubd import _wire
from hubd._failures import CallError, silent, too_late

LOOK_AFTER = 60.0  # seconds of silence, after which hubd is asked whether it is still there
LOOK_MAX = 10.0
CONNECT_MAX = 20.0
CHUNK = 1 << 18

_open: Dict[int, Any] = {}  # descriptor -> weak reference to its socket, so that a forked child can close them


def close_inherited() -> None:
    """In a forked child: only this process's descriptors, so that the parent's connections go on."""
    for reference in list(_open.values()):
        inherited = reference()
        if inherited is not None:
            inherited.close()
    _open.clear()


class Connection:
    """One connection to hubd, for one call at a time."""

    def __init__(self, path: str):
        self.pid = os.getpid()
        self.fresh = True  # no answer was read from it yet
        self._path = path
        self._buffer = b""
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._connect(path + ".http")
        except BaseException:
            self._sock.close()
            raise
        _open[self._sock.fileno()] = weakref.ref(self._sock)

    def _connect(self, path: str) -> None:
        deadline = time.monotonic() + CONNECT_MAX
        while True:
            self._sock.settimeout(0)  # a full queue is told at once, instead of waiting without an end
            try:
                self._sock.connect(path)
                return
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise TimeoutError(errno.ETIMEDOUT, "hubd takes no connection") from None
                time.sleep(0.005)

    def peer_uid(self) -> int:
        return struct.unpack("3i", self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[1]

    def usable(self) -> bool:
        """Of this process, and the peer has neither closed it nor said anything unasked."""
        if self.pid != os.getpid() or self._sock.fileno() < 0 or self._buffer:
            return False
        try:
            self._sock.setblocking(False)
            self._sock.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            pass
        return False

    def close(self) -> None:
        descriptor = self._sock.fileno()
        if descriptor < 0:
            return
        if self.pid == os.getpid():
            try:
                self._sock.shutdown(socket.SHUT_RDWR)  # a forked child may hold a copy: hubd must see the end now
            except OSError:
                pass
            _open.pop(descriptor, None)
        self._sock.close()

    def send(self, data: bytes, limit: "Limit") -> None:
        self._sock.settimeout(limit.step())
        self._sock.sendall(data)

    def run(self, step, limit: "Limit"):
        """Drives one step of _wire to its result."""
        data = None
        try:
            while True:
                what, of = step.send(data)
                if what == "until":
                    data = self._until(of, limit)
                elif what == "exactly":
                    data = self._exactly(of, limit)
                else:
                    data = self._some(of, limit)
        except StopIteration as done:
            return done.value

    def receive_into(self, view: memoryview, limit: "Limit") -> int:
        if self._buffer:
            count = min(len(view), len(self._buffer))
            view[:count] = self._buffer[:count]
            self._buffer = self._buffer[count:]
            return count
        return self._wait(lambda: self._sock.recv_into(view), limit)

    def _more(self, limit: "Limit") -> None:
        data = self._wait(lambda: self._sock.recv(CHUNK), limit)
        self._buffer = self._buffer + data if self._buffer else data

    def _wait(self, receive, limit: "Limit"):
        """One receive. Silence is bounded: by the call's own time, and by hubd still being there."""
        while True:
            self._sock.settimeout(limit.step())
            try:
                got = receive()
            except socket.timeout:
                limit.silence(self._path)
                continue
            if not got:
                raise EOFError("the connection was closed")
            self.fresh = False
            return got

    def _until(self, separator: bytes, limit: "Limit") -> bytes:
        while True:
            end = self._buffer.find(separator)
            if end >= 0:
                end += len(separator)
                data, self._buffer = self._buffer[:end], self._buffer[end:]
                return data
            if len(self._buffer) > _wire.HEAD_MAX:
                raise _wire.WireError("a head without an end")
            self._more(limit)

    def _exactly(self, count: int, limit: "Limit") -> bytes:
        while len(self._buffer) < count:
            self._more(limit)
        data, self._buffer = self._buffer[:count], self._buffer[count:]
        return data

    def _some(self, count: int, limit: "Limit") -> bytes:
        if not self._buffer:
            self._more(limit)
        if len(self._buffer) <= count:
            data, self._buffer = self._buffer, b""
        else:
            data, self._buffer = self._buffer[:count], self._buffer[count:]
        return data


class Limit:
    """How long one call may take. Without a timeout it may take as long as hubd is there and works on it."""

    def __init__(self, timeout: Optional[float]):
        self.timeout = timeout
        self._end = None if timeout is None else time.monotonic() + timeout

    def step(self) -> float:
        if self._end is None:
            return LOOK_AFTER
        left = self._end - time.monotonic()
        if left <= 0:
            raise too_late(self.timeout)
        return min(left, LOOK_AFTER)

    def silence(self, path: str) -> None:
        self.step()
        if not is_there(path):
            raise silent(path)


def is_there(path: str) -> bool:
    """Does hubd answer a question that costs it nothing?"""
    try:
        connection = Connection(path)
    except OSError:
        return False
    try:
        limit = Limit(LOOK_MAX)
        connection.send(_wire.request_head("GET", "/healthz", {}), limit)
        status, _ = connection.run(_wire.read_head(), limit)
        return status == 200
    except (OSError, EOFError, CallError, _wire.WireError):
        return False
    finally:
        connection.close()


def listens(path: str) -> bool:
    probe = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        probe.settimeout(0)
        probe.connect(path + ".http")
        return True
    except BlockingIOError:
        return True  # its queue is full, so it is there
    except OSError:
        return False
    finally:
        probe.close()
