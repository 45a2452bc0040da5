// SPDX-License-Identifier: Apache-2.0
#include "client/cli/transfer_view.h"

#include <boost/json/array.hpp>

#include "client/cli/repo_kind.h"
#include "client/cli/repo_name.h"
#include "client/cli/text.h"
#include "client/error.h"
#include "core/base/bytes.h"

namespace hubd::cli {

namespace json = boost::json;

std::string_view name_of(client::Priority priority) {
  switch (priority) {
    case client::Priority::background: return "background";
    case client::Priority::interactive: return "interactive";
    case client::Priority::normal: break;
  }
  return "normal";
}

std::string repo_text(client::Transfer const& transfer) {
  auto const type = transfer.repo.type;
  return (type == client::RepoType::model ? std::string() : std::string(type_name(type)) + "s/") + transfer.repo.id;
}

bool has_ended(client::Transfer const& transfer) {
  return transfer.state == "done" || transfer.state == "failed" || transfer.state == "cancelled";
}

json::object to_json(client::Transfer const& transfer) {
  json::object item;
  item["id"] = transfer.id;
  item["repo_id"] = transfer.repo.id;
  item["repo_type"] = type_name(transfer.repo.type);
  item["revision"] = transfer.repo.revision;
  item["commit"] = transfer.commit;
  item["state"] = transfer.state;
  item["waiting_for"] = transfer.waiting_for;
  item["bytes_done"] = transfer.bytes_done;
  item["bytes_total"] = transfer.bytes_total;
  item["bytes_fetched"] = transfer.bytes_fetched;
  item["files_done"] = transfer.files_done;
  item["files_total"] = transfer.files_total;
  item["rate"] = transfer.rate;
  item["eta_seconds"] = transfer.eta_seconds;
  item["clients"] = transfer.leases;
  item["detached"] = transfer.detached;
  item["priority"] = name_of(transfer.priority);
  item["path"] = transfer.path;
  item["created_unix_ms"] = transfer.created_unix_ms;
  if (transfer.error) {
    json::object error;
    error["kind"] = client::name_of(transfer.error->kind);
    error["message"] = transfer.error->message;
    item["error"] = std::move(error);
  }
  return item;
}

json::object to_json(client::TransferRange const& range) {
  json::object item;
  item["transfer"] = range.transfer_id;
  item["file"] = range.file;
  item["name"] = range.name;
  item["host"] = range.host;
  item["address"] = range.address;
  item["route"] = range.route;
  item["bytes"] = range.bytes;
  item["seconds"] = range.seconds;
  item["silent_seconds"] = range.silent_seconds;
  return item;
}

std::string rate_text(double rate) { return rate >= 1 ? human_size(static_cast<Bytes>(rate)) + "/s" : ""; }

std::string share_text(client::Transfer const& transfer) {
  return std::to_string(transfer.bytes_total == 0 ? 100 : transfer.bytes_done * 100 / transfer.bytes_total) + "%";
}

std::string route_text(client::TransferRange const& range) {
  return range.host + (range.address.empty() ? "" : " (" + range.address + ")") + (range.route.empty() ? "" : " " + range.route);
}

}  // namespace hubd::cli
