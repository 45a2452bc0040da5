# SPDX-License-Identifier: Apache-2.0
"""What this process's environment says, by huggingface_hub's rules. Read at each call: nothing is remembered.

Only `os` and `sys`, since the path to a cached file goes through here.
"""
from __future__ import annotations

import os
import re
from typing import Optional

ENDPOINT = "https://huggingface.co"
STAGING_ENDPOINT = "https://hub-ci.huggingface.co"
SYSTEM_SOCKET = "/run/hubd/hubd.sock"
_TRUE = frozenset(("1", "ON", "YES", "TRUE"))


def is_true(name: str) -> bool:
    value = os.environ.get(name)
    return value is not None and value.upper() in _TRUE


def expanded(path: str) -> str:
    """`~` and `$VAR` replaced, as the stock client does for folders that come from variables."""
    return os.path.expandvars(os.path.expanduser(path))


def hf_home() -> str:
    found = os.environ.get("HF_HOME")
    if found:
        return expanded(found)
    return expanded(os.path.join(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "huggingface"))


def cache_root() -> str:
    """The cache folder that this process uses when a call names none. Not resolved."""
    found = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE")
    return expanded(found) if found else os.path.join(hf_home(), "hub")


def cache_is_named() -> bool:
    """Does a variable name the cache folder, or is it where nobody said anything?"""
    return any(os.environ.get(name) for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME"))


def endpoint() -> str:
    if is_true("HUGGINGFACE_CO_STAGING"):
        return STAGING_ENDPOINT
    return (os.environ.get("HF_ENDPOINT") or ENDPOINT).rstrip("/")


def offline() -> bool:
    return is_true("HF_HUB_OFFLINE") or is_true("TRANSFORMERS_OFFLINE")


def xet_disabled() -> bool:
    return is_true("HF_HUB_DISABLE_XET")


def priority() -> Optional[str]:
    """How much this process's downloads matter beside others, as calls name it; None: normal. Raises ValueError."""
    found = os.environ.get("HUBD_PRIORITY")
    if not found:
        return None
    if found not in ("interactive", "normal", "background"):
        raise ValueError("HUBD_PRIORITY is %r; it must be interactive, normal or background" % found)
    return "PRIORITY_" + found.upper()


def implicit_token_disabled() -> bool:
    return is_true("HF_HUB_DISABLE_IMPLICIT_TOKEN")


def token_path() -> str:
    if is_true("HUGGINGFACE_CO_STAGING"):
        return os.path.expanduser("~/.cache/huggingface_staging/token")
    found = os.environ.get("HF_TOKEN_PATH")
    return expanded(found) if found else os.path.join(hf_home(), "token")


def clean_token(token: Optional[str]) -> Optional[str]:
    if token is None:
        return None
    return token.replace("\r", "").replace("\n", "").strip() or None


def token() -> Optional[str]:
    """The token of this process: variables first, then the token file. None: there is none."""
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        found = clean_token(os.environ.get(name))
        if found:
            return found
    try:
        with open(token_path(), encoding="utf-8") as file:
            return clean_token(file.read(1 << 16))
    except (OSError, ValueError):
        return None


def user_socket() -> str:
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if runtime.startswith("/"):
        return runtime + "/hubd/hubd.sock"
    return "/tmp/hubd-%d/hubd.sock" % os.getuid()


def named_socket() -> Optional[str]:
    """The socket that HUBD_SOCKET names; nobody else is asked then."""
    found = os.environ.get("HUBD_SOCKET")
    return os.path.abspath(expanded(found)) if found else None


def may_start() -> bool:
    return os.environ.get("HUBD_AUTOSTART") != "0" and not is_true("HUBD_NO_AUTOSTART")


def socket_of_root(socket: str, root: str) -> str:
    """Where a user's second hubd listens, which owns another cache: beside the usual one, named by the cache's path."""
    value = 0xCBF29CE484222325  # FNV-1a, as hubctl computes it
    for byte in os.fsencode(root):
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return os.path.join(os.path.dirname(socket), "cache-%016x.sock" % value)


def root_id(root: str) -> Optional[str]:
    """The id of the cache at `root`, as its hubd wrote it. None: no hubd has owned it, or it cannot be read."""
    try:
        with open(root + "/.locks/.hubd-owner", encoding="ascii", errors="replace") as file:
            found = re.search(r"^root_id=([0-9a-f]{32})$", file.read(4096), re.M)
    except OSError:
        return None
    return found.group(1) if found else None
