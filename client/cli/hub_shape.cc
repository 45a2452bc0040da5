// SPDX-License-Identifier: Apache-2.0
#include "client/cli/hub_shape.h"

#include <algorithm>
#include <array>
#include <span>
#include <vector>

namespace hubd::cli {
namespace {

namespace json = boost::json;
using client::RepoType;

using Shape = json::value (*)(json::object const& repo, json::value const& value, RepoType type);

/// One row per printed name.
struct Field {
  std::string_view printed;
  std::string_view of_hub;
  Shape shape;
};

// --- Parts

json::value const* member(json::object const& object, std::string_view name) {
  auto const* const found = object.if_contains(json::string_view(name.data(), name.size()));
  return found == nullptr || found->is_null() ? nullptr : found;
}

/// Python's "falsy": such a value counts as absent.
bool is_empty(json::value const& value) {
  switch (value.kind()) {
    case json::kind::null:
      return true;
    case json::kind::bool_:
      return !value.get_bool();
    case json::kind::string:
      return value.get_string().empty();
    case json::kind::array:
      return value.get_array().empty();
    case json::kind::object:
      return value.get_object().empty();
    default:
      return false;
  }
}

/// Without the members that are null, at any depth.
json::value without_nulls(json::value const& value) {
  if (auto const* const list = value.if_array()) {
    json::array out;
    for (auto const& item : *list) out.push_back(without_nulls(item));
    return out;
  }
  auto const* const object = value.if_object();
  if (object == nullptr) return value;
  json::object out;
  for (auto const& [key, item] : *object)
    if (!item.is_null()) out[key] = without_nulls(item);
  return out;
}

/// Copies a member under a new name, when it is there.
void take(json::object& out, std::string_view printed, json::object const& from, std::string_view of_hub) {
  if (auto const* const found = member(from, of_hub))
    out[json::string_view(printed.data(), printed.size())] = without_nulls(*found);
}

json::value plain(json::object const&, json::value const& value, RepoType) {
  return without_nulls(value);
}

json::value unless_empty(json::object const&, json::value const& value, RepoType) {
  return is_empty(value) ? json::value() : without_nulls(value);
}

json::value date(json::object const&, json::value const& value, RepoType) {
  if (is_empty(value)) return nullptr;
  return value.is_string() ? json::value(iso_date({value.get_string().data(), value.get_string().size()})) : value;
}

json::array unique(json::value const& tags) {
  json::array out;
  if (!tags.is_array()) {
    out.push_back(tags);
    return out;
  }
  for (auto const& tag : tags.get_array())
    if (std::find(out.begin(), out.end(), tag) == out.end()) out.push_back(without_nulls(tag));
  return out;
}

std::span<std::string_view const> card_order(RepoType type) {
  static constexpr std::array<std::string_view, 11> model{"base_model", "datasets",     "language",     "library_name",
                                                          "license",    "license_name", "license_link", "metrics",
                                                          "model_name", "pipeline_tag", "tags"};
  static constexpr std::array<std::string_view, 12> dataset{
      "annotations_creators", "language_creators", "language",        "license",  "multilinguality",
      "size_categories",      "source_datasets",   "task_categories", "task_ids", "paperswithcode_id",
      "pretty_name",          "config_names"};
  static constexpr std::array<std::string_view, 11> space{"title",    "sdk",      "sdk_version", "python_version",
                                                          "app_file", "app_port", "license",     "duplicated_from",
                                                          "models",   "datasets", "tags"};
  if (type == RepoType::dataset) return dataset;
  if (type == RepoType::space) return space;
  return model;
}

/// The card's metadata: the known keys first, in one order, evaluations last.
json::value card(json::object const&, json::value const& value, RepoType type) {
  auto const* const hub = value.if_object();
  if (hub == nullptr || hub->empty()) return is_empty(value) ? json::value() : value;
  std::string_view const last = type == RepoType::dataset ? "train-eval-index" : "model-index";
  bool const evaluated = type == RepoType::model && member(*hub, last) != nullptr;
  auto const order = card_order(type);
  json::object out;
  for (auto const name : order) {
    bool const named_by_evaluations = evaluated && name == "model_name";
    if (named_by_evaluations) continue;
    auto const* const found = member(*hub, name);
    if (found == nullptr) continue;
    bool const tags = name == "tags" && type != RepoType::dataset;
    out[json::string_view(name.data(), name.size())] = tags ? json::value(unique(*found)) : without_nulls(*found);
  }
  for (auto const& [key, item] : *hub) {
    std::string_view const name(key.data(), key.size());
    if (name == last || item.is_null() || std::find(order.begin(), order.end(), name) != order.end()) continue;
    out[key] = without_nulls(item);
  }
  take(out, last, *hub, last);
  return out;
}

json::value siblings(json::object const&, json::value const& value, RepoType) {
  json::array out;
  if (!value.is_array()) return nullptr;
  for (auto const& item : value.get_array()) {
    auto const* const hub = item.if_object();
    if (hub == nullptr) continue;
    json::object file;
    take(file, "rfilename", *hub, "rfilename");
    take(file, "size", *hub, "size");
    take(file, "blob_id", *hub, "blobId");
    if (auto const* const lfs = member(*hub, "lfs"); lfs != nullptr && lfs->is_object() && !is_empty(*lfs)) {
      json::object pointer;
      take(pointer, "size", lfs->get_object(), "size");
      take(pointer, "sha256", lfs->get_object(), "sha256");
      take(pointer, "pointer_size", lfs->get_object(), "pointerSize");
      file["lfs"] = std::move(pointer);
    }
    out.push_back(std::move(file));
  }
  return out;
}

/// An object of provider -> mapping in an info, a list in lists: always a list.
json::value providers(json::object const& repo, json::value const& value, RepoType) {
  json::array out;
  auto const add = [&](json::value const* provider, json::object const& hub) {
    json::object mapping;
    if (provider != nullptr) mapping["provider"] = *provider;
    take(mapping, "hf_model_id", repo, "id");
    for (auto const& [printed, of_hub] : std::initializer_list<std::pair<std::string_view, std::string_view>>{
             {"provider_id", "providerId"},
             {"status", "status"},
             {"task", "task"},
             {"adapter", "adapter"},
             {"adapter_weights_path", "adapterWeightsPath"},
             {"type", "type"}})
      take(mapping, printed, hub, of_hub);
    out.push_back(std::move(mapping));
  };
  if (auto const* const list = value.if_array())
    for (auto const& item : *list)
      if (item.is_object()) add(member(item.get_object(), "provider"), item.get_object());
  if (auto const* const object = value.if_object())
    for (auto const& [key, item] : *object) {
      json::value const name(key);
      if (item.is_object()) add(&name, item.get_object());
    }
  return out;
}

json::value evaluations(json::object const&, json::value const& value, RepoType) {
  if (is_empty(value) || !value.is_array()) return nullptr;
  json::array out;
  for (auto const& item : value.get_array()) {
    auto const* hub = item.if_object();
    if (hub == nullptr || hub->contains("error")) continue;
    if (auto const* const data = member(*hub, "data"); data != nullptr && data->is_object()) hub = &data->get_object();
    json::object const none;
    auto const part = [&](std::string_view name) -> json::object const& {
      auto const* const found = member(*hub, name);
      return found != nullptr && found->is_object() ? found->get_object() : none;
    };
    json::object entry;
    take(entry, "dataset_id", part("dataset"), "id");
    take(entry, "task_id", part("dataset"), "task_id");
    take(entry, "value", *hub, "value");
    take(entry, "dataset_revision", part("dataset"), "revision");
    take(entry, "verify_token", *hub, "verifyToken");
    take(entry, "date", *hub, "date");
    for (auto const* const name : {"url", "name", "user", "org"})
      take(entry, std::string("source_") + name, part("source"), name);
    take(entry, "notes", *hub, "notes");
    out.push_back(std::move(entry));
  }
  return out;
}

json::value safetensors(json::object const&, json::value const& value, RepoType) {
  if (is_empty(value) || !value.is_object()) return nullptr;
  json::object out;
  take(out, "parameters", value.get_object(), "parameters");
  take(out, "total", value.get_object(), "total");
  return out;
}

json::value runtime(json::object const&, json::value const& value, RepoType) {
  if (is_empty(value) || !value.is_object()) return nullptr;
  auto const& hub = value.get_object();
  json::object out;
  take(out, "stage", hub, "stage");
  if (auto const* const hardware = member(hub, "hardware"); hardware != nullptr && hardware->is_object()) {
    take(out, "hardware", hardware->get_object(), "current");
    take(out, "requested_hardware", hardware->get_object(), "requested");
  }
  take(out, "sleep_time", hub, "gcTimeout");
  take(out, "storage", hub, "storage");
  auto const* const dev_mode = member(hub, "devMode");
  out["dev_mode"] = dev_mode == nullptr ? json::value(false) : *dev_mode;
  if (auto const* const reloading = member(hub, "hotReloading"); reloading != nullptr && reloading->is_object()) {
    json::object hot;
    take(hot, "status", reloading->get_object(), "status");
    take(hot, "replica_statuses", reloading->get_object(), "replicaStatuses");
    hot["raw"] = without_nulls(*reloading);
    out["hot_reloading"] = std::move(hot);
  }
  if (auto const* const volumes = member(hub, "volumes"); volumes != nullptr && volumes->is_array()) {
    json::array list;
    for (auto const& item : volumes->get_array()) {
      if (!item.is_object()) continue;
      json::object volume;
      auto const* const kind = member(item.get_object(), "type");
      volume["type"] = kind == nullptr ? json::value("model") : *kind;
      take(volume, "source", item.get_object(), "source");
      take(volume, "mount_path", item.get_object(), "mountPath");
      take(volume, "revision", item.get_object(), "revision");
      take(volume, "read_only", item.get_object(), "readOnly");
      take(volume, "path", item.get_object(), "path");
      list.push_back(std::move(volume));
    }
    out["volumes"] = std::move(list);
  }
  out["raw"] = without_nulls(value);
  return out;
}

// --- Tables

constexpr std::array<Field, 33> kModel{{{"id", "id", plain},
                                        {"author", "author", plain},
                                        {"base_models", "baseModels", plain},
                                        {"card_data", "cardData", card},
                                        {"children_model_count", "childrenModelCount", plain},
                                        {"config", "config", plain},
                                        {"created_at", "createdAt", date},
                                        {"disabled", "disabled", plain},
                                        {"downloads", "downloads", plain},
                                        {"downloads_all_time", "downloadsAllTime", plain},
                                        {"eval_results", "evalResults", evaluations},
                                        {"gated", "gated", plain},
                                        {"gguf", "gguf", plain},
                                        {"inference", "inference", plain},
                                        {"inference_provider_mapping", "inferenceProviderMapping", providers},
                                        {"last_modified", "lastModified", date},
                                        {"library_name", "library_name", plain},
                                        {"likes", "likes", plain},
                                        {"mask_token", "mask_token", plain},
                                        {"model_index", "model-index", unless_empty},
                                        {"pipeline_tag", "pipeline_tag", plain},
                                        {"private", "private", plain},
                                        {"resource_group", "resourceGroup", plain},
                                        {"safetensors", "safetensors", safetensors},
                                        {"security_repo_status", "securityRepoStatus", plain},
                                        {"sha", "sha", plain},
                                        {"siblings", "siblings", siblings},
                                        {"spaces", "spaces", plain},
                                        {"tags", "tags", plain},
                                        {"transformers_info", "transformersInfo", unless_empty},
                                        {"trending_score", "trendingScore", plain},
                                        {"used_storage", "usedStorage", plain},
                                        {"widget_data", "widgetData", plain}}};

constexpr std::array<Field, 21> kDataset{{{"id", "id", plain},
                                          {"author", "author", plain},
                                          {"card_data", "cardData", card},
                                          {"citation", "citation", plain},
                                          {"created_at", "createdAt", date},
                                          {"description", "description", plain},
                                          {"disabled", "disabled", plain},
                                          {"downloads", "downloads", plain},
                                          {"downloads_all_time", "downloadsAllTime", plain},
                                          {"gated", "gated", plain},
                                          {"last_modified", "lastModified", date},
                                          {"likes", "likes", plain},
                                          {"main_size", "mainSize", plain},
                                          {"paperswithcode_id", "paperswithcode_id", plain},
                                          {"private", "private", plain},
                                          {"resource_group", "resourceGroup", plain},
                                          {"sha", "sha", plain},
                                          {"siblings", "siblings", siblings},
                                          {"tags", "tags", plain},
                                          {"trending_score", "trendingScore", plain},
                                          {"used_storage", "usedStorage", plain}}};

constexpr std::array<Field, 22> kSpace{{{"id", "id", plain},
                                        {"author", "author", plain},
                                        {"card_data", "cardData", card},
                                        {"created_at", "createdAt", date},
                                        {"datasets", "datasets", plain},
                                        {"disabled", "disabled", plain},
                                        {"gated", "gated", plain},
                                        {"host", "host", plain},
                                        {"last_modified", "lastModified", date},
                                        {"likes", "likes", plain},
                                        {"models", "models", plain},
                                        {"private", "private", plain},
                                        {"region", "region", plain},
                                        {"resource_group", "resourceGroup", plain},
                                        {"runtime", "runtime", runtime},
                                        {"sdk", "sdk", plain},
                                        {"sha", "sha", plain},
                                        {"siblings", "siblings", siblings},
                                        {"subdomain", "subdomain", plain},
                                        {"tags", "tags", plain},
                                        {"trending_score", "trendingScore", plain},
                                        {"used_storage", "usedStorage", plain}}};

std::span<Field const> fields_of(RepoType type) {
  if (type == RepoType::dataset) return kDataset;
  if (type == RepoType::space) return kSpace;
  return kModel;
}

bool is_digits(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

std::string iso_date(std::string_view text) {
  std::string_view constexpr form = "0000-00-00T00:00:00";
  bool const fits = text.size() > form.size() && text.ends_with('Z');
  if (!fits) return std::string(text);
  for (std::size_t i = 0; i < form.size(); ++i)
    if (form[i] == '0' ? !is_digits(text.substr(i, 1)) : text[i] != form[i]) return std::string(text);
  auto fraction = text.substr(form.size(), text.size() - form.size() - 1);
  std::string out(text.substr(0, form.size()));
  if (fraction.starts_with('.')) {
    fraction.remove_prefix(1);
    if (!is_digits(fraction)) return std::string(text);
    std::string digits(fraction.substr(0, 6));
    digits.resize(6, '0');
    if (digits != "000000") out += "." + digits;
  } else if (!fraction.empty()) {
    return std::string(text);
  }
  return out + "+00:00";
}

json::object shape_repo(RepoType type, json::object const& hub) {
  json::object out;
  for (auto const& field : fields_of(type)) {
    auto const* const value = member(hub, field.of_hub);
    if (value == nullptr) continue;
    auto shaped = field.shape(hub, *value, type);
    if (!shaped.is_null()) out[json::string_view(field.printed.data(), field.printed.size())] = std::move(shaped);
  }
  return out;
}

json::object shape_entry(json::object const& hub) {
  json::object out;
  take(out, "path", hub, "path");
  auto const* const kind = member(hub, "type");
  bool const folder = kind != nullptr && *kind == "directory";
  if (folder) {
    take(out, "tree_id", hub, "oid");
  } else {
    take(out, "size", hub, "size");
    take(out, "blob_id", hub, "oid");
    if (auto const* const lfs = member(hub, "lfs"); lfs != nullptr && lfs->is_object()) {
      json::object pointer;
      take(pointer, "size", lfs->get_object(), "size");
      take(pointer, "sha256", lfs->get_object(), "oid");
      take(pointer, "pointer_size", lfs->get_object(), "pointerSize");
      out["lfs"] = std::move(pointer);
    }
    take(out, "xet_hash", hub, "xetHash");
  }
  if (auto const* const commit = member(hub, "lastCommit"); commit != nullptr && commit->is_object()) {
    json::object last;
    take(last, "oid", commit->get_object(), "id");
    take(last, "title", commit->get_object(), "title");
    take(last, "date", commit->get_object(), "date");
    if (auto* const when = last.if_contains("date"); when != nullptr && when->is_string())
      *when = iso_date({when->get_string().data(), when->get_string().size()});
    out["last_commit"] = std::move(last);
  }
  if (auto const* const status = member(hub, "securityFileStatus");
      !folder && status != nullptr && status->is_object()) {
    json::object security;
    auto const* const word = member(status->get_object(), "status");
    security["safe"] = word != nullptr && *word == "safe";
    take(security, "status", status->get_object(), "status");
    take(security, "av_scan", status->get_object(), "avScan");
    take(security, "pickle_import_scan", status->get_object(), "pickleImportScan");
    out["security"] = std::move(security);
  }
  return out;
}

}  // namespace hubd::cli
