// SPDX-License-Identifier: Apache-2.0
#include "client/cli/program.h"

#include <algorithm>
#include <array>

#include "client/cli/text.h"

namespace hubd::cli {
namespace {

struct Renamed {
  std::vector<std::string> old_words;
  std::vector<std::string> words;
  bool of_huggingface_cli;  // else of hf too
};

std::vector<Renamed> const& renamed() {
  static std::vector<Renamed> const table{
      {{"repo-files", "delete"}, {"repos", "delete-files"}, false},
      {{"repo"}, {"repos"}, false},
      {{"login"}, {"auth", "login"}, true},
      {{"logout"}, {"auth", "logout"}, true},
      {{"whoami"}, {"auth", "whoami"}, true},
      {{"scan-cache"}, {"cache", "ls"}, true},
      {{"delete-cache"}, {"cache", "rm"}, true},
      {{"tag"}, {"repos", "tag"}, true},
  };
  return table;
}

}  // namespace

Program program_from(std::string_view path) {
  auto const name = path.substr(path.rfind('/') + 1);
  if (name == "hf") return Program::hf;
  if (name == "huggingface-cli") return Program::huggingface_cli;
  return Program::hubctl;
}

std::string_view name_of(Program program) {
  switch (program) {
    case Program::hf:
      return "hf";
    case Program::huggingface_cli:
      return "huggingface-cli";
    case Program::hubctl:
      break;
  }
  return "hubctl";
}

Spelled todays_spelling(Program program, std::vector<std::string> words) {
  Spelled spelled;
  std::string const today = program == Program::hubctl ? "hubctl" : "hf";
  for (auto const& [old_words, new_words, of_huggingface_cli] : renamed()) {
    if (of_huggingface_cli && program != Program::huggingface_cli) continue;
    if (words.size() < old_words.size() || !std::equal(old_words.begin(), old_words.end(), words.begin())) continue;
    spelled.warning = "`" + join(old_words, " ") + "` is an old name; use `" + today + " " + join(new_words, " ") + "`";
    words.erase(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(old_words.size()));
    words.insert(words.begin(), new_words.begin(), new_words.end());
    break;
  }
  if (spelled.warning.empty() && program == Program::huggingface_cli)
    spelled.warning = "`huggingface-cli` is an old name; use `hf`";
  spelled.words = std::move(words);
  return spelled;
}

}  // namespace hubd::cli
