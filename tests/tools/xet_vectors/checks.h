// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "tests/tools/xet_vectors/report.h"

namespace hubd::vectors {

// Each takes the value of one kind of the vectors and the whole document.
using Check = void (*)(Report&, json::value const&, json::object const&);

void check_prng(Report& report, json::value const& value, json::object const& document);
void check_named_inputs(Report& report, json::value const& value, json::object const& document);
void check_keyed_hashes(Report& report, json::value const& value, json::object const& document);
void check_hash_text(Report& report, json::value const& value, json::object const& document);
void check_hmac(Report& report, json::value const& value, json::object const& document);
void check_dedup_eligibility(Report& report, json::value const& value, json::object const& document);
void check_merkle(Report& report, json::value const& value, json::object const& document);
void check_subtrees(Report& report, json::value const& value, json::object const& document);
void check_chunking(Report& report, json::value const& value, json::object const& document);
void check_padding(Report& report, json::value const& value, json::object const& document);
void check_stable_boundary(Report& report, json::value const& value, json::object const& document);
void check_legacy(Report& report, json::value const& value, json::object const& document);

void check_groups(Report& report, json::value const& value, json::object const& document);
void check_predictor(Report& report, json::value const& value, json::object const& document);
void check_frames(Report& report, json::value const& value, json::object const& document);
void check_xorbs(Report& report, json::value const& value, json::object const& document);

void check_shards(Report& report, json::value const& value, json::object const& document);
void check_empty_shard(Report& report, json::value const& value, json::object const& document);
void check_reconstruction(Report& report, json::value const& value, json::object const& document);
void check_end_to_end(Report& report, json::value const& value, json::object const& document);

// One case, for end_to_end.
void check_xorb(json::object const& object, json::object const& document);
void check_shard(json::object const& object);
void check_reconstructions(Report& report, std::string const& kind, json::object const& object);

}  // namespace hubd::vectors
