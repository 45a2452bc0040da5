# SPDX-License-Identifier: Apache-2.0
"""One core for the blocking and the asyncio functions.

What a function does is written once, as a generator that yields what it needs of hubd (Ask, Follow) and is sent the
answer. A driver does the asking: `run` blocks, `hubd.aio` awaits. A listing also yields `Items`, page by page.
"""
from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Callable, Dict, Generator, Iterable, Iterator, List, Optional, TypeVar

if TYPE_CHECKING:
    from typing_extensions import ParamSpec

    P = ParamSpec("P")

T = TypeVar("T")
Steps = Generator[Any, Any, T]


class Ask:
    """One unary call."""

    __slots__ = ("method", "request", "timeout")

    def __init__(self, method: str, request: Dict[str, Any], timeout: Optional[float] = None):
        self.method = method
        self.request = request
        self.timeout = timeout

    def blocking(self, daemon: Any) -> Any:
        return daemon.call(self.method, self.request, self.timeout)

    async def awaiting(self, daemon: Any) -> Any:
        return await daemon.call(self.method, self.request, self.timeout)


class Follow(Ask):
    """One streaming call; `on_event` sees every answer, the last one is the result."""

    __slots__ = ("on_event",)

    def __init__(self, method: str, request: Dict[str, Any], on_event: Callable[[Dict[str, Any]], None],
                 timeout: Optional[float] = None):
        super().__init__(method, request, timeout)
        self.on_event = on_event

    def blocking(self, daemon: Any) -> Any:
        last: Dict[str, Any] = {}
        events = daemon.stream(self.method, self.request, self.timeout)
        try:
            for last in events:
                self.on_event(last)
        finally:
            events.close()
        return last

    async def awaiting(self, daemon: Any) -> Any:
        last: Dict[str, Any] = {}
        events = daemon.stream(self.method, self.request, self.timeout)
        try:
            async for last in events:
                self.on_event(last)
        finally:
            await events.aclose()
        return last


class Items(list):
    """A page of a listing, for whoever iterates."""


def cache_dir_of(request: Dict[str, Any]) -> Optional[str]:
    return (request.get("caller") or {}).get("cacheRoot") or None


def _answer(step: Ask, daemon: Any) -> Any:
    if daemon is None:
        from hubd import _find

        daemon = _find.find(cache_dir=cache_dir_of(step.request))
    return step.blocking(daemon)


def iterate(steps: Generator[Any, Any, Any], daemon: Any = None) -> Iterator[Any]:
    """Drives a listing; asks for the next page when it is wanted."""
    value: Any = None
    failed: Optional[BaseException] = None
    try:
        while True:
            try:
                step = steps.send(value) if failed is None else steps.throw(failed)
            except StopIteration:
                return
            value, failed = None, None
            if isinstance(step, Items):
                yield from step
                continue
            try:
                value = _answer(step, daemon)
            except Exception as error:
                failed = error
    finally:
        steps.close()


def run(steps: "Steps[T]", daemon: Any = None) -> T:
    """Drives steps to their result, blocking. hubd is looked for only when it is needed."""
    value: Any = None
    failed: Optional[BaseException] = None
    try:
        while True:
            step = steps.send(value) if failed is None else steps.throw(failed)
            value, failed = None, None
            try:
                value = _answer(step, daemon)
            except Exception as error:
                failed = error
    except StopIteration as done:
        return done.value
    finally:
        steps.close()


def blocking(function: "Callable[P, Steps[T]]") -> "Callable[P, T]":
    """A function of steps as an ordinary one."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        return run(function(*args, **kwargs))

    return call


def listing(function: "Callable[P, Generator[Any, Any, Optional[Iterable[T]]]]") -> "Callable[P, Iterator[T]]":
    """A function of steps and Items as one that returns an iterator."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        return iterate(function(*args, **kwargs))

    call.is_listing = True  # type: ignore[attr-defined]
    return call


def collected(steps: Generator[Any, Any, Any]) -> "Steps[List[Any]]":
    """All items of a listing, as one step of another function: `entries = yield from collected(...)`."""
    out: List[Any] = []
    value: Any = None
    failed: Optional[BaseException] = None
    while True:
        try:
            step = steps.send(value) if failed is None else steps.throw(failed)
        except StopIteration:
            return out
        value, failed = None, None
        if isinstance(step, Items):
            out.extend(step)
            continue
        try:
            value = yield step
        except Exception as error:
            failed = error
