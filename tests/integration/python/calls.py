# SPDX-License-Identifier: Apache-2.0
"""A table of calls, made through one module (`huggingface_hub` or `hubd`): one JSON line for each, in a form in which two
modules can be compared. Runs under the interpreter of a stock version, or under one without huggingface_hub.

    python calls.py MODULE [NAME ...]        with HF_HOME, HF_ENDPOINT ... set by whoever runs it
"""
from __future__ import annotations

import dataclasses
import importlib
import json
import os
import sys
import tempfile
import types

HOME = os.path.realpath(os.environ["HF_HOME"])
COMMIT = os.environ.get("CALLS_COMMIT", "0" * 40)
CASES: dict = {}


def case(function):
    CASES[function.__name__] = function
    return function


def add(name, function):
    CASES[name] = function


def plain(value):
    """A value without what differs between two runs: the folder, and where in memory it is."""
    if isinstance(value, str):
        text = value.replace(os.path.realpath(LOCAL), "LOCAL").replace(HOME, "HOME")
        return [type(value).__name__, text, getattr(value, "resolved", None)] if type(value) is not str else text
    if isinstance(value, os.PathLike):
        return ["path", plain(os.fspath(value))]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, dict) and not dataclasses.is_dataclass(value):
        return {str(key): plain(value[key]) for key in sorted(value, key=str)}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted((plain(item) for item in value), key=repr)
    if isinstance(value, types.GeneratorType) or hasattr(value, "__next__"):
        return ["iterator"] + [plain(item) for item in value]
    if isinstance(value, Exception):
        return [type(value).__name__]
    if hasattr(value, "__dict__"):
        hidden = {"blob_last_accessed", "blob_last_modified", "last_accessed", "last_modified"} if "Cached" in type(
            value).__name__ else set()
        fields = {name: plain(field) for name, field in sorted(vars(value).items())
                  if not name.startswith("_") and name not in hidden}
        return [type(value).__name__, fields]
    return [type(value).__name__, repr(value)]


def failure(error):
    bases = sorted({base.__name__ for base in type(error).__mro__} - {"object"})
    response = getattr(error, "response", None)
    return {"error": type(error).__name__, "module": type(error).__module__.partition(".")[0], "bases": bases,
            "status": getattr(response, "status_code", None)}


LOCAL = tempfile.mkdtemp(prefix="hubd-calls-")

# --- files ---
add("file", lambda m: m.hf_hub_download("acme/model", "config.json"))
add("file subfolder", lambda m: m.hf_hub_download("acme/model", "vocab.txt", subfolder="sub/dir"))
add("file tag", lambda m: m.hf_hub_download("acme/model", "config.json", revision="v1"))
add("file branch", lambda m: m.hf_hub_download("acme/model", "dev.txt", revision="dev/x"))
add("file pull request", lambda m: m.hf_hub_download("acme/model", "pr.txt", revision="refs/pr/1"))
add("file commit", lambda m: m.hf_hub_download("acme/model", "config.json", revision=COMMIT))
add("file lfs", lambda m: m.hf_hub_download("acme/model", "onnx/model.onnx"))
add("file empty", lambda m: m.hf_hub_download("acme/model", "empty.txt"))
add("file dataset", lambda m: m.hf_hub_download("acme/data", "data/train.csv", repo_type="dataset"))
add("file space", lambda m: m.hf_hub_download("acme/space", "app.py", repo_type="space"))
add("file forced", lambda m: m.hf_hub_download("acme/model", "config.json", force_download=True))
add("file endpoint", lambda m: m.hf_hub_download("acme/model", "README.md", endpoint=os.environ["HF_ENDPOINT"]))
add("file cache_dir", lambda m: m.hf_hub_download("acme/model", "README.md", cache_dir=os.path.join(HOME, "hub")))
add("file local_dir", lambda m: m.hf_hub_download("acme/model", "sub/dir/vocab.txt", local_dir=LOCAL + "/one"))
add("file local_dir again", lambda m: m.hf_hub_download("acme/model", "sub/dir/vocab.txt", local_dir=LOCAL + "/one"))
add("file local only", lambda m: m.hf_hub_download("acme/model", "config.json", local_files_only=True))
add("file local only missing", lambda m: m.hf_hub_download("acme/copy", "same.safetensors", local_files_only=True))
add("file private", lambda m: m.hf_hub_download("acme/private", "config.json", token="hf_alice"))
add("file gated granted", lambda m: m.hf_hub_download("acme/gated", "config.json", token="hf_alice"))
add("file unknown repo", lambda m: m.hf_hub_download("acme/no-such", "config.json"))
add("file unknown revision", lambda m: m.hf_hub_download("acme/model", "config.json", revision="nope"))
add("file unknown commit", lambda m: m.hf_hub_download("acme/model", "config.json", revision="a" * 40))
add("file unknown", lambda m: m.hf_hub_download("acme/model", "nope.txt"))
add("file hidden", lambda m: m.hf_hub_download("acme/private", "config.json", token=False))
add("file gated", lambda m: m.hf_hub_download("acme/gated", "config.json", token="hf_bob"))
add("file disabled", lambda m: m.hf_hub_download("acme/disabled", "config.json"))
add("file no token", lambda m: m.hf_hub_download("acme/model", "config.json", token=True))
add("file bad id", lambda m: m.hf_hub_download("a--b", "config.json"))
add("file bad id parts", lambda m: m.hf_hub_download("a/b/c", "config.json"))
add("file bad type", lambda m: m.hf_hub_download("acme/model", "config.json", repo_type="thing"))
add("file leaving", lambda m: m.hf_hub_download("acme/model", "../config.json"))
add("file dry", lambda m: m.hf_hub_download("acme/copy", "same.safetensors", dry_run=True))
add("file dry cached", lambda m: m.hf_hub_download("acme/model", "config.json", dry_run=True))
# --- snapshots ---
add("snapshot", lambda m: m.snapshot_download("acme/model"))
add("snapshot again", lambda m: m.snapshot_download("acme/model"))
add("snapshot commit", lambda m: m.snapshot_download("acme/model", revision=COMMIT))
add("snapshot tag", lambda m: m.snapshot_download("acme/model", revision="v1"))
add("snapshot patterns", lambda m: m.snapshot_download("acme/copy", allow_patterns=["*.json"], ignore_patterns="x*"))
add("snapshot dataset", lambda m: m.snapshot_download("acme/data", repo_type="dataset", max_workers=2))
add("snapshot local_dir", lambda m: (m.snapshot_download("acme/model", local_dir=LOCAL + "/all", allow_patterns="sub/*"),
                                     sorted(os.listdir(LOCAL + "/all"))))
