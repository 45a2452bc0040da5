# SPDX-License-Identifier: Apache-2.0
"""One HTTP request of huggingface_hub, answered by hubd: metadata through Invoke, bytes of files through /content.

Knows no HTTP library; _httpx and _requests dress the answer.
"""
from __future__ import annotations

import base64
import re
from typing import Any, Dict, Mapping, Optional, Tuple
from urllib.parse import unquote, urlsplit

from hubd import _failures
from hubd._version import __version__
from hubd.dropin._route import Route, fall_back, wrote

_FILE = re.compile(r"/(?:(datasets|spaces|kernels)/)?((?:[^/]+/)?[^/]+)/resolve/(refs/(?:pr|convert)/[^/]+|[^/]+)/(.+)")
_CACHED_FILE = re.compile(r"/api/resolve-cache/(?:models/|(datasets|spaces|kernels)/)((?:[^/]+/)?[^/]+)/([0-9a-f]{40})/(.+)")
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_PORTS = {"http": 80, "https": 443}
_DROPPED = frozenset(("content-encoding", "transfer-encoding", "connection", "keep-alive"))
# What the Hub says with an answer: kind -> (status when the call tells none, X-Error-Code).
_ANSWERS = {"RepositoryNotFound": (404, "RepoNotFound"), "GatedRepo": (403, "GatedRepo"),
            "RevisionNotFound": (404, "RevisionNotFound"), "EntryNotFound": (404, "EntryNotFound"),
            "DisabledRepo": (403, ""), "Unauthorized": (401, ""), "RateLimited": (429, "")}
# The Hub's own words where they are always the same: programs compare them.
_TEXTS = {"EntryNotFound": "Entry not found"}
# What hubd leaves to the program's own client: another cache, an endpoint or a path that it does not take from this user.
NOT_HUBDS = frozenset(("NotSupported", "ForeignCache", "PermissionDenied"))
_REFUSED = frozenset(("RepositoryNotFound", "GatedRepo", "RevisionNotFound", "DisabledRepo", "Unauthorized"))
_TIMED_OUT = frozenset(("Stalled", "DeadlineExceeded"))


class NotOurs(Exception):
    """hubd does not do this request: the stock client does."""


class Unanswered(Exception):
    """The Hub gave no answer. `offline`: hubd's network switch is off; `timed_out`: it was silent for too long."""

    def __init__(self, error: Exception):
        super().__init__(str(error))
        kind = getattr(error, "kind", "")
        self.offline = kind == "Offline"
        self.timed_out = kind in _TIMED_OUT


class Answer:
    """`content` is set instead of `body` when the bytes come as they are read; then it must be closed."""

    def __init__(self, status: int, headers: Dict[str, str], body: bytes = b"", content: Any = None):
        self.status = status
        self.headers = headers
        self.body = body
        self.content = content


def below(endpoint: str, url: str) -> Optional[Tuple[str, str]]:
    """(path, query) of a URL below the endpoint, percent-encoded; None for another place."""
    here, base = urlsplit(url), urlsplit(endpoint)
    if (here.scheme, (here.hostname or ""), here.port or _PORTS.get(here.scheme)) != (
            base.scheme, (base.hostname or ""), base.port or _PORTS.get(base.scheme)):
        return None
    prefix = base.path.rstrip("/")
    if not here.path.startswith(prefix + "/"):
        return None
    return here.path[len(prefix):], here.query


def ask(route: Route, method: str, url: str, headers: Mapping[str, str], body: bytes = b"",
        timeout: Optional[float] = None) -> Answer:
    """What the Hub answers to this request. Raises NotOurs, Unanswered."""
    if route.failure is not None:
        return _answer_of(route.failure, route.commit)
    place = below(route.endpoint, url)
    if place is None:
        raise NotOurs(url)
    path, query = place
    cached = _CACHED_FILE.fullmatch(path)  # where the Hub sends whoever asks for a small file
    file = cached or (None if path.startswith("/api/") else _FILE.fullmatch(path))
    who = _caller(route, headers)
    try:
        if method == "GET" and file is not None:
            if cached is None and query not in ("", "download=true"):
                raise NotOurs(url)
            try:
                return _content(route, who, file, headers.get("range"))
            except _failures.CallError as error:
                own_words = _invoke(route, who, "HEAD", path, "", b"") if error.kind in _REFUSED and cached is None else None
                if own_words is None or own_words.status < 400:
                    raise
                own_words.headers.pop("content-length", None)  # of a body that an answer to HEAD does not have
                return own_words
        if not (method == "HEAD" or path.startswith("/api/") and (
                method == "GET" or (method == "POST" and "/paths-info/" in path))):
            raise NotOurs(url)
        if method == "HEAD" and timeout is not None:
            who["deadlineMs"] = str(max(1, int(timeout * 1000)))
        return _invoke(route, who, method, path, query, body)
    except _failures.CallError as error:
        return _answer_of(error)
    except _failures.DaemonUnavailable as error:  # it was there when the call began, and is lost
        raise Unanswered(error) from error


