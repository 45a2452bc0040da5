# SPDX-License-Identifier: Apache-2.0
"""From what hubd and the Hub say to the exceptions that programs catch.

One table: ErrorKind -> class. The classes are huggingface_hub's own where it is importable, so that an `except` written
for the installed version (requests, httpx or httpx2 underneath) catches what it always caught.
"""
from __future__ import annotations

import errno
from typing import Any, Dict, Optional

from hubd import _own_errors, _stock, errors
from hubd._failures import CallError


def find_class(name: str) -> Optional[type]:
    """The exception `name` of huggingface_hub, or our equal one where it (or its version) has none."""
    for module in ("errors", "utils"):
        found = _stock.attribute(module, name)
        if isinstance(found, type) and issubclass(found, BaseException):
            return found
    return getattr(_own_errors, name, None)


class _Classes:
    def __getattr__(self, name: str) -> Any:
        found = find_class(name)
        if found is None:
            raise AttributeError(name)
        return found


def classes() -> Any:
    return _Classes()


def local_token_not_found() -> Exception:
    return classes().LocalTokenNotFoundError(
        "A token was asked for (token=True), but there is none: log in with `hubctl auth login` or hubd.login(), or set "
        "HF_TOKEN")


# --- answers of the Hub ---------------------------------------------------------------------------------------------


class Response:
    """An HTTP answer for programs that look into an exception's `response` without huggingface_hub."""

    def __init__(self, status_code: int, headers: Dict[str, str], content: bytes, url: str):
        self.status_code = status_code
        self.headers = headers
        self.content = content
        self.url = url

    @property
    def text(self) -> str:
        return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        import json

        return json.loads(self.content)


def response_of(status: int, headers: Dict[str, str], content: bytes, url: str, method: str = "GET") -> Any:
    """An answer as the HTTP library of the installed huggingface_hub has it."""
    kept = {name: value for name, value in headers.items()
            if name not in ("content-encoding", "content-length", "transfer-encoding")}
    library = _http_library()
    if library == "requests":
        import requests

        answer = requests.Response()
        answer.status_code = status
        answer.headers.update(kept)
        answer.url = url
        answer._content = content
        answer.request = requests.Request(method, url).prepare()
        return answer
    if library:
        import importlib

        httpx = importlib.import_module(library)
        return httpx.Response(status, headers=kept, content=content, request=httpx.Request(method, url))
    return Response(status, kept, content, url)


def _http_library() -> str:
    base = find_class("HfHubHTTPError")
    for parent in base.__mro__ if base else ():
        root = parent.__module__.partition(".")[0]
        if root in ("requests", "httpx", "httpx2"):
            return root
    return ""


def raise_for_answer(status: int, headers: Dict[str, str], content: bytes, url: str, method: str = "GET") -> None:
    """Raises what huggingface_hub raises for this answer; returns for a status below 400."""
    if status < 400:
        return
    response = response_of(status, headers, content, url, method)
    check = _stock.attribute("utils", "hf_raise_for_status")
    if check is not None:
        check(response)
    code = headers.get("x-error-code", "")
    text = headers.get("x-error-message") or _text_of(content, headers)
    name = {"RevisionNotFound": "RevisionNotFoundError", "EntryNotFound": "RemoteEntryNotFoundError",
            "GatedRepo": "GatedRepoError", "RepoNotFound": "RepositoryNotFoundError"}.get(code, "")
    if not name:
        if text == "Access to this resource is disabled.":
            name = "DisabledRepoError"
        elif status == 401 and text != "Invalid credentials in Authorization header" and _names_a_repo(url):
            name = "RepositoryNotFoundError"
        else:
            name = "BadRequestError" if status == 400 else "HfHubHTTPError"
    message = "%d for %s%s" % (status, url, ": " + text if text else "")
    request_id = headers.get("x-request-id")
    raise getattr(_own_errors, name)(message + (" (Request ID: %s)" % request_id if request_id else ""),
                                     response=response, server_message=text or None)


def _names_a_repo(url: str) -> bool:
    import re

    return re.match(r"https://[^/]+/(api/(models|datasets|spaces)/.+|.+/resolve/.+)", url) is not None


def _text_of(content: bytes, headers: Dict[str, str]) -> str:
    import json

    try:
        document = json.loads(content)
        found = document.get("error", "") if isinstance(document, dict) else ""
        return "; ".join(found) if isinstance(found, list) else str(found)
    except ValueError:
        return "" if "html" in headers.get("content-type", "") else content[:500].decode("utf-8", "replace")


# --- failures of calls ----------------------------------------------------------------------------------------------

