# SPDX-License-Identifier: Apache-2.0
"""@huggingface/hub against the local Hub: stock_client.mjs under node."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
sys.path.insert(0, str(HERE))
from harness import COUNTERPARTS, HANG, ProofCase, clean_env  # noqa: E402
from stock_python_test import SEED  # noqa: E402


class StockJs(ProofCase):
    def test_reads_and_writes(self):
        package = COUNTERPARTS / "js/node_modules/@huggingface/hub"
        if not package.exists() or not shutil.which("node"):
            if os.environ.get("CI") == "true":
                self.fail("counterpart @huggingface/hub is not installed")
            self.skipTest("counterpart @huggingface/hub is not installed")
        exports = json.loads((package / "package.json").read_text())["exports"]["."]
        entry = exports["import"] if isinstance(exports["import"], str) else exports["import"]["default"]
        hub = self.hub(SEED)
        result = subprocess.run(["node", str(HERE / "stock_client.mjs"), str((package / entry).resolve()), hub.url],
                                env=clean_env(self.folder / "home"), capture_output=True, text=True, timeout=HANG * 2)
        self.assertEqual((0, "ok"), (result.returncode, result.stdout.strip()), result.stdout + result.stderr + json.dumps(hub.call("GET", "/_localhub/requests?limit=8")))


if __name__ == "__main__":
    unittest.main()
