# SPDX-License-Identifier: Apache-2.0
"""hf_hub_download and snapshot_download with the installed version's signature, done by hubd.

A pinned file on disk is answered at once. What must not be asked (offline, local_files_only) and what only looks (a dry
run) is the stock code. Everything that may move bytes is one Ensure; what it fails with goes through the stock code, which
looks at the disk and raises its own exceptions.
"""
from __future__ import annotations

import functools
import inspect
import os
from typing import Any, Callable, Dict, Optional

from hubd import _download, _failures, _layout, _request, _steps
from hubd.dropin import _exchange, _route
from hubd.dropin._route import STOCK, Route

# Arguments that name a way to the Hub which only the program knows, or a file that hubd would not lay down.
_OWN_WAY = ("proxies", "headers", "force_filename")
# Answers of the Hub, which the stock code gets again through hubd, word by word. An absent file is known by the listing:
# it is told without another request.
_ANSWERED = frozenset(("RepositoryNotFound", "GatedRepo", "RevisionNotFound", "DisabledRepo", "Unauthorized", "BadRequest"))
_TOLD = frozenset(("EntryNotFound", "RateLimited", "Offline", "Unreachable", "Stalled", "BadUpstream", "LocalEntryNotFound",
                   "IncompleteSnapshot", "DeadlineExceeded"))


class Files:
    """One of the two functions of one installed huggingface_hub."""

    def __init__(self, module: Any, stock: Callable[..., Any], factory_is_own: Callable[[], bool]):
        from huggingface_hub import constants
        from huggingface_hub.utils import build_hf_headers

        self.module = module
        self.stock = stock
        self.constants = constants
        self.build_headers = build_hf_headers
        self.factory_is_own = factory_is_own
        self.signature = inspect.signature(stock)
        self.resolves = "dry_run" in self.signature.parameters  # since then folders are resolved, and links with them

    def wrapped(self) -> Callable[..., Any]:
        @functools.wraps(self.stock)
        def download(*args: Any, **kwargs: Any) -> Any:
            above = _route.current()
            if above is not None and (above.daemon is None or above.failure is not None):
                return self.stock(*args, **kwargs)
            try:
                bound = self.signature.bind(*args, **kwargs)
            except TypeError:
                return self.stock(*args, **kwargs)  # which says what is wrong
            bound.apply_defaults()
            given = bound.arguments
            found = self.on_disk(given)
            if found is not None:
                return found
            route = self.decide(given, above)
            if route.daemon is None or given.get("dry_run") or not self.is_plain(given):
                return _route.run(route, self.stock, *args, **kwargs)
            try:
                return route.again(lambda daemon: self.ensure(daemon, route, given))
            except Exception as error:
                return _route.run(self.after(error, route, given), self.stock, *args, **kwargs)

        return self.module.validate_hf_hub_args(download)  # checks repo ids, drops arguments of older versions

    def decide(self, given: Dict[str, Any], above: Optional[Route]) -> Route:
        if self.constants.HF_HUB_OFFLINE or given.get("local_files_only"):
            return STOCK
        if any(given.get(name) for name in _OWN_WAY):
            return STOCK
        if above is not None:
            return above
        if self.factory_is_own():
            return own_factory()
        usual = given["cache_dir"] is None or os.path.realpath(given["cache_dir"]) == os.path.realpath(
            self.constants.HF_HUB_CACHE)
        return _route.decide(given.get("endpoint") or self.constants.ENDPOINT, self.cache_dir(given), usual)

    def is_plain(self, given: Dict[str, Any]) -> bool:
        """False: the stock code says what it thinks of such names, asking through hubd."""
        return given.get("repo_type") in (None, *_layout.REPO_TYPES)

    def after(self, error: Exception, route: Route, given: Dict[str, Any]) -> Route:
        """How the stock code goes on where Ensure failed; raises the error where it would not know better."""
        call = getattr(error, "call", error)
        kind = getattr(call, "kind", "")
        if kind in _exchange.NOT_HUBDS or isinstance(error, _failures.DaemonUnavailable):
            return _route.fall_back(error)
        if kind in _ANSWERED:
            return route
        if kind in _TOLD:
            return route.failed(call, self.commit(given))
        raise error

    def cache_dir(self, given: Dict[str, Any]) -> str:
        """As this version spells it in the paths that it returns."""
        found = self.constants.HF_HUB_CACHE if given["cache_dir"] is None else given["cache_dir"]
        return _layout.resolved_folder(found) if self.resolves else os.fspath(found)

    def storage(self, given: Dict[str, Any]) -> str:
        return self.cache_dir(given) + "/" + _layout.repo_folder_name(given["repo_id"], given["repo_type"] or "model")

    def commit(self, given: Dict[str, Any]) -> str:
        """Of the revision, as far as the disk knows."""
        return _layout.commit_of(given["revision"]) or _layout.read_ref(self.storage(given), given["revision"] or "main") or ""

    def on_disk(self, given: Dict[str, Any]) -> Optional[str]:
        raise NotImplementedError

    def asked(self, request: Dict[str, Any], given: Dict[str, Any]) -> Optional[str]:
        """Puts what is wanted into the request; returns the name of a single file."""
        raise NotImplementedError

    def placed(self, done: Dict[str, Any], root: str, given: Dict[str, Any]) -> str:
        """The path to return."""
        raise NotImplementedError

    def ensure(self, daemon: Any, route: Route, given: Dict[str, Any]) -> Any:
        headers = self.build_headers(token=given["token"], library_name=given["library_name"],
                                     library_version=given["library_version"], user_agent=given["user_agent"])
        token = headers.get("authorization", "").partition(" ")[2]
        commit = self.fresh_commit(route, given, headers)
        who = _request.caller(endpoint=route.endpoint, token=token or False, cache_dir=self.cache_dir(given), offline=False,
                                user_agent=_exchange.user_agent(headers))
        who["disableXet"] = bool(getattr(self.constants, "HF_HUB_DISABLE_XET", False))  # which a program may have set
        request = _download.request_of(who, given["repo_id"], given["repo_type"] or "model", commit or given["revision"],
                                       given["local_dir"], bool(given["force_download"]))
        name = self.asked(request, given)
        done = _steps.run(_download.ensured(request, given.get("tqdm_class"), name), daemon)
        if given["local_dir"] is not None and done.get("files"):
            _download.written(os.path.realpath(given["local_dir"]), request)
        if commit and given["local_dir"] is None:
            from huggingface_hub import file_download

            file_download._cache_commit_hash_for_specific_revision(self.storage(given), given["revision"] or "main", commit)
        return self.placed(done, who["cacheRoot"], given)

    def fresh_commit(self, route: Route, given: Dict[str, Any], headers: Dict[str, str]) -> Optional[str]:
        """After this process wrote to the Hub: what the branch is now, not what hubd remembers."""
        if not _route.wrote() or _layout.commit_of(given["revision"]) is not None:
            return None
        import json
        from urllib.parse import quote

        url = "%s/api/%ss/%s/revision/%s" % (route.endpoint, given["repo_type"] or "model", given["repo_id"],
                                             quote(given["revision"] or "main", safe=""))
        try:
            answer = _exchange.ask(route, "GET", url, headers)
        except (_exchange.NotOurs, _exchange.Unanswered):
            return None  # Ensure says what is wrong
        return json.loads(answer.body).get("sha") if answer.status == 200 else None

    def spelled(self, path: str, given: Dict[str, Any]) -> str:
        """The path as this version returns it: older ones do not resolve the cache folder they are given."""
        if self.resolves:
            return path
        named = self.cache_dir(given)
        real = os.path.realpath(named)
        return named + path[len(real):] if path.startswith(real + "/") else path


