# SPDX-License-Identifier: Apache-2.0
"""huggingface_hub's records for programs that have hubd without it: same names, same fields."""
from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Dict, FrozenSet, List, Optional


def parse_datetime(text: str) -> datetime:
    """"2026-01-02T03:04:05.678Z", with any fraction or none."""
    if not text.endswith("Z"):
        raise ValueError("%r is no UTC time" % text)
    whole, _, fraction = text[:-1].partition(".")
    moment = datetime.strptime(whole, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=timezone.utc)
    return moment.replace(microsecond=int((fraction + "000000")[:6]) if fraction else 0)


@dataclass
class DryRunFileInfo:
    commit_hash: str
    file_size: Optional[int]
    filename: str
    local_path: str
    is_cached: bool
    will_download: bool


@dataclass(frozen=True)
class XetFileData:
    file_hash: str
    refresh_route: str


@dataclass(frozen=True)
class HfFileMetadata:
    commit_hash: Optional[str]
    etag: Optional[str]
    location: str
    size: Optional[int]
    xet_file_data: Optional[XetFileData]


class _Record(dict):
    """A dataclass that can also be read as a dict."""

    def __post_init__(self) -> None:
        self.update(asdict(self))  # type: ignore[call-overload]


@dataclass
class LastCommitInfo(_Record):
    oid: str
    title: str
    date: datetime


@dataclass
class BlobLfsInfo(_Record):
    size: int
    sha256: str
    pointer_size: int


@dataclass
class BlobSecurityInfo(_Record):
    safe: bool
    status: str
    av_scan: Optional[Dict[str, Any]]
    pickle_import_scan: Optional[Dict[str, Any]]


@dataclass
class RepoSibling:
    rfilename: str
    size: Optional[int] = None
    blob_id: Optional[str] = None
    lfs: Optional[BlobLfsInfo] = None


def _last_commit(entry: Dict[str, Any]) -> Optional[LastCommitInfo]:
    found = entry.get("lastCommit")
    return LastCommitInfo(found["id"], found["title"], parse_datetime(found["date"])) if found else None


@dataclass
class RepoFile:
    path: str
    size: int
    blob_id: str
    lfs: Optional[BlobLfsInfo] = None
    xet_hash: Optional[str] = None
    last_commit: Optional[LastCommitInfo] = None
    security: Optional[BlobSecurityInfo] = None

    def __init__(self, **entry: Any):
        self.path = self.rfilename = entry["path"]
        self.size = entry["size"]
        self.blob_id = entry["oid"]
        lfs = entry.get("lfs")
        self.lfs = BlobLfsInfo(lfs["size"], lfs["oid"], lfs["pointerSize"]) if lfs else None
        self.xet_hash = entry.get("xetHash")
        self.last_commit = self.lastCommit = _last_commit(entry)
        scan = entry.get("securityFileStatus")
        self.security = None if not scan else BlobSecurityInfo(
            scan["status"] == "safe", scan["status"], scan["avScan"], scan["pickleImportScan"])


@dataclass
class RepoFolder:
    path: str
    tree_id: str
    last_commit: Optional[LastCommitInfo] = None

    def __init__(self, **entry: Any):
        self.path = entry["path"]
        self.tree_id = entry["oid"]
        self.last_commit = _last_commit(entry)


class CardData(dict):
    """A repo card's front matter: a dict whose keys can also be read as attributes."""

    _usual = frozenset(("base_model", "datasets", "eval_results", "language", "library_name", "license", "license_link",
                        "license_name", "metrics", "model_name", "pipeline_tag", "tags"))

    def __getattr__(self, name: str) -> Any:
        if name in self or name in self._usual:
            return self.get(name)
        raise AttributeError(name)

    def to_dict(self) -> Dict[str, Any]:
        return dict(self)


class _Info:
    """A repo as the Hub describes it: the fields of its type, None where the answer has none, and whatever else came."""

    _times = ("created_at", "last_modified")
    _renamed = {"lastModified": "last_modified", "createdAt": "created_at", "cardData": "card_data",
                "downloadsAllTime": "downloads_all_time", "trendingScore": "trending_score",
                "usedStorage": "used_storage", "resourceGroup": "resource_group", "widgetData": "widget_data",
                "model-index": "model_index", "transformersInfo": "transformers_info",
                "securityRepoStatus": "security_repo_status", "evalResults": "eval_results",
                "baseModels": "base_models", "childrenModelCount": "children_model_count", "mainSize": "main_size",
                "inferenceProviderMapping": "inference_provider_mapping"}
    _fields = ("id", "author", "created_at", "downloads", "gated", "last_modified", "likes", "private", "sha")
    _also: tuple = ()

    def __init__(self, **given: Any):
        for name in self._fields + self._also:
            setattr(self, name, None)
        for name, value in given.items():
            name = self._renamed.get(name, name)
            if name in self._times and isinstance(value, str):
                value = parse_datetime(value)
            if name == "siblings" and value is not None:
                value = [_sibling(entry) for entry in value]
            if name in ("card_data", "runtime") and isinstance(value, dict):
                value = CardData(value)
            setattr(self, name, value)
        self.lastModified = self.last_modified  # type: ignore[attr-defined]
        if "card_data" in self._also:
            self.cardData = self.card_data  # type: ignore[attr-defined]
        if "transformers_info" in self._also:
            self.transformersInfo = self.transformers_info  # type: ignore[attr-defined]

    def __repr__(self) -> str:
        return "%s(id=%r, sha=%r)" % (type(self).__name__, self.id, self.sha)  # type: ignore[attr-defined]

    def __eq__(self, other: Any) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)


