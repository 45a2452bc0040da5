# SPDX-License-Identifier: Apache-2.0
"""What a stock huggingface_hub does with a Hub. Run by stock_python_test.py under each version, HF_ENDPOINT set."""
import hashlib
import io
import os
import pathlib
import random
import tempfile
import unittest

import huggingface_hub
from huggingface_hub import CommitOperationAdd, CommitOperationCopy, CommitOperationDelete, HfApi, HfFileSystem
from huggingface_hub import hf_hub_download, snapshot_download
from huggingface_hub.utils import (DisabledRepoError, EntryNotFoundError, GatedRepoError, HfHubHTTPError,
                                   RepositoryNotFoundError, RevisionNotFoundError)

MAJOR = int(huggingface_hub.__version__.split(".")[0])
ENDPOINT = os.environ["HF_ENDPOINT"]
ALICE, BOB, READER = "hf_alice", "hf_bob", "hf_reader"


def sha256(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


def noise(size, seed):
    return random.Random(seed).randbytes(size)


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.cache = folder.name + "/cache"
        self.folder = pathlib.Path(folder.name)
        self.api = HfApi(endpoint=ENDPOINT, token=False)
        self.alice = HfApi(endpoint=ENDPOINT, token=ALICE)
        self.bob = HfApi(endpoint=ENDPOINT, token=BOB)


class Reading(Case):
    def get(self, *args, **kwargs):
        return pathlib.Path(hf_hub_download(*args, cache_dir=self.cache, **{"token": False, **kwargs}))

    def test_regular_and_lfs_files(self):
        self.assertEqual("{\"revision\": 2}", self.get("acme/model", "config.json").read_text())
        model = self.get("acme/model", "model.bin")
        self.assertEqual(3_000_000, model.stat().st_size)
        # The blob's name is the etag: the sha256 of an LFS file, the git blob id of a regular one.
        self.assertEqual(sha256(model), model.resolve().name)
        text = b"{\"revision\": 2}"
        self.assertEqual(hashlib.sha1(b"blob %d\0" % len(text) + text).hexdigest(),
                         self.get("acme/model", "config.json").resolve().name)
        self.assertEqual("odd name", self.get("acme/model", "sub dir/näme+1 #.txt").read_text())
        self.assertEqual(400_000, self.get("acme/model", "table.bin", subfolder="sub/deep").stat().st_size)
        self.assertEqual("{\"bare\": true}", self.get("bare", "config.json").read_text())
        self.assertEqual("{\"a\": 1}\n", self.get("acme/data", "train.jsonl", repo_type="dataset").read_text())
        self.assertEqual("<p>hi</p>", self.get("acme/app", "index.html", repo_type="space").read_text())

    def test_revisions(self):
        for revision, text in (("v1", 1), ("main", 2), ("1" * 40, 1), ("feat/x", 1), ("refs/pr/1", 2), ("refs/heads/main", 2)):
            self.assertEqual("{\"revision\": %d}" % text, self.get("acme/model", "config.json", revision=revision).read_text())
        self.assertEqual("pr", self.get("acme/model", "pr.txt", revision="refs/pr/1").read_text())
        self.assertEqual("branch", self.get("acme/model", "branch.txt", revision="feat/x").read_text())
        self.assertEqual("1" * 40, self.api.model_info("acme/model", revision="11111111").sha)

    def test_snapshot(self):
        folder = pathlib.Path(snapshot_download("acme/model", cache_dir=self.cache, token=False))
        names = sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if not p.is_dir())
        self.assertEqual([".gitattributes", "README.md", "config.json", "model.bin", "sub dir/näme+1 #.txt", "sub/deep/table.bin"], names)
        self.assertEqual(self.api.model_info("acme/model").sha, folder.name)
        data = pathlib.Path(snapshot_download("acme/data", repo_type="dataset", cache_dir=self.cache, token=False))
        self.assertEqual(130, len(list((data / "many").iterdir())))
        some = pathlib.Path(snapshot_download("acme/model", revision="v1", allow_patterns="*.json", token=False,
                                              local_dir=self.folder / "local"))
        self.assertEqual("{\"revision\": 1}", (some / "config.json").read_text())

    def test_infos(self):
        info = self.api.model_info("acme/model", files_metadata=True)
        sizes = {s.rfilename: (s.size, s.lfs.sha256 if s.lfs else None) for s in info.siblings}
        self.assertEqual(3_000_000, sizes["model.bin"][0])
        self.assertEqual(64, len(sizes["model.bin"][1]))
        self.assertIsNone(sizes["config.json"][1])
        self.assertEqual(("acme", False, "transformers", "mit"), (info.author, info.private, info.library_name, info.card_data.license))
        self.assertIn("tiny", info.tags)
        self.assertEqual("acme/data", self.api.dataset_info("acme/data").id)
        self.assertEqual("static", self.api.space_info("acme/app").sdk)
        self.assertEqual("manual", self.api.model_info("acme/gated").gated)
        self.assertEqual(info.sha, self.api.model_info("acme/model", expand=["sha", "siblings"]).sha)
        self.assertTrue(self.api.repo_exists("acme/gated"))
        self.assertFalse(self.api.repo_exists("acme/nothing"))
        self.assertTrue(self.api.revision_exists("acme/model", "refs/pr/1"))
        self.assertFalse(self.api.revision_exists("acme/model", "nope"))
        self.assertTrue(self.api.file_exists("acme/model", "sub/deep/table.bin"))
        self.assertFalse(self.api.file_exists("acme/model", "sub/deep/none.bin"))
        self.assertEqual({"acme/data"}, {d.id for d in self.api.list_datasets(author="acme")})
        self.assertIn("acme/model", {m.id for m in self.api.list_models(search="mod")})

    def test_tree(self):
        entries = {e.path: e for e in self.api.list_repo_tree("acme/data", repo_type="dataset", recursive=True)}
        self.assertEqual(132, len(entries))  # 130 + train.jsonl + the directory: 19 pages
        expanded = {e.path: e for e in self.api.list_repo_tree("acme/model", recursive=True, expand=True)}
        self.assertEqual("second", expanded["config.json"].last_commit.title)
        self.assertEqual("first", expanded["model.bin"].last_commit.title)
        self.assertEqual("first", expanded["sub"].last_commit.title)
        model = expanded["model.bin"]
        pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize 3000000\n" % model.lfs.sha256
        self.assertEqual((len(pointer), hashlib.sha1(b"blob %d\0" % len(pointer) + pointer.encode()).hexdigest()),
                         (model.lfs.pointer_size, model.blob_id))
        self.assertEqual({"sub/deep"}, {e.path for e in self.api.list_repo_tree("acme/model", "sub")})
        with self.assertRaises(EntryNotFoundError):
            list(self.api.list_repo_tree("acme/model", "config.json"))
        infos = self.api.get_paths_info("acme/model", ["config.json", "sub", "missing", "sub dir/näme+1 #.txt"])
        self.assertEqual({"config.json", "sub", "sub dir/näme+1 #.txt"}, {i.path for i in infos})

    def test_refs_and_commits(self):
        refs = self.api.list_repo_refs("acme/model", include_pull_requests=True)
        self.assertEqual({"main", "feat/x"}, {b.name for b in refs.branches})
        self.assertEqual(["refs/tags/v1"], [t.ref for t in refs.tags])
        self.assertEqual("1" * 40, refs.tags[0].target_commit)
        self.assertEqual(["refs/pr/1"], [p.ref for p in refs.pull_requests])
        self.assertEqual(["parquet"], [c.name for c in self.api.list_repo_refs("acme/data", repo_type="dataset").converts])
        self.assertEqual(["second", "first"], [c.title for c in self.api.list_repo_commits("acme/model")])

    def test_errors_by_class(self):
        cases = [("acme/nothing", "x", None, RepositoryNotFoundError), ("acme/private", "config.json", None, RepositoryNotFoundError),
                 ("acme/model", "nothing.txt", None, EntryNotFoundError), ("acme/model", "config.json", "nope", RevisionNotFoundError),
                 ("acme/gated", "config.json", None, GatedRepoError), ("acme/gated", "w.bin", None, GatedRepoError)]
        for token in (False, BOB):
            for repo, name, revision, error in cases:
                if token == BOB and repo == "acme/gated":
                    self.assertTrue(self.get(repo, name, token=BOB).exists())
                    continue
                with self.assertRaises(error, msg=(repo, name, token)) as caught:
                    self.get(repo, name, revision=revision, token=token)
                if error is not GatedRepoError:
                    self.assertNotIsInstance(caught.exception, GatedRepoError)
        with self.assertRaises(GatedRepoError) as caught:
            self.api.auth_check("acme/gated")
        self.assertIn("Please log in.", str(caught.exception))
        with self.assertRaises(RepositoryNotFoundError) as caught:
            self.bob.model_info("acme/nothing")
        self.assertTrue(caught.exception.response.headers["X-Request-Id"])
        with self.assertRaises(DisabledRepoError):
            self.api.model_info("acme/disabled")
        with self.assertRaises(HfHubHTTPError) as caught:
            HfApi(endpoint=ENDPOINT, token="hf_wrong").model_info("acme/model")
        self.assertEqual(401, caught.exception.response.status_code)
        # The negative cache entry needs the commit on the EntryNotFound answer.
        self.assertTrue(list(pathlib.Path(self.cache).rglob(".no_exist/*/nothing.txt")))

    def test_renamed(self):
        self.assertEqual("{\"revision\": 2}", self.get("acme/old-name", "config.json").read_text())
        self.assertEqual(3_000_000, self.get("acme/old-name", "model.bin").stat().st_size)
        self.assertEqual("acme/model", self.api.model_info("acme/old-name").id)
        self.assertEqual("acme/data", self.api.dataset_info("acme/old-data").id)

    def test_whoami(self):
        me = self.alice.whoami()
        self.assertEqual(("alice", ["acme"], "write"), (me["name"], [o["name"] for o in me["orgs"]], me["auth"]["accessToken"]["role"]))
        with self.assertRaisesRegex(Exception, "Invalid user token"):  # 0.36: an error of requests
            HfApi(endpoint=ENDPOINT, token="hf_wrong").whoami()

    def test_file_system(self):
        files = HfFileSystem(endpoint=ENDPOINT, token=False)
        self.assertIn("acme/model/config.json", files.ls("acme/model", detail=False))
        with files.open("acme/model/model.bin", "rb", block_size=100_000) as file:
            file.seek(1_234_567)
            part = file.read(1000)
        self.assertEqual(self.get("acme/model", "model.bin").read_bytes()[1_234_567:1_235_567], part)


