// SPDX-License-Identifier: Apache-2.0
#include "client/cli/hub_shape.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

#include "client/cli/json_text.h"

namespace hubd::cli {
namespace {

namespace json = boost::json;
using client::RepoType;

std::string shaped(RepoType type, char const* hub) {
  return to_text(shape_repo(type, json::parse(hub).as_object()));
}

TEST(HubShape, ARepoHasHfsNamesInHfsOrderWithoutNulls) {
  EXPECT_EQ(
      R"({"id":"a/b","author":"a","created_at":"2022-03-02T23:29:05.120000+00:00","gated":false,"last_modified":)"
      R"("2021-08-18T12:00:00+00:00","siblings":[{"rfilename":"x","size":3,"blob_id":"f0","lfs":{"size":3,"sha256":)"
      R"("ab","pointer_size":130}},{"rfilename":"y"}],"tags":[],"used_storage":5})",
      shaped(RepoType::model, R"({"_id":"6","modelId":"a/b","usedStorage":5,"tags":[],"gated":false,"author":"a",
              "id":"a/b","likes":null,"lastModified":"2021-08-18T12:00:00.000Z","createdAt":"2022-03-02T23:29:05.12Z",
              "siblings":[{"rfilename":"x","size":3,"blobId":"f0","lfs":{"sha256":"ab","size":3,"pointerSize":130}},
                          {"rfilename":"y"}]})"));
}

TEST(HubShape, TheCardHasItsKnownKeysFirstAndEvaluationsLast) {
  EXPECT_EQ(
      R"({"id":"a","card_data":{"language":["de"],"license":"mit","tags":["x","y"],"extra":{"k":1},"model-index":[1]}})",
      shaped(RepoType::model, R"({"id":"a","cardData":{"extra":{"k":1,"n":null},"model-index":[1],"model_name":"m",
              "tags":["x","y","x"],"license":"mit","language":["de"],"metrics":null}})"));
  EXPECT_EQ(
      R"({"id":"a","card_data":{"license":"mit","pretty_name":"P","train-eval-index":[2]}})",
      shaped(RepoType::dataset, R"({"id":"a","cardData":{"train-eval-index":[2],"pretty_name":"P","license":"mit"}})"));
  EXPECT_EQ(R"({"id":"a"})", shaped(RepoType::model, R"({"id":"a","cardData":{}})"));
}

TEST(HubShape, ProvidersAreAListWhetherTheHubSaysListOrObject) {
  char const* const wanted =
      R"({"id":"a","inference_provider_mapping":[{"provider":"groq","hf_model_id":"a","provider_id":"x","status":"live","task":"t"}]})";
  EXPECT_EQ(wanted,
            shaped(RepoType::model,
                   R"({"id":"a","inferenceProviderMapping":{"groq":{"providerId":"x","status":"live","task":"t"}}})"));
  EXPECT_EQ(
      wanted,
      shaped(
          RepoType::model,
          R"({"id":"a","inferenceProviderMapping":[{"provider":"groq","providerId":"x","status":"live","task":"t"}]})"));
}

TEST(HubShape, ASpacesRuntimeIsFlatAndKeepsWhatWasSaid) {
  EXPECT_EQ(
      R"({"id":"s","runtime":{"stage":"RUNNING","hardware":"cpu-basic","dev_mode":false,"raw":{"stage":"RUNNING","hardware":{"current":"cpu-basic"}}}})",
      shaped(RepoType::space,
             R"({"id":"s","runtime":{"stage":"RUNNING","hardware":{"current":"cpu-basic","requested":null}}})"));
}

TEST(HubShape, EvaluationsAreFlatAndInvalidOnesAreLeftOut) {
  EXPECT_EQ(
      R"({"id":"m","eval_results":[{"dataset_id":"d","task_id":"t","value":2,"source_name":"n"}]})",
      shaped(
          RepoType::model,
          R"({"id":"m","evalResults":[{"error":"bad"},{"data":{"dataset":{"id":"d","task_id":"t"},"value":2,"source":{"name":"n"}}}]})"));
}

TEST(HubShape, WhatTheHubSaysWronglyIsNotRepeatedAndNothingBreaks) {
  EXPECT_EQ("{}", shaped(RepoType::model, R"({"siblings":"no","safetensors":"no","cardData":"","evalResults":5})"));
  EXPECT_EQ(R"({"id":"s"})", shaped(RepoType::space, R"({"id":"s","runtime":[1]})"));
}

TEST(HubShape, EntriesOfATreeAreFilesOrFolders) {
  auto const entry = [](char const* hub) { return to_text(shape_entry(json::parse(hub).as_object())); };
  EXPECT_EQ(
      R"({"path":"a/b","tree_id":"0f","last_commit":{"oid":"1","title":"t","date":"2026-01-01T00:00:00+00:00"}})",
      entry(
          R"({"type":"directory","oid":"0f","size":0,"path":"a/b","lastCommit":{"id":"1","title":"t","date":"2026-01-01T00:00:00.000Z"}})"));
  EXPECT_EQ(
      R"({"path":"m","size":5,"blob_id":"0f","lfs":{"size":5,"sha256":"ab","pointer_size":126},"xet_hash":"cd","security":{"safe":false,"status":"unsafe"}})",
      entry(
          R"({"type":"file","oid":"0f","size":5,"path":"m","lfs":{"oid":"ab","size":5,"pointerSize":126},"xetHash":"cd",
                      "securityFileStatus":{"status":"unsafe","avScan":null,"pickleImportScan":null}})"));
}

TEST(HubShape, DatesKeepAtMostSixDigitsAndOtherTextsStay) {
  struct Case {
    char const* hub;
    char const* iso;
  };
  for (auto const& [hub, iso] :
       {Case{"2026-01-02T03:04:05Z", "2026-01-02T03:04:05+00:00"},
        Case{"2026-01-02T03:04:05.000Z", "2026-01-02T03:04:05+00:00"},
        Case{"2026-01-02T03:04:05.123456789Z", "2026-01-02T03:04:05.123456+00:00"},
        Case{"2026-01-02T03:04:05+01:00", "2026-01-02T03:04:05+01:00"}, Case{"yesterday", "yesterday"},
        Case{"2026-01-02T03:04:05.1x3Z", "2026-01-02T03:04:05.1x3Z"}, Case{"", ""}})
    EXPECT_EQ(iso, iso_date(hub));
}

}  // namespace
}  // namespace hubd::cli
