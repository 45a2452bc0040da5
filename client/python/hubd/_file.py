# SPDX-License-Identifier: Apache-2.0
"""open(): a file of a repo as a file object, without downloading the rest of it."""
from __future__ import annotations

import io
import os
from typing import Any, Dict, Optional

from hubd import _download, _layout

READ_AHEAD = 1 << 20
SKIP_MAX = 256 << 10  # a seek forward by less reads on instead of asking for a new range


class HubFile(io.RawIOBase):
    """One file of a commit, read by ranges through hubd: from the cache where it is there, else from the Hub.

    Seekable; the commit is fixed by the first answer, so that all bytes are of one file. One range is open at a time and
    read on while reads follow each other. Not for two threads at once; a forked child asks for its own range.
    """

    def __init__(self, repo_id: str, filename: str, *, repo_type: Optional[str] = None, revision: Optional[str] = None,
                 caller: Dict[str, Any], daemon: Any = None):
        super().__init__()
        from hubd import _find

        self.repo_id = repo_id
        self.filename = filename
        self.repo_type = repo_type or "model"
        self._caller = caller
        self._daemon = _find.find(cache_dir=caller.get("cacheRoot")) if daemon is None else daemon
        self._at = 0
        self._stream: Any = None
        self._pid = os.getpid()
        commit = _layout.commit_of(revision)
        self._revision = commit or str(revision or "main")
        first = self._ask((0, None))  # not HEAD: that would be answered for a gated file, whose bytes are refused later
        self.size = first.size
        self.etag = first.etag
        self.commit = first.commit
        if self.size is None:
            first.close()
            raise OSError("the size of %s in %s is not known" % (filename, repo_id))
        if commit is None and first.commit:
            self._revision = first.commit
        if self.size > 0:
            self._stream = first
        else:
            first.close()

    @property
    def name(self) -> str:
        return self.filename

    def __repr__(self) -> str:
        return "<HubFile %s/%s at %s>" % (self.repo_id, self.filename, self._revision)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        self._check()
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._check()
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}.get(whence)
        if base is None:
            raise ValueError("invalid whence (%r, should be 0, 1 or 2)" % (whence,))
        target = base + offset
        if target < 0:
            raise ValueError("negative seek position %d" % target)
        if target != self._at:
            self._move(target)
        return target

    def readinto(self, buffer: Any) -> int:
        self._check()
        view = memoryview(buffer).cast("B")
        if self._at >= self.size or not len(view):
            return 0
        count = self._read_some(view[:min(len(view), self.size - self._at)])
        self._at += count
        if self._at >= self.size:
            self._drop()
        return count

    def _read_some(self, view: memoryview) -> int:
        """At least one byte. A range that broke off is asked for again, once for each place it breaks at."""
        from hubd import _errors, _failures

        for again in (False, True):
            if self._stream is None or self._pid != os.getpid():
                self._pid = os.getpid()
                self._stream = self._ask((self._at, None))
            try:
                count = self._stream.readinto(view)
                if count > 0:
                    return count
                why = _failures.CallError("BadUpstream", "%s of %s ended %d bytes early" % (
                    self.filename, self.repo_id, self.size - self._at))
            except _failures.CallError as error:
                why = error
            self._drop()
            if again:
                raise _errors.translate(why) from why
        raise AssertionError("not reached")

    def close(self) -> None:
        if not self.closed:
            self._drop()
        super().close()

    def _move(self, target: int) -> None:
        from hubd import _failures

        gap = target - self._at
        if self._stream is not None and 0 < gap <= SKIP_MAX and target < self.size and self._pid == os.getpid():
            sink = bytearray(min(gap, 1 << 16))
            try:
                while gap > 0:
                    count = self._stream.readinto(memoryview(sink)[:min(gap, len(sink))])
                    if count == 0:
                        break
                    gap -= count
            except _failures.CallError:
                pass  # a new range then
        if gap != 0:
            self._drop()
        self._at = target

    def _drop(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()

    def _check(self) -> None:
        if self.closed:
            raise ValueError("I/O operation on closed file")

    def _ask(self, byte_range: Any) -> Any:
        from hubd import _errors, _failures

        try:
            return self._daemon.content(repo_type=self.repo_type, repo_id=self.repo_id, revision=self._revision,
                                        path=self.filename, caller=self._caller, byte_range=byte_range)
        except _failures.CallError as error:
            raise _errors.translate(error, download=True) from error


def open(repo_id: str, filename: str, *, repo_type: Optional[str] = None, revision: Optional[str] = None,
         mode: str = "rb", whole: bool = False, token: Any = None, endpoint: Optional[str] = None, cache_dir: Any = None,
         buffering: int = READ_AHEAD, encoding: Optional[str] = None, errors: Optional[str] = None,
         newline: Optional[str] = None) -> Any:
    """A file of a repo for reading: "rb" or "r".

    A cached file of a named commit is opened from the disk. Else its bytes come through hubd as they are read, with
    `buffering` bytes read ahead, and are not stored. `whole=True` downloads the file first and opens it then.
    """
    if mode not in ("rb", "br", "r", "rt", "tr"):
        raise ValueError("files of a repo are opened for reading: mode is 'rb' or 'r', not %r" % mode)
    text = "b" not in mode
    if not text and (encoding is not None or errors is not None or newline is not None):
        raise ValueError("binary mode takes no encoding, errors or newline")
    path = _download.file_on_disk(repo_id, filename, repo_type, revision, cache_dir, None, False, False)
    kind = _layout.check_repo_type(repo_type)
    if path is None and (whole or _download._why_offline(False)):
        path = _download.hf_hub_download(repo_id, filename, repo_type=kind, revision=revision, cache_dir=cache_dir,
                                         token=token, endpoint=endpoint)
    raw: Any = None
    if path is None:
        from hubd import _request

        raw = HubFile(repo_id, filename, repo_type=kind, revision=revision,
                      caller=_request.caller(endpoint=endpoint, token=token, cache_dir=cache_dir))
        path = _layout.pinned_file(repo_id, kind, raw.commit, filename, cache_dir) if raw.commit else None
    if path is not None:
        if raw is not None:
            raw.close()
        return io.open(path, "r" if text else "rb", encoding=encoding, errors=errors, newline=newline)
    buffered = io.BufferedReader(raw, max(buffering, io.DEFAULT_BUFFER_SIZE))
    return io.TextIOWrapper(buffered, encoding=encoding, errors=errors, newline=newline) if text else buffered
