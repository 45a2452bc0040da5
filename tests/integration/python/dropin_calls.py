# SPDX-License-Identifier: Apache-2.0
"""The table of calls.py and what else the drop-in answers: HfApi with its own token and endpoint, hf:// paths, arguments that
are refused, texts of errors. One JSON line for each call, through an unmodified huggingface_hub.

    python dropin_calls.py huggingface_hub [NAME ...]
"""
from __future__ import annotations

import os
import re
import sys

import calls
from calls import COMMIT, LOCAL, add

ENDPOINT = os.environ["HF_ENDPOINT"]


def fs(m, **options):
    return m.HfFileSystem(skip_instance_cache=True, **options)


def read(file, *steps):
    """What a file gives for a row of (seek to, read so much)."""
    out = []
    with file:
        for where, size in steps:
            if where is not None:
                file.seek(where)
            found = file.read(size)
            out.append([len(found), str(found[:20])])
    return out


# --- files: what is refused, and where the disk answers ---
for name, arguments in {
        "two dashes": ("a--b/c", "x"), "three parts": ("a/b/c", "x"), "ends in git": ("acme/model.git", "x"),
        "no repo": (None, "x"), "dots": ("acme/model", "../x"), "inner dots": ("acme/model", "a/../../x"),
        "absolute": ("acme/model", "/etc/passwd"), "no name": ("acme/model", ""), "backslash": ("acme/model", "a\\b"),
        "space": ("acme/model", "a b"), "umlaut": ("acme/model", "\u00fc.txt")}.items():
    add("refused file, " + name, lambda m, arguments=arguments: m.hf_hub_download(*arguments))
add("refused type", lambda m: m.hf_hub_download("acme/model", "config.json", repo_type="thing"))
add("refused argument", lambda m: m.hf_hub_download("acme/model", "config.json", colour="red"))
add("refused without name", lambda m: m.hf_hub_download("acme/model"))
add("refused snapshot id", lambda m: m.snapshot_download("a--b/c"))
add("refused snapshot argument", lambda m: m.snapshot_download("acme/model", colour="red"))
add("refused token", lambda m: m.hf_hub_download("acme/model", "config.json", token=True))
add("file missing", lambda m: m.hf_hub_download("acme/model", "nope.json"))
add("file missing at a commit", lambda m: m.hf_hub_download("acme/model", "nope.json", revision=COMMIT))
add("file missing at a tag", lambda m: m.hf_hub_download("acme/model", "dev.txt", revision="v1"))
add("file disabled", lambda m: m.hf_hub_download("acme/disabled", "config.json"))
add("file gated", lambda m: m.hf_hub_download("acme/locked", "config.json"))
add("file gated to bob", lambda m: m.hf_hub_download("acme/locked", "config.json", token="hf_bob"))
add("file wrong token", lambda m: m.hf_hub_download("acme/space", "app.py", repo_type="space", token="hf_wrong"))
add("file wrong token cold", lambda m: m.hf_hub_download("acme/many", "f/3.txt", token="hf_wrong"))
add("file offline argument", lambda m: m.hf_hub_download("acme/model", "config.json", revision="v1", local_files_only=True))
add("file keyword", lambda m: m.hf_hub_download(repo_id="acme/model", filename="config.json", etag_timeout=3))
add("file user agent", lambda m: m.hf_hub_download("acme/model", "config.json", library_name="app", library_version="1",
                                                   user_agent={"framework": "none"}))
add("file known and refused now", lambda m: (m.hf_hub_download("acme/private", "config.json", token="hf_alice"),
                                             m.hf_hub_download("acme/private", "config.json", token=False)))
add("file other endpoint", lambda m: m.hf_hub_download("acme/model", "config.json", endpoint="http://127.0.0.1:9",
                                                       etag_timeout=3))
add("file forced offline", lambda m: m.hf_hub_download("acme/model", "config.json", force_download=True,
                                                       local_files_only=True))
# --- snapshots ---
add("snapshot gated", lambda m: m.snapshot_download("acme/locked", token="hf_bob"))
add("snapshot disabled", lambda m: m.snapshot_download("acme/disabled"))
add("snapshot commit", lambda m: m.snapshot_download("acme/model", revision=COMMIT))
add("snapshot commit patterns", lambda m: m.snapshot_download("acme/model", revision=COMMIT, allow_patterns=["*.json", "sub/"]))
add("snapshot pull request", lambda m: m.snapshot_download("acme/model", revision="refs/pr/1"))
add("snapshot no match", lambda m: m.snapshot_download("acme/data", repo_type="dataset", allow_patterns="*.nope"))
add("snapshot ignore", lambda m: m.snapshot_download("acme/model", ignore_patterns=["*.safetensors", "onnx/*"]))
add("snapshot space", lambda m: m.snapshot_download("acme/space", repo_type="space"))
add("snapshot forced", lambda m: m.snapshot_download("acme/space", repo_type="space", force_download=True))
add("snapshot known and refused now", lambda m: (m.snapshot_download("acme/private", token="hf_alice"),
                                                 m.snapshot_download("acme/private", token=False)))
