# SPDX-License-Identifier: Apache-2.0
"""One hubd: Connect JSON over HTTP on a Unix socket, blocking.

Safe from any thread and across fork(): idle connections are kept in a list whose pops and appends are atomic, and a forked
child forgets them. No thread, no lock.

Failures: DaemonUnavailable when nobody answers (nothing was asked), CallError when a call failed.
"""
from __future__ import annotations

import json
import os
import socket
from typing import Any, Dict, Iterator, List, Optional, Tuple

from hubd import _connection, _request, _trust, _wire
from hubd._connection import Connection, Limit
from hubd._content import Content
from hubd._failures import CallError, DaemonUnavailable, error_of, error_of_body, went_away

IDLE_MAX = 4  # connections kept per hubd and process


class Endpoint:
    """One hubd as a client knows it: its socket, and which of this process's cache folders are its cache.

    Containers mount the cache elsewhere than the host does. A folder that holds the id of the daemon's cache is that
    cache, whatever its path, and so is one that the mount map names; the daemon is then told no path at all.
    """

    def __init__(self, path: str):
        self.path = path  # of the gRPC socket; HTTP is the same with ".http" appended
        self.http_path = path + ".http"
        self._mounted: Dict[str, bool] = {}

    def __repr__(self) -> str:
        return "<%s %s>" % (type(self).__name__, self.path)

    def mapped(self, request: Dict[str, Any]) -> Dict[str, Any]:
        who = request.get("caller")
        if not who or not self._mounted.get(who.get("cacheRoot", "")):
            return request
        return dict(request, caller=dict(who, cacheRoot=""))

    def same_root(self, request: Dict[str, Any], hello: Dict[str, Any]) -> bool:
        """After a ForeignCache: is the caller's folder the daemon's cache after all? Then `mapped` knows from now on."""
        from hubd import _mounts

        root = (request.get("caller") or {}).get("cacheRoot", "")
        if not root or self._mounted.get(root):
            return False
        same = _mounts.same_cache(root, hello) or _mounts.stands_for(root, hello)
        self._mounted[root] = same
        return same


