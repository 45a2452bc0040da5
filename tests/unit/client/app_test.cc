// SPDX-License-Identifier: Apache-2.0
#include "client/cli/app.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

namespace hubd::cli {
namespace {

struct Ran {
  int code = 0;
  std::string out;
  std::string err;
};

/// hubctl in an environment where no hubd runs and none may be started.
Ran hubctl(std::vector<std::string> const& arguments) {
  std::ostringstream out;
  std::ostringstream err;
  client::Variables const variables{
      {"HOME", "/nonexistent"}, {"HUBD_SOCKET", "/nonexistent/s"}, {"HUBD_NO_AUTOSTART", "1"}};
  int const code = run(arguments, variables, out, err);
  return {code, out.str(), err.str()};
}

std::size_t lines_of(std::string const& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

TEST(App, WrongCommandLinesAreUsageErrorsInOneLine) {
  using Words = std::vector<std::string>;
  for (auto const& words :
       {Words{"downlaod", "x"}, Words{"download", "a/b", "--revison", "x"},
        Words{"download", "a/b", "--max-workers", "0"}, Words{"download", "a/b", "--repo-type", "thing"},
        Words{"download", "a/b", "--local-dir", "x", "--cache-dir", "y"}, Words{"download", "a/b", "--json", "--quiet"},
        Words{"download", "a/b", "--format", "xml"}, Words{"cache", "sl"}, Words{"status", "now"},
        Words{"cache", "ls", "--filter", "size"}, Words{"ready", "a/b@"}, Words{"config", "set", "key"}}) {
    auto const ran = hubctl(words);
    EXPECT_EQ(2, ran.code) << words[0] << ' ' << words.back() << ran.err;
    EXPECT_EQ("", ran.out);
    EXPECT_EQ(1U, lines_of(ran.err)) << ran.err;
  }
}

TEST(App, TyposAreAnsweredWithTheNearestName) {
  EXPECT_NE(std::string::npos, hubctl({"downlaod"}).err.find("did you mean 'download'?"));
  EXPECT_NE(std::string::npos, hubctl({"download", "a/b", "--revison", "x"}).err.find("did you mean '--revision'?"));
}

TEST(App, UsageErrorsAreJsonWhenJsonIsAskedFor) {
  auto const ran = hubctl({"download", "a/b", "--revison", "x", "--json"});
  EXPECT_EQ(2, ran.code);
  EXPECT_TRUE(ran.err.starts_with(R"({"error":{"kind":"usage","message":)")) << ran.err;
}

TEST(App, HelpIsPrintedForEveryCommand) {
  using Words = std::vector<std::string>;
  for (auto const& words : {Words{"download"}, Words{"plan"}, Words{"ready"}, Words{"transfers", "watch"},
                            Words{"cache", "ls"}, Words{"cache", "prune"}, Words{"cache", "verify"},
                            Words{"auth", "login"}, Words{"config"}, Words{"status"}, Words{"version"}}) {
    auto asked = words;
    asked.emplace_back("--help");
    auto const ran = hubctl(asked);
    EXPECT_EQ(0, ran.code);
    EXPECT_TRUE(ran.out.starts_with("Usage: hubctl " + words[0])) << ran.out;
    EXPECT_NE(std::string::npos, ran.out.find("Examples:\n"));
    std::istringstream lines(ran.out);
    for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 120U) << line;
  }
}

/// Every leaf command, found as a shell finds them: by asking what may follow.
void find_commands(std::vector<std::string> const& path, std::vector<std::vector<std::string>>& leaves) {
  std::vector<std::string> words{"complete", "--"};
  words.insert(words.end(), path.begin(), path.end());
  words.emplace_back("");
  std::istringstream lines(hubctl(words).out);
  bool leaf = true;
  for (std::string line; std::getline(lines, line);) {
    auto const tab = line.find('\t');
    if (tab == std::string::npos) continue;  // a value, not a command
    leaf = false;
    auto below = path;
    below.push_back(line.substr(0, tab));
    find_commands(below, leaves);
  }
  if (leaf) leaves.push_back(path);
}

TEST(App, EveryCommandExplainsItselfWithExamplesAndNoOptionWithoutWords) {
  std::vector<std::vector<std::string>> leaves;
  find_commands({}, leaves);
  EXPECT_GT(leaves.size(), 30U);
  for (auto const& leaf : leaves) {
    auto asked = leaf;
    asked.emplace_back("--help");
    auto const ran = hubctl(asked);
    EXPECT_EQ(0, ran.code) << leaf.back();
    EXPECT_TRUE(ran.out.starts_with("Usage: hubctl " + leaf[0])) << ran.out;
    EXPECT_NE(std::string::npos, ran.out.find("Examples:\n  hubctl " + leaf[0])) << ran.out;
    std::istringstream lines(ran.out);
    for (std::string line; std::getline(lines, line);) {
      EXPECT_LE(line.size(), 120U) << line;
      bool const option = line.starts_with("  -");
      bool const explained = line.size() > 32 || line.find('|') != std::string::npos;
      if (!option || explained) continue;
      EXPECT_TRUE(std::getline(lines, line) && line.starts_with("          ")) << leaf.back() << ": " << line;
    }
  }
}

TEST(App, UnderTheNameHfErrorsAreTextAndCodesAreHfs) {
  auto const hf = [](std::vector<std::string> const& arguments) {
    std::ostringstream out;
    std::ostringstream err;
    int const code =
        run(arguments, {{"HOME", "/nonexistent"}, {"HUBD_SOCKET", "/nonexistent/s"}, {"HUBD_NO_AUTOSTART", "1"}}, out,
            err, Program::hf);
    return Ran{code, out.str(), err.str()};
  };
  EXPECT_TRUE(hf({"models", "info", "a/b", "--json"}).err.starts_with("Error: "));
  EXPECT_EQ(1, hf({"download", "a/b", "--local-dir", "x", "--cache-dir", "y"}).code);
  EXPECT_EQ("2.4.0\n", hf({"--version"}).out);
  EXPECT_TRUE(hf({"download", "--help"}).out.starts_with("Usage: hf download"));
  EXPECT_NE(std::string::npos, hf({"download", "--help"}).out.find("\n  hf download gpt2"));
  EXPECT_NE(std::string::npos, hf({"repo", "tag", "ls", "a/b"}).err.find("use `hf repos`"));
}

TEST(App, ACommandThatLacksEverythingExplainsItself) {
  auto const ran = hubctl({"download"});
  EXPECT_EQ(0, ran.code);
  EXPECT_TRUE(ran.out.starts_with("Usage: hubctl download")) << ran.out;
}

TEST(App, AGroupAloneIsAUsageErrorWithHelp) {
  for (auto const* const group : {"cache", "auth", "transfers"}) {
    auto const ran = hubctl({group});
    EXPECT_EQ(2, ran.code);
    EXPECT_EQ("", ran.out);
    EXPECT_NE(std::string::npos, ran.err.find("Usage: hubctl " + std::string(group)));
  }
}

TEST(App, WithoutADaemonAnErrorSaysHowToStartOne) {
  auto const ran = hubctl({"status"});
  EXPECT_EQ(1, ran.code);
  EXPECT_EQ(
      "Error: hubd does not run: nobody answers at /nonexistent/s; start it with `hubd`, or allow hubctl to (unset "
      "HUBD_NO_AUTOSTART)\n",
      ran.err);
  auto const machine = hubctl({"status", "--json"});
  EXPECT_EQ(1, machine.code);
  EXPECT_TRUE(machine.err.starts_with(R"({"error":{"kind":"unavailable",)")) << machine.err;
}

TEST(App, VersionNeedsNoDaemon) {
  auto const ran = hubctl({"version", "--json"});
  EXPECT_EQ(0, ran.code);
  EXPECT_TRUE(ran.out.starts_with(R"({"version":")")) << ran.out;
  EXPECT_EQ(0, hubctl({"--version"}).code);
}

TEST(App, FormattingFlagsMayStandBeforeTheCommand) {
  EXPECT_TRUE(hubctl({"--json", "version"}).out.starts_with("{"));
}

TEST(App, ATokenOnTheCommandLineIsNeverRepeated) {
  auto const ran = hubctl({"download", "a/b", "--token", "hf_secret"});
  EXPECT_EQ(1, ran.code);
  EXPECT_EQ(std::string::npos, (ran.out + ran.err).find("hf_secret"));
  EXPECT_NE(std::string::npos, ran.err.find("Warning: a token on the command line"));
}

}  // namespace
}  // namespace hubd::cli