def _caller(route: Route, headers: Mapping[str, str]) -> Dict[str, Any]:
    who: Dict[str, Any] = {"endpoint": route.endpoint, "userAgent": user_agent(headers)}
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        who["token"] = token.strip()
        who["tokenMode"] = "TOKEN_MODE_GIVEN"
    else:
        who["tokenMode"] = "TOKEN_MODE_NONE"
    return who


def user_agent(headers: Mapping[str, str]) -> str:
    """The program's own, and that hubd asks for it."""
    return "; ".join(part for part in (headers.get("user-agent", ""), "hubd-dropin/" + __version__) if part)


def _invoke(route: Route, who: Dict[str, Any], method: str, path: str, query: str, body: bytes) -> Answer:
    request: Dict[str, Any] = {"caller": who, "method": method, "path": path, "query": query}
    if body:
        request["body"] = base64.b64encode(_as_json(body)).decode()
    if wrote():
        request["maxAgeMs"] = "-1"
    found = route.call("hubd.v1.Hub/Invoke", request)
    headers = {name: value for name, value in (found.get("headers") or {}).items()
               if name not in _DROPPED and (name != "content-length" or method == "HEAD")}
    asked = route.endpoint + path + ("?" + query if query else "")
    if method == "HEAD" and found.get("url", asked) != asked:
        headers.setdefault("location", found["url"])  # hubd has followed it: the file is there
    return Answer(int(found.get("status", 0)), headers, base64.b64decode(found.get("body", "")))


def _as_json(body: bytes) -> bytes:
    """The body of a read. Forms, which stock versions send there, are told in JSON."""
    if body[:1] in (b"{", b"["):
        return body
    import json
    from urllib.parse import parse_qs

    fields = parse_qs(body.decode(), keep_blank_values=True)
    return json.dumps({"paths": fields.get("paths", []),
                       "expand": fields.get("expand", ["False"])[-1].lower() == "true"}).encode()


def _content(route: Route, who: Dict[str, Any], file: Any, wanted: Optional[str]) -> Answer:
    kind, repo, revision, path = file.groups()
    place = dict(repo_type=kind[:-1] if kind else "model", repo_id=unquote(repo), revision=unquote(revision),
                 path=unquote(path), caller=who)
    first_last = None
    if wanted:
        match = _RANGE.fullmatch(wanted.replace(" ", "").lower())
        if match is None or not (match.group(1) or match.group(2)):
            raise NotOurs(wanted)
        first, last = match.groups()
        if first:
            first_last = (int(first), int(last) if last else None)
        else:
            with route.again(lambda daemon: daemon.content(head=True, **place)) as whole:
                first_last = (max(0, (whole.size or 0) - int(last)), None)
    content = route.again(lambda daemon: daemon.content(byte_range=first_last, **place))
    headers = {name: value for name, value in content.headers.items() if name not in _DROPPED}
    return Answer(content.status, headers, content=content)


def _answer_of(error: Any, commit: str = "") -> Answer:
    if error.kind in NOT_HUBDS:
        fall_back(error)
        raise NotOurs(str(error)) from error
    status, code = _ANSWERS.get(error.kind, (0, ""))
    status = error.http_status if error.http_status >= 400 else status
    if not status:
        raise Unanswered(error) from error
    text = _TEXTS.get(error.kind) if not error.http_status else None  # known without the Hub: what it says to that
    text = text or " ".join(str(error).split()).encode("ascii", "replace").decode()
    headers = {"x-error-message": text}
    for name, value in (("x-error-code", code), ("x-request-id", error.request_id), ("x-repo-commit", commit),
                        ("retry-after", str(error.retry_after or ""))):
        if value:
            headers[name] = value
    return Answer(status, headers)
