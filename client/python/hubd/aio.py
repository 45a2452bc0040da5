# SPDX-License-Identifier: Apache-2.0
"""The same functions for asyncio: `await hubd.aio.snapshot_download(...)`.

No thread: calls go over asyncio streams on the Unix socket, each over a connection of its own, so that nothing belongs to
one event loop. Cancelling a task drops its call, and with it its lease. Listings are asynchronous iterators.
"""
from __future__ import annotations

import asyncio
import functools
import json
from typing import Any, AsyncIterator, Dict, Optional

from hubd import _api, _auth, _cache, _connection, _daemon, _download, _env, _failures, _find, _layout, _request, _steps, _trust, _wire

STREAM_LIMIT = 1 << 20


class Daemon(_daemon.Endpoint):
    """One hubd, for coroutines."""

    def __init__(self, blocking: _daemon.Daemon):
        super().__init__(blocking.path)
        self._blocking = blocking
        self._mounted = blocking._mounted

    async def call(self, method: str, request: Dict[str, Any], timeout: Optional[float] = None) -> Dict[str, Any]:
        try:
            return await self._unary(method, self.mapped(request), timeout)
        except _failures.CallError as error:
            if error.kind != "ForeignCache" or not self.same_root(request, await self.hello()):
                raise
        return await self._unary(method, self.mapped(request), timeout)

    async def stream(self, method: str, request: Dict[str, Any],
                     timeout: Optional[float] = None) -> AsyncIterator[Dict[str, Any]]:
        again = False
        while True:
            try:
                async for event in self._events(method, self.mapped(request), timeout):
                    yield event
                return
            except _failures.CallError as error:
                if again or error.kind != "ForeignCache" or not self.same_root(request, await self.hello()):
                    raise
                again = True

    async def hello(self) -> Dict[str, Any]:
        found = self._blocking._hello
        if found is None:
            found = await self._unary("hubd.v1.Admin/Hello", _request.HELLO, None)
            self._blocking._hello = found
        return found

    async def _unary(self, method: str, request: Dict[str, Any], timeout: Optional[float]) -> Dict[str, Any]:
        async with _Call(self, timeout) as call:
            status, headers = await call.ask("/" + method, _request.UNARY, _request.encoded(request))
            body = await call.run(_wire.Body("POST", status, headers).rest())
        if status != 200:
            raise _failures.error_of_body(status, body)
        return json.loads(body)

    async def _events(self, method: str, request: Dict[str, Any],
                      timeout: Optional[float]) -> AsyncIterator[Dict[str, Any]]:
        async with _Call(self, timeout) as call:
            status, headers = await call.ask("/" + method, _request.STREAM,
                                             _wire.envelope(_request.encoded(request)))
            body = _wire.Body("POST", status, headers)
            if status != 200:
                raise _failures.error_of_body(status, await call.run(body.rest()))
            while True:
                message = await call.run(_wire.read_message(body))
                if message is None:
                    raise _failures.went_away(self.path, "the stream has no end")
                flags, text = message
                document = json.loads(text)
                if not flags & _wire.END_OF_STREAM:
                    yield document
                    continue
                if document.get("error"):
                    raise _failures.error_of(document["error"])
                return


