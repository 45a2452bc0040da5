# SPDX-License-Identifier: Apache-2.0
"""Folders of the host that this process sees at other paths: containers mount hubd's cache where they like.

`hubd.mount_map`, else HUBD_MOUNT_MAP, says {path as hubd names it: path here}. Asked only where the cache's own id does not
tell which folder is which.
"""
from __future__ import annotations

import os
import sys
from typing import Any, Dict, List, Mapping, Optional, Tuple

from hubd import _env

VARIABLE = "HUBD_MOUNT_MAP"


def from_environment() -> Dict[str, str]:
    """HUBD_MOUNT_MAP=/host/path=/path/here[:/host/other=/other/here]. Raises ValueError."""
    found: Dict[str, str] = {}
    for entry in (os.environ.get(VARIABLE) or "").split(":"):
        if entry:
            host, _, here = entry.partition("=")
            found[host] = here
    return found


def current() -> List[Tuple[str, str]]:
    """(path as hubd names it, path here), the longest first. Raises ValueError for what is no map of absolute paths."""
    set_by_program = vars(sys.modules["hubd"]).get("mount_map")
    name = VARIABLE if set_by_program is None else "hubd.mount_map"
    given: Mapping[Any, Any] = from_environment() if set_by_program is None else set_by_program
    out = []
    for host, here in given.items():
        host, here = os.fspath(host), os.fspath(here)
        if host[:1] != "/" or here[:1] != "/":
            raise ValueError("%s maps %r to %r, but takes absolute paths: the host's, then the one here" % (
                name, host, here))
        out.append((host.rstrip("/"), here.rstrip("/")))
    return sorted(out, key=lambda entry: -len(entry[0]))


def _moved(path: str, start: str, end: str) -> Optional[str]:
    return end + path[len(start):] or "/" if path == start or path.startswith(start + "/") else None


def seen(path: str) -> Optional[str]:
    """Where this process sees what hubd calls `path`; None: the map does not say."""
    for host, here in current():
        found = _moved(path, host, here)
        if found is not None:
            return found
    return None


def told(path: str) -> str:
    """What hubd calls `path` of this process: for folders that hubd is to write."""
    for host, here in sorted(current(), key=lambda entry: -len(entry[1])):
        found = _moved(path, here, host)
        if found is not None:
            return found
    return path


def same_folder(one: str, other: str) -> bool:
    if one == other:
        return True
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False


def same_cache(root: str, hello: Dict[str, Any]) -> bool:
    """Is the folder `root` the cache of the hubd that said hello, mounted here? Its id says so, else the map."""
    identity, theirs = hello.get("rootId"), hello.get("cacheRoot", "")
    if identity and _env.root_id(root) == identity:
        return True
    here = seen(theirs)
    return here is not None and same_folder(here, root)


def stands_for(root: str, hello: Dict[str, Any]) -> bool:
    """Has nobody named the cache `root`, and does the map speak of the cache of this hubd, or of a part of it?"""
    theirs = hello.get("cacheRoot", "")
    return root == os.path.realpath(_env.cache_root()) and not _env.cache_is_named() and any(
        _moved(theirs, host, "/") or _moved(host, theirs, "/") for host, _ in current())
