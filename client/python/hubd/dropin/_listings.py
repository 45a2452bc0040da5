# SPDX-License-Identifier: Apache-2.0
"""What a commit has and has not, answered by its listing on disk.

Programs list a repo, or look for optional folders, at each load; the Hub is asked each time. The listing of a commit never
changes: hubd fetches it once, and from then on it is read here.
"""
from __future__ import annotations

import os
from typing import Any, Dict, Optional

from hubd import _failures, _layout, _request
from hubd.dropin._route import Route


class Question:
    """The listing that a call is about."""

    def __init__(self, given: Dict[str, Any], cache_dir: str, endpoint: str):
        self.given = given
        self.cache_dir = cache_dir
        self.endpoint = endpoint
        self.kind = given.get("repo_type") or "model"
        self.revision = given.get("revision") or "main"
        self.path = (given.get("path_in_repo") or "").strip("/")
        self.sane = self.kind in _layout.REPO_TYPES and isinstance(given.get("repo_id"), str)

    def on_disk(self) -> Optional[Dict[str, Any]]:
        """The listing, when the commit is named and its listing is here. Asks nobody."""
        commit = _layout.commit_of(self.revision)
        return self._read(commit) if self.sane and commit else None

    def asked(self, route: Route) -> Optional[Dict[str, Any]]:
        """The same through hubd: the commit of a branch costs one request per age, a listing one for ever. None: hubd does
        not know either, and the call itself will say why. Only for repos that are in the cache: others leave no trace in it."""
        if not self.sane or not os.path.isdir(self._folder()):
            return None
        token = self.given.get("token")
        if token is None or token is True:
            from huggingface_hub.utils import get_token

            token = get_token()
        request = {"caller": _request.caller(endpoint=self.endpoint, token=token or False, cache_dir=self.cache_dir,
                                               offline=False),
                   "repo": _request.repo_message(self.given["repo_id"], self.kind,
                                                   _layout.commit_of(self.revision) or self.revision),
                   "selection": {"hasAllowPatterns": True}}  # no file, but the commit and its listing
        try:
            commit = route.call("hubd.v1.Downloads/Plan", request).get("commit")
        except (_failures.CallError, _failures.DaemonUnavailable):
            return None
        return self._read(commit) if commit else None

    def _read(self, commit: str) -> Optional[Dict[str, Any]]:
        return _layout.read_tree(self._folder(), commit)

    def _folder(self) -> str:
        return os.path.join(self.cache_dir, _layout.repo_folder_name(self.given["repo_id"], self.kind))

    def lacks_the_folder(self, tree: Optional[Dict[str, Any]]) -> bool:
        return tree is not None and self.path not in tree and not any(name.startswith(self.path + "/") for name in tree)

    def not_there(self) -> _failures.CallError:
        """What the Hub says to that."""
        return _failures.CallError("EntryNotFound", '%s does not exist on "%s"' % (self.path, self.revision), http_status=404)