class _Call:
    """One connection for one call."""

    def __init__(self, daemon: Daemon, timeout: Optional[float]):
        self._daemon = daemon
        self._limit = _connection.Limit(timeout)
        self._reader: Any = None
        self._writer: Any = None

    async def __aenter__(self) -> "_Call":
        path = self._daemon.path
        if self._daemon._blocking._check_owner:
            _trust.check_folder(path)
        try:
            self._reader, self._writer = await asyncio.open_unix_connection(self._daemon.http_path, limit=STREAM_LIMIT)
        except OSError as error:
            self._daemon._blocking._hello = None
            raise _failures.DaemonUnavailable(error.errno, "hubd does not run: nobody answers at %s (%s)" % (
                path, error.strerror or error)) from error
        if self._daemon._blocking._check_owner:
            try:
                _trust.check_peer(path, _peer_uid(self._writer))
            except BaseException:
                self._writer.close()
                raise
        return self

    async def __aexit__(self, failed: Any, *_: Any) -> None:
        if failed is not None:
            self._writer.transport.abort()  # nothing that is still to be sent matters
            return
        self._writer.close()
        try:
            await self._writer.wait_closed()
        except OSError:
            pass  # the peer was faster

    async def ask(self, target: str, headers: Dict[str, str], body: bytes):
        sent = dict(headers, **{"Content-Length": str(len(body)), "Connection": "close"})
        try:
            self._writer.write(_wire.request_head("POST", target, sent) + body)
            await self._writer.drain()
        except OSError as error:
            raise _failures.went_away(self._daemon.path, error) from error
        return await self.run(_wire.read_head())

    async def run(self, step: Any) -> Any:
        """Drives one step of _wire to its result."""
        data: Any = None
        while True:
            try:
                what, of = step.send(data)
            except StopIteration as done:
                return done.value
            except _wire.WireError as error:
                raise _failures.went_away(self._daemon.path, error) from error
            data = await self._wait(what, of)

    async def _wait(self, what: str, of: Any) -> bytes:
        task = asyncio.ensure_future(self._receive(what, of))
        try:
            while True:
                done, _ = await asyncio.wait((task,), timeout=self._limit.step())
                if done:
                    return task.result()
                self._limit.step()
                if not await self._is_there():
                    raise _failures.silent(self._daemon.path)
        except (OSError, EOFError) as error:
            raise _failures.went_away(self._daemon.path, error) from error
        finally:
            if not task.done():
                task.cancel()
                try:
                    await task
                except (asyncio.CancelledError, OSError, EOFError):
                    pass

    async def _receive(self, what: str, of: Any) -> bytes:
        if what == "until":
            try:
                return await self._reader.readuntil(of)
            except asyncio.LimitOverrunError as error:
                raise EOFError("a head without an end") from error
        if what == "exactly":
            return await self._reader.readexactly(of)
        data = await self._reader.read(of)
        if not data:
            raise EOFError("the connection was closed")
        return data

    async def _is_there(self) -> bool:
        try:
            reader, writer = await asyncio.wait_for(asyncio.open_unix_connection(self._daemon.http_path),
                                                    _connection.LOOK_MAX)
        except (OSError, asyncio.TimeoutError):
            return False
        try:
            writer.write(_wire.request_head("GET", "/healthz", {"Connection": "close"}))
            line = await asyncio.wait_for(reader.readline(), _connection.LOOK_MAX)
            return b" 200 " in line
        except (OSError, asyncio.TimeoutError):
            return False
        finally:
            writer.close()


def _peer_uid(writer: Any) -> int:
    import socket
    import struct

    found = writer.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    return struct.unpack("3i", found)[1]


async def find(start: Optional[bool] = None, cache_dir: Any = None) -> Daemon:
    """The hubd to use, as hubd.find() has it."""
    candidates, root = _find.places(cache_dir)
    foreign: Optional[Daemon] = None
    for path, check in candidates:
        daemon = Daemon(_daemon.known(path, check))
        if not _connection.listens(path):
            continue
        try:
            if len(candidates) == 1 or _find.owns(await daemon.hello(), root):
                return daemon
        except _failures.DaemonUnavailable:
            continue
        except (PermissionError, _failures.CallError):
            if path == _env.SYSTEM_SOCKET:
                continue
            raise
        foreign = foreign or daemon
    if not (_env.may_start() if start is None else start):
        if foreign is not None:
            return foreign
        raise _find.not_running(root)
    from hubd import _starter

    path, check = _find.place_to_start(root)
    for pause in _starter.start(path, root):
        await asyncio.sleep(pause)
    return Daemon(_daemon.known(path, check))


async def _answer(step: _steps.Ask, daemon: Optional[Daemon]) -> Any:
    if daemon is None:
        daemon = await find(cache_dir=_steps.cache_dir_of(step.request))
    return await step.awaiting(daemon)


async def run(steps: Any, daemon: Optional[Daemon] = None) -> Any:
    """Drives steps to their result."""
    value: Any = None
    failed: Optional[BaseException] = None
    try:
        while True:
            try:
                step = steps.send(value) if failed is None else steps.throw(failed)
            except StopIteration as done:
                return done.value
            value, failed = None, None
            try:
                value = await _answer(step, daemon)
            except Exception as error:
                failed = error
    finally:
        steps.close()


async def iterate(steps: Any, daemon: Optional[Daemon] = None) -> AsyncIterator[Any]:
    """Drives a listing; asks for the next page when it is wanted."""
    value: Any = None
    failed: Optional[BaseException] = None
    try:
        while True:
            try:
                step = steps.send(value) if failed is None else steps.throw(failed)
            except StopIteration:
                return
            value, failed = None, None
            if isinstance(step, _steps.Items):
                for item in step:
                    yield item
                continue
            try:
                value = await _answer(step, daemon)
            except Exception as error:
                failed = error
    finally:
        steps.close()


# --- the functions --------------------------------------------------------------------------------------------------


