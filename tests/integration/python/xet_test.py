# SPDX-License-Identifier: Apache-2.0
"""HF_HUB_DISABLE_XET is the caller's: it travels with each call of the package, of its aio twins and of the drop-in."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from dropin_case import DropinCase, clean_env  # noqa: E402
from case import PACKAGE  # noqa: E402

XET_ROUTES = ("xet-token", "reconstruction", "xorb")
SEED = {"repos": [{"id": f"acme/{name}", "commits": [{"files": [
    {"path": "model.bin", "size": 3_000_000, "random_seed": seed, "xet": True}]}]} for seed, name in enumerate(("one", "two"))]}

CALLS = {
    "snapshot_download": "import hubd; print(hubd.snapshot_download('acme/one'))",
    "hf_hub_download": "import hubd; print(hubd.hf_hub_download('acme/one', 'model.bin'))",
    "aio.snapshot_download": "import asyncio, hubd.aio; print(asyncio.run(hubd.aio.snapshot_download('acme/one')))",
    "aio.hf_hub_download": "import asyncio, hubd.aio; print(asyncio.run(hubd.aio.hf_hub_download('acme/one', 'model.bin')))",
}
STOCK = """
import huggingface_hub
from huggingface_hub import constants
{}
print(huggingface_hub.hf_hub_download('{}', 'model.bin'))
"""


class Xet(DropinCase):
    def setUp(self) -> None:
        super().setUp()
        self.server = self.hub(SEED)
        self.daemon = self.hubd(self.server.url, name="xet", env={"HF_HUB_DISABLE_XET": "0"})

    def xet(self) -> int:
        return sum(self.server.counters()["routes"].get(name, {"requests": 0})["requests"] for name in XET_ROUTES)

    def env(self, **more: str) -> dict[str, str]:
        found = clean_env(self.folder / "xet", HF_ENDPOINT=self.server.url, HUBD_SOCKET=str(self.daemon.socket),
                          HUBD_AUTOSTART="0", PYTHONPATH=str(PACKAGE), PYTHONDONTWRITEBYTECODE="1")
        found.update(more)
        return found

    def forget(self) -> None:
        self.daemon.ctl("cache", "rm", "model/acme/one", "--yes", check=True)
        self.server.reset()

    def test_the_package_sends_it(self):
        for name, code in CALLS.items():
            with self.subTest(name):
                self.program(code, HF_HUB_DISABLE_XET="1")
                self.assertEqual(0, self.xet())
                self.forget()
        self.program(CALLS["snapshot_download"], HF_HUB_DISABLE_XET="0")
        self.assertGreater(self.xet(), 0, "without it the file comes by Xet")

    def test_counterpart_the_drop_in_sends_what_the_stock_client_would_heed(self):
        for version in ("0.36.2", "2.4.0"):
            with self.subTest(version):
                self.server.reset()
                options = dict(python=self.python("hub-" + version), PYTHONPATH="", HUBD_DROPIN="require")
                self.program(STOCK.format("", "acme/one"), HF_HUB_DISABLE_XET="1", **options)
                self.assertEqual(0, self.xet())
                # Set by the program itself, after the start.
                self.program(STOCK.format("constants.HF_HUB_DISABLE_XET = True", "acme/two"), HF_HUB_DISABLE_XET="0", **options)
                self.assertEqual(0, self.xet())
                self.forget()
                self.program(STOCK.format("", "acme/one"), HF_HUB_DISABLE_XET="0", **options)
                self.assertGreater(self.xet(), 0)
                self.forget()
                self.daemon.ctl("cache", "rm", "model/acme/two", "--yes", check=True)


if __name__ == "__main__":
    unittest.main()
