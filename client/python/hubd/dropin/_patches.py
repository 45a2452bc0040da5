# SPDX-License-Identifier: Apache-2.0
"""What is changed in each module of huggingface_hub, whatever its version.

utils._http is patched at the source, before anybody binds a name of it: get_session() and http_backoff() give hubd's
client inside a call that hubd serves, and the stock one everywhere else.
"""
from __future__ import annotations

import contextlib
import functools
import inspect
import sys
import threading
from typing import Any, Callable, Dict, Iterator

from hubd.dropin import _downloads, _listings, _route
from hubd.dropin._route import STOCK, Route

READS = ("repo_info", "model_info", "dataset_info", "space_info", "kernel_info", "list_repo_tree", "list_repo_files",
         "_iter_repo_tree_pages", "get_paths_info", "list_repo_refs", "list_repo_commits", "resolve_revision", "file_exists", "repo_exists",
         "revision_exists", "whoami", "auth_check", "list_models", "list_datasets", "list_spaces",
         "get_hf_file_metadata", "get_safetensors_metadata", "parse_safetensors_file_metadata",
         "get_sharded_safetensors_metadata", "verify_repo_checksums")
_SAFE = frozenset(("GET", "HEAD", "OPTIONS"))


# --- utils._http ----------------------------------------------------------------------------------------------------


def _http(module: Any) -> None:
    stock_session = module.get_session
    if hasattr(module, "set_client_factory"):
        _note_writes_of_httpx(module)
    else:
        _note_writes_of_requests(module)

    made = threading.local()

    @functools.wraps(stock_session)
    def get_session() -> Any:
        if _route.serving() is None:
            return stock_session()
        found = getattr(made, "client", None)
        if found is None:
            found = made.client = _client(module, stock_session)
        return found

    module.get_session = get_session
    for name in ("http_backoff", "http_stream_backoff"):
        if hasattr(module, name):
            setattr(module, name, _once(getattr(module, name)))


def _client(module: Any, stock_session: Callable[[], Any]) -> Any:
    if not hasattr(module, "set_client_factory"):
        from hubd.dropin import _requests

        return _requests.session(module, stock_session)
    from hubd.dropin import _httpx

    library = module.httpx2 if hasattr(module, "httpx2") else module.httpx
    return _httpx.client(module, library, stock_session)