add("snapshot local only", lambda m: m.snapshot_download("acme/model", local_files_only=True))
add("snapshot local only missing", lambda m: m.snapshot_download("acme/many", local_files_only=True))
add("snapshot dry", lambda m: sorted(m.snapshot_download("acme/data", repo_type="dataset", dry_run=True),
                                     key=lambda info: info.filename))
add("snapshot unknown repo", lambda m: m.snapshot_download("acme/no-such"))
add("snapshot unknown revision", lambda m: m.snapshot_download("acme/model", revision="nope"))
add("snapshot hidden", lambda m: m.snapshot_download("acme/private", token=False))
add("snapshot bad type", lambda m: m.snapshot_download("acme/model", repo_type="thing"))
# --- the cache ---
add("cached", lambda m: m.try_to_load_from_cache("acme/model", "config.json"))
add("cached not", lambda m: m.try_to_load_from_cache("acme/model", "nothing.txt"))
add("cached other repo", lambda m: m.try_to_load_from_cache("acme/never", "config.json"))
add("scan", lambda m: (lambda info: {
    "size": info.size_on_disk, "warnings": len(info.warnings),
    "repos": sorted([repo.repo_id, repo.repo_type, str(repo.repo_path).replace(HOME, "HOME"), sorted(repo.refs)]
                    for repo in info.repos if repo.repo_id in ("acme/model", "acme/data", "acme/space")),
    "files": sorted(str(file.file_path).replace(HOME, "HOME") for repo in info.repos if repo.repo_id == "acme/data"
                    for revision in repo.revisions for file in revision.files)})(m.scan_cache_dir()))
add("scan nothing", lambda m: m.scan_cache_dir(HOME + "/no-such-folder"))
add("cached tree", lambda m: sorted(map(plain, m.get_cached_repo_tree("acme/model")), key=repr))
add("cached tree missing", lambda m: m.get_cached_repo_tree("acme/never"))
# --- one request each ---
add("url", lambda m: m.hf_hub_url("acme/data", "a b/ü.txt", subfolder="s", repo_type="dataset", revision="refs/pr/1"))
add("url bad type", lambda m: m.hf_hub_url("acme/data", "x", repo_type="thing"))
add("metadata", lambda m: m.get_hf_file_metadata(m.hf_hub_url("acme/model", "config.json")))
add("metadata lfs", lambda m: (lambda found: [found.commit_hash, found.etag, found.size])(
    m.get_hf_file_metadata(m.hf_hub_url("acme/model", "model.safetensors"))))
