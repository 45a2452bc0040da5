# SPDX-License-Identifier: Apache-2.0
"""Who may be sent tokens: a socket of this user, in a folder that nobody else may write."""
from __future__ import annotations

import errno
import os

from hubd import _env
from hubd._failures import DaemonUnavailable


def check_folder(path: str) -> None:
    """Raises PermissionError when others than this user could have put a socket there: it would be sent tokens."""
    folder = os.path.dirname(path)
    try:
        found = os.lstat(folder)
    except OSError as error:
        raise DaemonUnavailable(error.errno, "hubd does not run: nobody answers at " + path) from None
    import stat

    why = ""
    if not stat.S_ISDIR(found.st_mode):
        why = "%s is not a folder" % folder
    elif path != _env.SYSTEM_SOCKET and found.st_uid != os.geteuid():
        why = "folder %s belongs to user %d" % (folder, found.st_uid)
    elif found.st_mode & 0o022:
        why = "folder %s may be written by others" % folder
    if why:
        raise PermissionError(errno.EPERM, "whoever listens at %s is not trusted with tokens: %s; remove the folder, "
                                           "or name a socket with HUBD_SOCKET" % (path, why))


def check_peer(path: str, uid: int) -> None:
    trusted = {os.geteuid()}
    if path == _env.SYSTEM_SOCKET:
        trusted.update((0, os.lstat(os.path.dirname(path)).st_uid))
    if uid not in trusted:
        raise PermissionError(errno.EPERM, "whoever listens at %s is not trusted with tokens: it is user %d; name a "
                                           "socket with HUBD_SOCKET" % (path, uid))