def _once(function: Callable[..., Any]) -> Callable[..., Any]:
    """hubd has retried by itself: asking it again and again would only take longer."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if _route.serving() is not None:
            kwargs["max_retries"] = 0
        return function(*args, **kwargs)

    return call


def _note_writes_of_httpx(module: Any) -> None:
    stock = module.hf_request_event_hook

    @functools.wraps(stock)
    def hf_request_event_hook(request: Any) -> Any:
        if request.method not in _SAFE and _route.serving() is None:
            _route.note_write()
        return stock(request)

    module.hf_request_event_hook = hf_request_event_hook


def _note_writes_of_requests(module: Any) -> None:
    stock = module.UniqueRequestIdAdapter.send

    @functools.wraps(stock)
    def send(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        if request.method not in _SAFE and _route.serving() is None:
            _route.note_write()
        return stock(self, request, *args, **kwargs)

    module.UniqueRequestIdAdapter.send = send


def factory_is_own() -> bool:
    """Did the program give huggingface_hub an HTTP client of its own?"""
    http = sys.modules["huggingface_hub.utils._http"]
    if hasattr(http, "_GLOBAL_CLIENT_FACTORY"):
        return http._GLOBAL_CLIENT_FACTORY is not http.default_client_factory
    return http._GLOBAL_BACKEND_FACTORY is not http._default_backend_factory


def _constants() -> Any:
    from huggingface_hub import constants

    return constants


def _reading(endpoint: str) -> Route:
    """The decision for a call that only reads."""
    constants = _constants()
    if constants.HF_HUB_OFFLINE:
        return STOCK  # which refuses to ask anybody
    if factory_is_own():
        return _downloads.own_factory()
    return _route.decide(endpoint, constants.HF_HUB_CACHE)


# --- the modules that use it ----------------------------------------------------------------------------------------


def _file_download(module: Any) -> None:
    module.hf_hub_download = _downloads.OneFile(module, module.hf_hub_download, factory_is_own).wrapped()
    metadata = module.get_hf_file_metadata
    signature = inspect.signature(metadata)

    @functools.wraps(metadata)
    def get_hf_file_metadata(*args: Any, **kwargs: Any) -> Any:
        if _route.current() is not None:
            return metadata(*args, **kwargs)
        given = signature.bind_partial(*args, **kwargs).arguments
        if given.get("proxies") or given.get("headers"):
            return _route.run(STOCK, metadata, *args, **kwargs)
        return _route.run(_reading(given.get("endpoint") or _constants().ENDPOINT), metadata, *args, **kwargs)

    module.get_hf_file_metadata = get_hf_file_metadata


def _snapshot_download(module: Any) -> None:
    module.snapshot_download = _downloads.Snapshot(module, module.snapshot_download, factory_is_own).wrapped()
    for name in ("thread_map", "hf_thread_map"):
        mapping = getattr(module, name, None)
        if mapping is not None:
            setattr(module, name, _inheriting(mapping))


def _inheriting(mapping: Callable[..., Any]) -> Callable[..., Any]:
    """A thread pool's map whose threads know how the call was decided."""

    @functools.wraps(mapping)
    def call(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return mapping(_route.in_context(function), *args, **kwargs)

    return call


def _hf_api(module: Any) -> None:
    api = module.HfApi
    for name in READS:
        method = getattr(api, name, None)
        if method is None:
            continue
        if name in ("list_repo_tree", "list_repo_files"):
            made = _by_listing(name, method)
        else:
            made = _scoped(method, lambda self: getattr(self, "endpoint", None))
        setattr(api, name, made)
        bound = getattr(module, name, None)
        if getattr(bound, "__func__", None) is method:
            setattr(module, name, getattr(module.api, name))


def _by_listing(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    """list_repo_files, and list_repo_tree for a folder that is not there: answered by the stored listing of the commit."""
    signature = inspect.signature(method)
    whole = name == "list_repo_files"

    @functools.wraps(method)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        if _route.current() is not None:
            return method(self, *args, **kwargs)
        constants = _constants()
        endpoint = getattr(self, "endpoint", None) or constants.ENDPOINT
        question, known = _question(self, signature, args, kwargs, endpoint, whole), None
        if question is not None and not constants.HF_HUB_OFFLINE and not factory_is_own():
            known = question.on_disk()
        route = _reading(endpoint) if known is None else None
        if question is not None and route is not None and route.daemon is not None and not _route.wrote() and (
                whole or question.kind == "model"):  # of a dataset a folder is asked for, since the whole can be very long
            known = question.asked(route)
        if known is not None and whole:
            return list(known)
        if question is not None and not whole and question.lacks_the_folder(known):
            return _route.run(Route(None, endpoint).failed(question.not_there()), method, self, *args, **kwargs)
        return _route.run(route or _reading(endpoint), method, self, *args, **kwargs)

    return call


def _question(self: Any, signature: Any, args: Any, kwargs: Any, endpoint: str, whole: bool) -> Any:
    try:
        given = signature.bind(self, *args, **kwargs).arguments
    except TypeError:
        return None
    if not whole and (not given.get("path_in_repo") or given.get("expand")):
        return None
    given["token"] = self.token if given.get("token") is None else given["token"]
    return _listings.Question(given, _constants().HF_HUB_CACHE, endpoint)


def _hf_file_system(module: Any) -> None:
    if hasattr(module.HfFileSystem, "_get_xet_file_data"):
        module.HfFileSystem._get_xet_file_data = _unless_served(module.HfFileSystem._get_xet_file_data)
    for holder, names in ((module.HfFileSystem, ("get_file",)), (module.HfFileSystemFile, ("_fetch_range",)),
                          (module.HfFileSystemStreamFile, ("_open_connection", "read"))):
        for name in names:
            if name in vars(holder):
                setattr(holder, name, _scoped(vars(holder)[name], _file_system_endpoint))


def _unless_served(method: Callable[..., Any]) -> Callable[..., Any]:
    """Inside a call that hubd serves bytes come from hubd, and not from the Xet storage."""

    @functools.wraps(method)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        return method(self, *args, **kwargs) if _route.serving() is None else None

    return call


def _file_system_endpoint(self: Any) -> Any:
    return getattr(getattr(self, "fs", self), "endpoint", None)


def _scoped(method: Callable[..., Any], endpoint_of: Callable[[Any], Any]) -> Callable[..., Any]:
    """The stock method, whose HTTP session is hubd's for as long as it runs."""

    @functools.wraps(method)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        if _route.current() is not None:
            return method(self, *args, **kwargs)
        return _route.run(_reading(endpoint_of(self) or _constants().ENDPOINT), method, self, *args, **kwargs)

    return call


BY_NAME: Dict[str, Callable[[Any], None]] = {
    "huggingface_hub.utils._http": _http, "huggingface_hub.file_download": _file_download,
    "huggingface_hub._snapshot_download": _snapshot_download, "huggingface_hub.hf_api": _hf_api,
    "huggingface_hub.hf_file_system": _hf_file_system}


@contextlib.contextmanager
def rebinding(module: Any) -> Iterator[None]:
    """For a module that others have imported from already: their names follow what is changed in it."""
    before = dict(vars(module))
    yield
    after = vars(module)
    changed = {id(value): after[name] for name, value in before.items()
               if callable(value) and after.get(name) is not value}
    for name, other in list(sys.modules.items()):
        if other is module or not name.startswith("huggingface_hub"):
            continue
        for key, value in list(vars(other).items()):
            if id(value) in changed:
                setattr(other, key, changed[id(value)])
