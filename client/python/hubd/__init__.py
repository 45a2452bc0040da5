# SPDX-License-Identifier: Apache-2.0
"""hubd for Python: the read side of huggingface_hub, through the hubd of this host.

Importing costs next to nothing: each name is loaded when it is first used. Only the standard library is needed; where
huggingface_hub is installed too, its own records and exceptions are used.
"""
from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict

_HOME = {
    "hf_hub_download": "_download", "snapshot_download": "_download",
    "try_to_load_from_cache": "_layout", "_CACHED_NO_EXIST": "_layout",
    "get_cached_repo_tree": "_cache", "scan_cache_dir": "_cache",
    "hf_hub_url": "_url",
    "login": "_auth", "logout": "_auth", "get_token": "_auth", "auth_list": "_auth", "auth_switch": "_auth",
    "Api": "_api",
    "open": "_file", "HubFile": "_file",
    "Daemon": "_daemon", "find": "_find", "caller": "_request",
    "CallError": "_failures", "DaemonUnavailable": "_failures",
    "__version__": "_version",
}
_API = ("auth_check", "dataset_info", "file_exists", "get_hf_file_metadata", "get_paths_info", "kernel_info",
        "list_datasets", "list_models", "list_repo_commits", "list_repo_files", "list_repo_refs", "list_repo_tree",
        "list_spaces", "model_info", "repo_exists", "repo_info", "resolve_revision", "revision_exists", "space_info",
        "whoami")
_MODULES = ("aio", "errors")

__all__ = sorted(name for name in (*_HOME, *_API, *_MODULES) if not name.startswith("_"))

if TYPE_CHECKING:
    mount_map: Dict[str, str]  # path as hubd names it -> path here; a program may set it. Else HUBD_MOUNT_MAP

    from hubd import aio, errors
    from hubd._api import Api
    from hubd._auth import auth_list, auth_switch, get_token, login, logout
    from hubd._cache import get_cached_repo_tree, scan_cache_dir
    from hubd._daemon import Daemon
    from hubd._download import hf_hub_download, snapshot_download
    from hubd._failures import CallError, DaemonUnavailable
    from hubd._file import HubFile, open
    from hubd._find import find
    from hubd._functions import (auth_check, dataset_info, file_exists, get_hf_file_metadata, get_paths_info,
                                 kernel_info, list_datasets, list_models, list_repo_commits, list_repo_files,
                                 list_repo_refs, list_repo_tree, list_spaces, model_info, repo_exists, repo_info,
                                 resolve_revision, revision_exists, space_info, whoami)
    from hubd._layout import CACHED_NO_EXIST as _CACHED_NO_EXIST
    from hubd._layout import try_to_load_from_cache
    from hubd._request import caller
    from hubd._url import hf_hub_url
    from hubd._version import __version__


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name == "_CACHED_NO_EXIST":
        return import_module("hubd._layout")._no_exist_marker()
    if name == "mount_map":  # until the program sets one
        return import_module("hubd._mounts").from_environment()
    home = _HOME.get(name)
    if home is not None:
        found = getattr(import_module("hubd." + home), name)
    elif name in _API:
        found = getattr(import_module("hubd._functions"), name)
    elif name in _MODULES:
        return import_module("hubd." + name)
    else:
        raise AttributeError("module hubd has no attribute %r" % name)
    globals()[name] = found
    return found


def __dir__() -> Any:
    return sorted(set(globals()) | set(__all__))