@functools.wraps(_download.hf_hub_download)
async def hf_hub_download(repo_id: str, filename: str, *, subfolder: Optional[str] = None, etag_timeout: float = 10,
                          headers: Any = None, **options: Any) -> Any:
    if subfolder:
        filename = subfolder + "/" + filename
    found = _download.file_on_disk(repo_id, filename, options.get("repo_type"), options.get("revision"),
                                   options.get("cache_dir"), options.get("local_dir"),
                                   options.get("force_download", False), options.get("dry_run", False))
    return found if found is not None else await run(_download.file_steps(repo_id, filename, **options))


@functools.wraps(_download.snapshot_download)
async def snapshot_download(repo_id: str, *, etag_timeout: float = 10, headers: Any = None, **options: Any) -> Any:
    found = _download.snapshot_on_disk(
        repo_id, options.get("repo_type"), options.get("revision"), options.get("cache_dir"), options.get("local_dir"),
        options.get("force_download", False), options.get("dry_run", False), options.get("allow_patterns"),
        options.get("ignore_patterns"))
    return found if found is not None else await run(_download.snapshot_steps(repo_id, **options))


async def scan_cache_dir(cache_dir: Any = None) -> Any:
    """As hubd.scan_cache_dir, always by hubd's own scan."""
    return await run(_cache.scan_steps(cache_dir))


async def login(token: str, *, add_to_git_credential: bool = False, skip_if_logged_in: bool = True) -> None:
    """As hubd.login, with a token."""
    await run(_auth.login_steps(token, add_to_git_credential))


def _twin(function: Any) -> Any:
    steps = function.__wrapped__
    if getattr(function, "is_listing", False):
        @functools.wraps(steps)
        def listed(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
            return iterate(steps(*args, **kwargs))

        return listed

    @functools.wraps(steps)
    async def awaited(*args: Any, **kwargs: Any) -> Any:
        return await run(steps(*args, **kwargs))

    return awaited


class Api(_api.Api):
    """hubd.Api for coroutines."""

    async def hf_hub_download(self, repo_id: str, filename: str, *, token: Any = None,  # type: ignore[override]
                              **options: Any) -> Any:
        return await hf_hub_download(repo_id, filename, token=self.token if token is None else token,
                                     endpoint=self._endpoint, library_name=self.library_name,
                                     library_version=self.library_version, user_agent=self.user_agent, **options)

    async def snapshot_download(self, repo_id: str, *, token: Any = None, **options: Any) -> Any:  # type: ignore[override]
        return await snapshot_download(repo_id, token=self.token if token is None else token, endpoint=self._endpoint,
                                       library_name=self.library_name, library_version=self.library_version,
                                       user_agent=self.user_agent, **options)

    auth_check = _twin(_api.Api.auth_check)
    dataset_info = _twin(_api.Api.dataset_info)
    file_exists = _twin(_api.Api.file_exists)
    get_hf_file_metadata = _twin(_api.Api.get_hf_file_metadata)
    get_paths_info = _twin(_api.Api.get_paths_info)
    kernel_info = _twin(_api.Api.kernel_info)
    list_datasets = _twin(_api.Api.list_datasets)
    list_models = _twin(_api.Api.list_models)
    list_repo_commits = _twin(_api.Api.list_repo_commits)
    list_repo_files = _twin(_api.Api.list_repo_files)
    list_repo_refs = _twin(_api.Api.list_repo_refs)
    list_repo_tree = _twin(_api.Api.list_repo_tree)
    list_spaces = _twin(_api.Api.list_spaces)
    model_info = _twin(_api.Api.model_info)
    repo_exists = _twin(_api.Api.repo_exists)
    repo_info = _twin(_api.Api.repo_info)
    resolve_revision = _twin(_api.Api.resolve_revision)
    revision_exists = _twin(_api.Api.revision_exists)
    space_info = _twin(_api.Api.space_info)
    whoami = _twin(_api.Api.whoami)


_default = Api()
auth_check = _default.auth_check
dataset_info = _default.dataset_info
file_exists = _default.file_exists
get_hf_file_metadata = _default.get_hf_file_metadata
get_paths_info = _default.get_paths_info
kernel_info = _default.kernel_info
list_datasets = _default.list_datasets
list_models = _default.list_models
list_repo_commits = _default.list_repo_commits
list_repo_files = _default.list_repo_files
list_repo_refs = _default.list_repo_refs
list_repo_tree = _default.list_repo_tree
list_spaces = _default.list_spaces
model_info = _default.model_info
repo_exists = _default.repo_exists
repo_info = _default.repo_info
resolve_revision = _default.resolve_revision
revision_exists = _default.revision_exists
space_info = _default.space_info
whoami = _default.whoami

# Asking nobody, these are the same functions.
try_to_load_from_cache = _layout.try_to_load_from_cache
get_cached_repo_tree = _cache.get_cached_repo_tree
get_token = _auth.get_token
