# SPDX-License-Identifier: Apache-2.0
"""hf_hub_download and snapshot_download.

A commit whose files are on disk is answered from the disk, without hubd. Offline, the disk is all there is. Everything
else is one call to hubd.
"""
from __future__ import annotations

import os
from typing import Any, Dict, List, Optional, Union

from hubd import _layout
from hubd._version import __version__


def hf_hub_download(repo_id: str, filename: str, *, subfolder: Optional[str] = None, repo_type: Optional[str] = None,
                    revision: Optional[str] = None, library_name: Optional[str] = None,
                    library_version: Optional[str] = None, cache_dir: Any = None, local_dir: Any = None,
                    user_agent: Any = None, force_download: bool = False, etag_timeout: float = 10,
                    token: Union[bool, str, None] = None, local_files_only: bool = False,
                    headers: Optional[Dict[str, str]] = None, endpoint: Optional[str] = None, tqdm_class: Any = None,
                    dry_run: bool = False) -> Any:
    """The path of one file of a repo on this host; it is fetched first where it is not here.

    As huggingface_hub.hf_hub_download. `etag_timeout` and `headers` have no effect: hubd makes the requests.
    """
    if subfolder:
        filename = subfolder + "/" + filename
    found = file_on_disk(repo_id, filename, repo_type, revision, cache_dir, local_dir, force_download, dry_run)
    if found is not None:
        return found
    from hubd import _steps

    return _steps.run(file_steps(
        repo_id, filename, repo_type=repo_type, revision=revision, library_name=library_name,
        library_version=library_version, cache_dir=cache_dir, local_dir=local_dir, user_agent=user_agent,
        force_download=force_download, token=token, local_files_only=local_files_only, endpoint=endpoint,
        tqdm_class=tqdm_class, dry_run=dry_run))


def snapshot_download(repo_id: str, *, repo_type: Optional[str] = None, revision: Optional[str] = None,
                      cache_dir: Any = None, local_dir: Any = None, library_name: Optional[str] = None,
                      library_version: Optional[str] = None, user_agent: Any = None, etag_timeout: float = 10,
                      force_download: bool = False, token: Union[bool, str, None] = None,
                      local_files_only: bool = False, allow_patterns: Union[List[str], str, None] = None,
                      ignore_patterns: Union[List[str], str, None] = None, max_workers: int = 8, tqdm_class: Any = None,
                      headers: Optional[Dict[str, str]] = None, endpoint: Optional[str] = None,
                      dry_run: bool = False) -> Any:
    """The folder of a repo's files on this host; what is not here is fetched first.

    As huggingface_hub.snapshot_download. `etag_timeout` and `headers` have no effect: hubd makes the requests.
    """
    found = snapshot_on_disk(repo_id, repo_type, revision, cache_dir, local_dir, force_download, dry_run,
                             allow_patterns, ignore_patterns)
    if found is not None:
        return found
    from hubd import _steps

    return _steps.run(snapshot_steps(
        repo_id, repo_type=repo_type, revision=revision, cache_dir=cache_dir, local_dir=local_dir,
        library_name=library_name, library_version=library_version, user_agent=user_agent,
        force_download=force_download, token=token, local_files_only=local_files_only, allow_patterns=allow_patterns,
        ignore_patterns=ignore_patterns, max_workers=max_workers, tqdm_class=tqdm_class, endpoint=endpoint,
        dry_run=dry_run))


# --- what the disk answers ------------------------------------------------------------------------------------------


def file_on_disk(repo_id: str, filename: str, repo_type: Optional[str], revision: Any, cache_dir: Any, local_dir: Any,
                 force_download: bool, dry_run: bool) -> Optional[str]:
    """The path of a file whose commit is named and that is there; None: hubd must be asked. Checks the names."""
    _layout.check_repo_id(repo_id)
    if repo_type is not None:
        _layout.check_repo_type(repo_type)
    if ".." in filename or "\\" in filename or ":" in filename or filename[:1] in ("/", ""):
        _layout.check_filename(filename)
    if force_download or dry_run or revision is None:
        return None
    commit = _layout.commit_of(revision)
    if commit is None:
        return None
    if local_dir is None:
        return _layout.pinned_file(repo_id, repo_type, commit, filename, cache_dir)
    folder = _layout.resolved_folder(local_dir)
    known = _layout.local_metadata(folder, filename)
    path = os.path.join(folder, filename)
    return path if known is not None and known[0] == commit and os.path.isfile(path) else None


