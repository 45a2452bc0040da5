# SPDX-License-Identifier: Apache-2.0
"""huggingface_hub's exceptions for programs that have hubd without it: same names, same standard bases."""
from __future__ import annotations

from typing import Any, Optional


class HfHubHTTPError(OSError):
    """The Hub answered with an error. `response` has status_code, headers, url and text."""

    def __init__(self, message: str, *, response: Any = None, server_message: Optional[str] = None):
        super().__init__(message)
        self.response = response
        self.server_message = server_message
        headers = getattr(response, "headers", {}) or {}
        self.request_id = headers.get("x-request-id") or headers.get("x-amzn-trace-id")

    def append_to_message(self, additional_message: str) -> None:
        self.args = (str(self.args[0]) + additional_message,) + self.args[1:]

    def __reduce__(self):
        return _http_error, (type(self), str(self), self.response, self.server_message)


def _http_error(cls, message, response, server_message):
    return cls(message, response=response, server_message=server_message)


class RepositoryNotFoundError(HfHubHTTPError):
    pass


class GatedRepoError(RepositoryNotFoundError):
    pass


class DisabledRepoError(HfHubHTTPError):
    pass


class RevisionNotFoundError(HfHubHTTPError):
    pass


class BadRequestError(HfHubHTTPError, ValueError):
    pass


class EntryNotFoundError(Exception):
    pass


class RemoteEntryNotFoundError(HfHubHTTPError, EntryNotFoundError):
    pass


class LocalEntryNotFoundError(FileNotFoundError, EntryNotFoundError):
    def __init__(self, message: str):
        super().__init__(message)


class IncompleteSnapshotError(LocalEntryNotFoundError):
    def __init__(self, message: str, snapshot_path: str):
        super().__init__(message)
        self.snapshot_path = snapshot_path

    def __reduce__(self):
        return IncompleteSnapshotError, (str(self), self.snapshot_path)


class OfflineModeIsEnabled(ConnectionError):
    pass


class LocalTokenNotFoundError(EnvironmentError):
    pass


class HFValidationError(ValueError):
    pass


class FileMetadataError(OSError):
    pass


class DryRunError(OSError):
    pass


class RevisionResolutionError(Exception):
    pass


class CachedRepoTreeNotFoundError(Exception):
    pass


class CacheNotFound(Exception):
    def __init__(self, msg: str, cache_dir: Any, *args: Any, **kwargs: Any):
        super().__init__(msg, *args, **kwargs)
        self.cache_dir = cache_dir


class CorruptedCacheException(Exception):
    pass