class Daemon(Endpoint):
    """One hubd. Methods may be called from any thread, and in a forked child."""

    def __init__(self, path: str, check_owner: bool = False):
        super().__init__(path)
        self._check_owner = check_owner
        self._idle: List[Connection] = []
        self._hello: Optional[Dict[str, Any]] = None

    def hello(self) -> Dict[str, Any]:
        """Version, cacheRoot, rootId ... of this hubd, asked once per hubd that was met here."""
        found = self._hello
        if found is None:
            found = self.call("hubd.v1.Admin/Hello", _request.HELLO)
            self._hello = found
        return found

    def call(self, method: str, request: Dict[str, Any], timeout: Optional[float] = None) -> Dict[str, Any]:
        """One question, one answer: call("hubd.v1.Downloads/Plan", {...})."""
        try:
            return self._unary(method, self.mapped(request), timeout)
        except CallError as error:
            if error.kind != "ForeignCache" or not self.same_root(request, self.hello()):
                raise
        return self._unary(method, self.mapped(request), timeout)

    def stream(self, method: str, request: Dict[str, Any], timeout: Optional[float] = None) -> Iterator[Dict[str, Any]]:
        """One question, answers as they come. Closing the iterator drops the call, and with it its lease."""
        try:
            yield from self._events(method, self.mapped(request), timeout)
            return
        except CallError as error:
            if error.kind != "ForeignCache" or not self.same_root(request, self.hello()):
                raise
        yield from self._events(method, self.mapped(request), timeout)

    def content(self, *, repo_type: Optional[str], repo_id: str, revision: Optional[str], path: str,
                caller: Dict[str, Any], byte_range: Optional[Tuple[int, Optional[int]]] = None, head: bool = False,
                timeout: Optional[float] = None) -> Content:
        """Bytes of one file, from the cache or through hubd from the Hub. `byte_range`: (first, last), last may be None."""
        target, headers = _request.content_request(repo_type=repo_type, repo_id=repo_id, revision=revision, path=path,
                                          caller=caller, byte_range=byte_range)
        method = "HEAD" if head else "GET"
        limit = Limit(timeout)
        connection, status, answered = self._ask(method, target, headers, b"", limit)
        if status in (200, 206, 416):
            return Content(self, connection, method, status, answered, limit)
        body = self._rest(connection, method, status, answered, limit)
        if head:  # an answer to HEAD has no body: the reason is told to a GET
            self.content(repo_type=repo_type, repo_id=repo_id, revision=revision, path=path, caller=caller,
                         byte_range=(0, 0), timeout=timeout).close()
        raise error_of_body(status, body)

    def connect(self) -> None:
        """Makes sure that this hubd answers and may be trusted. Raises DaemonUnavailable, PermissionError."""
        self._put_back(self._take(Limit(None)))

    def close(self) -> None:
        """Drops idle connections."""
        while self._idle:
            try:
                self._idle.pop().close()
            except IndexError:
                return

    def _unary(self, method: str, request: Dict[str, Any], timeout: Optional[float]) -> Dict[str, Any]:
        limit = Limit(timeout)
        connection, status, headers = self._ask("POST", "/" + method, _request.UNARY, _request.encoded(request), limit)
        body = self._rest(connection, "POST", status, headers, limit)
        if status != 200:
            raise error_of_body(status, body)
        try:
            return json.loads(body)
        except ValueError as error:
            raise CallError("Internal", "hubd's answer to %s is no JSON: %s" % (method, error)) from None

    def _events(self, method: str, request: Dict[str, Any], timeout: Optional[float]) -> Iterator[Dict[str, Any]]:
        limit = Limit(timeout)
        connection, status, headers = self._ask("POST", "/" + method, _request.STREAM, _wire.envelope(_request.encoded(request)), limit)
        if status != 200:
            raise error_of_body(status, self._rest(connection, "POST", status, headers, limit))
        kept = False
        try:
            body = _wire.Body("POST", status, headers)
            while True:
                try:
                    message = connection.run(_wire.read_message(body), limit)
                except (OSError, EOFError, _wire.WireError) as error:
                    raise went_away(self.path, error) from error
                if message is None:
                    raise went_away(self.path, "the stream has no end")
                flags, text = message
                document = json.loads(text)
                if not flags & _wire.END_OF_STREAM:
                    yield document
                    continue
                connection.run(body.rest(1 << 16), limit)
                self._keep(connection, headers)
                kept = True
                if document.get("error"):
                    raise error_of(document["error"])
                return
        finally:
            if not kept:
                connection.close()

    def _ask(self, method: str, target: str, headers: Dict[str, str], body: bytes,
             limit: Limit) -> Tuple[Connection, int, Dict[str, str]]:
        """Sends one request and reads the answer's head. A kept connection that turns out dead is replaced once."""
        if body or method == "POST":
            headers = dict(headers, **{"Content-Length": str(len(body))})
        data = _wire.request_head(method, target, headers) + body
        while True:
            connection = self._take(limit)
            kept = not connection.fresh
            silent_so_far = True
            try:
                connection.fresh = True
                connection.send(data, limit)
                status, answered = connection.run(_wire.read_head(), limit)
                return connection, status, answered
            except (OSError, EOFError, _wire.WireError) as error:
                silent_so_far = connection.fresh
                connection.close()
                if kept and silent_so_far and not isinstance(error, socket.timeout):
                    continue
                raise went_away(self.path, error) from error
            except BaseException:
                connection.close()
                raise

    def _rest(self, connection: Connection, method: str, status: int, headers: Dict[str, str], limit: Limit) -> bytes:
        try:
            data = connection.run(_wire.Body(method, status, headers).rest(), limit)
        except (OSError, EOFError, _wire.WireError) as error:
            connection.close()
            raise went_away(self.path, error) from error
        except BaseException:
            connection.close()
            raise
        self._keep(connection, headers)
        return data

    def _take(self, limit: Limit) -> Connection:
        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:  # another thread was faster
                break
            if connection.usable():
                return connection
            connection.close()
            self._hello = None  # perhaps another hubd has taken its place
        if self._check_owner:
            _trust.check_folder(self.path)
        try:
            connection = Connection(self.path)
        except OSError as error:
            self._hello = None
            raise DaemonUnavailable(error.errno, "hubd does not run: nobody answers at %s (%s)" % (
                self.path, os.strerror(error.errno) if error.errno else error)) from error
        if self._check_owner:
            try:
                _trust.check_peer(self.path, connection.peer_uid())
            except BaseException:
                connection.close()
                raise
        return connection

    def _keep(self, connection: Connection, headers: Dict[str, str]) -> None:
        if headers.get("connection", "").lower() == "close":
            connection.close()
        else:
            self._put_back(connection)

    def _put_back(self, connection: Connection) -> None:
        if len(self._idle) < IDLE_MAX:
            self._idle.append(connection)
        else:
            connection.close()


_daemons: Dict[Tuple[str, bool], Daemon] = {}


def known(path: str, check_owner: bool) -> Daemon:
    key = (path, check_owner)
    found = _daemons.get(key)
    if found is None:
        found = _daemons.setdefault(key, Daemon(path, check_owner))
    return found


def _forget_inherited() -> None:
    _connection.close_inherited()
    for daemon in list(_daemons.values()):
        daemon._idle.clear()


os.register_at_fork(after_in_child=_forget_inherited)
