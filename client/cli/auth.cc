// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <chrono>
#include <ctime>
#include <filesystem>
#include <memory>

#include "client/cli/commands.h"
#include "client/cli/git_credential.h"
#include "client/cli/terminal.h"
#include "client/cli/text.h"

namespace hubd::cli {
namespace {

namespace json = boost::json;
using client::ErrorKind;
using client::make_error;

constexpr char const* kHubDefault = "https://huggingface.co";

struct Options {
  std::string token;
  std::string token_name;
  bool force = false;
  bool git = false;
};

std::string date_text(std::int64_t unix) {
  std::time_t const time = unix;
  std::tm parts{};
  std::array<char, 16> text{};
  return gmtime_r(&time, &parts) != nullptr && std::strftime(text.data(), text.size(), "%Y-%m-%d", &parts) > 0
             ? text.data()
             : "";
}

client::Error not_logged_in(client::Error error) {
  if (error.message.find("auth login") == std::string::npos) error.hint = "run `hubctl auth login`, or set HF_TOKEN";
  return error;
}

void warn_about_variable(Session& session) {
  if (!client::given_token(session.variables()).empty())
    session.output().warning("HF_TOKEN is set and wins over the stored token");
}

/// hubd may keep its tokens in another file than this caller's environment names.
void warn_about_file(Session& session, std::string const& stored_in) {
  auto const own = client::token_path(session.variables());
  std::error_code unused;
  if (own == stored_in || std::filesystem::equivalent(own, stored_in, unused)) return;
  if (!client::file_token(session.variables()).empty())
    session.output().warning(own + " holds a token too and wins over the one stored in " + stored_in);
}

/// The Hub as git knows it.
std::string git_endpoint(client::Caller const& caller) {
  return caller.endpoint.empty() ? std::string(kHubDefault) : caller.endpoint;
}

/// The token to store: from the flag, typed without echo, or a line of standard input.
client::Result<std::string> token_to_store(Session& session, Options const& options) {
  if (!options.token.empty()) return options.token;
  std::optional<std::string> line;
  if (::isatty(STDIN_FILENO) == 0) {
    line = read_line();
  } else if (session.output().mode() == Mode::human) {
    session.output().note("Make a token at " + std::string(kHubDefault) +
                          "/settings/tokens and paste it here. It is not shown.");
    line = read_hidden("Token: ");
  } else {
    return make_error(ErrorKind::bad_request, "nobody can type a token in this output form; give it on standard input");
  }
  auto token = line.value_or("");
  auto const blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!token.empty() && blank(token.back())) token.pop_back();
  while (!token.empty() && blank(token.front())) token.erase(0, 1);
  if (token.empty()) return make_error(ErrorKind::bad_request, "no token was given");
  return token;
}

ExitCode login(Session& session, Options const& options) {
  auto const client = session.connect();
  if (!client) return session.fail(client.error());
  bool const typed = options.token.empty() && ::isatty(STDIN_FILENO) == 1;
  if (typed && !options.force) {
    auto caller = session.caller();
    caller.token_mode = client::TokenMode::stored;
    caller.token.clear();
    auto const account = (*client)->whoami(caller);
    if (account) {
      session.output().result("Already logged in; --force logs in anew", {{"user", json::value(account->name)}});
      return ExitCode::ok;
    }
  }
  auto const token = token_to_store(session, options);
  if (!token) return session.fail(token.error());
  auto const caller = session.caller("", *token);
  auto const done = (*client)->login(caller);
  if (!done) return session.fail(done.error());
  session.output().result("Logged in",
                          {{"token_name", json::value(done->token_name)}, {"user", json::value(done->user)}});
  warn_about_variable(session);
  warn_about_file(session, done->token_path);
  if (options.git) {
    if (!has_git_credential_helper())
      session.output().warning(
          "git has no credential helper, so the token was not given to it (`git config --global credential.helper "
          "store` sets one)");
    else if (!approve_git_credential(git_endpoint(caller), *token))
      session.output().warning("git did not take the token");
  }
  return ExitCode::ok;
}

ExitCode logout(Session& session, Options const& options) {
  auto const client = session.connect();
  if (!client) return session.fail(client.error());
  auto const done = (*client)->logout(options.token_name);
  if (!done) return session.fail(done.error());
  json::array removed;
  for (auto const& name : done->removed) removed.emplace_back(name);
  bool const none = done->removed.empty() && !done->active_removed;
  session.output().result(none ? "No token was stored" : "Logged out",
                          {{"removed", removed}, {"active_removed", json::value(done->active_removed)}});
  if (!none && has_git_credential_helper() && !reject_git_credential(git_endpoint(session.caller())))
    session.output().warning("git did not forget the token");
  warn_about_variable(session);
  if (done->active_removed && !client::file_token(session.variables()).empty())
    session.output().warning(client::token_path(session.variables()) + " still holds a token, which is used");
  return ExitCode::ok;
}

ExitCode whoami(Session& session, Options const& options) {
  auto const client = session.connect();
  if (!client) return session.fail(client.error());
  auto const account = (*client)->whoami(session.caller("", options.token));
  if (!account)
    return session.fail(account.error().kind == ErrorKind::unauthorized ? not_logged_in(account.error())
                                                                        : account.error());
  Fields fields{{"user", json::value(account->name)}};
  auto const add = [&](char const* name, std::string const& text) {
    if (!text.empty())
      fields.emplace_back(name, text);
    else if (session.as_hf())
      fields.emplace_back(name, nullptr);
  };
  add("orgs", join(account->orgs, ","));
  add("endpoint", account->endpoint == kHubDefault ? "" : account->endpoint);
  session.output().result("Logged in", fields);
  return ExitCode::ok;
}

ExitCode list(Session& session, Options const&) {
  auto const client = session.connect();
  if (!client) return session.fail(client.error());
  auto const tokens = (*client)->tokens();
  if (!tokens) return session.fail(tokens.error());
  Table table;
  table.columns = {"", "name", "token", "expires"};
  bool expires = false;
  for (auto const& token : tokens->tokens) expires = expires || token.expires_unix != 0;
  if (!expires) table.columns.pop_back();
  for (auto const& token : tokens->tokens) {
    json::object item;
    item["name"] = token.name;
    item["token"] = token.masked;
    item["active"] = token.active;
    auto& row = table.rows.emplace_back(std::vector<json::value>{json::value(token.active ? "*" : ""),
                                                                 json::value(token.name), json::value(token.masked)});
    if (expires) row.emplace_back(token.expires_unix == 0 ? "" : date_text(token.expires_unix));
    if (token.expires_unix != 0) item["expires_unix"] = token.expires_unix;
    table.items.emplace_back(std::move(item));
    table.quiet.push_back(token.name);
  }
  table.empty_text = "No token is stored.";
  session.output().table(table);
  if (tokens->active_not_stored)
    session.output().hint("the active token has no name; it was written by another program");
  warn_about_variable(session);
  return ExitCode::ok;
}

/// The name of the flag, else what is picked from a numbered list.
client::Result<std::string> name_to_switch_to(Session& session, client::Client& client, Options const& options) {
  if (!options.token_name.empty()) return options.token_name;
  auto const tokens = client.tokens();
  if (!tokens) return tokens.error();
  if (tokens->tokens.empty()) return std::string();
  if (session.output().mode() != Mode::human || ::isatty(STDIN_FILENO) == 0)
    return make_error(ErrorKind::bad_request, "name the token with --token-name");
  for (std::size_t i = 0; i < tokens->tokens.size(); ++i)
    session.output().note(std::to_string(i + 1) + ". " + tokens->tokens[i].name +
                          (tokens->tokens[i].active ? " (active)" : ""));
  session.output().note("Number of the token to use:");
  auto const number = parse_size(read_line().value_or(""));
  if (!number || *number < 1 || *number > tokens->tokens.size())
    return make_error(ErrorKind::cancelled, "no token was chosen");
  return tokens->tokens[*number - 1].name;
}

ExitCode switch_token(Session& session, Options const& options) {
  auto const client = session.connect();
  if (!client) return session.fail(client.error());
  auto const name = name_to_switch_to(session, **client, options);
  if (!name) return session.fail(name.error());
  if (name->empty()) {
    session.output().result("No token is stored; run `hubctl auth login`", {});
    return ExitCode::ok;
  }
  auto const done = (*client)->switch_token(*name);
  if (!done) return session.fail(done.error());
  session.output().result("Switched", {{"token_name", json::value(done->token_name)}});
  warn_about_variable(session);
  warn_about_file(session, done->token_path);
  return ExitCode::ok;
}

ExitCode token(Session& session, Options const&) {
  auto own = client::given_token(session.variables());
  if (own.empty()) own = client::file_token(session.variables());
  if (!own.empty()) {
    session.output().raw(own);
    return ExitCode::ok;
  }
  auto const client = session.connect();
  if (!client) return session.fail(client.error());
  auto const stored = (*client)->token();
  if (!stored)
    return session.fail(stored.error().kind == ErrorKind::unauthorized ? not_logged_in(stored.error())
                                                                       : stored.error());
  if (stored->empty())
    return session.fail(not_logged_in(make_error(ErrorKind::unauthorized, "no token is stored for this user")));
  session.output().raw(*stored);
  return ExitCode::ok;
}

}  // namespace

