# SPDX-License-Identifier: Apache-2.0
"""The bytes of one file as they come from hubd."""
from __future__ import annotations

from typing import Any, Dict, Optional

from hubd import _wire
from hubd._connection import Connection, Limit
from hubd._failures import went_away


class Content:
    """Bytes of one file as they come. Close it, or read it to its end.

    `status` is 200, 206 or 416 (a range behind the end; `size` is known then too). Not for two threads at once.
    """

    def __init__(self, daemon: Any, connection: Connection, method: str, status: int, headers: Dict[str, str],
                 limit: Limit):
        self.status = status
        self.headers = headers
        self._daemon = daemon
        self._connection: Optional[Connection] = connection
        self._body = _wire.Body(method, status, headers)
        self._limit = limit
        self._method = method
        self._finish()

    @property
    def size(self) -> Optional[int]:
        """Of the whole file; None when the answer does not tell."""
        total = self.headers.get("content-range", "").rpartition("/")[2]
        if total.isdigit():
            return int(total)
        length = self.headers.get("content-length", "")
        return int(length) if self.status == 200 and length.isdigit() else None

    @property
    def etag(self) -> str:
        return self.headers.get("etag", "").strip('"')

    @property
    def commit(self) -> str:
        return self.headers.get("x-repo-commit", "")

    def read(self, n: int = -1) -> bytes:
        """Up to `n` bytes, all that are left for a negative n; b"" at the end."""
        if self._connection is None:
            return b""
        step = self._body.rest(1 << 62) if n < 0 else self._body.some(n)
        data = self._guard(lambda: self._connection.run(step, self._limit)) if n != 0 else b""
        self._finish()
        return data

    def readinto(self, buffer) -> int:
        """Between 1 byte and all of `buffer`; 0 at the end."""
        view = memoryview(buffer).cast("B")
        if self._connection is None or not len(view):
            return 0
        if self._body.chunked:
            data = self.read(len(view))
            view[:len(data)] = data
            return len(data)
        want = view[:min(len(view), self._body.left)]
        count = self._guard(lambda: self._connection.receive_into(want, self._limit))
        self._body.took(count)
        self._finish()
        return count

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def __enter__(self) -> "Content":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_connection", None) is not None:
            self.close()

    def _guard(self, read):
        try:
            return read()
        except BaseException as error:
            self.close()
            if isinstance(error, (OSError, EOFError, _wire.WireError)):
                raise went_away(self._daemon.path, error) from error
            raise

    def _finish(self) -> None:
        if self._connection is not None and self._body.ended:
            connection, self._connection = self._connection, None
            self._daemon._keep(connection, self.headers)
