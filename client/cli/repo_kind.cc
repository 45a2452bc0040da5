// SPDX-License-Identifier: Apache-2.0
#include "client/cli/repo_kind.h"

namespace hubd::cli {

std::span<RepoKind const> repo_kinds() {
  using client::RepoType;
  static std::vector<RepoKind> const kinds{
      {"models",
       "model",
       RepoType::model,
       {"author",
        "baseModels",
        "cardData",
        "childrenModelCount",
        "config",
        "createdAt",
        "disabled",
        "downloads",
        "downloadsAllTime",
        "evalResults",
        "gated",
        "gguf",
        "inference",
        "inferenceProviderMapping",
        "lastModified",
        "library_name",
        "likes",
        "mask_token",
        "model-index",
        "pipeline_tag",
        "private",
        "resourceGroup",
        "safetensors",
        "sha",
        "siblings",
        "spaces",
        "tags",
        "transformersInfo",
        "trendingScore",
        "usedStorage",
        "widgetData"},
       {"created_at", "downloads", "last_modified", "likes", "trending_score"},
       "meta-llama/Llama-3.2-1B-Instruct"},
      {"datasets",
       "dataset",
       RepoType::dataset,
       {"author",           "cardData", "citation",     "createdAt", "description",   "disabled",          "downloads",
        "downloadsAllTime", "gated",    "lastModified", "likes",     "mainSize",      "paperswithcode_id", "private",
        "resourceGroup",    "sha",      "siblings",     "tags",      "trendingScore", "usedStorage"},
       {"created_at", "downloads", "last_modified", "likes", "trending_score"},
       "HuggingFaceFW/fineweb"},
      {"spaces",
       "space",
       RepoType::space,
       {"author", "cardData", "createdAt", "datasets", "disabled", "lastModified", "likes", "models", "private",
        "region", "resourceGroup", "runtime", "sdk", "sha", "siblings", "subdomain", "tags", "trendingScore",
        "usedStorage"},
       {"created_at", "last_modified", "likes", "trending_score"},
       "victor/deepsite"},
  };
  return kinds;
}

RepoKind const& kind_of(client::RepoType type) {
  for (auto const& kind : repo_kinds())
    if (kind.type == type) return kind;
  return repo_kinds().front();
}

}  // namespace hubd::cli