void add_auth(Registrar& registrar) {
  auto const options = std::make_shared<Options>();
  auto* const group = add_group(registrar.root, "auth", "Tokens: log in and out, list, switch");
  auto const act = [&registrar, options](CLI::App* app, ExitCode (*what)(Session&, Options const&)) {
    app->callback([&registrar, options, what] {
      registrar.action = [options, what](Session& session) { return what(session, *options); };
    });
  };
  auto* const in =
      add_command(registrar, *group, "login", "Check a token with the Hub, store it and make it the active one",
                  "  hubctl auth login\n  hubctl auth login < token.txt");
  in->add_option("--token", options->token,
                 "The token (default: typed without echo, or read from standard input, which is safer)")
      ->type_name("TEXT");
  in->add_flag("--add-to-git-credential,!--no-add-to-git-credential", options->git,
               "Give the token to git's credential helper too");
  in->add_flag("--force,!--no-force", options->force, "Ask for a token although one is stored");
  act(in, login);
  auto* const out = add_command(registrar, *group, "logout", "Forget all stored tokens, or one",
                                "  hubctl auth logout --token-name work");
  out->add_option("--token-name", options->token_name, "Only this stored token")->type_name("TEXT");
  act(out, logout);
  auto* const who =
      add_command(registrar, *group, "whoami", "Print the account of the active token", "  hubctl auth whoami --json");
  who->add_option("--token", options->token, "Ask for this token instead")->type_name("TEXT");
  act(who, whoami);
  auto* const ls =
      add_command(registrar, *group, "list", "List stored tokens, masked; * is the active one", "  hubctl auth list");
  ls->alias("ls");
  act(ls, list);
  auto* const change = add_command(registrar, *group, "switch", "Make another stored token the active one",
                                   "  hubctl auth switch --token-name work");
  change->add_option("--token-name", options->token_name, "The stored token (default: choose from a list)")
      ->type_name("TEXT");
  act(change, switch_token);
  act(add_command(registrar, *group, "token", "Print the active token itself", "  hubctl auth token"), token);
}

}  // namespace hubd::cli
