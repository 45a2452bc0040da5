# SPDX-License-Identifier: Apache-2.0
"""Addresses of files on the Hub."""
from __future__ import annotations

from typing import Optional, Tuple
from urllib.parse import quote, urlsplit

from hubd import _env, _layout

_PREFIX = {"model": "", "dataset": "datasets/", "space": "spaces/", "kernel": "kernels/"}


def quoted(revision: object) -> str:
    return quote(str(revision), safe="")


def resolve_path(repo_id: str, filename: str, repo_type: str, revision: Optional[str]) -> str:
    """The resolve route of a file, below the endpoint, percent-encoded."""
    return "/%s%s/resolve/%s/%s" % (_PREFIX[repo_type], repo_id, quoted(revision or "main"), quote(filename))


def hf_hub_url(repo_id: str, filename: str, *, subfolder: Optional[str] = None, repo_type: Optional[str] = None,
               revision: Optional[str] = None, endpoint: Optional[str] = None) -> str:
    """The address of a file on the Hub. Asks nobody."""
    _layout.check_repo_id(repo_id)
    if subfolder:
        filename = subfolder + "/" + filename
    base = (endpoint or _env.endpoint()).rstrip("/")
    return base + resolve_path(repo_id, filename, _layout.check_repo_type(repo_type), revision)


def split(url: str, endpoint: str) -> Tuple[str, str, str]:
    """(endpoint, path below it, query) of an address. An address elsewhere names its own endpoint."""
    if url.startswith(endpoint + "/"):
        path, _, query = url[len(endpoint):].partition("?")
        return endpoint, path.partition("#")[0], query.partition("#")[0]
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ValueError("%r is no http address" % url)
    return "%s://%s" % (parts.scheme, parts.netloc), parts.path or "/", parts.query
