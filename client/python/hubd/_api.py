# SPDX-License-Identifier: Apache-2.0
"""Api: the read methods of huggingface_hub's HfApi, through hubd. Signatures, results and exceptions are the stock ones.

Each method is written as steps (hubd._steps), so that hubd.aio.Api awaits the same code.
"""
from __future__ import annotations

import os
from typing import Any, Dict, Iterable, List, Optional, Union

from hubd import _download, _env, _layout, _request, _rest, _url
from hubd._steps import blocking, collected, listing

Token = Union[bool, str, None]
_SORTS = {"last_modified": "lastModified", "trending_score": "trendingScore", "created_at": "createdAt"}


class Api:
    """A view of the Hub with its own endpoint and token; the defaults are those of the environment at each call."""

    def __init__(self, endpoint: Optional[str] = None, token: Token = None, library_name: Optional[str] = None,
                 library_version: Optional[str] = None, user_agent: Any = None,
                 headers: Optional[Dict[str, str]] = None) -> None:
        self._endpoint = endpoint.rstrip("/") if endpoint else None
        self.token = token
        self.library_name = library_name
        self.library_version = library_version
        self.user_agent = user_agent
        self.headers = headers  # kept for the signature; hubd makes the requests
        self._whoami: Dict[str, Any] = {}

    @property
    def endpoint(self) -> str:
        return self._endpoint or _env.endpoint()

    def _caller(self, token: Token, cache_dir: Any = None, timeout: Optional[float] = None) -> Dict[str, Any]:
        return _request.caller(
            endpoint=self.endpoint, token=self.token if token is None else token, cache_dir=cache_dir, deadline=timeout,
            user_agent=_download.user_agent_text(self.library_name, self.library_version, self.user_agent))

    # --- files ------------------------------------------------------------------------------------------------------

    def hf_hub_download(self, repo_id: str, filename: str, *, subfolder: Optional[str] = None,
                        repo_type: Optional[str] = None, revision: Optional[str] = None, cache_dir: Any = None,
                        local_dir: Any = None, force_download: bool = False, etag_timeout: float = 10,
                        token: Token = None, local_files_only: bool = False, tqdm_class: Any = None,
                        dry_run: bool = False) -> Any:
        return _download.hf_hub_download(
            repo_id, filename, subfolder=subfolder, repo_type=repo_type, revision=revision, cache_dir=cache_dir,
            local_dir=local_dir, force_download=force_download, etag_timeout=etag_timeout,
            token=self.token if token is None else token, local_files_only=local_files_only, endpoint=self._endpoint,
            library_name=self.library_name, library_version=self.library_version, user_agent=self.user_agent,
            tqdm_class=tqdm_class, dry_run=dry_run)

    def snapshot_download(self, repo_id: str, *, repo_type: Optional[str] = None, revision: Optional[str] = None,
                          cache_dir: Any = None, local_dir: Any = None, etag_timeout: float = 10,
                          force_download: bool = False, token: Token = None, local_files_only: bool = False,
                          allow_patterns: Union[List[str], str, None] = None,
                          ignore_patterns: Union[List[str], str, None] = None, max_workers: int = 8,
                          tqdm_class: Any = None, dry_run: bool = False) -> Any:
        return _download.snapshot_download(
            repo_id, repo_type=repo_type, revision=revision, cache_dir=cache_dir, local_dir=local_dir,
            etag_timeout=etag_timeout, force_download=force_download, token=self.token if token is None else token,
            local_files_only=local_files_only, allow_patterns=allow_patterns, ignore_patterns=ignore_patterns,
            max_workers=max_workers, endpoint=self._endpoint, library_name=self.library_name,
            library_version=self.library_version, user_agent=self.user_agent, tqdm_class=tqdm_class, dry_run=dry_run)

    @blocking
    def get_hf_file_metadata(self, url: str, token: Token = None, timeout: Optional[float] = 10,
                             library_name: Optional[str] = None, library_version: Optional[str] = None,
                             user_agent: Any = None, headers: Optional[Dict[str, str]] = None,
                             endpoint: Optional[str] = None, retry_on_errors: bool = False):
        """What the Hub's HEAD answer says about a file. `timeout` and `retry_on_errors` are hubd's business."""
        base, path, query = _url.split(url, (endpoint or self.endpoint).rstrip("/"))
        who = dict(self._caller(token), endpoint=base)
        answer = yield from _rest.invoke(who, path, method="HEAD", query=query)
        return _metadata(answer, endpoint)

    @blocking
    def file_exists(self, repo_id: str, filename: str, *, repo_type: Optional[str] = None,
                    revision: Optional[str] = None, token: Token = None):
        kind = _names(repo_id, repo_type)
        who = self._caller(token)
        try:
            yield from _rest.invoke(who, _url.resolve_path(repo_id, filename, kind, revision), method="HEAD")
        except Exception as error:
            if _is(error, "GatedRepoError") or not _is(error, "RepositoryNotFoundError", "RemoteEntryNotFoundError",
                                                       "RevisionNotFoundError", "EntryNotFoundError"):
                raise
            return False
        return True

    @listing
    def list_repo_tree(self, repo_id: str, path_in_repo: Optional[str] = None, *, recursive: bool = False,
                       expand: bool = False, revision: Optional[str] = None, repo_type: Optional[str] = None,
                       token: Token = None):
        yield from self._tree(repo_id, path_in_repo, recursive, expand, revision, repo_type, token)

    @blocking
    def list_repo_files(self, repo_id: str, *, revision: Optional[str] = None, repo_type: Optional[str] = None,
                        token: Token = None):
        entries = yield from collected(self._tree(repo_id, None, True, False, revision, repo_type, token, raw=True))
        return [entry["path"] for entry in entries if entry["type"] == "file"]

    @blocking
    def get_paths_info(self, repo_id: str, paths: Union[List[str], str], *, expand: bool = False,
                       revision: Optional[str] = None, repo_type: Optional[str] = None, token: Token = None):
        from hubd import _values

        kind = _names(repo_id, repo_type)
        answer = yield from _rest.invoke(
            self._caller(token), "/api/%ss/%s/paths-info/%s" % (kind, repo_id, _url.quoted(revision or "main")),
            method="POST", body={"paths": [paths] if isinstance(paths, str) else list(paths), "expand": bool(expand)})
        return [_values.tree_entry(entry) for entry in answer.json()]

    def _tree(self, repo_id, path_in_repo, recursive, expand, revision, repo_type, token, raw=False):
        from hubd import _values

        kind = _names(repo_id, repo_type)
        path = "/api/%ss/%s/tree/%s" % (kind, repo_id, _url.quoted(revision or "main"))
        if path_in_repo:
            path += "/" + _url.quoted(path_in_repo)
        yield from _rest.pages(self._caller(token), path, {"recursive": bool(recursive), "expand": bool(expand)},
                               (lambda entry: entry) if raw else _values.tree_entry)

    # --- repos ------------------------------------------------------------------------------------------------------

    @blocking
    def model_info(self, repo_id: str, *, revision: Optional[str] = None, timeout: Optional[float] = None,
                   securityStatus: Optional[bool] = None, files_metadata: bool = False,
                   expand: Optional[List[str]] = None, token: Token = None):
        if expand and (securityStatus or files_metadata):
            raise ValueError("`expand` goes neither with `securityStatus` nor with `files_metadata`.")
        return (yield from self._info("model", repo_id, revision, timeout, files_metadata, expand, token,
                                      securityStatus))

    @blocking
    def dataset_info(self, repo_id: str, *, revision: Optional[str] = None, timeout: Optional[float] = None,
                     files_metadata: bool = False, expand: Optional[List[str]] = None, token: Token = None):
        return (yield from self._info("dataset", repo_id, revision, timeout, files_metadata, expand, token))

    @blocking
    def space_info(self, repo_id: str, *, revision: Optional[str] = None, timeout: Optional[float] = None,
                   files_metadata: bool = False, expand: Optional[List[str]] = None, token: Token = None):
        return (yield from self._info("space", repo_id, revision, timeout, files_metadata, expand, token))

    @blocking
    def kernel_info(self, repo_id: str, *, revision: Optional[str] = None, timeout: Optional[float] = None,
                    token: Token = None):
        return (yield from self._info("kernel", repo_id, revision, timeout, False, None, token))

    @blocking
    def repo_info(self, repo_id: str, *, revision: Optional[str] = None, repo_type: Optional[str] = None,
                  timeout: Optional[float] = None, files_metadata: bool = False, expand: Any = None,
                  token: Token = None):
        if repo_type not in (None,) + _layout.REPO_TYPES:
            raise ValueError("Unsupported repo type.")
        return (yield from self._info(repo_type or "model", repo_id, revision, timeout, files_metadata, expand, token))

    def _info(self, kind, repo_id, revision, timeout, files_metadata, expand, token, security=None):
        from hubd import _values

        if expand and files_metadata:
            raise ValueError("`expand` does not go with `files_metadata`.")
        document = yield from self._document(kind, repo_id, revision, timeout, files_metadata, expand, token, security)
        return _values.record(kind.capitalize() + "Info")(**document)

    def _document(self, kind, repo_id, revision, timeout=None, files_metadata=False, expand=None, token=None,
                  security=None, cache_dir=None):
        _names(repo_id, kind)
        path = "/api/%ss/%s" % (kind, repo_id)
        if revision is not None:
            path += "/revision/" + _url.quoted(revision)
        params: Dict[str, Any] = {}
        if kind != "kernel":
            params = {"securityStatus": True if security else None, "blobs": True if files_metadata else None,
                      "expand": expand or None}
        answer = yield from _rest.invoke(self._caller(token, cache_dir, timeout), path, params, timeout=timeout)
        return answer.json()

    @blocking
    def repo_exists(self, repo_id: str, *, repo_type: Optional[str] = None, token: Token = None):
        try:
            yield from self._document(_layout.check_repo_type(repo_type), repo_id, None, token=token)
        except Exception as error:
            if _is(error, "GatedRepoError"):
                return True
            if _is(error, "RepositoryNotFoundError"):
                return False
            raise
        return True

    @blocking
    def revision_exists(self, repo_id: str, revision: str, *, repo_type: Optional[str] = None, token: Token = None):
        try:
            yield from self._document(_layout.check_repo_type(repo_type), repo_id, revision, token=token)
        except Exception as error:
            if _is(error, "RevisionNotFoundError", "RepositoryNotFoundError"):
                return False
            raise
        return True

    @blocking
    def resolve_revision(self, repo_id: str, *, repo_type: Optional[str] = None, revision: Optional[str] = None,
                         cache_dir: Any = None, local_files_only: bool = False, token: Token = None):
        """The commit a revision stands for now; the last known one where the Hub cannot be asked. Writes no ref: hubd
        does that when it fetches something."""
        from hubd import _errors, _values

        kind = _names(repo_id, repo_type)
        record = _values.record("ResolvedRevision")
        if getattr(revision, "resolved", None) is not None:
            owner = getattr(revision, "_repo_id", None)
            if owner is None or (owner, getattr(revision, "_repo_type", kind)) == (repo_id, kind):
                return revision
            revision = revision.initial  # type: ignore[union-attr]
        if revision is not None and _layout.is_commit(revision):
            return _resolved(record, revision, revision, repo_id, kind)
        failed: Optional[Exception] = None
        if not local_files_only:
            try:
                document = yield from self._document(kind, repo_id, revision, token=token, cache_dir=cache_dir)
                return _resolved(record, document["sha"], revision, repo_id, kind)
            except Exception as error:
                status = getattr(getattr(error, "response", None), "status_code", 0)
                kind_of_call = getattr(getattr(error, "call", None), "kind", "")
                if kind_of_call not in _errors.UNREACHED and not (isinstance(status, int) and status >= 500):
                    raise
                failed = error
        storage = os.path.join(_layout.cache_folder(cache_dir), _layout.repo_folder_name(repo_id, kind))
        known = _layout.read_ref(storage, revision or "main")
        if known is not None and _layout.is_commit(known.strip()):
            return _resolved(record, known.strip(), revision, repo_id, kind)
        raise _errors.classes().RevisionResolutionError(
            "revision %s of %s %s is not known on this disk, and %s" % (
                revision or "main", kind, repo_id,
                "local_files_only=True forbids to ask the Hub" if failed is None else "the Hub could not be asked: %s" %
                failed)) from failed

    @blocking
    def list_repo_refs(self, repo_id: str, *, repo_type: Optional[str] = None, include_pull_requests: bool = False,
                       token: Token = None):
        from hubd import _values

        kind = _names(repo_id, repo_type)
        answer = yield from _rest.invoke(self._caller(token), "/api/%ss/%s/refs" % (kind, repo_id),
                                         {"include_prs": 1} if include_pull_requests else None)
        found = answer.json()

        def refs(name: str) -> List[Any]:
            return [_values.git_ref(entry) for entry in found[name]]

        return _values.record("GitRefs")(
            branches=refs("branches"), converts=refs("converts"), tags=refs("tags"),
            pull_requests=refs("pullRequests") if include_pull_requests else None)

    @blocking
    def list_repo_commits(self, repo_id: str, *, repo_type: Optional[str] = None, token: Token = None,
                          revision: Optional[str] = None, formatted: bool = False):
        from hubd import _values

        kind = _names(repo_id, repo_type)
        path = "/api/%ss/%s/commits/%s" % (kind, repo_id, _url.quoted(revision or "main"))
        return (yield from collected(_rest.pages(self._caller(token), path,
                                                 {"expand[]": "formatted"} if formatted else {}, _values.git_commit)))

    @blocking
    def auth_check(self, repo_id: str, *, repo_type: Optional[str] = None, token: Token = None, write: bool = False):
        kind = _names(repo_id, repo_type)
        yield from _rest.invoke(self._caller(token), "/api/%ss/%s/auth-check%s" % (kind, repo_id,
                                                                                   "/write" if write else ""),
                                max_age=_rest.ASK_THE_HUB)

    @blocking
    def whoami(self, token: Token = None, *, cache: bool = False):
        """The identity behind a token. Raises LocalTokenNotFoundError without one."""
        token = self.token if token is None else token
        if token is False:
            raise ValueError("whoami is about a token: token=False makes no sense")
        who = self._caller(True if token is None else token)
        key = who["endpoint"] + " " + who.get("token", "")
        if cache and key in self._whoami:
            return self._whoami[key]
        answer = yield from _rest.invoke(who, "/api/whoami-v2", max_age=_rest.ASK_THE_HUB)
        found = answer.json()
        if cache:
            self._whoami[key] = found
        return found

    # --- searches ---------------------------------------------------------------------------------------------------

    @listing
    def list_models(self, *, filter: Union[str, Iterable[str], None] = None, author: Optional[str] = None,
                    apps: Union[str, List[str], None] = None, gated: Optional[bool] = None,
                    inference: Optional[str] = None, inference_provider: Union[str, List[str], None] = None,
                    trained_dataset: Union[str, List[str], None] = None, search: Optional[str] = None,
                    pipeline_tag: Optional[str] = None, num_parameters: Optional[str] = None,
                    emissions_thresholds: Any = None, sort: Optional[str] = None, limit: Optional[int] = None,
                    expand: Optional[List[str]] = None, full: Optional[bool] = None, cardData: bool = False,
                    fetch_config: bool = False, token: Token = None):
        if expand and (full or cardData or fetch_config):
            raise ValueError("`expand` goes with none of `full`, `cardData` and `fetch_config`.")
        if emissions_thresholds is not None and not cardData:
            raise ValueError("`emissions_thresholds` need `cardData=True`.")
        filters = _list(filter)
        filters += [name if name.startswith("dataset:") else "dataset:" + name for name in _list(trained_dataset)]
        params = {"filter": filters, "author": author or None, "apps": _list(apps), "gated": gated,
                  "inference": inference, "inference_provider": inference_provider,
                  "pipeline_tag": pipeline_tag or None, "num_parameters": num_parameters, "search": search or None,
                  "sort": _SORTS.get(sort or "", sort), "limit": limit, "full": True if full else None,
                  "config": True if fetch_config else None, "cardData": True if cardData else None,
                  "expand": expand or None}
        listed = self._search("model", params, limit, token)
        if emissions_thresholds is None:
            yield from listed
        else:
            yield from _within(listed, emissions_thresholds)

    @listing
    def list_datasets(self, *, filter: Union[str, Iterable[str], None] = None, author: Optional[str] = None,
                      benchmark: Union[bool, str, None] = None, dataset_name: Optional[str] = None,
                      gated: Optional[bool] = None, language_creators: Union[str, List[str], None] = None,
                      language: Union[str, List[str], None] = None,
                      multilinguality: Union[str, List[str], None] = None,
                      size_categories: Union[str, List[str], None] = None,
                      task_categories: Union[str, List[str], None] = None,
                      task_ids: Union[str, List[str], None] = None, search: Optional[str] = None,
                      sort: Optional[str] = None, limit: Optional[int] = None, expand: Optional[List[str]] = None,
                      full: Optional[bool] = None, token: Token = None):
        if expand and full:
            raise ValueError("`expand` does not go with `full`.")
        filters = _list(filter)
        for name, given in (("language_creators", language_creators), ("language", language),
                            ("multilinguality", multilinguality), ("size_categories", size_categories),
                            ("task_categories", task_categories), ("task_ids", task_ids)):
            filters += [value if value.startswith(name + ":") else name + ":" + value for value in _list(given)]
        if benchmark is not None:
            filters.append("benchmark:%s" % ("official" if benchmark is True else benchmark))
        params = {"filter": filters, "author": author or None, "gated": gated,
                  "search": [text for text in (dataset_name, search) if text], "sort": _SORTS.get(sort or "", sort),
                  "limit": limit, "expand": expand or None, "full": True if full else None}
        yield from self._search("dataset", params, limit, token)

    @listing
    def list_spaces(self, *, filter: Union[str, Iterable[str], None] = None, author: Optional[str] = None,
                    search: Optional[str] = None, datasets: Union[str, Iterable[str], None] = None,
                    models: Union[str, Iterable[str], None] = None, linked: bool = False, sort: Optional[str] = None,
                    limit: Optional[int] = None, expand: Optional[List[str]] = None, full: Optional[bool] = None,
                    token: Token = None):
        if expand and full:
            raise ValueError("`expand` does not go with `full`.")
        params = {"filter": _list(filter), "author": author, "search": search, "sort": _SORTS.get(sort or "", sort),
                  "limit": limit, "linked": True if linked else None, "datasets": _list(datasets),
                  "models": _list(models), "expand": expand or None, "full": True if full else None}
        yield from self._search("space", params, limit, token)

    def _search(self, kind, params, limit, token):
        from hubd import _values

        record = _values.record(kind.capitalize() + "Info")

        def made(item: Dict[str, Any]) -> Any:
            item.setdefault("siblings", None)
            return record(**item)

        yield from _rest.pages(self._caller(token), "/api/%ss" % kind, params, made, limit)


