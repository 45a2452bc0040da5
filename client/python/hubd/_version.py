# SPDX-License-Identifier: Apache-2.0
"""The package's version: the daemon's, as CMakeLists.txt has it (a test holds the two together)."""

__version__ = "0.1.0"
