# SPDX-License-Identifier: Apache-2.0
"""What calls raise. The names of huggingface_hub.errors are its own classes where it is importable, equal ones otherwise.

HubdError and its kinds are hubd's: all are OSErrors. `call` of any exception raised here is the CallError behind it.
"""
from __future__ import annotations

from typing import Any

from hubd._failures import CallError, DaemonUnavailable


class HubdError(OSError):
    """hubd could not do it, for a reason that huggingface_hub has no exception for."""

    call: CallError


class ForeignCacheError(HubdError):
    """The cache folder asked for is not the one that this host's hubd owns."""


class MountError(HubdError):
    """hubd named a file that this process does not see: the cache is mounted elsewhere, or not at all."""


class StalledError(HubdError, TimeoutError):
    """No progress for a minute on every route."""


class DeadlineError(HubdError, TimeoutError):
    """The call's own time is over. The bytes are kept."""


class CorruptError(HubdError):
    """Bytes from the Hub do not match their hash; they were not published."""


class CancelledError(HubdError):
    """Somebody cancelled the transfer."""


__all__ = ["CallError", "CancelledError", "CorruptError", "DaemonUnavailable", "DeadlineError", "ForeignCacheError",
           "HubdError", "MountError", "StalledError"]


def __getattr__(name: str) -> Any:
    from hubd import _errors

    if not name.startswith("_"):
        found = _errors.find_class(name)
        if found is not None:
            return found
    raise AttributeError("module hubd.errors has no %r" % name)