def _names(repo_id: Any, repo_type: Optional[str]) -> str:
    _layout.check_repo_id(repo_id)
    return _layout.check_repo_type(repo_type)


def _list(given: Any) -> List[Any]:
    return [] if given is None else [given] if isinstance(given, str) else list(given)


def _is(error: BaseException, *names: str) -> bool:
    from hubd import _errors

    return any(isinstance(error, found) for found in map(_errors.find_class, names) if found is not None)


def _resolved(record: Any, commit: str, initial: Optional[str], repo_id: str, kind: str) -> Any:
    try:
        return record(resolved=commit, initial=initial, repo_id=repo_id, repo_type=kind)
    except TypeError:  # huggingface_hub 1.26 to 1.29
        return record(resolved=commit, initial=initial)


def _within(listed: Any, thresholds: Any):
    """Only models whose card tells emissions between two bounds (None: no bound)."""
    from hubd import _steps

    low, high = thresholds
    value: Any = None
    failed: Optional[BaseException] = None
    while True:
        try:
            step = listed.send(value) if failed is None else listed.throw(failed)
        except StopIteration:
            return
        value, failed = None, None
        if isinstance(step, _steps.Items):
            yield _steps.Items(info for info in step if _emits(info, low, high))
            continue
        try:
            value = yield step
        except Exception as error:
            failed = error


