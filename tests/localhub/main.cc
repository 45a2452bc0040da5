// SPDX-License-Identifier: Apache-2.0
// The local Hub as a program; README.md says how to use it.
#include <CLI/CLI.hpp>
#include <csignal>
#include <fstream>
#include <iostream>
#include <sstream>

#include "tests/localhub/localhub.h"
#include "tests/localhub/url.h"

namespace {

using hubd::localhub::split;

std::pair<std::string, std::uint16_t> address_of(std::string const& text) {
  auto const colon = text.rfind(':');
  if (colon == std::string::npos) throw CLI::ValidationError("--listen", "want ADDRESS:PORT, got " + text);
  return {text.substr(0, colon), static_cast<std::uint16_t>(std::stoul(text.substr(colon + 1)))};
}

std::string file_text(std::string const& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream all;
  all << in.rdbuf();
  return std::move(all).str();
}

}  // namespace

int main(int argc, char** argv) try {
  std::string listen = "127.0.0.1:0";
  std::string cdn_listen;
  std::string data;
  std::string cas_data;
  std::string seed;
  std::vector<std::string> users;
  std::vector<std::string> orgs;
  std::vector<std::string> tls;
  bool url_only = false;
  hubd::localhub::Options options;

  CLI::App app{"A Hugging Face Hub on this machine, for tests and for trying hubd without the network."};
  app.add_option("--listen", listen, "address and port of the Hub; port 0 picks one")->capture_default_str();
  app.add_option("--cdn-listen", cdn_listen, "address and port of its CDN (default: same address, any port)");
  app.add_option("--cas-port", options.cas_port, "port of its CAS (default: any)");
  app.add_option("--xorb-port", options.xorb_port, "port of the CAS's signed URLs (default: any)");
  app.add_option("--cas-url", options.foreign_cas_url, "hand out tokens for this CAS, a local_cas_server, instead of being one");
  app.add_option("--cas-data", cas_data, "data folder of the CAS at --cas-url");
  app.add_option("--data", data, "folder for large files (default: a temporary one)");
  app.add_option("--user", users, "NAME:TOKEN, repeatable");
  app.add_option("--org", orgs, "NAME:MEMBER,MEMBER, repeatable");
  app.add_option("--tls", tls, "certificate and key, PEM files")->expected(2);
  app.add_option("--seed", seed, "JSON file of users and repos")->check(CLI::ExistingFile);
  app.add_flag("--sample", options.sample, "add hubd/sample-model and hubd/sample-dataset");
  app.add_flag("--print-url", url_only, "print the Hub's URL and nothing else");
  CLI11_PARSE(app, argc, argv);

  std::tie(options.address, options.port) = address_of(listen);
  if (!cdn_listen.empty()) std::tie(options.cdn_address, options.cdn_port) = address_of(cdn_listen);
  options.data = data;
  options.foreign_cas_data = cas_data;
  for (auto const& user : users) {
    auto const colon = user.find(':');
    if (colon == std::string::npos) throw CLI::ValidationError("--user", "want NAME:TOKEN");
    options.users.emplace_back(user.substr(0, colon), user.substr(colon + 1));
  }
  for (auto const& org : orgs) {
    auto const colon = org.find(':');
    if (colon == std::string::npos) throw CLI::ValidationError("--org", "want NAME:MEMBER,...");
    options.orgs.emplace_back(org.substr(0, colon), split(org.substr(colon + 1), ','));
  }
  if (!tls.empty()) {
    options.tls_certificate = tls.at(0);
    options.tls_key = tls.at(1);
  }
  if (!seed.empty()) options.seed = file_text(seed);

  sigset_t stops;
  sigemptyset(&stops);
  sigaddset(&stops, SIGTERM);
  sigaddset(&stops, SIGINT);
  pthread_sigmask(SIG_BLOCK, &stops, nullptr);  // before any thread: they inherit it
  std::signal(SIGPIPE, SIG_IGN);

  auto const hub = hubd::localhub::LocalHub::start(options);
  if (!hub) {
    std::cerr << hub.error().what << "\n";
    return 1;
  }
  std::cout << (*hub)->url() << "\n";
  if (!url_only) std::cout << "cdn " << (*hub)->cdn_url() << "\n";
  std::cout.flush();
  int got = 0;
  sigwait(&stops, &got);
  return 0;
} catch (CLI::ParseError const& problem) {
  std::cerr << problem.what() << "\n";
  return 2;
} catch (std::exception const& problem) {
  std::cerr << "localhub: " << problem.what() << "\n";
  return 1;
}
