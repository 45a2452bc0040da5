// SPDX-License-Identifier: Apache-2.0
#include "client/cli/completer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "client/cli/app.h"

namespace hubd::cli {
namespace {

using Words = std::vector<std::string>;

/// What hubctl itself offers, without descriptions.
Words offered(Words const& words) {
  Words arguments{"complete", "--"};
  arguments.insert(arguments.end(), words.begin(), words.end());
  std::ostringstream out;
  std::ostringstream err;
  EXPECT_EQ(0, run(arguments, {{"HOME", "/nonexistent"}, {"HUBD_NO_AUTOSTART", "1"}}, out, err));
  EXPECT_EQ("", err.str());
  Words found;
  std::istringstream lines(out.str());
  for (std::string line; std::getline(lines, line);) found.push_back(line.substr(0, line.find('\t')));
  return found;
}

bool has(Words const& words, std::string const& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

TEST(Completer, OffersCommandsThenTheirSubcommands) {
  EXPECT_EQ((Words{"download"}), offered({"down"}));
  EXPECT_TRUE(has(offered({""}), "models"));
  EXPECT_EQ((Words{"ls", "list", "rm", "prune", "verify"}).size(), offered({"cache", ""}).size());
  EXPECT_TRUE(has(offered({"models", ""}), "ls"));
  EXPECT_EQ(Words{}, offered({"nothing", ""})) << "nothing follows what is no command";
}

TEST(Completer, OffersOptionsOfTheCommandThatWasNamed) {
  EXPECT_EQ((Words{"--revision"}), offered({"download", "gpt2", "--rev"}));
  EXPECT_TRUE(has(offered({"models", "ls", "-"}), "-R"));
  EXPECT_FALSE(has(offered({"models", "ls", "--"}), "-R"));
  EXPECT_FALSE(has(offered({"download", "--"}), "--recursive"));
  EXPECT_EQ(Words{}, offered({"download", "--", "--rev"}));
}

TEST(Completer, OffersWhatAnOptionTakes) {
  EXPECT_EQ((Words{"model", "dataset", "space", "kernel"}), offered({"download", "--type", ""}));
  EXPECT_EQ((Words{"dataset"}), offered({"download", "--repo-type", "d"}));
  EXPECT_EQ((Words{"--type=dataset"}), offered({"download", "--type=d"}));
  EXPECT_EQ((Words{"json"}), offered({"--format", "j"}));
  EXPECT_TRUE(has(offered({"models", "ls", "--sort", ""}), "trending_score"));
  EXPECT_EQ((Words{"bash", "zsh", "fish"}), offered({"completion", ""}));
}

TEST(Completer, LeavesPathsToTheShell) {
  EXPECT_EQ((Words{":folders"}), offered({"download", "gpt2", "--local-dir", "x"}));
  EXPECT_EQ((Words{":files"}), offered({"download", "--from", ""}));
}

TEST(Completer, AnEmptyCommandLineIsNoError) {
  EXPECT_TRUE(has(offered({}), "download"));
}

TEST(Completer, ScriptsNameTheirProgram) {
  for (auto const* const shell : {"bash", "zsh", "fish"}) {
    auto const script = completion_script(shell, "huggingface-cli");
    EXPECT_NE(std::string::npos, script.find("_huggingface_cli_complete")) << shell;
    EXPECT_EQ(std::string::npos, script.find("PROGRAM")) << shell;
    EXPECT_EQ(std::string::npos, script.find("FUNCTION")) << shell;
  }
  EXPECT_EQ("", completion_script("tcsh", "hubctl"));
}

}  // namespace
}  // namespace hubd::cli
