# SPDX-License-Identifier: Apache-2.0
"""Which hubd to use, and where one is started when none runs."""
from __future__ import annotations

import errno
import os
import time
from typing import Any, Dict, List, Optional, Tuple

from hubd import _daemon, _env, _mounts
from hubd._connection import listens
from hubd._daemon import Daemon
from hubd._failures import CallError, DaemonUnavailable


def places(cache_dir: Any = None) -> Tuple[List[Tuple[str, bool]], str]:
    """The sockets to try, in order, each with whether its owner is checked; and the cache folder that is wanted."""
    root = _wanted_root(cache_dir)
    named = _env.named_socket()
    if named is not None:
        return [(named, False)], root
    user = _env.user_socket()
    return [(user, True), (_env.socket_of_root(user, root), True), (_env.SYSTEM_SOCKET, True)], root


def owns(hello: Dict[str, Any], root: str) -> bool:
    """Is the cache of the hubd that said hello the one at `root`?"""
    return _mounts.same_folder(hello.get("cacheRoot", ""), root) or _mounts.same_cache(root, hello)


def place_to_start(root: str) -> Tuple[str, bool]:
    """Where a hubd for `root` is started when none answers."""
    named = _env.named_socket()
    if named is not None:
        return named, False
    user = _env.user_socket()
    usual = _mounts.same_folder(os.path.realpath(_env.cache_root()), root)
    return (user if usual and not listens(user) else _env.socket_of_root(user, root)), True


def not_running(root: str) -> DaemonUnavailable:
    tried = ", ".join(path for path, _ in places(root)[0])
    return DaemonUnavailable(errno.ENOENT, "hubd does not run for the cache %s: nobody answers at %s" % (root, tried))


def find(start: Optional[bool] = None, cache_dir: Any = None) -> Daemon:
    """The hubd to use: the one of HUBD_SOCKET, else this user's, else the host's.

    Of several the one that owns `cache_dir` (default: this process's cache) is taken. `start`: may one be started? None:
    yes, unless HUBD_AUTOSTART=0. Raises DaemonUnavailable, and PermissionError for a socket that is not to be trusted.
    """
    may_start = _env.may_start() if start is None else start
    candidates, root = places(cache_dir)
    foreign: Optional[Daemon] = None
    for path, check in candidates:
        daemon = _daemon.known(path, check)
        if not daemon._idle and not listens(path):
            continue
        try:
            daemon.connect()
            if len(candidates) == 1 or owns(daemon.hello(), root):
                return daemon
        except DaemonUnavailable:
            continue
        except (PermissionError, CallError):
            if path == _env.SYSTEM_SOCKET:
                continue
            raise
        foreign = foreign or daemon
    if not may_start:
        if foreign is not None:
            return foreign
        raise not_running(root)
    from hubd import _starter

    path, check = place_to_start(root)
    for pause in _starter.start(path, root):
        time.sleep(pause)
    daemon = _daemon.known(path, check)
    daemon.connect()
    return daemon


def _wanted_root(cache_dir: Any) -> str:
    return os.path.realpath(os.path.expanduser(_env.cache_root() if cache_dir is None else cache_dir))