add("metadata missing", lambda m: m.get_hf_file_metadata(m.hf_hub_url("acme/model", "nope")))
add("files", lambda m: m.list_repo_files("acme/model"))
add("files revision", lambda m: m.list_repo_files("acme/model", revision="dev/x"))
add("files many", lambda m: m.list_repo_files("acme/many"))
add("files unknown", lambda m: m.list_repo_files("acme/no-such"))
add("tree", lambda m: list(m.list_repo_tree("acme/model")))
add("tree recursive", lambda m: list(m.list_repo_tree("acme/model", recursive=True)))
add("tree folder", lambda m: list(m.list_repo_tree("acme/model", "sub", recursive=True)))
add("tree expanded", lambda m: list(m.list_repo_tree("acme/model", expand=True)))
add("tree unknown folder", lambda m: list(m.list_repo_tree("acme/model", "nope")))
add("paths", lambda m: sorted(map(plain, m.get_paths_info("acme/model", ["config.json", "sub", "nope"])), key=repr))
add("paths one", lambda m: m.get_paths_info("acme/data", "data/big.bin", repo_type="dataset", expand=True))
add("info model", lambda m: m.model_info("acme/model"))
add("info revision", lambda m: m.model_info("acme/model", revision="v1", files_metadata=True))
add("info expand", lambda m: m.model_info("acme/model", expand=["sha", "tags"]))
add("info expand and files", lambda m: m.model_info("acme/model", expand=["sha"], files_metadata=True))
add("info dataset", lambda m: m.dataset_info("acme/data"))
add("info space", lambda m: m.space_info("acme/space"))
add("info by type", lambda m: m.repo_info("acme/data", repo_type="dataset"))
add("info bad type", lambda m: m.repo_info("acme/data", repo_type="thing"))
add("info unknown", lambda m: m.model_info("acme/no-such"))
add("info unknown revision", lambda m: m.model_info("acme/model", revision="nope"))
add("info hidden", lambda m: m.model_info("acme/private", token=False))
add("info private", lambda m: m.model_info("acme/private", token="hf_alice"))
add("info bad token", lambda m: m.model_info("acme/model", token="hf_wrong"))
add("refs", lambda m: m.list_repo_refs("acme/model"))
add("refs pull requests", lambda m: m.list_repo_refs("acme/model", include_pull_requests=True))
add("commits", lambda m: m.list_repo_commits("acme/model"))
add("commits formatted", lambda m: m.list_repo_commits("acme/model", revision="v1", formatted=True))
add("exists", lambda m: [m.repo_exists("acme/model"), m.repo_exists("acme/no-such"), m.repo_exists("acme/gated"),
                         m.revision_exists("acme/model", "v1"), m.revision_exists("acme/model", "nope"),
                         m.revision_exists("acme/no-such", "v1"), m.file_exists("acme/model", "config.json"),
                         m.file_exists("acme/model", "nope"), m.file_exists("acme/no-such", "config.json"),
                         m.file_exists("acme/data", "data/big.bin", repo_type="dataset")])
add("file exists gated", lambda m: m.file_exists("acme/gated", "config.json", token="hf_bob"))
add("resolve", lambda m: m.resolve_revision("acme/model", revision="v1"))
add("resolve main", lambda m: m.resolve_revision("acme/model"))
add("resolve commit", lambda m: m.resolve_revision("acme/model", revision=COMMIT))
add("resolve unknown", lambda m: m.resolve_revision("acme/model", revision="nope"))
add("resolve offline", lambda m: m.resolve_revision("acme/model", local_files_only=True))
add("resolve offline unknown", lambda m: m.resolve_revision("acme/never", local_files_only=True))
add("whoami", lambda m: m.whoami(token="hf_alice"))
add("whoami nobody", lambda m: m.whoami())
add("whoami wrong", lambda m: m.whoami(token="hf_wrong"))
add("auth check", lambda m: m.auth_check("acme/model"))
add("auth check gated", lambda m: m.auth_check("acme/gated", token="hf_bob"))
add("auth check unknown", lambda m: m.auth_check("acme/no-such"))
add("models", lambda m: sorted(info.id for info in m.list_models()))
add("models author", lambda m: sorted(info.id for info in m.list_models(author="acme", limit=3)))
add("models search", lambda m: [plain(info) for info in m.list_models(search="many")])
add("models expand and full", lambda m: list(m.list_models(expand=["sha"], full=True)))
add("datasets", lambda m: sorted(info.id for info in m.list_datasets(author="acme")))
add("spaces", lambda m: sorted(info.id for info in m.list_spaces(author="acme")))
add("token none", lambda m: m.get_token())
# --- tokens ---
add("login wrong", lambda m: m.login(token="hf_wrong"))
add("login", lambda m: m.login(token="hf_alice"))
add("login token", lambda m: [m.get_token(), sorted(os.listdir(HOME)).count("stored_tokens"),
                              open(HOME + "/stored_tokens").read(), oct(os.stat(HOME + "/token").st_mode)])
add("login whoami", lambda m: m.whoami()["name"])
add("switch unknown", lambda m: m.auth_switch("nope"))
add("logout", lambda m: (m.logout(), m.get_token(), sorted(os.listdir(HOME)).count("token")))


def main() -> int:
    module = importlib.import_module(sys.argv[1])
    wanted = sys.argv[2:]
    for name, function in CASES.items():
        if wanted and name not in wanted:
            continue
        try:
            outcome = {"value": plain(function(module))}
        except AttributeError as error:
            outcome = {"absent": str(error)} if "huggingface_hub has no attribute" in str(error) else failure(error)
        except Exception as error:
            outcome = failure(error)
            if os.environ.get("CALLS_TRACE"):
                import traceback

                traceback.print_exc()
        print(json.dumps({"name": name, **outcome}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
