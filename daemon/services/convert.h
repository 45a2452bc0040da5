// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "core/engine/engine.h"
#include "core/engine/insight.h"
#include "hubd/v1/downloads.pb.h"
#include "hubd/v1/transfers.pb.h"

namespace hubd::daemon {

/// From the engine's structs to messages, and nothing else.
v1::EnsureProgress to_message(engine::Progress const& progress);
v1::EnsureDone to_message(engine::EnsureResult const& result, std::string const& root_id);
v1::PlanResponse to_message(engine::PlanResult const& plan);
v1::ReadyResponse to_message(engine::ReadyResult const& ready);
v1::Transfer to_message(engine::TransferInfo const& transfer);
/// `now` is what the ranges' times are told against.
v1::WhyResponse to_message(engine::Why const& why, Time now);
v1::OverviewResponse to_message(engine::Overview const& overview, Time now);
v1::RepoType to_message(RepoType type);
v1::Priority to_message(sched::Priority priority);
/// Unspecified, and what a newer client may say, is normal.
sched::Priority from_message(v1::Priority priority);

}  // namespace hubd::daemon
