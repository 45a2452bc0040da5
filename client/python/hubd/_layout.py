# SPDX-License-Identifier: Apache-2.0
"""The cache on disk, read only: where a file of a repo is, and what is there. huggingface_hub's layout.

Nothing here asks hubd or the Hub, and nothing is written.
"""
from __future__ import annotations

import os
import re
from typing import Any, Dict, Iterable, List, Optional, Tuple

from hubd import _env

REPO_TYPES = ("model", "dataset", "space", "kernel")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_REPO_ID = re.compile(r"(?:[A-Za-z0-9_](?:[A-Za-z0-9_.\-]{0,94}[A-Za-z0-9_])?/)?[A-Za-z0-9_](?:[A-Za-z0-9_.\-]{0,94}[A-Za-z0-9_])?")
_DRIVE = re.compile(r"[A-Za-z]:")


class _NoExist:
    """Stands for a file that is known not to exist."""

    def __repr__(self) -> str:
        return "_CACHED_NO_EXIST"


CACHED_NO_EXIST: Any = _NoExist()


def check_repo_id(repo_id: Any) -> None:
    """Raises HFValidationError (a ValueError) for what no repo can be called."""
    if isinstance(repo_id, str) and _REPO_ID.fullmatch(repo_id) and "--" not in repo_id and ".." not in repo_id and \
            not repo_id.endswith(".git"):
        return
    from hubd import _errors

    if not isinstance(repo_id, str):
        why = "it is of type %s, and not a string" % type(repo_id).__name__
    elif repo_id.count("/") > 1:
        why = "it takes the form 'name' or 'namespace/name' (other types than model: give repo_type)"
    elif "--" in repo_id or ".." in repo_id or repo_id.endswith(".git"):
        why = "it may not hold '--' or '..', nor end with '.git'"
    else:
        why = "each part takes 1 to 96 letters, digits, '-', '_' and '.', and neither begins nor ends with '-' or '.'"
    raise _errors.classes().HFValidationError("%r is no repo id: %s" % (repo_id, why))


def check_repo_type(repo_type: Optional[str]) -> str:
    """The type with its default. Raises ValueError for an unknown one."""
    if repo_type is None:
        return "model"
    if repo_type not in REPO_TYPES:
        raise ValueError("Invalid repo type: %s. It is one of %s" % (repo_type, ", ".join(REPO_TYPES)))
    return repo_type


def check_filename(filename: str) -> None:
    """Raises ValueError for a name that would leave its snapshot, on any system."""
    parts = filename.replace("\\", "/").split("/")
    if ".." in parts or parts[0] == "" or any(_DRIVE.match(part) for part in parts) or "\0" in filename:
        raise ValueError("Invalid filename: %r must stay inside the repo" % filename)


def is_commit(revision: str) -> bool:
    return _COMMIT.fullmatch(revision) is not None


def commit_of(revision: Any) -> Optional[str]:
    """The commit that a revision names by itself: 40 hex digits, or a revision that was resolved before."""
    resolved = getattr(revision, "resolved", None)
    if isinstance(resolved, str):
        return resolved
    return revision if isinstance(revision, str) and _COMMIT.fullmatch(revision) else None


def repo_folder_name(repo_id: str, repo_type: str) -> str:
    return repo_type + "s--" + repo_id.replace("/", "--")


_resolved: Dict[str, Tuple[str, int, int]] = {}  # folder as named -> (resolved, its device, its inode)


def resolved_folder(folder: Any) -> str:
    """`~` expanded, links resolved. Remembered as long as the name leads to the same folder: resolving costs more than
    all the rest of a lookup."""
    name = os.fspath(folder)
    if name[:1] == "~":
        name = os.path.expanduser(name)
    try:
        found = os.stat(name)
    except OSError:
        return os.path.realpath(name)
    known = _resolved.get(name)
    if known is not None and known[1] == found.st_dev and known[2] == found.st_ino and name[:1] == "/":
        return known[0]
    resolved = os.path.realpath(name)
    if len(_resolved) > 64:
        _resolved.clear()
    _resolved[name] = (resolved, found.st_dev, found.st_ino)
    return resolved


def cache_folder(cache_dir: Any) -> str:
    return resolved_folder(_env.cache_root() if cache_dir is None else cache_dir)


def pinned_file(repo_id: str, repo_type: Optional[str], commit: str, filename: str, cache_dir: Any) -> Optional[str]:
    """The path of a file of one commit if it is there. The names must have been checked."""
    path = "%s/%ss--%s/snapshots/%s/%s" % (cache_folder(cache_dir), repo_type or "model", repo_id.replace("/", "--"),
                                           commit, filename)
    try:
        os.stat(path)
    except (OSError, ValueError):
        return None
    return path


