# SPDX-License-Identifier: Apache-2.0
"""Patches the few modules of huggingface_hub that matter, each right after it was executed: lazy stays lazy.

Imported at interpreter start. Costs a finder that compares a name.
"""
from __future__ import annotations

import os
import sys
from typing import Any

TARGETS = frozenset("huggingface_hub." + name for name in (
    "utils._http", "file_download", "_snapshot_download", "hf_api", "hf_file_system"))


def wanted() -> bool:
    """HUBD_DROPIN is set to something that means yes, or to `require`."""
    return os.environ.get("HUBD_DROPIN", "").lower() in ("1", "on", "yes", "true", "require")


class _Finder:
    """Finds what the other finders find, and asks its loader to let us have the module once it was executed."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name not in TARGETS:
            return None
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            if finder is self or find is None:
                continue
            spec = find(name, path, target)
            if spec is not None:
                _follow(spec.loader)
                return spec
        return None


def _follow(loader: Any) -> None:
    execute = loader.exec_module

    def exec_module(module: Any) -> None:
        try:
            execute(module)
        finally:
            loader.__dict__.pop("exec_module", None)
        patch(module)

    loader.exec_module = exec_module


def patch(module: Any) -> None:
    """Patches one module of TARGETS. A version that looks different than known is left as it is, with a word."""
    from hubd.dropin import _patches, _route

    try:
        _patches.BY_NAME[module.__name__](module)
    except Exception as error:
        if _route.required():
            raise
        _route.warn("%s could not be patched (%s: %s); it stays as it is" % (
            module.__name__, type(error).__name__, error))


def install() -> None:
    """Puts the finder in place; modules that are loaded already are patched at once. Twice is once."""
    if any(isinstance(finder, _Finder) for finder in sys.meta_path):
        return
    sys.meta_path.insert(0, _Finder())
    if "huggingface_hub" not in sys.modules:
        return
    from hubd.dropin import _patches

    for name in _patches.BY_NAME:
        if name in sys.modules:
            with _patches.rebinding(sys.modules[name]):
                patch(sys.modules[name])


if wanted():
    install()
