# SPDX-License-Identifier: Apache-2.0
"""The keys that bound what hubd takes from the network, the disk and memory: each is seen at the local Hub or refused."""
import concurrent.futures
import http.client
import json
import pathlib
import resource
import shutil
import socket
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from harness import HANG, ProofCase  # noqa: E402
from probe import ensure  # noqa: E402

MIB = 1 << 20
BIG = {"repos": [{"id": "acme/big", "commits": [{"files": [{"path": "model.bin", "size": 8 * MIB, "random_seed": 1}]}]},
                 {"id": "acme/many", "commits": [{"files": [
                     {"path": "part-{}.bin", "count": 4, "size": 2_000_000, "random_seed": 2, "lfs": True}]}]}]}


class Transfers(ProofCase):
    def requests(self, hub, route: str) -> list[dict]:
        return [r for r in hub.call("GET", "/_localhub/requests?limit=4096") if r["route"] == route]

    def test_range_size_is_what_one_request_asks_for(self):
        hub = self.hub(BIG)
        hubd = self.hubd(hub.url, config='[transfer]\nrange_size = "1 MiB"\n')
        self.assertEqual(str(8 * MIB), ensure(hubd, "acme/big")["bytesFetched"])
        sizes = [r["bytes"] for r in self.requests(hub, "cdn")]
        self.assertEqual(8 * MIB, sum(sizes))
        self.assertLessEqual(max(sizes), MIB)
        self.assertGreaterEqual(len(sizes), 8)

    def in_flight(self, repo: str, config: str, name: str) -> int:
        """The most requests that the CDN had at one time."""
        hub = self.hub(BIG)
        hub.call("POST", "/_localhub/knobs", {"delay_ms": 30})
        hubd = self.hubd(hub.url, config=config, name=name)
        done = ensure(hubd, repo)
        self.assertIn("commit", done)
        return hub.counters()["in_flight_max"]

    def test_connections_of_one_file_are_bounded(self):
        config = '[transfer]\nrange_size = "65536"\nconnections_per_file = {}\n'
        self.assertEqual(1, self.in_flight("acme/big", config.format(1), "one"))
        several = self.in_flight("acme/big", config.format(4), "four")
        self.assertTrue(1 < several <= 4, several)

    def test_connections_to_one_host_and_in_total_are_bounded(self):
        config = '[network]\n{} = 2\n[transfer]\nrange_size = "65536"\nconnections_per_file = 8\n'
        for key in ("connections_per_host", "connections_total"):
            with self.subTest(key):
                self.assertTrue(1 <= self.in_flight("acme/big", config.format(key), key) <= 2)

    def test_files_of_one_transfer_are_bounded(self):
        config = "[transfer]\nfiles_in_flight = {}\nconnections_per_file = 1\n"  # of those over 1 MiB
        self.assertEqual(1, self.in_flight("acme/many", config.format(1), "one"))
        self.assertGreater(self.in_flight("acme/many", config.format(8), "eight"), 1)

    def test_memory_bounds_how_many_connections_fill_buffers(self):
        config = ('[memory]\nmax = "{}"\n[network]\nconnections_per_host = 64\n'
                  '[transfer]\nrange_size = "65536"\nconnections_per_file = 32\n')
        self.assertLessEqual(self.in_flight("acme/big", config.format("16 MiB"), "little"), 8)
        self.assertGreater(self.in_flight("acme/big", config.format("512 MiB"), "much"), 8)


