# SPDX-License-Identifier: Apache-2.0
"""hubd as the transport of an httpx or httpx2 client: requests and responses are the library's own."""
from __future__ import annotations

from typing import Any, Callable

from hubd import _failures
from hubd.dropin import _exchange, _route

CHUNK = 1 << 18


def client(http: Any, library: Any, stock_session: Callable[[], Any]) -> Any:
    """A client whose requests hubd answers. `http` is huggingface_hub.utils._http, `library` its HTTP library."""

    class Bytes(library.SyncByteStream):
        def __init__(self, content: Any):
            self.content = content

        def __iter__(self) -> Any:
            while True:
                try:
                    block = self.content.read(CHUNK)
                except _failures.CallError as error:
                    raise library.ReadError(str(error)) from error
                if not block:
                    return
                yield block

        def close(self) -> None:
            self.content.close()

    class Transport(library.BaseTransport):
        def handle_request(self, request: Any) -> Any:
            route = _route.serving()
            if route is None:
                return self.stock(request)
            limits = request.extensions.get("timeout") or {}
            body = request.read() if request.method == "POST" else b""
            try:
                answer = _exchange.ask(route, request.method, str(request.url), request.headers, body,
                                       limits.get("read"))
            except _exchange.NotOurs:
                return self.stock(request)
            except _exchange.Unanswered as error:
                if error.offline:
                    raise http.OfflineModeIsEnabled(str(error)) from error
                cls = library.ReadTimeout if error.timed_out else library.ConnectError
                raise cls(str(error), request=request) from error
            stream = library.ByteStream(answer.body) if answer.content is None else Bytes(answer.content)
            return library.Response(answer.status, headers=answer.headers, stream=stream, request=request)

        def stock(self, request: Any) -> Any:
            return stock_session().send(request, stream=True, follow_redirects=False)

    def on_request(request: Any) -> None:
        http.hf_request_event_hook(request)

    return library.Client(transport=Transport(), event_hooks={"request": [on_request]}, follow_redirects=True,
                          timeout=None, trust_env=False)
