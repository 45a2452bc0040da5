# SPDX-License-Identifier: Apache-2.0
"""What a call carries: who asks, for which repo, in which form."""
from __future__ import annotations

import json
import os
from typing import Any, Dict, Optional, Tuple, Union

from hubd import _env
from hubd._version import __version__

_REPO_TYPES = {None: "REPO_TYPE_MODEL", "model": "REPO_TYPE_MODEL", "dataset": "REPO_TYPE_DATASET",
               "space": "REPO_TYPE_SPACE", "kernel": "REPO_TYPE_KERNEL"}
HELLO = {"client": "hubd-python", "clientVersion": __version__}
UNARY = {"Content-Type": "application/json"}
STREAM = {"Content-Type": "application/connect+json"}


def encoded(message: Dict[str, Any]) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode()


def caller(*, endpoint: Optional[str] = None, token: Union[None, bool, str] = None, cache_dir: Any = None,
           offline: Optional[bool] = None, deadline: Optional[float] = None,
           user_agent: Optional[str] = None) -> Dict[str, Any]:
    """What belongs to this process and travels with a call; what is not given comes from its environment.

    `deadline` is in seconds from now. Raises LocalTokenNotFoundError for token=True without a token.
    """
    message: Dict[str, Any] = {
        "endpoint": (endpoint or _env.endpoint()).rstrip("/"),
        "cacheRoot": os.path.realpath(os.path.expanduser(_env.cache_root() if cache_dir is None else cache_dir)),
        "userAgent": user_agent or "hubd-python/" + __version__,
    }
    if isinstance(token, str):
        found: Optional[str] = token
    elif token is False or (token is None and _env.implicit_token_disabled()):
        found = None
    else:
        found = _env.token()
        if found is None and token is True:
            from hubd import _errors

            raise _errors.local_token_not_found()
    if found:
        message["token"] = found
        message["tokenMode"] = "TOKEN_MODE_GIVEN"
    else:
        message["tokenMode"] = "TOKEN_MODE_NONE"
    if _env.offline() if offline is None else offline:
        message["offline"] = True
    if _env.xet_disabled():
        message["disableXet"] = True
    if deadline is not None:
        message["deadlineMs"] = str(max(1, int(deadline * 1000)))
    return message


def repo_message(repo_id: str, repo_type: Optional[str] = None, revision: Optional[str] = None) -> Dict[str, Any]:
    """The `Repo` message of a call. Raises ValueError for an unknown type."""
    if repo_type not in _REPO_TYPES:
        raise ValueError("repo type %r is none of model, dataset, space and kernel" % (repo_type,))
    return {"type": _REPO_TYPES[repo_type], "id": repo_id, "revision": "" if revision is None else str(revision)}


def content_request(*, repo_type: Optional[str], repo_id: str, revision: Optional[str], path: str,
                    caller: Dict[str, Any], byte_range: Optional[Tuple[int, Optional[int]]]) -> Tuple[str, Dict[str, str]]:
    """Target and headers of one read of a file's bytes. `byte_range` is (first, last), both included; last may be None."""
    from urllib.parse import urlencode

    query = {"type": repo_type or "model", "repo": repo_id, "revision": revision or "main", "path": path}
    headers: Dict[str, str] = {}
    if caller.get("userAgent"):
        headers["User-Agent"] = caller["userAgent"]
    if caller.get("endpoint"):
        headers["X-Hubd-Endpoint"] = caller["endpoint"]
    if caller.get("token"):
        headers["X-Hubd-Token"] = caller["token"]
    elif caller.get("tokenMode") == "TOKEN_MODE_NONE":
        headers["X-Hubd-Anonymous"] = "1"
    if caller.get("offline"):
        headers["X-Hubd-Offline"] = "1"
    if byte_range is not None:
        first, last = byte_range
        headers["Range"] = "bytes=%d-%s" % (first, "" if last is None else last)
    return "/content?" + urlencode(query), headers