# What huggingface_hub names by an answer of the Hub: kind -> (class, status when the call tells none).
_ANSWERED = {"RepositoryNotFound": ("RepositoryNotFoundError", 404), "GatedRepo": ("GatedRepoError", 403),
             "RevisionNotFound": ("RevisionNotFoundError", 404), "EntryNotFound": ("RemoteEntryNotFoundError", 404),
             "DisabledRepo": ("DisabledRepoError", 403), "Unauthorized": ("HfHubHTTPError", 401),
             "RateLimited": ("HfHubHTTPError", 429)}
UNREACHED = frozenset(("Offline", "Unreachable", "Stalled", "BadUpstream", "RateLimited"))
# Where the stock client looks for files and finds none on the disk, these all end as LocalEntryNotFoundError.
_NOT_HAD = UNREACHED | {"DisabledRepo"}
_CODES = {"RepositoryNotFound": "RepoNotFound", "GatedRepo": "GatedRepo", "RevisionNotFound": "RevisionNotFound",
          "EntryNotFound": "EntryNotFound"}
_OURS = {"ForeignCache": (errors.ForeignCacheError, errno.EXDEV), "Stalled": (errors.StalledError, errno.ETIMEDOUT),
         "DeadlineExceeded": (errors.DeadlineError, errno.ETIMEDOUT), "Corrupt": (errors.CorruptError, errno.EBADMSG),
         "Cancelled": (errors.CancelledError, errno.ECANCELED), "DiskFull": (errors.HubdError, errno.ENOSPC),
         "Io": (errors.HubdError, errno.EIO), "Busy": (errors.HubdError, errno.EBUSY)}


def translate(error: CallError, url: str = "", download: bool = False, snapshot: str = "") -> BaseException:
    """The exception for a failed call. `download`: it asked for files, where the stock client turns a Hub that cannot be
    reached into LocalEntryNotFoundError. The CallError is its `call` and its cause."""
    made = _made(error, url or (error.host and "https://" + error.host) or "https://huggingface.co", download, snapshot)
    try:
        made.call = error  # type: ignore[attr-defined]
    except AttributeError:
        pass
    made.__cause__ = error
    return made


def _made(error: CallError, url: str, download: bool, snapshot: str) -> BaseException:
    kind = error.kind
    text = str(error)
    if error.request_id:
        text += " (Request ID: %s)" % error.request_id
    if kind == "LocalEntryNotFound" or (download and kind in _NOT_HAD):
        return classes().LocalEntryNotFoundError(text)
    if kind in _ANSWERED:
        name, usual = _ANSWERED[kind]
        return _http_error(name, text, error.http_status or usual, error, url)
    if kind == "IncompleteSnapshot":
        found = find_class("IncompleteSnapshotError")
        if found is not _own_errors.IncompleteSnapshotError or not _stock.available():
            return found(text, snapshot)  # type: ignore[misc]
        return classes().LocalEntryNotFoundError(text)  # a stock version without that class
    if kind == "Offline":
        return classes().OfflineModeIsEnabled(text)
    if kind in ("Unreachable", "Stalled"):
        return _network_error(kind, text, url)
    if error.http_status >= 400:
        return _http_error("BadRequestError" if error.http_status == 400 else "HfHubHTTPError", text, error.http_status,
                           error, url)
    if kind == "BadRequest":
        return classes().HFValidationError(text)
    if kind == "PermissionDenied":
        return PermissionError(errno.EACCES, text)
    cls, number = _OURS.get(kind, (errors.HubdError, errno.EIO))
    return cls(number, text)


def _http_error(name: str, text: str, status: int, error: CallError, url: str) -> BaseException:
    headers = {}
    if error.request_id:
        headers["x-request-id"] = error.request_id
    if error.kind in _CODES:
        headers["x-error-code"] = _CODES[error.kind]
    if error.retry_after:
        headers["retry-after"] = str(error.retry_after)
    cls = find_class(name)
    if cls is _own_errors.RemoteEntryNotFoundError and _stock.available():
        cls = find_class("EntryNotFoundError")  # a stock version before the two were told apart
    response = response_of(status, headers, b"", url)
    return cls(text, response=response)  # type: ignore[misc]


def _network_error(kind: str, text: str, url: str) -> BaseException:
    """As the HTTP library of the installed huggingface_hub would say it."""
    library = _http_library()
    if library == "requests":
        import requests

        return requests.exceptions.ReadTimeout(text) if kind == "Stalled" else requests.exceptions.ConnectionError(text)
    if library:
        import importlib

        httpx = importlib.import_module(library)
        cls = httpx.ReadTimeout if kind == "Stalled" else httpx.ConnectError
        return cls(text, request=httpx.Request("GET", url))
    return errors.StalledError(errno.ETIMEDOUT, text) if kind == "Stalled" else ConnectionError(errno.EHOSTUNREACH, text)