class OneFile(Files):
    def is_plain(self, given: Dict[str, Any]) -> bool:
        return super().is_plain(given) and _plain_name(_name(given))

    def on_disk(self, given: Dict[str, Any]) -> Optional[str]:
        commit = _layout.commit_of(given["revision"])
        name = _name(given)
        if commit is None or given["force_download"] or given.get("dry_run") or given.get("force_filename") or \
                not self.is_plain(given):
            return None
        if given["local_dir"] is None:
            path = "%s/snapshots/%s/%s" % (self.storage(given), commit, name)
            return path if os.path.exists(path) else None
        if self.resolves:
            folder = _layout.resolved_folder(given["local_dir"])
            known = _layout.local_metadata(folder, name)
            if known is not None and known[0] == commit:
                return os.path.join(folder, name)
        return None

    def asked(self, request: Dict[str, Any], given: Dict[str, Any]) -> Optional[str]:
        name = _name(given)
        request["selection"] = {"files": [name]}
        return name

    def placed(self, done: Dict[str, Any], root: str, given: Dict[str, Any]) -> str:
        if given["local_dir"] is not None:
            folder = _layout.resolved_folder(given["local_dir"]) if self.resolves else os.fspath(given["local_dir"])
            return os.path.join(folder, *_name(given).split("/"))
        return self.spelled(_download.located((done.get("files") or [{}])[0], root), given)


class Snapshot(Files):
    def on_disk(self, given: Dict[str, Any]) -> Optional[str]:
        commit = _layout.commit_of(given["revision"])
        if commit is None or given["force_download"] or given.get("dry_run") or given["local_dir"] is not None or \
                not self.is_plain(given):
            return None
        storage = self.storage(given)
        tree = _layout.read_tree(storage, commit)
        if tree is None:
            return None
        folder = storage + "/snapshots/" + commit
        names = _layout.selected(tree, given["allow_patterns"], given["ignore_patterns"])
        return None if not names or _layout.missing(folder, names) else folder

    def asked(self, request: Dict[str, Any], given: Dict[str, Any]) -> Optional[str]:
        request["selection"] = _download.selection_of(given["allow_patterns"], given["ignore_patterns"])
        request["maxWorkers"] = max(0, int(given["max_workers"]))
        return None

    def placed(self, done: Dict[str, Any], root: str, given: Dict[str, Any]) -> str:
        if given["local_dir"] is not None:
            return _layout.resolved_folder(given["local_dir"])
        return self.spelled(_download.located_snapshot(done, root), given)


def own_factory() -> Route:
    """The program brought an HTTP client of its own: its way to the Hub is its own too."""
    if _route.required():
        raise RuntimeError("HUBD_DROPIN=require, but this program gave huggingface_hub an HTTP client of its own; unset "
                           "HUBD_DROPIN or leave the client to huggingface_hub")
    return STOCK


def _name(given: Dict[str, Any]) -> str:
    return given["subfolder"] + "/" + given["filename"] if given["subfolder"] else given["filename"]


def _plain_name(name: Any) -> bool:
    return isinstance(name, str) and ".." not in name and "\\" not in name and ":" not in name and name[:1] not in ("/", "")
