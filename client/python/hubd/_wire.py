# SPDX-License-Identifier: Apache-2.0
"""HTTP/1.1 and Connect envelopes as pure steps, so that the blocking and the asyncio client read by the same rules.

A step is a generator. It yields what it needs next, one of

    ("until", separator)   bytes up to and with the separator, at most HEAD_MAX
    ("exactly", n)         n bytes
    ("some", n)            between 1 and n bytes

and is sent those bytes; its result is its return value. Whoever drives it owns the socket, the time and the failures.
"""
from __future__ import annotations

from typing import Dict, Generator, Optional, Tuple

HEAD_MAX = 64 << 10
MESSAGE_MAX = 256 << 20
END_OF_STREAM = 2

Need = Tuple[str, object]
Bytes = Generator[Need, bytes, bytes]


class WireError(Exception):
    """The peer's bytes are no HTTP/1.1 answer, or no Connect stream."""


def request_head(method: str, target: str, headers: Dict[str, str]) -> bytes:
    lines = ["%s %s HTTP/1.1" % (method, target), "Host: hubd"]
    for name, value in headers.items():
        if "\r" in value or "\n" in value or "\r" in name or "\n" in name:
            raise ValueError("header %s holds a line break" % name)
        lines.append("%s: %s" % (name, value))
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def envelope(message: bytes) -> bytes:
    return b"\0" + len(message).to_bytes(4, "big") + message


def read_head() -> Generator[Need, bytes, Tuple[int, Dict[str, str]]]:
    """Status and headers (lower case) of the next answer; interim answers are skipped."""
    while True:
        block = yield ("until", b"\r\n\r\n")
        lines = block.decode("latin-1").split("\r\n")
        parts = lines[0].split(" ", 2)
        if len(parts) < 2 or not parts[0].startswith("HTTP/1.") or not parts[1].isdigit():
            raise WireError("no HTTP answer: %r" % lines[0][:80])
        headers: Dict[str, str] = {}
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            if colon:
                headers[name.strip().lower()] = value.strip()
        status = int(parts[1])
        if status >= 200:
            return status, headers


class Body:
    """The body of one answer, whatever its framing: by length, or in chunks."""

    def __init__(self, method: str, status: int, headers: Dict[str, str]):
        self.chunked = headers.get("transfer-encoding", "").lower() == "chunked"
        self.left = 0  # of the chunk, or of the body
        self.ended = method == "HEAD" or status in (204, 304)
        if not self.ended and not self.chunked:
            length = headers.get("content-length", "0")
            if not length.isdigit():
                raise WireError("no length: %r" % length[:40])
            self.left = int(length)
            self.ended = self.left == 0
        self._first = True

    def some(self, limit: int) -> Bytes:
        """Between 1 and `limit` bytes; b"" at the end."""
        if self.ended:
            return b""
        if self.chunked and self.left == 0:
            yield from self._next_chunk()
            if self.ended:
                return b""
        data = yield ("some", min(limit, self.left))
        self.took(len(data))
        return data

    def exactly(self, count: int) -> Bytes:
        """`count` bytes; fewer only at the end."""
        parts = []
        while count > 0:
            data = yield from self.some(count)
            if not data:
                break
            parts.append(data)
            count -= len(data)
        return b"".join(parts)

    def rest(self, limit: int = MESSAGE_MAX) -> Bytes:
        data = yield from self.exactly(limit)
        if not self.ended:
            more = yield from self.some(1)
            if more:
                raise WireError("an answer of more than %d bytes" % limit)
        return data

    def took(self, count: int) -> None:
        """`count` bytes of `left` were read by somebody else."""
        self.left -= count
        if self.left == 0 and not self.chunked:
            self.ended = True

    def _next_chunk(self) -> Generator[Need, bytes, None]:
        if not self._first:
            yield ("exactly", 2)  # the line end behind a chunk
        self._first = False
        line = yield ("until", b"\r\n")
        size = line.split(b";", 1)[0].strip()
        try:
            self.left = int(size, 16)
        except ValueError:
            raise WireError("no chunk size: %r" % size[:40]) from None
        if self.left == 0:
            while line not in (b"\r\n", b""):
                line = yield ("until", b"\r\n")  # trailers, then the empty line
            self.ended = True


def read_message(body: Body) -> Generator[Need, bytes, Optional[Tuple[int, bytes]]]:
    """(flags, message) of the next envelope; None when the stream ends without its last one."""
    head = yield from body.exactly(5)
    if not head:
        return None
    size = int.from_bytes(head[1:], "big")
    if len(head) < 5 or size > MESSAGE_MAX:
        raise WireError("a broken envelope")
    message = yield from body.exactly(size)
    if len(message) < size:
        raise WireError("a stream cut inside a message")
    return head[0], message