def _sibling(entry: Dict[str, Any]) -> RepoSibling:
    lfs = entry.get("lfs")
    return RepoSibling(entry["rfilename"], entry.get("size"), entry.get("blobId"),
                       BlobLfsInfo(lfs["size"], lfs["sha256"], lfs["pointerSize"]) if lfs else None)


class ModelInfo(_Info):
    _also = ("base_models", "card_data", "children_model_count", "config", "disabled", "downloads_all_time",
             "eval_results", "gguf", "inference", "inference_provider_mapping", "library_name", "mask_token",
             "model_index", "pipeline_tag", "resource_group", "safetensors", "security_repo_status", "siblings",
             "spaces", "tags", "transformers_info", "trending_score", "used_storage", "widget_data")


class DatasetInfo(_Info):
    _also = ("card_data", "citation", "description", "disabled", "downloads_all_time", "main_size",
             "paperswithcode_id", "resource_group", "siblings", "tags", "trending_score", "used_storage")


class SpaceInfo(_Info):
    _also = ("card_data", "datasets", "disabled", "host", "models", "region", "resource_group", "runtime", "sdk",
             "siblings", "subdomain", "tags", "trending_score", "used_storage")


class KernelInfo(_Info):
    pass


@dataclass
class GitRefInfo:
    name: str
    ref: str
    target_commit: str


@dataclass
class GitRefs:
    branches: List[GitRefInfo]
    converts: List[GitRefInfo]
    tags: List[GitRefInfo]
    pull_requests: Optional[List[GitRefInfo]] = None


@dataclass
class GitCommitInfo:
    commit_id: str
    authors: List[str]
    created_at: datetime
    title: str
    message: str
    formatted_title: Optional[str]
    formatted_message: Optional[str]


class ResolvedRevision(str):
    """A revision with the commit it stands for: prints as the former, `resolved` is the latter."""

    initial: Optional[str]
    resolved: str

    def __new__(cls, resolved: str, initial: Optional[str] = None, repo_id: Optional[str] = None,
                repo_type: Optional[str] = None) -> "ResolvedRevision":
        made = super().__new__(cls, "main" if initial is None else initial)
        made.resolved = resolved
        made.initial = initial
        made._repo_id = repo_id  # type: ignore[attr-defined]
        made._repo_type = repo_type or "model"  # type: ignore[attr-defined]
        return made

    def __reduce__(self):
        return type(self), (self.resolved, self.initial, self._repo_id, self._repo_type)

    def __repr__(self) -> str:
        return "ResolvedRevision(initial=%r, resolved=%r)" % (self.initial, self.resolved)


# --- the cache ------------------------------------------------------------------------------------------------------


def _size_text(size: float) -> str:
    for unit in ("", "K", "M", "G", "T"):
        if abs(size) < 1000:
            return "%.1f%s" % (size, unit)
        size /= 1000
    return "%.1fP" % size


class _Sized:
    @property
    def size_on_disk_str(self) -> str:
        return _size_text(self.size_on_disk)  # type: ignore[attr-defined]


@dataclass(frozen=True)
class CachedFileInfo(_Sized):
    file_name: str
    file_path: Path
    blob_path: Path
    size_on_disk: int
    blob_last_accessed: float
    blob_last_modified: float


@dataclass(frozen=True)
class CachedRevisionInfo(_Sized):
    commit_hash: str
    snapshot_path: Path
    size_on_disk: int
    files: FrozenSet[CachedFileInfo]
    refs: FrozenSet[str]
    last_modified: float

    @property
    def nb_files(self) -> int:
        return len(self.files)


@dataclass(frozen=True)
class CachedRepoInfo(_Sized):
    repo_id: str
    repo_type: str
    repo_path: Path
    size_on_disk: int
    nb_files: int
    revisions: FrozenSet[CachedRevisionInfo]
    last_accessed: float
    last_modified: float

    @property
    def refs(self) -> Dict[str, CachedRevisionInfo]:
        return {ref: revision for revision in self.revisions for ref in revision.refs}


@dataclass(frozen=True)
class CachedIncompleteFileInfo(_Sized):
    file_path: Path
    size_on_disk: int


@dataclass(frozen=True)
class HFCacheInfo(_Sized):
    size_on_disk: int
    repos: FrozenSet[CachedRepoInfo]
    warnings: List[Exception]
    incomplete_files: FrozenSet[CachedIncompleteFileInfo] = frozenset()
    cache_dir: Optional[Path] = None