def snapshot_on_disk(repo_id: str, repo_type: Optional[str], revision: Any, cache_dir: Any, local_dir: Any,
                     force_download: bool, dry_run: bool, allow: Any, ignore: Any) -> Optional[str]:
    """The folder of a commit whose listing is known and whose selected files are all there. Checks the names."""
    _layout.check_repo_id(repo_id)
    kind = _layout.check_repo_type(repo_type)
    if force_download or dry_run or local_dir is not None or revision is None:
        return None
    commit = _layout.commit_of(revision)
    if commit is None:
        return None
    storage = _layout.cache_folder(cache_dir) + "/" + _layout.repo_folder_name(repo_id, kind)
    tree = _layout.read_tree(storage, commit)
    if tree is None:
        return None
    folder = storage + "/snapshots/" + commit
    names = _layout.selected(tree, allow, ignore)
    if not names or _layout.missing(folder, names):
        return None
    return folder


def _offline_file(repo_id: str, kind: str, revision: Any, cache_dir: Any, local_dir: Any, filename: str,
                  why: str) -> str:
    from hubd import _errors

    root = _layout.cache_folder(cache_dir)
    storage = os.path.join(root, _layout.repo_folder_name(repo_id, kind))
    if local_dir is not None:
        path = os.path.join(_layout.resolved_folder(local_dir), filename)
        if os.path.isfile(path):
            return path
    else:
        commit = _layout.commit_of(revision) or _layout.read_ref(storage, str(revision or "main"))
        path = os.path.join(storage, "snapshots", commit, filename) if commit else ""
        if path and os.path.exists(path):
            return path
    raise _errors.classes().LocalEntryNotFoundError(
        "%s of %s %s (revision %s) is not on this disk, and %s" % (filename, kind, repo_id, revision or "main", why))


def _offline_snapshot(repo_id: str, kind: str, revision: Any, cache_dir: Any, local_dir: Any, allow: Any, ignore: Any,
                      why: str) -> str:
    from hubd import _errors

    storage = os.path.join(_layout.cache_folder(cache_dir), _layout.repo_folder_name(repo_id, kind))
    commit = _layout.commit_of(revision) or _layout.read_ref(storage, str(revision or "main"))
    base = ""
    trees = storage
    if local_dir is not None:
        base = _layout.resolved_folder(local_dir)
        trees = _layout.local_tree_folder(base)
        there = os.path.isdir(base) and bool(os.listdir(base))
    else:
        base = os.path.join(storage, "snapshots", commit) if commit else ""
        there = bool(base) and os.path.isdir(base)
    if not there:
        raise _errors.classes().LocalEntryNotFoundError(
            "%s %s (revision %s) is not on this disk, and %s" % (kind, repo_id, revision or "main", why))
    tree = _layout.read_tree(trees, commit) if commit else None
    if tree is not None:
        lacking = _layout.missing(base, _layout.selected(tree, allow, ignore))
        if lacking:
            raise incomplete(
                "%d of the files asked for of %s %s (revision %s) are not on this disk (%s%s), and %s" % (
                    len(lacking), kind, repo_id, revision or "main", ", ".join(lacking[:3]),
                    " ..." if len(lacking) > 3 else "", why), base)
    return base


def incomplete(text: str, folder: str) -> BaseException:
    from hubd import _errors, _own_errors, _stock

    found = _errors.find_class("IncompleteSnapshotError")
    if found is _own_errors.IncompleteSnapshotError and _stock.available():
        return _errors.classes().LocalEntryNotFoundError(text)  # a stock version without that class
    return found(text, folder)  # type: ignore[misc]


# The Hub shows the repo to this token no more (or not at all): what this user's disk has of it is still this user's.
_REFUSED = frozenset(("RepositoryNotFound", "GatedRepo", "Unauthorized", "DisabledRepo"))


def _known(error: Exception, force_download: bool, look: Any) -> str:
    """As the stock client: a repo that was fetched before is answered from the disk when the Hub refuses it now."""
    if force_download or getattr(getattr(error, "call", None), "kind", "") not in _REFUSED:
        raise error
    found = None
    try:
        found = look()
    except OSError:
        pass  # the refusal says more
    if found is None:
        raise error
    import logging

    logging.getLogger("hubd").warning("The copy on this disk is used: %s", error)
    return found


def _why_offline(local_files_only: bool) -> Optional[str]:
    from hubd import _env

    if local_files_only:
        return "local_files_only=True forbids to ask for it"
    if _env.offline():
        return "HF_HUB_OFFLINE forbids to ask for it"
    return None


# --- what hubd answers ----------------------------------------------------------------------------------------------


