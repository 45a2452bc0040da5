# SPDX-License-Identifier: Apache-2.0
"""Reads of the Hub's REST surface through hubd's Invoke, as steps."""
from __future__ import annotations

import re
from typing import Any, Callable, Dict, Generator, List, Optional, Tuple

from hubd import _errors, _failures, _steps, _url

ASK_THE_HUB = -1  # an age: no remembered answer will do


class Answer:
    """What the Hub said, with a status below 400."""

    def __init__(self, status: int, headers: Dict[str, str], body: bytes, url: str):
        self.status = status
        self.headers = headers
        self.body = body
        self.url = url

    def json(self) -> Any:
        import json

        return json.loads(self.body)


def encoded_query(params: Dict[str, Any]) -> str:
    """Lists repeat their key, booleans are true and false, None is left out."""
    from urllib.parse import urlencode

    pairs: List[Tuple[str, str]] = []
    for name, value in params.items():
        for each in value if isinstance(value, (list, tuple, set, frozenset)) else [value]:
            if each is not None:
                pairs.append((name, str(each).lower() if isinstance(each, bool) else str(each)))
    return urlencode(pairs)


def invoke(who: Dict[str, Any], path: str, params: Optional[Dict[str, Any]] = None, *, method: str = "GET",
           query: Optional[str] = None, body: Any = None, max_age: Optional[int] = None,
           timeout: Optional[float] = None) -> "Generator[Any, Any, Answer]":
    """One request. Raises what huggingface_hub raises for the answer, or for a Hub that could not be asked."""
    import base64

    request: Dict[str, Any] = {"caller": who, "method": method, "path": path}
    text = encoded_query(params) if params else query
    if text:
        request["query"] = text
    if body is not None:
        import json

        request["body"] = base64.b64encode(json.dumps(body).encode()).decode()
    if max_age is not None:
        request["maxAgeMs"] = str(max_age)
    url = who["endpoint"] + path + ("?" + text if text else "")
    try:
        answer = yield _steps.Ask("hubd.v1.Hub/Invoke", request, timeout)
    except _failures.CallError as error:
        raise _errors.translate(error, url) from error
    status = int(answer.get("status", 0))
    headers = {name.lower(): value for name, value in (answer.get("headers") or {}).items()}
    content = base64.b64decode(answer.get("body", ""))
    url = answer.get("url") or url
    _errors.raise_for_answer(status, headers, content, url, method)
    return Answer(status, headers, content, url)


def next_page(headers: Dict[str, str]) -> Optional[str]:
    for part in headers.get("link", "").split(","):
        found = re.match(r'\s*<([^>]*)>\s*;.*\brel="?next"?', part)
        if found:
            return found.group(1)
    return None


def pages(who: Dict[str, Any], path: str, params: Dict[str, Any], make: Callable[[Any], Any],
          limit: Optional[int] = None, max_age: Optional[int] = None) -> "Generator[Any, Any, None]":
    """The items of a paginated listing, page by page; at most `limit`."""
    query: Optional[str] = encoded_query(params)
    left = limit
    while left is None or left > 0:
        answer = yield from invoke(who, path, query=query, max_age=max_age)
        found = answer.json()
        if left is not None:
            found = found[:left]
            left -= len(found)
        yield _steps.Items(make(item) for item in found)
        following = next_page(answer.headers)
        if following is None:
            return
        if following.startswith("/"):
            following = who["endpoint"] + following
        endpoint, path, query = _url.split(following, who["endpoint"])
        who = dict(who, endpoint=endpoint)
