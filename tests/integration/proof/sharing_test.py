# SPDX-License-Identifier: Apache-2.0
"""Once per host: many clients, foreign writers, kill -9."""
import json
import os
import pathlib
import random
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import HANG, ProofCase, clean_env, content, stock_python  # noqa: E402

SEED = {"repos": [{"id": "acme/model", "commits": [{"files": [
    {"path": "config.json", "text": "{}"}, {"path": "tokenizer/{}.txt", "count": 20, "size": 300, "random_seed": 5, "lfs": False},
    {"path": "a.safetensors", "size": 20_000_000, "random_seed": 1},
    {"path": "b.safetensors", "size": 5_000_000, "random_seed": 2}]}]}]}
BYTES = 25_000_000


def leftovers(cache: pathlib.Path) -> list[str]:
    return [str(p) for p in cache.rglob("*") if p.name.endswith((".incomplete", ".tmp", ".shared"))]


class Sharing(ProofCase):
    def test_thirty_two_clients_cost_the_hub_one(self):
        hub = self.hub(SEED)
        alone = self.hubd(hub.url, name="alone")
        alone.ctl("download", "acme/model", check=True)
        one = hub.counters()
        hub.reset()
        hubd = self.hubd(hub.url)
        clients = [hubd.ctl_start("download", "acme/model", "--quiet") for _ in range(32)]
        paths = set()
        for client in clients:
            out, err = client.communicate(timeout=HANG)
            self.assertEqual(0, client.returncode, err)
            paths.add(out.strip())
        self.assertEqual(1, len(paths))
        many = hub.counters()
        self.assertEqual(one["routes"]["cdn"]["bytes"], many["routes"]["cdn"]["bytes"])
        for route in ("revision", "tree", "resolve-get", "resolve-cache"):
            self.assertEqual(one["routes"].get(route, {}).get("requests"), many["routes"].get(route, {}).get("requests"), route)
        self.assertEqual(BYTES, many["routes"]["cdn"]["bytes"])

    def test_what_is_known_costs_nothing(self):
        hub = self.hub(SEED)
        hubd = self.hubd(hub.url)
        done = json.loads(hubd.ctl("download", "acme/model", "--json", check=True).stdout)
        commit = pathlib.Path(done["path"]).name
        hub.reset()
        hubd.ctl("download", "acme/model", "--revision", commit, check=True)
        self.assertEqual(0, hub.counters()["total"]["requests"])
        for _ in range(3):
            hubd.ctl("download", "acme/model", check=True)
        self.assertLessEqual(hub.counters()["total"]["requests"], 1)
        # Also after a restart, and with the Hub gone.
        hubd.stop()
        hub.close()
        hubd.start()
        hubd.ctl("download", "acme/model", "--revision", commit, check=True)
        stale = hubd.ctl("download", "acme/model", check=True)
        self.assertIn(commit, stale.stdout)

    def test_killed_clients_change_nothing(self):
        hub = self.hub(SEED)
        hubd = self.hubd(hub.url)
        hub.faults({"match": {"route": "cdn"}, "action": {"type": "throttle", "bytes_per_second": 4_000_000}})
        clients = [hubd.ctl_start("download", "acme/model", "--quiet") for _ in range(8)]
        while hub.counters()["routes"].get("cdn", {}).get("requests", 0) == 0:
            time.sleep(0.02)
        for client in clients[1:]:
            client.kill()
            client.communicate()
        out, err = clients[0].communicate(timeout=HANG)
        self.assertEqual(0, clients[0].returncode, err)
        self.assertEqual(23, len(content(pathlib.Path(out.strip()))))
        self.assertLessEqual(hub.counters()["routes"]["cdn"]["bytes"], BYTES * 1.01)

    def test_counterpart_and_hubd_into_one_cache_at_once(self):
        rounds = 50
        hub = self.hub({"repos": [{"id": "acme/race", "commits": [{"files": [
            {"path": "config.json", "text": "{}"}, {"path": "sub/{}.txt", "count": 6, "size": 200, "random_seed": 5, "lfs": False},
            {"path": "a.bin", "size": 1_500_000, "random_seed": 1}, {"path": "b.bin", "size": 200_000, "random_seed": 2}]}]}]})
        code = ("import huggingface_hub, sys\n"
                "for line in sys.stdin:\n"
                "    print(huggingface_hub.snapshot_download('acme/race', cache_dir=line.strip(), force_download=False), flush=True)\n")
        for version in ("2.4.0", "0.36.2"):
            hubd = self.hubd(hub.url, name=f"race-{version}")
            racer = subprocess.Popen([stock_python(version), "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                     stderr=subprocess.PIPE, text=True, env={**clean_env(hubd.folder), "HF_ENDPOINT": hub.url})
            self.addCleanup(racer.kill)
            right = None
            for round_ in range(rounds):
                with self.subTest(version=version, round=round_):
                    racer.stdin.write(f"{hubd.cache}\n")
                    racer.stdin.flush()
                    ours = hubd.ctl_start("download", "acme/race", "--quiet")
                    theirs = racer.stdout.readline().strip()
                    out, err = ours.communicate(timeout=HANG)
                    self.assertEqual(0, ours.returncode, err)
                    self.assertTrue(theirs, "the stock client failed")
                    found = content(pathlib.Path(out.strip()))
                    right = right or found
                    self.assertEqual(9, len(found))
                    self.assertEqual(right, found)
                    self.assertEqual(theirs, out.strip())
                    self.assertEqual([], leftovers(hubd.cache))
                    # The next round starts cold; what is removed under hubd must be noticed.
                    subprocess.run(["rm", "-rf", str(hubd.cache / "models--acme--race")], check=True)
            racer.stdin.close()
            self.assertEqual(0, racer.wait(HANG), racer.stderr.read())

    def test_kill_9_at_random_points(self):
        kills, size = 20, 500_000_000
        hub = self.hub({"repos": [{"id": "acme/big", "commits": [{"files": [
            {"path": "big.bin", "size": size, "random_seed": 9}, {"path": "config.json", "text": "{}"}]}]}]})
        dice = random.Random(int(os.environ.get("HUBD_SEED", "20")))
        hub.call("POST", "/_localhub/knobs", {"throttle": 120_000_000})
        hubd = self.hubd(hub.url)
        done = 0
        for _ in range(kills):
            client = hubd.ctl_start("download", "acme/big", "--quiet")
            started = hub.counters()["routes"].get("cdn", {}).get("bytes", 0)
            more = dice.randrange(size // (2 * kills), int(size * 0.9) // kills)
            while client.poll() is None and hub.counters()["routes"].get("cdn", {}).get("bytes", 0) < started + more:
                time.sleep(0.01)
            hubd.kill()
            client.communicate(timeout=HANG)
            done += 1
            hubd.start()
            if client.returncode == 0:
                break
        hub.call("POST", "/_localhub/knobs", {"throttle": 0})
        path = pathlib.Path(hubd.ctl("download", "acme/big", "--quiet", check=True).stdout.strip())
        expected = hub.call("GET", "/api/models/acme/big/tree/main?recursive=true&expand=false")
        sha = next(e["lfs"]["oid"] for e in expected if e["path"] == "big.bin")
        from harness import sha256
        self.assertEqual(sha, sha256(path / "big.bin"))
        fetched = hub.counters()["routes"]["cdn"]["bytes"]
        print(f"kill -9: {done} kills, {fetched / size:.3f} x bytes", file=sys.stderr)
        self.assertLessEqual(fetched, 1.02 * size + done * (32 << 20))
        self.assertEqual([], leftovers(hubd.cache))
        state = [p for p in hubd.folder.rglob("*") if p.suffix in (".partial", ".map")]
        self.assertEqual([], state)


if __name__ == "__main__":
    unittest.main(verbosity=2)