def user_agent_text(library_name: Optional[str] = None, library_version: Optional[str] = None,
                    user_agent: Any = None) -> str:
    parts = ["hubd-python/" + __version__]
    if library_name:
        parts.insert(0, "%s/%s" % (library_name, library_version or "unknown"))
    if isinstance(user_agent, dict):
        parts += ["%s/%s" % pair for pair in user_agent.items()]
    elif user_agent:
        parts.append(str(user_agent))
    return "; ".join(parts)


def file_steps(repo_id: str, filename: str, *, repo_type: Optional[str] = None, revision: Any = None,
               library_name: Optional[str] = None, library_version: Optional[str] = None, cache_dir: Any = None,
               local_dir: Any = None, user_agent: Any = None, force_download: bool = False,
               token: Union[bool, str, None] = None, local_files_only: bool = False, endpoint: Optional[str] = None,
               tqdm_class: Any = None, dry_run: bool = False):
    from hubd import _request

    kind = _layout.check_repo_type(repo_type)
    why = _why_offline(local_files_only)
    if why is not None and not force_download and not dry_run:
        return _offline_file(repo_id, kind, revision, cache_dir, local_dir, filename, why)
    who = _request.caller(endpoint=endpoint, token=token, cache_dir=cache_dir, offline=True if why else None,
                            user_agent=user_agent_text(library_name, library_version, user_agent))
    request = request_of(who, repo_id, kind, revision, local_dir, force_download)
    request["selection"] = {"files": [filename]}
    if dry_run:
        infos = yield from _plan(request, who, repo_id, kind, local_dir)
        return infos[0]
    try:
        done = yield from ensured(request, tqdm_class, filename)
    except Exception as error:
        return _known(error, force_download, lambda: _offline_file(repo_id, kind, revision, cache_dir, local_dir,
                                                                   filename, "the Hub refuses it"))
    if local_dir is not None:
        return written(os.path.join(_layout.resolved_folder(local_dir), filename), request)
    files = done.get("files") or [{}]
    return located(files[0], who["cacheRoot"])


def snapshot_steps(repo_id: str, *, repo_type: Optional[str] = None, revision: Any = None, cache_dir: Any = None,
                   local_dir: Any = None, library_name: Optional[str] = None, library_version: Optional[str] = None,
                   user_agent: Any = None, force_download: bool = False, token: Union[bool, str, None] = None,
                   local_files_only: bool = False, allow_patterns: Any = None, ignore_patterns: Any = None,
                   max_workers: int = 8, tqdm_class: Any = None, endpoint: Optional[str] = None, dry_run: bool = False):
    from hubd import _errors, _request

    kind = _layout.check_repo_type(repo_type)
    why = _why_offline(local_files_only)
    if why is not None:
        if dry_run:
            raise _errors.classes().DryRunError("A dry run needs the listing of %s, and %s" % (repo_id, why))
        return _offline_snapshot(repo_id, kind, revision, cache_dir, local_dir, allow_patterns, ignore_patterns, why)
    who = _request.caller(endpoint=endpoint, token=token, cache_dir=cache_dir,
                            user_agent=user_agent_text(library_name, library_version, user_agent))
    request = request_of(who, repo_id, kind, revision, local_dir, force_download)
    selection = request["selection"] = selection_of(allow_patterns, ignore_patterns)
    if dry_run:
        return (yield from _plan(request, who, repo_id, kind, local_dir))
    request["maxWorkers"] = max(0, int(max_workers))
    try:
        done = yield from ensured(request, tqdm_class, None)
    except Exception as error:
        return _known(error, force_download, lambda: _offline_snapshot(
            repo_id, kind, revision, cache_dir, local_dir, allow_patterns, ignore_patterns, "the Hub refuses it"))
    if not done.get("files") and selection:
        import logging

        logging.getLogger("hubd").warning("No files matched allow_patterns=%r, ignore_patterns=%r.", allow_patterns,
                                          ignore_patterns)
    if local_dir is not None:
        folder = _layout.resolved_folder(local_dir)
        return written(folder, request) if done.get("files") else folder
    return located_snapshot(done, who["cacheRoot"])


def selection_of(allow_patterns: Any, ignore_patterns: Any) -> Dict[str, Any]:
    selection: Dict[str, Any] = {}
    if allow_patterns is not None:
        selection["allowPatterns"] = _layout.patterns(allow_patterns)
        selection["hasAllowPatterns"] = True
    if ignore_patterns is not None:
        selection["ignorePatterns"] = _layout.patterns(ignore_patterns)
    return selection


def request_of(who: Dict[str, Any], repo_id: str, kind: str, revision: Any, local_dir: Any,
             force: bool) -> Dict[str, Any]:
    from hubd import _env, _request

    named = _layout.commit_of(revision) or revision
    request: Dict[str, Any] = {"caller": who, "repo": _request.repo_message(repo_id, kind, named)}
    priority = _env.priority()
    if priority is not None:
        request["priority"] = priority
    if force:
        request["force"] = True
    if local_dir is not None:
        from hubd import _mounts

        request["localDir"] = _mounts.told(_layout.resolved_folder(local_dir))
    return request


