# SPDX-License-Identifier: Apache-2.0
"""The methods of one Api with the settings of the environment, as functions."""
from __future__ import annotations

from hubd._api import Api

_api = Api()

auth_check = _api.auth_check
dataset_info = _api.dataset_info
file_exists = _api.file_exists
get_hf_file_metadata = _api.get_hf_file_metadata
get_paths_info = _api.get_paths_info
kernel_info = _api.kernel_info
list_datasets = _api.list_datasets
list_models = _api.list_models
list_repo_commits = _api.list_repo_commits
list_repo_files = _api.list_repo_files
list_repo_refs = _api.list_repo_refs
list_repo_tree = _api.list_repo_tree
list_spaces = _api.list_spaces
model_info = _api.model_info
repo_exists = _api.repo_exists
repo_info = _api.repo_info
resolve_revision = _api.resolve_revision
revision_exists = _api.revision_exists
space_info = _api.space_info
whoami = _api.whoami