class Bandwidth(ProofCase):
    def test_a_rate_is_a_ceiling_of_all_transfers_together(self):
        hub = self.hub(BIG)
        hubd = self.hubd(hub.url, config='[bandwidth]\nmax = "8 MB/s"\n')
        begun = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor() as pool:
            done = list(pool.map(lambda repo: ensure(hubd, repo), ("acme/big", "acme/many")))
        spent = time.monotonic() - begun
        fetched = sum(int(one["bytesFetched"]) for one in done)
        self.assertGreaterEqual(fetched, 8 * MIB + 2_000_000)
        self.assertLessEqual(fetched, 8e6 * spent * 1.05 + MIB)

    def test_it_is_lifted_while_a_transfer_runs(self):
        hub = self.hub(BIG)
        hubd = self.hubd(hub.url, config='[bandwidth]\nschedule = ["00:00-24:00 64 KiB/s"]\n')  # two minutes for it all
        with concurrent.futures.ThreadPoolExecutor() as pool:
            running = pool.submit(ensure, hubd, "acme/big")
            begun = time.monotonic()
            while hub.counters()["routes"].get("cdn", {}).get("requests", 0) == 0 and time.monotonic() - begun < HANG:
                self.assertFalse(running.done())
            status, change = hubd.rpc("Admin", "SetConfig", {"key": "bandwidth.schedule", "value": ""})
            self.assertEqual(200, status, change)
            self.assertFalse(change.get("restartNeeded", False))
            self.assertEqual(str(8 * MIB), running.result(HANG)["bytesFetched"])
        status, error = hubd.rpc("Admin", "SetConfig", {"key": "bandwidth.max", "value": "fast"})
        self.assertEqual(400, status)
        self.assertIn("50 MB/s", json.dumps(error))


class RateWindows(ProofCase):
    def test_nothing_goes_into_an_empty_window_and_no_client_sees_a_429(self):
        names = [f"acme/r{i}" for i in range(4)]
        hub = self.hub({"repos": [{"id": name, "commits": [{"files": [
            {"path": f"part-{k}.bin", "size": 2000, "random_seed": 10 * i + k, "lfs": True} for k in range(3)]}]}
            for i, name in enumerate(names)]})
        hub.call("POST", "/_localhub/knobs", {"rate_limits": {"api": {"q": 3, "w": 2}, "resolvers": {"q": 5, "w": 2}}})
        hubd = self.hubd(hub.url)
        with concurrent.futures.ThreadPoolExecutor() as pool:
            for done in pool.map(lambda name: ensure(hubd, name), names):
                self.assertIn("commit", done, done)
        asked = hub.call("GET", "/_localhub/requests?limit=4096")
        refused = [one for one in asked if one["status"] == 429]
        connection = http.client.HTTPConnection("localhost", timeout=HANG)
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(f"{hubd.socket}.http")
        connection.request("GET", "/metrics")
        self.assertIn("# TYPE hubd_rate_window_remaining gauge", connection.getresponse().read().decode())
        connection.close()
        # 8 API requests and 12 files: without the budget every round of all clients would be refused again.
        self.assertLessEqual(len(refused), 12, refused)
        self.assertEqual(20, len([one for one in asked if one["route"] != "cdn" and one["status"] < 400]))


