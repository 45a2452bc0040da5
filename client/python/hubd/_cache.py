# SPDX-License-Identifier: Apache-2.0
"""What is in the cache: its inventory, and the listing of a cached snapshot."""
from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Dict, List, Optional

from hubd import _env, _layout


def scan_cache_dir(cache_dir: Any = None) -> Any:
    """An inventory of a cache folder as HFCacheInfo. Raises CacheNotFound, and ValueError for a file.

    Where huggingface_hub is importable its own scan makes the records (of this very folder); otherwise hubd scans.
    """
    from hubd import _steps, _stock

    stock = _stock.attribute("utils", "scan_cache_dir")
    if stock is not None:
        return stock(_env.cache_root() if cache_dir is None else cache_dir)
    return _steps.run(scan_steps(cache_dir))


def scan_steps(cache_dir: Any = None):
    from hubd import _errors, _failures, _request, _steps

    root = _layout.cache_folder(cache_dir)
    if not os.path.exists(root):
        raise _errors.classes().CacheNotFound("There is no cache folder %s" % root, root)
    if not os.path.isdir(root):
        raise ValueError("%s is a file and no cache folder" % root)
    try:
        found = yield _steps.Ask("hubd.v1.Cache/Scan", {"caller": _request.caller(cache_dir=root, token=False)})
    except _failures.CallError as error:
        raise _errors.translate(error) from error
    return _inventory(found, root)


def _inventory(found: Dict[str, Any], root: str) -> Any:
    from hubd import _errors, _values

    theirs = found.get("cacheDir") or root

    def here(path: str) -> Path:
        return Path(root + path[len(theirs):] if path.startswith(theirs + "/") else path)

    incomplete = _values.record("CachedIncompleteFileInfo")
    warning = _errors.classes().CorruptedCacheException
    leftovers = []
    for path in found.get("incompleteFiles", ()):
        try:
            leftovers.append(incomplete(file_path=here(path), size_on_disk=os.stat(here(path)).st_size))
        except OSError:
            continue  # it is complete by now
    return _values.record("HFCacheInfo")(
        size_on_disk=int(found.get("size", 0)), repos=frozenset(_repo(repo, here) for repo in found.get("repos", ())),
        warnings=[warning(text) for text in found.get("warnings", ())], incomplete_files=frozenset(leftovers),
        cache_dir=Path(root))


def _repo(repo: Dict[str, Any], here: Any) -> Any:
    from hubd import _values

    kind = str(repo.get("type", "REPO_TYPE_MODEL")).rpartition("_")[2].lower()
    return _values.record("CachedRepoInfo")(
        repo_id=repo["id"], repo_type=kind, repo_path=here(repo["path"]), size_on_disk=int(repo.get("size", 0)),
        nb_files=int(repo.get("files", 0)), last_accessed=float(repo.get("accessedUnix", 0)),
        last_modified=float(repo.get("modifiedUnix", 0)),
        revisions=frozenset(_revision(revision, here) for revision in repo.get("revisions", ())))


def _revision(revision: Dict[str, Any], here: Any) -> Any:
    from hubd import _values

    file_record = _values.record("CachedFileInfo")
    files = frozenset(
        file_record(file_name=os.path.basename(file["path"]), file_path=here(revision["snapshotPath"]) / file["path"],
                    blob_path=here(file["blobPath"]), size_on_disk=int(file.get("size", 0)),
                    blob_last_accessed=float(file.get("accessedUnix", 0)),
                    blob_last_modified=float(file.get("modifiedUnix", 0))) for file in revision.get("files", ()))
    return _values.record("CachedRevisionInfo")(
        commit_hash=revision["commit"], snapshot_path=here(revision["snapshotPath"]),
        size_on_disk=int(revision.get("size", 0)), files=files, refs=frozenset(revision.get("refs", ())),
        last_modified=float(revision.get("modifiedUnix", 0)))


def get_cached_repo_tree(repo_id: str, *, repo_type: Optional[str] = None, revision: Optional[str] = None,
                         cache_dir: Any = None, local_dir: Any = None) -> List[Any]:
    """The files of a snapshot as its cached listing has them. Asks nobody. Raises CachedRepoTreeNotFoundError."""
    from hubd import _errors, _values

    _layout.check_repo_id(repo_id)
    kind = _layout.check_repo_type(repo_type)
    storage = os.path.join(_layout.cache_folder(cache_dir), _layout.repo_folder_name(repo_id, kind))
    commit = _layout.commit_of(revision) or _layout.read_ref(storage, str(revision or "main"))
    folder = storage if local_dir is None else _layout.local_tree_folder(_layout.resolved_folder(local_dir))
    tree = _layout.read_tree(folder, commit) if commit else None
    if tree is None:
        raise _errors.classes().CachedRepoTreeNotFoundError(
            "no listing of %s %s (revision %s) is cached in %s" % (kind, repo_id, revision or "main", folder))
    return [_values.tree_entry({"type": "file", "path": path, "size": entry["size"], "oid": entry["blob_id"],
                                "xetHash": entry.get("xet_hash")}) for path, entry in tree.items()]
