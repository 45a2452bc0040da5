# SPDX-License-Identifier: Apache-2.0
"""The memory of hubd while a hundred Xet files move at once, with the default ceiling (memory.max)."""
import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from harness import HANG, ProofCase, sha256  # noqa: E402

MIB = 1 << 20
FILES = 100
SIZE = 6_000_000
XET = {"HF_HUB_DISABLE_XET": "0"}


class Memory(ProofCase):
    def test_a_hundred_files_in_flight_stay_below_512_mib(self):
        repos = [{"id": f"acme/{name}", "commits": [{"files": [
            {"path": "part-{}.bin", "count": FILES // 2, "size": SIZE, "random_seed": seed, "xet": True}]}]} for name, seed in (("a", 2), ("b", 3))]
        hub = self.hub({"repos": repos})
        # One transfer moves 64 files at most, so two of them; and more connections than by default, each with its buffers.
        hubd = self.hubd(hub.url, env=XET, config=f"[transfer]\nfiles_in_flight = {FILES}\n[network]\nconnections_total = 256\nconnections_per_host = 256\n")
        hub.call("POST", "/_localhub/knobs", {"throttle": 150_000})  # bytes per second and connection: all files begin before one ends
        running = [hubd.ctl_start("download", repo["id"], env=XET) for repo in repos]
        partials = hubd.cache.parent / "hubd/partials"
        at_once = 0
        deadline = time.monotonic() + HANG
        while at_once < FILES and any(one.poll() is None for one in running) and time.monotonic() < deadline:
            at_once = max(at_once, len(list(partials.glob("*.partial"))))
            time.sleep(0.02)
        hub.call("POST", "/_localhub/knobs", {"throttle": 0})
        for one in running:
            out, err = one.communicate(timeout=HANG * 3)
            self.assertEqual(0, one.returncode, out + err)
        self.assertEqual(FILES, at_once, "files in flight")
        status = hubd.rpc("Admin", "Status", {})[1]
        self.assertEqual((str(FILES), "0"), (status["xetFiles"], status.get("xetFallbacks", "0")))
        lines = pathlib.Path(f"/proc/{hubd.process.pid}/status").read_text().splitlines()
        peak = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024
        print(f"peak RSS {peak // MIB} MiB", file=sys.stderr)
        self.assertLessEqual(peak, 512 * MIB)
        for repo in repos:
            truth = {e["path"]: e["lfs"]["oid"] for e in hub.call("GET", f"/api/models/{repo['id']}/tree/main")}
            snapshot = next(hubd.cache.glob("models--" + repo["id"].replace("/", "--") + "/snapshots/*"))
            for name in ("part-0.bin", "part-27.bin", f"part-{FILES // 2 - 1}.bin"):
                self.assertEqual(truth[name], sha256(snapshot / name))


if __name__ == "__main__":
    unittest.main()
