# SPDX-License-Identifier: Apache-2.0
"""hubd as an adapter of a requests session: requests and responses are the library's own."""
from __future__ import annotations

import http.client
import io
from typing import Any, Callable

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict
from requests.utils import get_encoding_from_headers
from urllib3.exceptions import ProtocolError
from urllib3.response import HTTPResponse

from hubd import _failures
from hubd.dropin import _exchange, _route


class _Raw(io.RawIOBase):
    """The bytes of a file as they come, for urllib3."""

    def __init__(self, content: Any):
        self._content = content

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            return self._content.readinto(buffer)
        except _failures.CallError as error:
            raise ProtocolError(str(error)) from error

    def close(self) -> None:
        self._content.close()
        super().close()


class Adapter(BaseAdapter):
    def __init__(self, module: Any, stock_session: Callable[[], Any]):
        super().__init__()
        self._module = module  # huggingface_hub.utils._http
        self._stock_session = stock_session

    def send(self, request: Any, stream: bool = False, timeout: Any = None, verify: Any = True, cert: Any = None,
             proxies: Any = None) -> Any:
        route = _route.serving()

        def stock() -> Any:
            return self._stock_session().get_adapter(request.url).send(
                request, stream=stream, timeout=timeout, verify=verify, cert=cert, proxies=proxies)

        if route is None:
            return stock()
        body = request.body or b""
        limit = timeout[1] if isinstance(timeout, tuple) else timeout
        try:
            answer = _exchange.ask(route, request.method, request.url, request.headers,
                                   body.encode() if isinstance(body, str) else body, limit)
        except _exchange.NotOurs:
            return stock()
        except _exchange.Unanswered as error:
            if error.offline:
                raise self._module.OfflineModeIsEnabled(str(error)) from error
            cls = requests.exceptions.ReadTimeout if error.timed_out else requests.exceptions.ConnectionError
            raise cls(str(error), request=request) from error
        return self._dressed(request, answer)

    def _dressed(self, request: Any, answer: Any) -> Any:
        body = io.BytesIO(answer.body) if answer.content is None else io.BufferedReader(_Raw(answer.content), 1 << 18)
        response = requests.Response()
        response.status_code = answer.status
        response.reason = http.client.responses.get(answer.status, "")
        response.headers = CaseInsensitiveDict(answer.headers)
        response.encoding = get_encoding_from_headers(response.headers)
        response.raw = HTTPResponse(body=body, headers=answer.headers, status=answer.status, preload_content=False,
                                    decode_content=False, request_method=request.method)
        response.url = request.url
        if answer.status == 200 and "location" in response.headers:  # versions on requests follow by the path alone
            response.headers["location"] = response.headers["location"].partition("?")[0]
        response.request = request
        response.connection = self  # type: ignore[attr-defined]
        return response

    def close(self) -> None:
        pass


def session(module: Any, stock_session: Callable[[], Any]) -> requests.Session:
    made = requests.Session()
    adapter = Adapter(module, stock_session)
    made.mount("http://", adapter)
    made.mount("https://", adapter)
    return made