def read_ref(storage: str, revision: str) -> Optional[str]:
    """What a branch or tag was when it was last asked for."""
    try:
        with open(os.path.join(storage, "refs", revision), encoding="ascii") as file:
            return file.read(100)
    except (OSError, ValueError):
        return None


# --- the listing of a commit ----------------------------------------------------------------------------------------

_trees: Dict[str, Dict[str, Dict[str, Any]]] = {}  # path of the file -> its files; a commit's listing never changes
TREES_MAX = 64


def read_tree(folder: str, commit: str) -> Optional[Dict[str, Dict[str, Any]]]:
    """The files of a commit by path, if their listing is cached below `folder` and whole; do not change it."""
    path = os.path.join(folder, "trees", commit + ".json")
    known = _trees.get(path)
    if known is not None:
        return known
    try:
        with open(path, "rb") as file:
            text = file.read()
    except OSError:
        return None
    import json

    try:
        document = json.loads(text)
        files = document["files"]
        if document["format_version"] != 1:
            return None
        for name, entry in files.items():
            check_filename(name)
            entry["size"], entry["blob_id"]
            if "*" in (entry.get("xet_hash") or ""):
                return None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    if len(_trees) >= TREES_MAX:
        _trees.clear()
    _trees[path] = files
    return files


def local_tree_folder(local_dir: str) -> str:
    return os.path.join(local_dir, ".cache", "huggingface")


def selected(names: Iterable[str], allow: Any, ignore: Any) -> List[str]:
    """The names that patterns keep: fnmatch on the whole path, `dir/` means all below it."""
    if allow is None and ignore is None:
        return list(names)
    keep = None if allow is None else _matcher(allow)
    drop = None if ignore is None else _matcher(ignore)
    out = []
    for name in names:
        path = name.replace("\\", "/")
        if keep is not None and not (keep and keep.fullmatch(path)):
            continue
        if drop and drop.fullmatch(path):
            continue
        out.append(name)
    return out


def patterns(given: Any) -> Optional[List[str]]:
    """Patterns as a list, in the form that is matched."""
    if given is None:
        return None
    out = []
    for pattern in [given] if isinstance(given, str) else given:
        pattern = pattern.replace("\\", "/")
        out.append(pattern + "*" if pattern.endswith("/") else pattern)
    return out


def _matcher(given: Any):
    import fnmatch

    wanted = patterns(given)
    return re.compile("|".join(fnmatch.translate(pattern) for pattern in wanted)) if wanted else None


def missing(base: str, names: Iterable[str]) -> List[str]:
    """Those of `names` that are not below `base`; a dangling link is not there."""
    out = []
    stat = os.stat
    for name in names:
        try:
            stat(base + "/" + name)
        except OSError:
            out.append(name)
    return out


# --- public lookups -------------------------------------------------------------------------------------------------


def try_to_load_from_cache(repo_id: str, filename: str, cache_dir: Any = None, revision: Optional[str] = None,
                           repo_type: Optional[str] = None) -> Any:
    """The path of a cached file, `_CACHED_NO_EXIST` for one that is known not to exist, else None. Asks nobody."""
    revision = "main" if revision is None else revision
    check_repo_id(repo_id)
    repo_type = check_repo_type(repo_type)
    check_filename(filename)
    root = _env.cache_root() if cache_dir is None else os.fspath(cache_dir)
    storage = os.path.join(root, repo_folder_name(repo_id, repo_type))
    commit = getattr(revision, "resolved", None) or read_ref(storage, revision) or str(revision)
    try:
        if os.path.isfile(os.path.join(storage, ".no_exist", commit, filename)):
            return _no_exist_marker()
        path = os.path.join(storage, "snapshots", commit, filename)
        return path if "/" not in commit and os.path.isfile(path) else None
    except ValueError:
        return None


def _no_exist_marker() -> Any:
    """The stock marker where the stock package is loaded: programs compare by identity."""
    import sys

    stock = sys.modules.get("huggingface_hub.file_download")
    return CACHED_NO_EXIST if stock is None else getattr(stock, "_CACHED_NO_EXIST", CACHED_NO_EXIST)


def local_metadata(local_dir: str, filename: str) -> Optional[Tuple[str, str, float]]:
    """(commit, etag, when) of a file that was downloaded into `local_dir` and not changed since."""
    try:
        with open(os.path.join(local_dir, ".cache/huggingface/download", filename + ".metadata"), encoding="utf-8") as file:
            commit, etag, when = (file.readline().strip() for _ in range(3))
        stamp = float(when)
        if os.stat(os.path.join(local_dir, filename)).st_mtime - 1 > stamp:
            return None
        return commit, etag, stamp
    except (OSError, ValueError):
        return None