add("snapshot other endpoint", lambda m: m.snapshot_download("acme/model", endpoint="http://127.0.0.1:9"))
add("snapshot other endpoint cold", lambda m: m.snapshot_download("acme/never", endpoint="http://127.0.0.1:9"))
# --- HfApi ---
add("api", lambda m: [m.HfApi().hf_hub_download("acme/model", "config.json"), m.HfApi().snapshot_download("acme/model")])
add("api token", lambda m: m.HfApi(token="hf_alice").model_info("acme/private"))
add("api no token", lambda m: m.HfApi(token=False).model_info("acme/private"))
add("api endpoint", lambda m: m.HfApi(endpoint=ENDPOINT).list_repo_files("acme/data", repo_type="dataset"))
add("api other endpoint", lambda m: m.HfApi(endpoint="http://127.0.0.1:9").model_info("acme/model"))
add("api file private", lambda m: m.HfApi(token="hf_alice").hf_hub_download("acme/private", "config.json"))
add("paths nothing", lambda m: m.get_paths_info("acme/model", []))
add("paths revision", lambda m: m.get_paths_info("acme/model", ["dev.txt"], revision="dev/x"))
add("paths unknown repo", lambda m: m.get_paths_info("acme/no-such", ["x"]))
add("paths expanded", lambda m: m.get_paths_info("acme/model", ["config.json"], expand=True))
add("tree many", lambda m: len(list(m.list_repo_tree("acme/many", recursive=True))))
add("tree hidden", lambda m: list(m.list_repo_tree("acme/private", token=False)))
add("metadata of data", lambda m: (lambda found: [found.commit_hash, found.etag, found.size])(
    m.get_hf_file_metadata(m.hf_hub_url("acme/data", "data/big.bin", repo_type="dataset"))))
add("metadata hidden", lambda m: m.get_hf_file_metadata(m.hf_hub_url("acme/private", "config.json"), token=False))
add("safetensors", lambda m: m.get_safetensors_metadata("acme/tensors"))
add("safetensors file", lambda m: m.parse_safetensors_file_metadata("acme/tensors", "model.safetensors"))
add("safetensors not", lambda m: m.get_safetensors_metadata("acme/space"))
add("checksums", lambda m: vars(m.verify_repo_checksums("acme/model", local_dir=None)).get("mismatches"))
# --- hf:// ---
add("fs ls", lambda m: sorted(fs(m).ls("acme/model", detail=False)))
add("fs ls detail", lambda m: sorted(map(calls.plain, fs(m).ls("datasets/acme/data")), key=repr))
add("fs ls missing", lambda m: fs(m).ls("acme/no-such"))
add("fs ls private", lambda m: fs(m, token="hf_alice").ls("acme/private", detail=False))
add("fs ls hidden", lambda m: fs(m, token=False).ls("acme/private", detail=False))
add("fs find", lambda m: fs(m).find("acme/model"))
add("fs glob", lambda m: fs(m).glob("acme/model@dev%2Fx/**.txt"))
add("fs walk", lambda m: list(fs(m).walk("acme/model")))
add("fs info", lambda m: fs(m).info("acme/model/model.safetensors"))
add("fs info missing", lambda m: fs(m).info("acme/model/nope"))
add("fs exists", lambda m: [fs(m).exists(path) for path in (
    "acme/model", "acme/model/sub", "acme/model/nope", "acme/no-such", "datasets/acme/data/data/train.csv")])
add("fs ranges", lambda m: read(fs(m).open("acme/model/model.safetensors"), (None, 10), (2_400_000, 200_000), (5, 5)))
add("fs stream", lambda m: read(fs(m).open("acme/copy/same.safetensors", block_size=0), (None, 10), (None, 1000), (None, -1)))
add("fs whole", lambda m: len(fs(m).cat_file("acme/model/onnx/model.onnx")))
add("fs part", lambda m: fs(m).cat_file("datasets/acme/data/data/train.csv", start=2, end=5))
add("fs tail", lambda m: [len(fs(m).tail("acme/model/model.safetensors", 100)), fs(m).head("acme/model/config.json", 4)])
add("fs text", lambda m: fs(m).read_text("datasets/acme/data/data/train.csv"))
add("fs empty", lambda m: [fs(m).cat_file("acme/model/empty.txt"), read(fs(m).open("acme/model/empty.txt", block_size=0), (None, 5))])
add("fs open missing", lambda m: fs(m).open("acme/model/nope"))
add("fs open gated", lambda m: fs(m, token="hf_bob").open("acme/locked/config.json").read())
add("fs stream missing", lambda m: fs(m).open("acme/model/nope", block_size=0).read())
add("fs get", lambda m: (fs(m).get_file("acme/model/onnx/model.onnx", LOCAL + "/got.bin"), os.path.getsize(LOCAL + "/got.bin")))
add("fs get missing", lambda m: fs(m).get_file("acme/model/nope", LOCAL + "/none.bin"))
add("fs pull request", lambda m: fs(m).cat_file("acme/model@refs/pr/1/pr.txt"))
# --- what all of it left in folders of the user ---
add("local folders", lambda m: sorted(
    os.path.relpath(os.path.join(base, name), LOCAL) for base, _, names in os.walk(LOCAL) for name in names
    if not name.endswith(".lock")))


def failure(error):
    """The class, and what programs read of it: `request_id` differs with each request, so only whether there is one."""
    found = simple(error)
    text = str(error).replace(calls.HOME, "HOME").replace(LOCAL, "LOCAL")
    text = re.sub(r"Root=[0-9a-f-]+(;[0-9a-f-]+)?|\w{8}-\w{4}-\w{4}-\w{4}-\w{12}", "ID", text)
    found.update(text=text, server_message=getattr(error, "server_message", None),
                 request_id=getattr(error, "request_id", None) is not None, cause=type(error.__cause__).__name__,
                 headers=sorted(name.lower() for name in getattr(getattr(error, "response", None), "headers", ())
                                if name.lower().startswith("x-")))
    return found


simple, calls.failure = calls.failure, failure

if __name__ == "__main__":
    sys.exit(calls.main())