class Writing(Case):
    def setUp(self):
        super().setUp()
        self.repo = "alice/" + self._testMethodName.replace("test_", "").replace("_", "-")
        self.addCleanup(self.alice.delete_repo, self.repo, missing_ok=True)

    def content(self, name, **kwargs):
        return pathlib.Path(hf_hub_download(self.repo, name, cache_dir=self.cache, token=ALICE, **kwargs)).read_bytes()

    def test_create_and_delete(self):
        url = self.alice.create_repo(self.repo)
        self.assertEqual((self.repo, "model"), (url.repo_id, url.repo_type))
        self.assertEqual(["initial commit"], [c.title for c in self.alice.list_repo_commits(self.repo)])
        self.assertEqual(1519, len(self.content(".gitattributes")))
        with self.assertRaises(HfHubHTTPError):
            self.alice.create_repo(self.repo)
        self.assertEqual(self.repo, self.alice.create_repo(self.repo, exist_ok=True).repo_id)
        self.alice.delete_repo(self.repo)
        with self.assertRaises(RepositoryNotFoundError):
            self.alice.model_info(self.repo)
        with self.assertRaises(RepositoryNotFoundError) as caught:
            self.alice.delete_repo(self.repo)
        self.assertIn("Repository Not Found", str(caught.exception))
        with self.assertRaises(HfHubHTTPError):
            self.bob.create_repo("acme/not-mine")
        with self.assertRaises(HfHubHTTPError):
            HfApi(endpoint=ENDPOINT, token=READER).create_repo("acme/read-only")

    def test_private_and_moved(self):
        self.alice.create_repo(self.repo, private=True)
        with self.assertRaises(RepositoryNotFoundError):
            self.bob.model_info(self.repo)
        self.alice.update_repo_settings(self.repo, **({"visibility": "public"} if MAJOR >= 2 else {"private": False}))
        self.assertFalse(self.bob.model_info(self.repo).private)
        self.alice.update_repo_settings(self.repo, gated="auto")
        self.assertEqual("auto", self.bob.model_info(self.repo).gated)
        self.alice.move_repo(self.repo, "acme/moved")
        self.addCleanup(self.alice.delete_repo, "acme/moved")
        self.assertEqual("acme/moved", self.bob.model_info(self.repo).id)

    def test_upload_files(self):
        self.alice.create_repo(self.repo)
        big, small = noise(1_300_001, 1), b"{\"a\": 1}"
        self.alice.upload_file(path_or_fileobj=small, path_in_repo="config.json", repo_id=self.repo)
        done = self.alice.upload_file(path_or_fileobj=io.BytesIO(big), path_in_repo="weights/m.safetensors", repo_id=self.repo,
                                      commit_message="big one", commit_description="by parts")
        self.assertEqual(done.oid, self.alice.model_info(self.repo).sha)
        self.assertEqual(small, self.content("config.json"))
        self.assertEqual(big, self.content("weights/m.safetensors"))
        info = {e.path: e for e in self.alice.list_repo_tree(self.repo, recursive=True)}
        self.assertEqual(hashlib.sha256(big).hexdigest(), info["weights/m.safetensors"].lfs.sha256)
        self.assertIsNone(info["config.json"].lfs)
        # The same bytes again change nothing.
        self.assertEqual(done.oid, self.alice.upload_file(path_or_fileobj=big, path_in_repo="weights/m.safetensors", repo_id=self.repo).oid)
        # Not covered by a pattern: the commit adds its own line.
        self.alice.upload_file(path_or_fileobj=noise(3000, 2), path_in_repo="odd.xyz", repo_id=self.repo)
        self.assertIn(b"odd.xyz filter=lfs", self.content(".gitattributes"))
        with self.assertRaises(HfHubHTTPError):
            self.bob.upload_file(path_or_fileobj=b"x", path_in_repo="x.txt", repo_id=self.repo)

    def test_upload_folder(self):
        self.alice.create_repo(self.repo, repo_type="dataset")
        self.addCleanup(self.alice.delete_repo, self.repo, repo_type="dataset")
        source = self.folder / "source"
        wanted = {"README.md": b"---\nlicense: mit\n---\nhi\n", "a/text.txt": b"text", "a/data.parquet": noise(5000, 3),
                  "b/empty.txt": b"", "b/same.bin": noise(700_000, 4), "c/same-again.bin": noise(700_000, 4), ".gitignore": b"*.tmp\n",
                  "left/out.tmp": b"never"}
        for name, content in wanted.items():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes(content)
        self.alice.upload_folder(folder_path=source, repo_id=self.repo, repo_type="dataset")
        del wanted["left/out.tmp"]
        folder = pathlib.Path(snapshot_download(self.repo, repo_type="dataset", cache_dir=self.cache, token=ALICE))
        got = {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
        got.pop(".gitattributes")
        self.assertEqual(wanted, got)

    def test_commits(self):
        self.alice.create_repo(self.repo)
        first = self.alice.create_commit(self.repo, commit_message="first", operations=[
            CommitOperationAdd("old/a.txt", b"a"), CommitOperationAdd("old/b.txt", b"b"), CommitOperationAdd("m.bin", noise(2000, 5))])
        second = self.alice.create_commit(self.repo, commit_message="second", parent_commit=first.oid, operations=[
            CommitOperationDelete("old/"), CommitOperationAdd("new.txt", b"new"), CommitOperationCopy("m.bin", "copy.bin")])
        self.assertEqual({".gitattributes", "m.bin", "copy.bin", "new.txt"}, set(self.alice.list_repo_files(self.repo)))
        self.assertEqual(noise(2000, 5), self.content("copy.bin"))
        with self.assertRaises(HfHubHTTPError) as caught:
            self.alice.create_commit(self.repo, commit_message="late", parent_commit=first.oid, operations=[CommitOperationAdd("c.txt", b"c")])
        self.assertEqual(412, caught.exception.response.status_code)
        with self.assertRaises(EntryNotFoundError):
            self.alice.delete_file("nothing.txt", self.repo)
        proposal = self.bob.create_commit(self.repo, commit_message="please", create_pr=True, operations=[CommitOperationAdd("pr.txt", b"pr")])
        self.assertEqual("refs/pr/1", proposal.pr_revision)
        self.assertEqual(b"pr", self.content("pr.txt", revision="refs/pr/1"))
        self.assertEqual(second.oid, self.alice.model_info(self.repo).sha)
        self.alice.create_commit(self.repo, commit_message="more", revision="refs/pr/1", operations=[CommitOperationAdd("pr2.txt", b"2")])
        self.assertEqual(b"2", self.content("pr2.txt", revision="refs/pr/1"))
        with self.assertRaises(RevisionNotFoundError):
            self.alice.create_commit(self.repo, commit_message="x", revision="nope", operations=[CommitOperationAdd("c.txt", b"c")])
        with self.assertRaises(RepositoryNotFoundError):
            self.alice.create_commit("alice/nothing", commit_message="x", operations=[CommitOperationAdd("c.txt", b"c")])

    def test_branches_and_tags(self):
        self.alice.create_repo(self.repo)
        start = self.alice.model_info(self.repo).sha
        self.alice.upload_file(path_or_fileobj=b"1", path_in_repo="f.txt", repo_id=self.repo)
        self.alice.create_branch(self.repo, branch="feat/one", revision=start)
        self.alice.create_tag(self.repo, tag="v1", tag_message="the first")
        self.alice.create_tag(self.repo, tag="v0", revision=start[:10])
        with self.assertRaises(HfHubHTTPError) as caught:
            self.alice.create_branch(self.repo, branch="feat/one")
        self.assertEqual(409, caught.exception.response.status_code)
        self.alice.create_branch(self.repo, branch="feat/one", exist_ok=True)
        self.alice.create_tag(self.repo, tag="v1", exist_ok=True)
        with self.assertRaises(RevisionNotFoundError):
            self.alice.create_branch(self.repo, branch="other", revision="nope")
        self.alice.upload_file(path_or_fileobj=b"2", path_in_repo="f.txt", repo_id=self.repo, revision="feat/one")
        self.assertEqual((b"1", b"2", b"1"), tuple(self.content("f.txt", revision=r) for r in ("main", "feat/one", "v1")))
        self.assertEqual(start, self.alice.model_info(self.repo, revision="v0").sha)
        self.alice.delete_branch(self.repo, branch="feat/one")
        self.alice.delete_tag(self.repo, tag="v0")
        refs = self.alice.list_repo_refs(self.repo)
        self.assertEqual((["main"], ["v1"]), ([b.name for b in refs.branches], [t.name for t in refs.tags]))
        with self.assertRaises(HfHubHTTPError):
            self.alice.delete_branch(self.repo, branch="main")
        self.alice.super_squash_history(self.repo, branch="main")
        self.assertEqual(1, len(self.alice.list_repo_commits(self.repo)))
        self.assertEqual(b"1", self.content("f.txt"))

    def test_delete_patterns(self):
        self.alice.create_repo(self.repo)
        self.alice.create_commit(self.repo, commit_message="x", operations=[CommitOperationAdd("logs/%d.txt" % i, b"%d" % i) for i in range(12)])
        self.alice.delete_files(self.repo, ["logs/1*.txt"])
        self.assertEqual(10, len(self.alice.list_repo_files(self.repo)))  # 9 logs and .gitattributes
        self.alice.delete_folder("logs", self.repo)
        self.assertEqual([".gitattributes"], self.alice.list_repo_files(self.repo))


if __name__ == "__main__":
    unittest.main()
