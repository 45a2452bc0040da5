// SPDX-License-Identifier: Apache-2.0
// models, datasets and spaces: info, and ls of repos or of the files of one; repos tag ls. All of them read the Hub
// through hubd, which asks it once for everybody who asks the same.
#include <algorithm>
#include <memory>
#include <optional>

#include "client/cli/commands.h"
#include "client/cli/file_listing.h"
#include "client/cli/hub_reader.h"
#include "client/cli/hub_shape.h"
#include "client/cli/repo_kind.h"
#include "client/cli/text.h"
#include "core/base/repo.h"

namespace hubd::cli {
namespace {

namespace json = boost::json;

constexpr int kLimitDefault = 30;

struct Options {
  std::string repo;
  std::string search;
  std::string author;
  std::vector<std::string> filters;
  std::string pipeline_tag;
  bool gated = false;
  std::vector<std::string> apps;
  std::string parameters;
  std::vector<std::string> providers;
  bool warm = false;
  std::string sort;
  int limit = kLimitDefault;
  std::string expand;
  bool human = false;
  bool tree = false;
  bool recursive = false;
  std::string revision;
  std::string token;
  std::string type;
};

/// Were these options given? What `ls` takes depends on what it lists.
struct Given {
  CLI::App* app;
  bool operator()(char const* name) const { return app->get_option(name)->count() > 0; }
};

std::string camel_case(std::string_view name) {
  std::string out;
  for (std::size_t i = 0; i < name.size(); ++i)
    if (name[i] == '_' && i + 1 < name.size())
      out += upper(name.substr(++i, 1));
    else
      out += name[i];
  return out;
}

std::vector<std::string> split(std::string const& text, char separator) {
  std::vector<std::string> parts;
  for (std::size_t from = 0; from <= text.size();) {
    auto const end = std::min(text.find(separator, from), text.size());
    auto part = text.substr(from, end - from);
    part.erase(0, part.find_first_not_of(' '));
    part.erase(part.find_last_not_of(' ') + 1);
    parts.push_back(std::move(part));
    from = end + 1;
  }
  return parts;
}

std::string check_expand(RepoKind const& kind, std::string const& text) {
  for (auto const& property : split(text, ','))
    if (std::find(kind.properties.begin(), kind.properties.end(), property) == kind.properties.end())
      return "'" + property + "' is no property of a " + kind.noun + "; there are " + join(kind.properties, ", ");
  return "";
}

HubSubject subject_of(RepoKind const& kind, client::Repo const& repo) {
  auto noun = kind.noun;
  noun[0] = upper(noun.substr(0, 1))[0];
  return {noun + " '" + repo.id + "'", repo.revision, true};
}

/// The repo of a command that knows its type: "ns/name", also with this type as prefix, or hf://.
client::Result<client::Repo> repo_of(RepoKind const& kind, Options const& options) {
  auto const name = parse_repo(options.repo, "", options.revision);
  if (!name) return name.error();
  auto repo = name->repo;
  bool const prefixed = options.repo.starts_with("hf://") || repo.id != options.repo;
  if (prefixed && repo.type != kind.type)
    return client::make_error(client::ErrorKind::bad_request, "'" + options.repo + "' is no " + kind.noun +
                                                                  "; see `hubctl " + kind_of(repo.type).plural + "`");
  if (!name->path.empty())
    return client::make_error(client::ErrorKind::bad_request,
                              "'" + options.repo + "' names a file; this command takes repositories");
  repo.type = kind.type;
  if (auto const valid = check_repo_id(repo.id); !valid)
    return client::make_error(client::ErrorKind::bad_request, valid.error().what);
  return repo;
}

void tell_stale(Session& session, HubReader const& reader) {
  if (reader.stale()) session.output().warning("the Hub could not be asked; this is its last known answer");
}

// --- info

ExitCode info(Session& session, RepoKind const& kind, Options const& options) {
  auto const repo = repo_of(kind, options);
  if (!repo) return session.fail(repo.error());
  session.warn_about_token(options.token);
  auto const client = session.connect();
  if (!client) return session.fail(client.error());
  HubReader reader(**client, session.caller("", options.token));
  HubQuery query;
  if (!options.expand.empty()) query.add("expand", split(options.expand, ','));
  auto path = "/api/" + kind.plural + "/" + repo->id;
  if (!repo->revision.empty()) path += "/revision/" + percent_encoded(repo->revision);
  auto const answer = reader.get(path, query.text(), subject_of(kind, *repo));
  if (!answer) return session.fail(answer.error());
  if (!answer->is_object())
    return session.fail(
        client::make_error(client::ErrorKind::bad_upstream,
                           "the Hub's answer for " + repo->id + " is no object; is it a Hugging Face Hub?"));
  tell_stale(session, reader);
  session.output().document(shape_repo(kind.type, answer->get_object()), "id");
  return ExitCode::ok;
}

// --- ls

/// The columns of people's tables: the keys of the first row that are not null everywhere.
Table table_of(json::array const& repos) {
  Table table;
  if (repos.empty()) return table;
  for (auto const& [key, value] : repos.front().get_object()) table.columns.emplace_back(key);
  for (auto const& repo : repos) {
    auto& row = table.rows.emplace_back();
    for (auto const& column : table.columns) {
      auto const* const value = repo.get_object().if_contains(column);
      row.push_back(value == nullptr ? json::value() : *value);
    }
    auto const* const id = repo.get_object().if_contains("id");
    table.quiet.emplace_back(id != nullptr && id->is_string() ? id->get_string().c_str() : "");
  }
  table.items = repos;
  return table;
}

HubQuery list_query(RepoKind const& kind, Options const& options, Given const& given) {
  HubQuery query;
  query.add("filter", options.filters);
  auto const add = [&](char const* name, std::string const& value) {
    if (!value.empty()) query.add(name, value);
  };
  add("author", options.author);
  query.add("apps", options.apps);
  if (kind.type == client::RepoType::model && given("--gated")) query.add("gated", options.gated ? "true" : "false");
  if (options.warm) query.add("inference", "warm");
  query.add("inference_provider", options.providers);
  add("pipeline_tag", options.pipeline_tag);
  add("num_parameters", options.parameters);
  add("search", options.search);
  if (!options.sort.empty()) query.add("sort", camel_case(options.sort));
  query.add("limit", std::to_string(options.limit));
  if (!options.expand.empty()) query.add("expand", split(options.expand, ','));
  return query;
}

ExitCode list_repos(Session& session, RepoKind const& kind, Options const& options, Given const& given) {
  session.warn_about_token(options.token);
  json::array repos;
  if (options.limit > 0) {  // else there is nothing to ask
    auto const client = session.connect();
    if (!client) return session.fail(client.error());
    HubReader reader(**client, session.caller("", options.token));
    auto const items = reader.list("/api/" + kind.plural, list_query(kind, options, given).text(),
                                   static_cast<std::size_t>(options.limit), {"the list of " + kind.plural, "", false});
    if (!items) return session.fail(items.error());
    tell_stale(session, reader);
    for (auto const& item : *items)
      if (item.is_object()) repos.push_back(shape_repo(kind.type, item.get_object()));
  }
  session.output().table(table_of(repos));
  if ((options.warm || !options.providers.empty()) && options.expand.empty())
    session.output().hint("--expand inferenceProviderMapping shows who serves each model, and under which name");
  return ExitCode::ok;
}

void show_files(Session& session, json::array const& entries, Options const& options) {
  auto& output = session.output();
  if (entries.empty()) {
    output.text("(empty)");
    if (output.mode() == Mode::json && !session.as_hf()) output.json_line(entries);
    return;
  }
  auto const show = [&](std::vector<std::string> const& lines) {
    for (auto const& line : lines) output.raw(line);
  };
  if (options.tree)
    show(tree_lines(entries, options.human, output.mode() == Mode::quiet, output.style().unicode));
  else if (output.mode() == Mode::json)
    output.json_line(entries, session.as_hf());
  else if (output.mode() == Mode::quiet)
    show(listing_paths(entries));
  else
    show(listing_lines(entries, options.human));
  if (!options.recursive && std::any_of(entries.begin(), entries.end(), is_folder))
    output.hint("-R lists what is in the folders too");
}

ExitCode list_files(Session& session, RepoKind const& kind, Options const& options) {
  auto const repo = repo_of(kind, options);
  if (!repo) return session.fail(repo.error());
  if (options.tree && session.output().mode() == Mode::json) return session.usage("--tree has no JSON form");
  session.warn_about_token(options.token);
  auto const client = session.connect();
  if (!client) return session.fail(client.error());
  HubReader reader(**client, session.caller("", options.token));
  HubQuery query;
  query.add("recursive", options.recursive ? "true" : "false");
  query.add("expand", "true");
  auto const revision = repo->revision.empty() ? std::string("main") : repo->revision;
  auto const entries = reader.list("/api/" + kind.plural + "/" + repo->id + "/tree/" + percent_encoded(revision),
                                   query.text(), SIZE_MAX, subject_of(kind, *repo));
  if (!entries) return session.fail(entries.error());
  tell_stale(session, reader);
  json::array shaped;
  for (auto const& entry : *entries)
    if (entry.is_object()) shaped.push_back(shape_entry(entry.get_object()));
  show_files(session, shaped, options);
  return ExitCode::ok;
}

ExitCode list(Session& session, RepoKind const& kind, Options const& options, Given const& given) {
  std::vector<char const*> of_repos{"--search", "--author", "--filter", "--sort", "--limit", "--expand"};
  if (kind.type == client::RepoType::model)
    of_repos.insert(of_repos.end(),
                    {"--pipeline-tag", "--gated", "--apps", "--num-parameters", "--inference-provider", "--warm"});
  if (!options.repo.empty()) {
    for (auto const* const name : of_repos)
      if (given(name)) return session.usage(std::string(name) + " does not go with the files of one " + kind.noun);
    return list_files(session, kind, options);
  }
  for (auto const* const name : {"--human-readable", "--tree", "--recursive", "--revision"})
    if (given(name))
      return session.usage(std::string(name) + " goes with the files of one " + kind.noun + "; name it: `hubctl " +
                           kind.plural + " ls REPO_ID`");
  if (options.warm && !options.providers.empty()) return session.usage("give --warm or --inference-provider, not both");
  return list_repos(session, kind, options, given);
}

// --- repos tag ls

ExitCode list_tags(Session& session, Options const& options) {
  auto const name = parse_repo(options.repo, options.type, "");
  if (!name) return session.usage(name.error());
  if (auto const valid = check_repo_id(name->repo.id); !valid)
    return session.fail(client::make_error(client::ErrorKind::bad_request, valid.error().what));
  session.warn_about_token(options.token);
  auto const client = session.connect();
  if (!client) return session.fail(client.error());
  HubReader reader(**client, session.caller("", options.token));
  auto const type = std::string(type_name(name->repo.type));
  auto subject = subject_of(kind_of(name->repo.type), name->repo);
  auto const answer = reader.get("/api/" + type + "s/" + name->repo.id + "/refs", "", subject);
  if (!answer) return session.fail(answer.error());
  tell_stale(session, reader);
  Table table;
  table.columns = {"name", "target_commit", "ref"};
  auto const* const tags = answer->is_object() ? answer->get_object().if_contains("tags") : nullptr;
  if (tags != nullptr && tags->is_array())
    for (auto const& tag : tags->get_array()) {
      if (!tag.is_object()) continue;
      auto& row = table.rows.emplace_back();
      for (auto const* const key : {"name", "targetCommit", "ref"}) {
        auto const* const value = tag.get_object().if_contains(key);
        row.push_back(value == nullptr ? json::value() : *value);
      }
    }
  session.output().table(table);
  return ExitCode::ok;
}

// --- Registration

void add_expand(CLI::App& app, RepoKind const& kind, std::string& value) {
  app.add_option("--expand", value,
                 "Properties to fetch instead of the default ones, separated by commas: " + join(kind.properties, ", "))
      ->type_name("TEXT")
      ->check([&kind](std::string const& text) { return check_expand(kind, text); });
}

void add_info(Registrar& registrar, CLI::App& group, RepoKind const& kind) {
  auto const options = std::make_shared<Options>();
  auto* const app = add_command(registrar, group, "info", "Print what the Hub knows about a " + kind.noun + ", as JSON",
                                "  hubctl " + kind.plural + " info " + kind.example + "\n  hubctl " + kind.plural +
                                    " info " + kind.example + " --expand likes,tags --json");
  app->add_option(kind.noun + "_id", options->repo, "The " + kind.noun + ": ns/name")
      ->required()
      ->type_name(upper(kind.noun) + "_ID");
  app->add_option("--revision", options->revision, "Branch, tag, refs/pr/N or commit (default: main)")
      ->type_name("TEXT");
  add_expand(*app, kind, options->expand);
  add_token(*app, options->token);
  app->callback([&registrar, &kind, options] {
    registrar.action = [&kind, options](Session& session) { return info(session, kind, *options); };
  });
}

void add_ls(Registrar& registrar, CLI::App& group, RepoKind const& kind) {
  auto const options = std::make_shared<Options>();
  auto const name = "hubctl " + kind.plural + " ls";
  bool const models = kind.type == client::RepoType::model;
  auto examples = "  " + name + " --search code --sort likes --limit 10\n";
  if (models) examples += "  " + name + " --pipeline-tag text-generation --num-parameters min:6B,max:128B\n";
  examples += "  " + name + " " + kind.example + "\n  " + name + " " + kind.example + " --tree -h -R";
  auto* const app = add_command(registrar, group, "list",
                                "List " + kind.plural + " of the Hub, or the files of one " + kind.noun, examples);
  app->alias("ls");
  app->set_help_flag("--help", "Show this message and exit");  // -h is taken
  app->add_option("repo_id", options->repo,
                  "The " + kind.noun + " whose files to list (default: list " + kind.plural + ")")
      ->type_name("REPO_ID");
  app->add_option("--search", options->search, "Only ids that contain this text")->type_name("TEXT");
  app->add_option("--author", options->author, "Only those of this user or organisation")->type_name("TEXT");
  add_list(*app, "--filter", options->filters, "Only those with this tag (repeatable: all of them)");
  if (models) {
    app->add_option("--pipeline-tag", options->pipeline_tag, "Only models for this task, such as summarization")
        ->type_name("TEXT");
    app->add_flag("--gated,!--no-gated", options->gated, "Only gated models, or only open ones");
    add_list(*app, "--apps", options->apps, "Only models that this local app runs, such as vllm (repeatable)");
    app->add_option("--num-parameters", options->parameters, "Only models of this size: min:6B,max:128B")
        ->type_name("TEXT");
    add_list(*app, "--inference-provider", options->providers, "Only models that this provider serves (repeatable)");
    app->add_flag("--warm", options->warm, "Only models that some provider serves");
  }
  add_choice(*app, "--sort", options->sort, "Order, largest or newest first", kind.sorts);
  app->add_option("--limit", options->limit, "Most rows to print (default: 30)")
      ->type_name("INT")
      ->check(CLI::NonNegativeNumber);
  add_expand(*app, kind, options->expand);
  char const* const files = "Options for files";
  app->add_flag("-h,--human-readable", options->human, "Sizes with units and short dates")->group(files);
  app->add_flag("--tree", options->tree, "Draw the folders as a tree")->group(files);
  app->add_flag("-R,--recursive", options->recursive, "List what is in folders too")->group(files);
  app->add_option("--revision", options->revision, "Branch, tag, refs/pr/N or commit (default: main)")
      ->type_name("TEXT")
      ->group(files);
  add_token(*app, options->token);
  app->callback([&registrar, &kind, options, app] {
    registrar.action = [&kind, options, app](Session& session) { return list(session, kind, *options, Given{app}); };
  });
}

}  // namespace

void add_repos_read(Registrar& registrar) {
  for (auto const& kind : repo_kinds()) {
    auto* const group =
        add_group(registrar.root, kind.plural, "The Hub's " + kind.plural + ": info, list, files of one");
    add_info(registrar, *group, kind);
    add_ls(registrar, *group, kind);
  }
  auto const options = std::make_shared<Options>();
  auto* const repos = add_group(registrar.root, "repos", "Repositories of the Hub: tags");
  auto* const tag = add_group(*repos, "tag", "Tags of a repository: list");
  auto* const app =
      add_command(registrar, *tag, "list", "List the tags of a repository",
                  "  hubctl repos tag ls gpt2\n  hubctl repos tag ls HuggingFaceFW/fineweb --type dataset -q");
  app->alias("ls");
  app->add_option("repo_id", options->repo, "The repository")->required()->type_name("REPO_ID");
  add_type(*app, options->type);
  add_token(*app, options->token);
  app->callback([&registrar, options] {
    registrar.action = [options](Session& session) { return list_tags(session, *options); };
  });
}

}  // namespace hubd::cli
