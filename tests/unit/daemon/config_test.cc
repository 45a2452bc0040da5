// SPDX-License-Identifier: Apache-2.0
#include "daemon/config.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "daemon/live_config.h"
#include "daemon/paths.h"

namespace hubd::daemon {
namespace {

class ConfigTest : public testing::Test {
 protected:
  ConfigTest() {
    char name[] = "/tmp/hubd-config-XXXXXX";
    folder_ = mkdtemp(name);
    sources_.file = folder_ + "/hubd.toml";
    sources_.overlay = overlay_of(sources_.file);
    sources_.environment["HOME"] = "/home/u";
  }
  ~ConfigTest() override { std::filesystem::remove_all(folder_); }

  void write(std::string_view text) const { std::ofstream(sources_.file) << text; }
  Settings load() const {
    auto settings = load_settings(sources_);
    EXPECT_TRUE(settings) << settings.error().what;
    return settings ? *settings : Settings();
  }
  std::string error() const {
    auto const settings = load_settings(sources_);
    EXPECT_FALSE(settings);
    return settings ? "" : settings.error().what;
  }

  std::string folder_;
  ConfigSources sources_;
};

TEST_F(ConfigTest, EveryDefaultFitsItsOwnKey) {
  for (auto const& key : config_keys()) EXPECT_TRUE(check_value(key, key.default_value)) << key.name;
}

TEST_F(ConfigTest, DefaultsNeedNoFile) {
  auto const config = typed(load());
  EXPECT_EQ(config.cache_root, "/home/u/.cache/huggingface/hub");
  EXPECT_EQ(config.upstreams, std::vector<std::string>{"https://huggingface.co"});
  EXPECT_EQ(config.network_mode, NetworkMode::online);
  EXPECT_EQ(config.socket, "/tmp/hubd-" + std::to_string(getuid()) + "/hubd.sock");
  EXPECT_EQ(config.free_floor, 1_GiB);
  EXPECT_EQ(config.idle_exit.count(), 0);
}

TEST_F(ConfigTest, AFileThatSomebodyNamedMustExist) {
  sources_.file_required = true;
  EXPECT_NE(error().find(sources_.file), std::string::npos);
}

TEST_F(ConfigTest, TheFileIsTyped) {
  write(R"(
socket = "/run/x/s"
[network]
mode = "prefer-local"
no_proxy = ["a.example", ".b.example"]
connections_per_host = 3
[disk]
free_floor = "5 GB"
[memory]
max = 67108864
[security]
allow_uids = [1000, 1001]
[[upstream]]
url = "https://mirror.example/"
[[upstream]]
url = "https://huggingface.co"
)");
  auto const settings = load();
  auto const config = typed(settings);
  EXPECT_EQ(config.socket, "/run/x/s");
  EXPECT_EQ(config.network_mode, NetworkMode::prefer_local);
  EXPECT_EQ(config.no_proxy, (std::vector<std::string>{"a.example", ".b.example"}));
  EXPECT_EQ(config.connections_per_host, 3U);
  EXPECT_EQ(config.free_floor, 5000000000U);
  EXPECT_EQ(config.memory_max, 64_MiB);
  EXPECT_EQ(config.allow_uids, (std::vector<uid_t>{1000, 1001}));
  EXPECT_EQ(config.upstreams, (std::vector<std::string>{"https://mirror.example", "https://huggingface.co"}));
  EXPECT_EQ(settings.at("network.mode").source, sources_.file + ":4");
}

struct Mistake {
  std::string_view text;
  std::string_view line;
  std::string_view says;
};

TEST_F(ConfigTest, MistakesNameFileLineAndWhatIsWrong) {
  Mistake const mistakes[] = {
      {"\n\nsockt = \"/x\"\n", ":3:", "unknown key sockt; did you mean socket?"},
      {"[network]\nmodus = \"online\"\n", ":2:", "did you mean network.mode?"},
      {"[nettwork]\nmode = \"online\"\n", ":1:", "unknown key nettwork"},
      {"free_floor = 1\n", ":1:", "did you mean disk.free_floor?"},
      {"[network]\nconnections_per_host = \"many\"\n", ":2:", "must be a whole number, found a string"},
      {"[network]\nconnections_per_host = 0\n", ":2:", "from 1 to 256"},
      {"[network]\nmode = \"on\"\n", ":2:", "one of online|prefer-local|offline"},
      {"[network]\nmode = true\n", ":2:", "must be a string, found true or false"},
      {"[disk]\nfree_floor = \"5 parsec\"\n", ":2:", "a number of bytes"},
      {"[metadata]\nbranch_max_age_seconds = -1\n", ":2:", "a whole number"},
      {"[security]\nallow_uids = [\"root\"]\n", ":2:", "array of whole numbers"},
      {"upstream = \"https://x\"\n", ":1:", "[[upstream]]"},
      {"[[upstream]]\nurl = \"ftp://x\"\n", ":1:", "http or https"},
      {"[[upstream]]\nuri = \"https://x\"\n", ":2:", "did you mean url?"},
      {"[network\n", ":1:", ""},
      {"[cache]\nroot = \"relative\"\n", ":2:", "an absolute path"},
  };
  for (auto const& [text, line, says] : mistakes) {
    write(text);
    auto const what = error();
    EXPECT_TRUE(what.starts_with(sources_.file + std::string(line))) << what;
    EXPECT_NE(what.find(says), std::string::npos) << what;
  }
}

TEST_F(ConfigTest, LaterSourcesWinAndAreNamed) {
  write("[network]\nmode = \"prefer-local\"\nconnections_total = 5\n[cache]\nroot = \"/file\"\n");
  std::ofstream(sources_.overlay) << "network.mode = \"online\"\n";
  sources_.environment["HF_HUB_CACHE"] = "~/env";
  auto settings = load();
  EXPECT_EQ(settings["network.mode"].value, "online");
  EXPECT_EQ(settings["network.mode"].source, "overlay " + sources_.overlay + ":1");
  EXPECT_EQ(settings["cache.root"].value, "/home/u/env");
  EXPECT_EQ(settings["cache.root"].source, "environment HF_HUB_CACHE");
  EXPECT_EQ(settings["network.connections_total"].value, "5");
  sources_.command_line.emplace_back("cache.root", "/cli");
  settings = load();
  EXPECT_EQ(settings["cache.root"].value, "/cli");
  EXPECT_EQ(settings["cache.root"].source, "command line");
}

TEST_F(ConfigTest, TheEnvironmentMeansWhatItMeansToHuggingFace) {
  sources_.environment["HF_HOME"] = "$HOME/hf";
  EXPECT_EQ(typed(load()).cache_root, "/home/u/hf/hub");
  sources_.environment["HF_ENDPOINT"] = "http://127.0.0.1:1/";
  EXPECT_EQ(typed(load()).upstreams, std::vector<std::string>{"http://127.0.0.1:1"});
  sources_.environment["HF_HUB_OFFLINE"] = "yes";
  EXPECT_EQ(typed(load()).network_mode, NetworkMode::offline);
  write("[network]\nmode = \"online\"\n");
  EXPECT_EQ(typed(load()).network_mode, NetworkMode::online) << "a switch that was set wins over the shell's variable";
  sources_.environment["HF_ENDPOINT"] = "gopher://x";
  EXPECT_NE(error().find("HF_ENDPOINT"), std::string::npos);
}

TEST_F(ConfigTest, ProxyAndTrustComeFromTheUsualVariablesUnlessAFileSaysOtherwise) {
  auto& environment = sources_.environment;
  environment["ALL_PROXY"] = "http://all.example:1";
  environment["HTTPS_PROXY"] = "http://upper.example:2";
  environment["https_proxy"] = "http://lower.example:3";
  environment["NO_PROXY"] = "localhost, .internal";
  environment["SSL_CERT_DIR"] = folder_;
  environment["REQUESTS_CA_BUNDLE"] = "/etc/ca.pem";
  environment["SSL_CERT_FILE"] = "/etc/first.pem";
  auto config = typed(load());
  EXPECT_EQ(config.http_proxy, "http://all.example:1");
  EXPECT_EQ(config.https_proxy, "http://lower.example:3");
  EXPECT_EQ(config.no_proxy, (std::vector<std::string>{"localhost", ".internal"}));
  EXPECT_EQ(config.ca_file, "/etc/first.pem");
  EXPECT_EQ(config.ca_directory, folder_);
  write("[network]\nhttps_proxy = \"http://file.example:4\"\nca_file = \"/etc/file.pem\"\n");
  auto const settings = load();
  config = typed(settings);
  EXPECT_EQ(config.https_proxy, "http://file.example:4");
  EXPECT_EQ(config.ca_file, "/etc/file.pem");
  EXPECT_EQ(config.http_proxy, "http://all.example:1");
  EXPECT_EQ(settings.at("network.http_proxy").source, "environment ALL_PROXY");
}

TEST_F(ConfigTest, ABundleVariableMayNameAFolder) {
  sources_.environment["REQUESTS_CA_BUNDLE"] = folder_;
  auto const config = typed(load());
  EXPECT_EQ(config.ca_directory, folder_);
  EXPECT_EQ(config.ca_file, "");
}

TEST_F(ConfigTest, EveryKeyStandsInTheManual) {
  std::ifstream in(HUBD_SOURCE_DIR "/docs/configuration.md");
  std::string const manual{std::istreambuf_iterator<char>(in), {}};
  ASSERT_FALSE(manual.empty());
  for (auto const& key : config_keys()) {
    auto const row = "| `" + std::string(key.name) + "` |";
    EXPECT_NE(manual.find(row), std::string::npos) << row;
  }
}

TEST_F(ConfigTest, AutoStartedIdlesOutUnlessToldOtherwise) {
  sources_.auto_started = true;
  EXPECT_EQ(typed(load()).idle_exit, std::chrono::minutes(30));
  write("[lifetime]\nidle_exit_seconds = 0\n");
  EXPECT_EQ(typed(load()).idle_exit.count(), 0);
}

TEST_F(ConfigTest, SettingAKeyLastsAndAppliesAtOnceWhenLive) {
  LiveConfig live(sources_, load());
  std::string seen;
  live.on_change([&](Config const& config) { seen = name_of(config.network_mode); });
  auto const change = live.set("network.mode", "offline");
  ASSERT_TRUE(change) << change.error().what;
  EXPECT_FALSE(change->restart_needed);
  EXPECT_EQ(seen, "offline");
  auto const cold = live.set("memory.max", "1 GiB");
  ASSERT_TRUE(cold);
  EXPECT_TRUE(cold->restart_needed);
  EXPECT_EQ(live.config().memory_max, 512_MiB) << "needs a restart";
  ASSERT_TRUE(live.set("upstream", "https://a.example,https://b.example"));
  ASSERT_TRUE(live.set("network.no_proxy", "x,\"quoted\"\\"));
  auto const again = typed(load());
  EXPECT_EQ(again.network_mode, NetworkMode::offline);
  EXPECT_EQ(again.memory_max, 1_GiB);
  EXPECT_EQ(again.upstreams.size(), 2U);
  EXPECT_EQ(again.no_proxy, (std::vector<std::string>{"x", "\"quoted\"\\"}));
}

TEST_F(ConfigTest, WhatWasSetCanBeReadAgain) {
  LiveConfig live(sources_, load());
  ASSERT_TRUE(live.set("network.connections_per_host", "007"));
  ASSERT_TRUE(live.set("lifetime.idle_exit_seconds", "010"));
  ASSERT_TRUE(live.set("security.allow_uids", "0042, 7"));
  ASSERT_TRUE(live.set("network.http_proxy", "http://\x01\t\x7f@p:1"));
  auto const again = typed(load());
  EXPECT_EQ(again.connections_per_host, 7U);
  EXPECT_EQ(again.idle_exit.count(), 10);
  EXPECT_EQ(again.allow_uids, (std::vector<uid_t>{42, 7}));
  EXPECT_EQ(again.http_proxy, "http://\x01\t\x7f@p:1");
  EXPECT_FALSE(live.set("network.https_proxy", "\xff")) << "TOML is UTF-8";
  load();
}

TEST_F(ConfigTest, TheOverlayIsForItsOwnerOnly) {
  LiveConfig live(sources_, load());
  std::ofstream(sources_.overlay) << "";
  std::filesystem::permissions(sources_.overlay, std::filesystem::perms(0644));
  ASSERT_TRUE(live.set("network.http_proxy", "http://me:secret@proxy:3128"));
  EXPECT_EQ(std::filesystem::status(sources_.overlay).permissions(), std::filesystem::perms(0600));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1) << "nothing temporary stays";
}

TEST_F(ConfigTest, AnUpstreamHasNoPassword) {
  write("[[upstream]]\nurl = \"https://me:secret@hub.example\"\n");
  auto const text = error();
  EXPECT_NE(text.find("without user name and password"), std::string::npos) << text;
  EXPECT_EQ(text.find("secret"), std::string::npos) << text;
}

TEST_F(ConfigTest, AWrongSettingChangesNothing) {
  LiveConfig live(sources_, load());
  auto const mistyped = live.set("network.mode", "sometimes");
  ASSERT_FALSE(mistyped);
  EXPECT_EQ(mistyped.error().kind, ErrorKind::bad_request);
  auto const unknown = live.set("network.mod", "offline");
  ASSERT_FALSE(unknown);
  EXPECT_NE(unknown.error().what.find("network.mode"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(sources_.overlay));
  EXPECT_FALSE(live.set("network.no_proxy", "a\nb"));
}

TEST_F(ConfigTest, ReloadAppliesLiveKeysOnly) {
  LiveConfig live(sources_, load());
  write("[log]\nlevel = \"debug\"\nformat = \"json\"\n");
  auto const waiting = live.reload();
  ASSERT_TRUE(waiting);
  EXPECT_EQ(*waiting, std::vector<std::string>{"log.format"});
  EXPECT_EQ(live.config().log_level, LogLevel::debug);
  EXPECT_EQ(live.config().log_format, LogFormat::text);
  write("[log]\nlevel = \"loud\"\n");
  EXPECT_FALSE(live.reload());
  EXPECT_EQ(live.config().log_level, LogLevel::debug) << "the old settings stay";
}

TEST(Paths, FollowTheEnvironment) {
  EXPECT_EQ(token_path(Environment{{"HOME", "/h"}}), "/h/.cache/huggingface/token");
  EXPECT_EQ(token_path(Environment{{"HF_HOME", "/x"}}), "/x/token");
  EXPECT_EQ(default_socket(Environment{{"XDG_RUNTIME_DIR", "/run/user/7"}}, 7), "/run/user/7/hubd/hubd.sock");
}

TEST(Paths, ASocketFolderOfOthersIsRefused) {
  char name[] = "/tmp/hubd-folder-XXXXXX";
  std::string const folder = mkdtemp(name);
  EXPECT_TRUE(prepare_socket_folder(folder + "/made/s"));
  EXPECT_EQ(std::filesystem::status(folder + "/made").permissions(), std::filesystem::perms::owner_all);
  std::filesystem::permissions(folder + "/made", std::filesystem::perms::all);
  auto const open = prepare_socket_folder(folder + "/made/s");
  ASSERT_FALSE(open);
  EXPECT_EQ(open.error().kind, ErrorKind::permission_denied);
  std::filesystem::create_directory_symlink(folder + "/made", folder + "/link");
  EXPECT_FALSE(prepare_socket_folder(folder + "/link/s"));
  if (getuid() == 0) {
    std::filesystem::permissions(folder + "/made", std::filesystem::perms::owner_all);
    ASSERT_EQ(chown((folder + "/made").c_str(), 65534, 65534), 0);
    EXPECT_FALSE(prepare_socket_folder(folder + "/made/s"));
  }
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace hubd::daemon
