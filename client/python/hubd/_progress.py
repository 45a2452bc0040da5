# SPDX-License-Identifier: Apache-2.0
"""Progress of a download as tqdm bars: one for files, one for bytes. Silence where tqdm is not installed."""
from __future__ import annotations

import os
import sys
from typing import Any, Dict, Optional


def _bar_class() -> Any:
    """huggingface_hub's own bar where it is loaded (it knows its switches), else tqdm's, else None."""
    stock = sys.modules.get("huggingface_hub.utils")
    if stock is not None:
        found = getattr(stock, "tqdm", None)
        if isinstance(found, type):
            return found
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return None
    return tqdm


def _switched_off() -> bool:
    value = os.environ.get("HF_HUB_DISABLE_PROGRESS_BARS")
    return value is not None and value.upper() in ("1", "ON", "YES", "TRUE")


class Bars:
    """Follows the events of Ensure. Bars are made when the first byte has to move, or at once for a given class."""

    def __init__(self, tqdm_class: Any, *, name: Optional[str] = None):
        self._class = tqdm_class
        self._name = name  # of the one file; None: a snapshot
        self._given = tqdm_class is not None
        self._files: Any = None
        self._bytes: Any = None
        self._dead = not self._given and _switched_off()

    def wanted(self) -> bool:
        return not self._dead

    def on_event(self, event: Dict[str, Any]) -> None:
        if self._dead:
            return
        started = event.get("started")
        if started is not None:
            total = int(started.get("bytesTotal", 0))
            cached = int(started.get("bytesCached", 0))
            if started.get("transferId") or self._given:
                self._make(int(started.get("filesTotal", 0)), total, cached)
            return
        progress = event.get("progress")
        if progress is not None and self._bytes is not None:
            self._move(self._bytes, int(progress.get("bytesDone", 0)), int(progress.get("bytesTotal", 0)))
            if self._files is not None:
                self._move(self._files, int(progress.get("filesDone", 0)), int(progress.get("filesTotal", 0)))
            waiting = progress.get("waitingFor", "")
            if hasattr(self._bytes, "set_postfix_str"):
                self._bytes.set_postfix_str("waiting: " + waiting if waiting else "", refresh=False)
        done = event.get("done")
        if done is not None:
            self._finish(done)

    def close(self) -> None:
        for bar in (self._bytes, self._files):
            if bar is not None:
                bar.close()
        self._bytes = self._files = None

    def _make(self, files: int, total: int, cached: int) -> None:
        cls = self._class or _bar_class()
        if cls is None:
            self._dead = True
            return
        shown = {} if self._given else {"disable": False if os.environ.get("TQDM_POSITION") == "-1" else None}
        if self._name is None:
            self._files = cls(total=files, desc="Fetching %d files" % files, **shown)
        self._bytes = cls(total=total, initial=min(cached, total), unit="B", unit_scale=True,
                          desc=_short(self._name) if self._name else "Downloading", **shown)

    @staticmethod
    def _move(bar: Any, done: int, total: int) -> None:
        if total and getattr(bar, "total", total) != total:
            bar.total = total
        step = done - int(getattr(bar, "n", 0) or 0)
        if step > 0:
            bar.update(step)

    def _finish(self, done: Dict[str, Any]) -> None:
        files = done.get("files", ())
        if self._bytes is not None:
            total = sum(int(file.get("size", 0)) for file in files)
            self._move(self._bytes, total, total)
            if self._files is None:
                return
            self._move(self._files, len(files), len(files))
            if hasattr(self._bytes, "set_description_str"):
                self._bytes.set_description_str("Download complete")


def _short(name: str) -> str:
    return name if len(name) <= 40 else "(…)" + name[-40:]
