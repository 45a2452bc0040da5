# SPDX-License-Identifier: Apache-2.0
"""huggingface_hub where it is importable. Imported only when a value or an error of it has to be built."""
from __future__ import annotations

import importlib
import sys
from typing import Any, Optional

_found: Optional[bool] = None


def available() -> bool:
    global _found
    if "huggingface_hub" in sys.modules:
        return True
    if _found is None:
        import importlib.util

        _found = importlib.util.find_spec("huggingface_hub") is not None
    return _found


def attribute(module: str, name: str) -> Any:
    """`name` of huggingface_hub's `module`; None where this version has none, or the package is not there."""
    if not available():
        return None
    try:
        return getattr(importlib.import_module("huggingface_hub." + module if module else "huggingface_hub"), name, None)
    except ImportError:
        return None