def _emits(info: Any, low: Optional[float], high: Optional[float]) -> bool:
    card = getattr(info, "card_data", None)
    found = card.get("co2_eq_emissions") if card is not None else None
    if isinstance(found, dict):
        found = found.get("emissions")
    try:
        amount = float("".join(c for c in str(found) if c.isdigit() or c == "."))
    except ValueError:
        return False
    return (low is None or amount >= low) and (high is None or amount <= high)


def _metadata(answer: Any, endpoint: Optional[str]) -> Any:
    from hubd import _errors, _stock, _values

    headers = answer.headers
    moved = 300 <= answer.status < 400 and "location" in headers
    etag = headers.get("x-linked-etag") or headers.get("etag")
    size = headers.get("x-linked-size") or (None if moved else headers.get("content-length"))
    parse = _stock.attribute("utils._xet", "parse_xet_file_data_from_response")
    if parse is not None:
        xet = parse(_errors.response_of(answer.status, headers, b"", answer.url, "HEAD"), endpoint=endpoint)
    else:
        xet = _xet(headers, endpoint)
    return _values.record("HfFileMetadata")(
        commit_hash=headers.get("x-repo-commit"), etag=None if etag is None else etag.lstrip("W/").strip('"'),
        location=headers.get("location") or answer.url, size=int(size) if size and size.isdigit() else None,
        xet_file_data=xet)


def _xet(headers: Dict[str, str], endpoint: Optional[str]) -> Any:
    import re

    from hubd import _values

    digest = headers.get("x-xet-hash")
    found = re.search(r'<([^>]*)>\s*;\s*rel="?xet-auth"?', headers.get("link", ""))
    route = found.group(1) if found else headers.get("x-xet-refresh-route")
    if not digest or not route:
        return None
    if route.startswith(_env.ENDPOINT + "/"):
        route = (endpoint or _env.endpoint()) + route[len(_env.ENDPOINT):]
    return _values.record("XetFileData")(file_hash=digest, refresh_route=route)
