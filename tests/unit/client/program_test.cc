// SPDX-License-Identifier: Apache-2.0
#include "client/cli/program.h"

#include <gtest/gtest.h>

namespace hubd::cli {
namespace {

using Words = std::vector<std::string>;

TEST(ProgramName, DecidesByTheLastPartOfThePath) {
  EXPECT_EQ(Program::hf, program_from("/usr/local/bin/hf"));
  EXPECT_EQ(Program::hf, program_from("hf"));
  EXPECT_EQ(Program::huggingface_cli, program_from("./huggingface-cli"));
  for (auto const* const name : {"hubctl", "/hf/hubctl", "hf2", "", "/"})
    EXPECT_EQ(Program::hubctl, program_from(name));
}

TEST(OldSpellings, AreRewrittenWithAWarning) {
  struct Case {
    Program program;
    Words typed;
    Words today;
    bool warned;
  };
  for (auto const& [program, typed, today, warned] :
       {Case{Program::hf, {"repo", "tag", "list", "a/b"}, {"repos", "tag", "list", "a/b"}, true},
        Case{Program::hubctl, {"repo", "tag", "ls"}, {"repos", "tag", "ls"}, true},
        Case{Program::hf, {"repo-files", "delete", "a/b"}, {"repos", "delete-files", "a/b"}, true},
        Case{Program::huggingface_cli, {"whoami"}, {"auth", "whoami"}, true},
        Case{Program::huggingface_cli, {"scan-cache", "-v"}, {"cache", "ls", "-v"}, true},
        Case{Program::huggingface_cli, {"download", "a/b"}, {"download", "a/b"}, true},
        Case{Program::hf, {"whoami"}, {"whoami"}, false},
        Case{Program::hf, {"download", "repo"}, {"download", "repo"}, false}, Case{Program::hf, {}, {}, false}}) {
    auto const spelled = todays_spelling(program, typed);
    EXPECT_EQ(today, spelled.words);
    EXPECT_EQ(warned, !spelled.warning.empty());
  }
}

}  // namespace
}  // namespace hubd::cli
