# SPDX-License-Identifier: Apache-2.0
"""Records that calls return: huggingface_hub's own classes where it is importable, equal ones otherwise."""
from __future__ import annotations

from typing import Any, Dict

from hubd import _own_values, _stock

_WHERE = {"DryRunFileInfo": "file_download", "HfFileMetadata": "file_download", "XetFileData": "utils._xet",
          "ResolvedRevision": "_revision"}
_CACHE = ("CachedFileInfo", "CachedRevisionInfo", "CachedRepoInfo", "CachedIncompleteFileInfo", "HFCacheInfo")


def record(name: str) -> Any:
    """The class `name`."""
    found = _stock.attribute(_WHERE.get(name, "utils._cache_manager" if name in _CACHE else "hf_api"), name)
    return getattr(_own_values, name) if found is None else found


def parse_datetime(text: str) -> Any:
    found = _stock.attribute("utils", "parse_datetime")
    return (found or _own_values.parse_datetime)(text)


def dry_run_file(**fields: Any) -> Any:
    return record("DryRunFileInfo")(**fields)


def tree_entry(entry: Dict[str, Any]) -> Any:
    """A file or a folder of a listing."""
    return record("RepoFile" if entry.get("type") == "file" else "RepoFolder")(**entry)


def git_ref(entry: Dict[str, Any]) -> Any:
    return record("GitRefInfo")(name=entry["name"], ref=entry["ref"], target_commit=entry["targetCommit"])


def git_commit(entry: Dict[str, Any]) -> Any:
    formatted = entry.get("formatted") or {}
    return record("GitCommitInfo")(
        commit_id=entry["id"], authors=[author["user"] for author in entry["authors"]],
        created_at=parse_datetime(entry["date"]), title=entry["title"], message=entry["message"],
        formatted_title=formatted.get("title"), formatted_message=formatted.get("message"))
