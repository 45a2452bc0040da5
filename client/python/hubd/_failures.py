# SPDX-License-Identifier: Apache-2.0
"""How a call fails: DaemonUnavailable when nobody answers (nothing was asked), CallError when the call itself failed."""
from __future__ import annotations

import json
from typing import Any


class DaemonUnavailable(ConnectionError):
    """No hubd answers on this host, and none could be started. Nothing was asked of it."""


class CallError(Exception):
    """hubd, or the Hub behind it, refused a call or could not do it.

    `kind` is the ErrorKind in its readable spelling, "RepositoryNotFound"; `call_id` names the call in hubd's log and audit.
    The text never holds a secret.
    """

    def __init__(self, kind: str, message: str, *, http_status: int = 0, request_id: str = "", host: str = "",
                 retry_after: int = 0, hint: str = "", call_id: str = ""):
        super().__init__(message + ("; " + hint if hint and hint not in message else ""))
        self.kind = kind
        self.message = message
        self.http_status = http_status
        self.request_id = request_id
        self.host = host
        self.retry_after = retry_after
        self.hint = hint
        self.call_id = call_id

    def __reduce__(self):
        return _call_error, (self.kind, self.message, self.http_status, self.request_id, self.host, self.retry_after,
                             self.hint, self.call_id)


def _call_error(kind, message, http_status, request_id, host, retry_after, hint, call_id=""):
    return CallError(kind, message, http_status=http_status, request_id=request_id, host=host,
                     retry_after=retry_after, hint=hint, call_id=call_id)


def kind_name(value: Any) -> str:
    """"ERROR_KIND_GATED_REPO" as "GatedRepo"; a number of a newer hubd as "Unknown"."""
    if not isinstance(value, str) or not value.startswith("ERROR_KIND_"):
        return "Unknown"
    name = "".join(part.capitalize() for part in value[len("ERROR_KIND_"):].split("_"))
    return "Unknown" if name == "Unspecified" else name


def error_of(document: Any, status: int = 0) -> CallError:
    """The error that a Connect error body (or the end of a stream) describes."""
    if not isinstance(document, dict):
        document = {}
    for detail in document.get("details") or ():
        debug = detail.get("debug")
        if isinstance(debug, dict):
            return CallError(
                kind_name(debug.get("kind")), debug.get("message") or document.get("message") or "the call failed",
                http_status=int(debug.get("httpStatus") or 0), request_id=debug.get("requestId") or "",
                host=debug.get("host") or "", retry_after=int(debug.get("retryAfterSeconds") or 0),
                hint=debug.get("hint") or "", call_id=debug.get("callId") or "")
    return CallError("Internal", document.get("message") or "hubd answered with status %d" % status)


def error_of_body(status: int, body: bytes) -> CallError:
    try:
        return error_of(json.loads(body), status)
    except ValueError:
        text = body[:200].decode("utf-8", "replace").strip()
        kind = "NotSupported" if status in (404, 405, 415, 501) else "Internal"
        return CallError(kind, "hubd answered with status %d: %s" % (status, text))


def went_away(path: str, why: object = "") -> CallError:
    reason = ": %s" % why if why else ""
    return CallError("Unavailable", "hubd at %s went away during the call%s" % (path, reason),
                     hint="what it had fetched is kept; call again")


def silent(path: str) -> CallError:
    return CallError("Stalled", "hubd at %s does not answer any more" % path)


def too_late(timeout: float) -> CallError:
    return CallError("DeadlineExceeded", "the call did not end within its %g s" % timeout)