class Waiting(ProofCase):
    def test_a_silent_hub_ends_the_call_after_the_timeouts(self):
        hub = self.hub(BIG)
        hubd = self.hubd(hub.url, config="[metadata]\ntimeout_seconds = 1\n[network]\nprogress_timeout_seconds = 1\n")
        hub.faults({"match": {"route": ["revision", "tree"]}, "action": {"type": "silent"}})
        error = ensure(hubd, "acme/big")
        self.assertEqual("ERROR_KIND_STALLED", error.get("kind"), error)
        self.assertIn(hub.url.removeprefix("http://"), error["message"] + error.get("host", ""))
        hub.clear_faults()
        self.assertIn("commit", ensure(hubd, "acme/big"))

    def test_a_branch_is_asked_again_only_when_its_answer_is_old(self):
        hub = self.hub(BIG)
        hubd = self.hubd(hub.url, config="[metadata]\nbranch_max_age_seconds = 3600\n")
        ensure(hubd, "acme/big")
        before = hub.counters()["total"]["requests"]
        self.assertNotIn("requests", ensure(hubd, "acme/big"))
        self.assertEqual(before, hub.counters()["total"]["requests"])
        hubd.rpc("Admin", "SetConfig", {"key": "metadata.branch_max_age_seconds", "value": "0"})
        self.assertEqual("1", ensure(hubd, "acme/big")["requests"])
        self.assertEqual(before + 1, hub.counters()["total"]["requests"])

    def test_a_hub_that_is_away_is_waited_for_once_and_not_by_every_caller(self):
        hub = self.hub(BIG)
        hubd = self.hubd(hub.url, config="[metadata]\nbranch_max_age_seconds = 3600\ntimeout_seconds = 2\n")
        ensure(hubd, "acme/big")
        hubd.stop()
        hub.faults({"match": {"route": ["revision", "tree", "paths-info"]}, "action": {"type": "silent"}})
        hub.reset()
        hubd.start()
        answers = [ensure(hubd, "acme/big") for _ in range(12)]
        self.assertTrue(all(a.get("stale") and "could not be asked" in a["warning"] for a in answers), answers)
        self.assertEqual(1, hub.counters()["total"]["requests"])

    def test_prefer_local_asks_only_for_what_is_not_here(self):
        hub = self.hub(BIG)
        hubd = self.hubd(hub.url, config='[network]\nmode = "prefer-local"\n[metadata]\nbranch_max_age_seconds = 0\n')
        ensure(hubd, "acme/big")
        before = hub.counters()["total"]["requests"]
        self.assertGreater(before, 0)
        self.assertIn("commit", ensure(hubd, "acme/big"))
        self.assertEqual(before, hub.counters()["total"]["requests"])


class Descriptors(ProofCase):
    def test_the_soft_limit_is_raised_as_far_as_the_hard_one_allows(self):
        for hard, wanted in ((4096, 4096), (resource.getrlimit(resource.RLIMIT_NOFILE)[1], 65536)):
            with self.subTest(hard=hard):
                prefix = ("sh", "-c", f'ulimit -Sn 512; ulimit -Hn {hard}; exec "$@"', "sh")
                hubd = self.hubd("http://127.0.0.1:9", name=f"hard{hard}", prefix=prefix)
                limits = pathlib.Path(f"/proc/{hubd.process.pid}/limits").read_text()
                soft = next(line.split()[3] for line in limits.splitlines() if line.startswith("Max open files"))
                self.assertEqual(min(wanted, hard) if hard >= 0 else wanted, int(soft))


class Disk(ProofCase):
    def test_the_free_floor_is_kept_and_may_be_lowered_while_hubd_runs(self):
        hub = self.hub(BIG)
        free = shutil.disk_usage(self.folder).free
        hubd = self.hubd(hub.url, config=f'[disk]\nfree_floor = "{free + (1 << 40)}"\n')
        plan = hubd.rpc("Downloads", "Plan", {"repo": {"id": "acme/big"}})[1]
        self.assertFalse(plan.get("fits", False))
        error = ensure(hubd, "acme/big")
        self.assertEqual("ERROR_KIND_DISK_FULL", error.get("kind"), error)
        self.assertEqual(0, hub.counters()["routes"].get("cdn", {}).get("bytes", 0))
        hubd.rpc("Admin", "SetConfig", {"key": "disk.free_floor", "value": "0"})
        self.assertEqual(str(8 * MIB), ensure(hubd, "acme/big")["bytesFetched"])


class Metrics(ProofCase):
    def test_metrics_and_status_count_what_went_over_the_wire(self):
        hub = self.hub(BIG)
        hubd = self.hubd(hub.url)
        ensure(hubd, "acme/big")
        connection = http.client.HTTPConnection("localhost", timeout=HANG)
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(f"{hubd.socket}.http")
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        connection.close()
        counted = dict(line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#"))
        requests = hub.counters()["total"]["requests"]
        self.assertEqual(str(requests), counted["hubd_upstream_requests_total"])
        self.assertGreaterEqual(int(counted["hubd_upstream_received_bytes_total"]), 8 * MIB)
        self.assertEqual(str(8 * MIB), counted["hubd_published_bytes_total"])
        self.assertEqual(str(requests), hubd.rpc("Admin", "Status", {})[1]["requests"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
