# SPDX-License-Identifier: Apache-2.0
"""Who does a call: hubd, or the stock code. Decided once per call; the calls made inside it inherit the decision.

The decision travels in a context variable, so threads and tasks do not see each other's.
"""
from __future__ import annotations

import contextlib
import contextvars
import errno
import logging
import os
import time
import types
from typing import Any, Callable, Dict, Iterator, Optional

from hubd import _failures, _find

START_AGAIN = 60.0  # seconds after which a hubd that could not be started is tried to be started again
COME_BACK_MAX = 15.0  # seconds that a hubd which went away during a call may take to come back
FRESH_AFTER_WRITE = 600.0  # seconds for which a process that wrote to the Hub reads nothing from hubd's memory

_warned = False
_start_failed = -START_AGAIN
_last_write: Optional[float] = None


class Route:
    """`daemon` None: the stock code.

    `failure`: hubd has failed this call already. Every request is answered by that failure, so that the stock code finds
    what it would have found: the disk, or its own exception with its own text.
    """

    def __init__(self, daemon: Any, endpoint: str = "", cache_dir: Any = None, failure: Any = None, commit: str = ""):
        self.daemon = daemon
        self.endpoint = endpoint.rstrip("/")
        self.cache_dir = cache_dir
        self.failure = failure
        self.commit = commit  # what the failure is about, if that is known

    def failed(self, failure: Any, commit: str = "") -> "Route":
        return Route(self.daemon, self.endpoint, self.cache_dir, failure, commit)

    def call(self, method: str, request: Dict[str, Any]) -> Dict[str, Any]:
        return self.again(lambda daemon: daemon.call(method, request))

    def again(self, ask: Callable[[Any], Any]) -> Any:
        """`ask(daemon)`, and again when that hubd went away meanwhile, as long as it may take to come back: for reads, which
        may be repeated. Raises DaemonUnavailable when it stays away."""
        deadline = 0.0
        while True:
            try:
                return ask(self.daemon)
            except Exception as error:
                if not _lost(error):
                    raise
                deadline = deadline or time.monotonic() + COME_BACK_MAX
                if time.monotonic() > deadline:
                    raise _failures.DaemonUnavailable(errno.ECONNRESET, "%s; it did not come back within %g s" % (
                        error, COME_BACK_MAX)) from error
            self.daemon = _come_back(self.cache_dir, deadline)


def _lost(error: Exception) -> bool:
    call = getattr(error, "call", error)  # a translated error carries the one of the call
    return getattr(call, "kind", "") == "Unavailable" or isinstance(error, _failures.DaemonUnavailable)


STOCK = Route(None)
_current: "contextvars.ContextVar[Optional[Route]]" = contextvars.ContextVar("hubd_route", default=None)


def current() -> Optional[Route]:
    """The decision that holds here; None: none was made yet."""
    return _current.get()


def serving() -> Optional[Route]:
    """The route to hubd (or to what is known already) that holds here, if one does."""
    route = _current.get()
    return None if route is None or (route.daemon is None and route.failure is None) else route


@contextlib.contextmanager
def scope(route: Route) -> Iterator[None]:
    token = _current.set(route)
    try:
        yield
    finally:
        _current.reset(token)


def run(route: Route, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """The call under this decision; also what a generator does that it returns."""
    with scope(route):
        result = function(*args, **kwargs)
    return _stepping(route, result) if isinstance(result, types.GeneratorType) else result


def _stepping(route: Route, steps: Any) -> Iterator[Any]:
    try:
        while True:
            with scope(route):
                try:
                    item = next(steps)
                except StopIteration:
                    return
            yield item
    finally:
        steps.close()


def in_context(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` for another thread, under the decision that holds here."""
    route = _current.get()

    def call(*args: Any, **kwargs: Any) -> Any:
        if route is None:
            return function(*args, **kwargs)
        with scope(route):
            return function(*args, **kwargs)

    return call


# --- the decision ---------------------------------------------------------------------------------------------------


def required() -> bool:
    return os.environ.get("HUBD_DROPIN", "").lower() == "require"


def warn(text: str) -> None:
    """One word per process: the program goes on as it always did."""
    global _warned
    if not _warned:
        _warned = True
        logging.getLogger("hubd").warning("HUBD_DROPIN: %s", text)


def fall_back(error: BaseException) -> Route:
    """The stock code, since hubd cannot do this call; under `require` the error instead."""
    if required():
        raise error
    warn("%s; huggingface_hub's own code is used" % error)
    return STOCK


def decide(endpoint: str, cache_dir: Any = None, usual_cache: bool = True) -> Route:
    """hubd when one answers, else the stock code. `usual_cache`: a hubd may be started for this cache."""
    try:
        return Route(_search(cache_dir, usual_cache), endpoint, cache_dir)
    except (_failures.DaemonUnavailable, PermissionError, _failures.CallError) as error:
        return fall_back(error)


def _search(cache_dir: Any, usual_cache: bool) -> Any:
    global _start_failed
    if not usual_cache or time.monotonic() - _start_failed < START_AGAIN:
        return _find.find(start=False, cache_dir=cache_dir)
    try:
        return _find.find(cache_dir=cache_dir)
    except _failures.DaemonUnavailable:
        _start_failed = time.monotonic()
        raise


def _come_back(cache_dir: Any, deadline: float) -> Any:
    while True:
        try:
            return _find.find(cache_dir=cache_dir)
        except _failures.DaemonUnavailable:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.1)


# --- what this process wrote ----------------------------------------------------------------------------------------


def note_write() -> None:
    """This process changed something on the Hub: what hubd remembers may be older than that."""
    global _last_write
    _last_write = time.monotonic()


def wrote() -> bool:
    return _last_write is not None and time.monotonic() - _last_write < FRESH_AFTER_WRITE