def ensured(request: Dict[str, Any], tqdm_class: Any, name: Optional[str]):
    from hubd import _errors, _failures, _progress, _steps

    bars = _progress.Bars(tqdm_class, name=name)
    if bars.wanted():
        request["wantProgress"] = True
    try:
        last = yield _steps.Follow("hubd.v1.Downloads/Ensure", request, bars.on_event)
    except _failures.CallError as error:
        raise _errors.translate(error, download=True) from error
    finally:
        bars.close()
    done = last.get("done", {})
    if done.get("stale") or done.get("warning"):
        import logging

        logging.getLogger("hubd").warning("%s", done.get("warning") or (
            "the Hub could not be asked: the last known commit %s of %s is used" % (
                done.get("commit", ""), request["repo"]["id"])))
    return done


def _plan(request: Dict[str, Any], who: Dict[str, Any], repo_id: str, kind: str, local_dir: Any):
    from hubd import _env, _errors, _failures, _mounts, _steps, _values

    try:
        plan = yield _steps.Ask("hubd.v1.Downloads/Plan", request)
    except _failures.CallError as error:
        if error.kind in _errors.UNREACHED and not request["selection"].get("files"):
            raise _errors.classes().DryRunError(str(error)) from error
        raise _errors.translate(error, download=True) from error
    commit = plan.get("commit", "")
    if local_dir is not None:
        base = _layout.resolved_folder(local_dir)
    else:
        base = os.path.join(who["cacheRoot"], _layout.repo_folder_name(repo_id, kind), "snapshots", commit)
        first = next(iter(plan.get("files", ())), {})
        if first and _env.root_id(who["cacheRoot"]) is None:
            here = _mounts.seen(first.get("localPath") or "")
            base = here[:-len(first["path"]) - 1] if here and here.endswith("/" + first["path"]) else base
    force = bool(request.get("force"))
    out = []
    for file in plan.get("files", ()):
        cached = bool(file.get("cached"))
        out.append(_values.dry_run_file(commit_hash=commit, file_size=int(file.get("size", 0)), filename=file["path"],
                                        local_path=os.path.join(base, file["path"]), is_cached=cached,
                                        will_download=force or not cached))
    return out


def located_snapshot(done: Dict[str, Any], root: str) -> str:
    """The folder of a finished snapshot, as this process sees it."""
    if not done.get("files"):
        return os.path.join(root, done.get("snapshotRelative", ""))
    return located({"rootId": done.get("rootId"), "relativePath": done.get("snapshotRelative"),
                    "absolutePath": done.get("snapshotPath")}, root)


def located(location: Dict[str, Any], root: str) -> str:
    """Where this process sees what hubd named as (root id, relative path): below its own cache folder when that is the
    same cache, else where the mount map says, else at hubd's own path when that is readable here. Raises MountError."""
    from hubd import _env, _mounts, errors

    relative = location.get("relativePath") or ""
    absolute = location.get("absolutePath") or ""
    mapped = _mounts.seen(absolute)
    below = os.path.join(root, relative) if relative else ""
    same = below and (_env.root_id(root) == location.get("rootId") if mapped or below != absolute else True)
    if same and os.path.exists(below):
        return below
    size = location.get("size")
    for path in (mapped, absolute):
        if path and os.access(path, os.R_OK) and (
                size is None or os.path.isdir(path) or os.stat(path).st_size == int(size)):
            return path
    import errno

    raise errors.MountError(errno.ENOENT, "hubd has %s, but this process sees it neither below its cache folder %s nor at "
                                          "%s; mount hubd's cache and name the mount by HF_HUB_CACHE, or say where it is "
                                          "in %s or hubd.mount_map" % (
                                              relative or absolute, root,
                                              " or ".join(path for path in (mapped, absolute) if path) or "hubd's own path",
                                              _mounts.VARIABLE))


def written(path: str, request: Dict[str, Any]) -> str:
    """`path` in a local_dir that hubd wrote, if this process sees it there. Raises MountError."""
    if os.path.exists(path):
        return path
    import errno

    from hubd import _mounts, errors

    raise errors.MountError(errno.ENOENT, "hubd has written below its own %s, and this process does not see %s; give a "
                                          "local_dir that the host has at the same path, or say in %s or hubd.mount_map "
                                          "where the host has it" % (request["localDir"], path, _mounts.VARIABLE))
