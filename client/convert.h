// SPDX-License-Identifier: Apache-2.0
#pragma once
// Between the wire's messages and the plain structs of the public headers. Not installed.
#include "client/admin.h"
#include "client/auth.h"
#include "client/cache.h"
#include "client/downloads.h"
#include "client/error.h"
#include "client/hub.h"
#include "client/store.h"
#include "client/transfers.h"
#include "hubd/v1/admin.pb.h"
#include "hubd/v1/auth.pb.h"
#include "hubd/v1/cache.pb.h"
#include "hubd/v1/common.pb.h"
#include "hubd/v1/downloads.pb.h"
#include "hubd/v1/hub.pb.h"
#include "hubd/v1/store.pb.h"
#include "hubd/v1/transfers.pb.h"

namespace hubd::client {

v1::Caller to_message(Caller const& caller);
v1::Repo to_message(Repo const& repo);
v1::Selection to_message(Selection const& selection);
v1::EnsureRequest to_message(EnsureRequest const& request);
v1::PlanRequest to_message(PlanRequest const& request);
v1::ReadyRequest to_message(ReadyRequest const& request);
v1::InvokeRequest to_message(HubQuestion const& question);

/// An error kind of a newer hubd becomes `internal`, with its sentence.
Error from_message(v1::ErrorDetail const& message);
Repo from_message(v1::Repo const& message);
FileProgress from_message(v1::FileProgress const& message);
EnsureStarted from_message(v1::EnsureStarted const& message);
Progress from_message(v1::EnsureProgress const& message);
EnsureDone from_message(v1::EnsureDone const& message);
Plan from_message(v1::PlanResponse const& message);
Readiness from_message(v1::ReadyResponse const& message);
Transfer from_message(v1::Transfer const& message);
TransferWhy from_message(v1::WhyResponse const& message);
Overview from_message(v1::OverviewResponse const& message);
HubAnswer from_message(v1::InvokeResponse message);
CacheScan from_message(v1::ScanCacheResponse const& message);
Removal from_message(v1::RemoveCacheResponse const& message);
Pruned from_message(v1::PruneCacheResponse const& message);
VerifiedFile from_message(v1::VerifyCacheEvent::File const& message);
Verification from_message(v1::VerifySummary const& message);
StoreStats from_message(v1::StoreStatsResponse const& message);
StoreProgress from_message(v1::StoreProgress const& message);
StoreRebuilt from_message(v1::StoreRebuilt const& message);
DamagedChunk from_message(v1::DamagedChunk const& message);
StoreChecked from_message(v1::StoreChecked const& message);
AdoptedFile from_message(v1::AdoptedFile const& message);
StoreAdopted from_message(v1::StoreAdopted const& message);
Account from_message(v1::WhoAmIResponse const& message);
LoggedIn from_message(v1::LoginResponse const& message);
LoggedOut from_message(v1::LogoutResponse const& message);
StoredTokens from_message(v1::ListTokensResponse const& message);
SwitchedToken from_message(v1::SwitchTokenResponse const& message);
Hello from_message(v1::HelloResponse const& message);
Status from_message(v1::StatusResponse const& message);
ConfigValue from_message(v1::ConfigValue const& message);

}  // namespace hubd::client
