// SPDX-License-Identifier: Apache-2.0
#include "client/cli/repo_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>

#include "core/base/repo.h"

namespace hubd::cli {
namespace {

using client::ErrorKind;
using client::make_error;

constexpr std::size_t kFileMax = 16U << 20U;

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

/// The words of one line. Fails: a quote that does not close.
client::Result<std::vector<std::string>> words_of(std::string_view line) {
  std::vector<std::string> words;
  for (std::size_t i = 0; i < line.size();) {
    if (is_blank(line[i])) {
      ++i;
      continue;
    }
    if (line[i] == '#') break;
    auto& word = words.emplace_back();
    bool quoted = false;
    for (; i < line.size() && (quoted || !is_blank(line[i])); ++i) {
      if (line[i] == '"')
        quoted = !quoted;
      else
        word += line[i];
    }
    if (quoted) return make_error(ErrorKind::bad_request, "a double quote does not close");
  }
  return words;
}

bool is_glob(std::string const& name) {
  return name.find_first_of("*?[") != std::string::npos;
}

client::Result<RepoLine> parse_line(std::vector<std::string> words) {
  RepoLine line;
  auto const repo = words.front();
  words.erase(words.begin());
  auto const name = parse_repo_at(repo, "", "");
  if (!name) return name.error();
  line.name = *name;
  if (auto const valid = check_repo_id(line.name.repo.id); !valid)
    return make_error(ErrorKind::bad_request, valid.error().what);
  for (auto const& word : words)
    if (word.starts_with("-") || word.empty())
      return make_error(ErrorKind::bad_request,
                        "'" + word + "' is no pattern; a line is REPO[@REV] and patterns of files, without options");
  bool const one_glob = words.size() == 1 && is_glob(words.front());
  // A glob alone is a pattern, where on a command line a name alone is a file.
  auto const selected =
      one_glob ? select_files({}, line.name.path, words, {}) : select_files(words, line.name.path, {}, {});
  if (!selected) return selected.error();
  line.selected = *selected;
  if (one_glob && !line.name.path.empty())
    return make_error(ErrorKind::bad_request, "the hf:// URI names a file already; leave the patterns out");
  for (auto const& file : line.selected.selection.files)
    if (auto const valid = check_repo_path(file); !valid) return make_error(ErrorKind::bad_request, valid.error().what);
  return line;
}

}  // namespace

client::Result<std::vector<RepoLine>> parse_repo_file(std::string_view text, std::string const& source) {
  std::vector<RepoLine> lines;
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  std::size_t number = 0;
  auto const wrong = [&](std::string const& why) {
    return make_error(ErrorKind::bad_request, source + ":" + std::to_string(number) + ": " + why);
  };
  while (!text.empty()) {
    ++number;
    auto const end = std::min(text.find('\n'), text.size());
    auto const words = words_of(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!words) return wrong(words.error().message);
    if (words->empty()) continue;
    auto line = parse_line(*words);
    if (!line) return wrong(line.error().message);
    line->number = number;
    lines.push_back(std::move(*line));
  }
  if (lines.empty()) return make_error(ErrorKind::bad_request, source + " names no repository");
  return lines;
}

client::Result<std::string> read_repo_file(std::string const& path) {
  std::ifstream file;
  errno = 0;
  if (path != "-") file.open(path, std::ios::binary);
  std::istream& in = path == "-" ? std::cin : file;
  if (!in)
    return make_error(ErrorKind::io,
                      "the file of repositories " + path + " could not be read: " + std::strerror(errno));
  std::string text(kFileMax + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad())
    return make_error(ErrorKind::io, "the file of repositories " + path + " could not be read; is it a file?");
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > kFileMax)
    return make_error(ErrorKind::bad_request, "the file of repositories " + path + " is larger than 16 MiB");
  return text;
}

}  // namespace hubd::cli
