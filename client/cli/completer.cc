// SPDX-License-Identifier: Apache-2.0
#include "client/cli/completer.h"

#include <algorithm>

#include "client/cli/text.h"

namespace hubd::cli {
namespace {

using Candidate = Completion::Candidate;

std::vector<CLI::App const*> children_of(CLI::App const& app) {
  return app.get_subcommands([](CLI::App const*) { return true; });
}

CLI::App const* child_named(CLI::App const& app, std::string const& word) {
  for (auto const* const child : children_of(app)) {
    auto const& aliases = child->get_aliases();
    if (child->get_name() == word || std::find(aliases.begin(), aliases.end(), word) != aliases.end()) return child;
  }
  return nullptr;
}

bool takes_value(CLI::Option const& option) {
  return option.get_items_expected_max() > 0 && option.get_type_size() != 0;
}

CLI::Option const* option_named(CLI::App const& app, std::string const& word) {
  for (auto const* const option : app.get_options())
    if (option->nonpositional() && option->check_name(word)) return option;
  return nullptr;
}

/// Up to the first end of a sentence, on one line.
std::string brief(std::string const& text) {
  auto const end = std::min({text.find('\n'), text.find(". "), text.find("; "), text.size()});
  return cut(text.substr(0, end), 100);
}

void add_values(Completion& completion, CLI::Option const& option) {
  auto const& type = option.get_type_name();
  if (type == "DIR") completion.paths = Completion::Paths::folders;
  if (type == "FILE" || type == "PATH" || type.find("FILE") != std::string::npos)
    completion.paths = Completion::Paths::files;
  if (type.find('|') == std::string::npos) return;
  for (std::size_t from = 0; from <= type.size();) {
    auto const end = std::min(type.find('|', from), type.size());
    completion.candidates.push_back({type.substr(from, end - from), ""});
    from = end + 1;
  }
}

void add_options(Completion& completion, CLI::App const& app, std::string const& prefix) {
  for (auto const* const option : app.get_options()) {
    if (!option->nonpositional()) continue;
    auto const text = brief(option->get_description());
    for (auto const& name : option->get_lnames()) completion.candidates.push_back({"--" + name, text});
    bool const long_only = prefix.starts_with("--");
    if (!long_only)
      for (auto const& name : option->get_snames()) completion.candidates.push_back({"-" + name, text});
  }
}

/// The `index`th positional argument; the last one when it repeats.
CLI::Option const* positional(CLI::App const& app, std::size_t index) {
  CLI::Option const* last = nullptr;
  for (auto const* const option : app.get_options()) {
    if (!option->get_positional()) continue;
    last = option;
    if (index-- == 0) return option;
  }
  return last != nullptr && last->get_items_expected_max() > 1 ? last : nullptr;
}

void keep(Completion& completion, std::string const& prefix) {
  auto& candidates = completion.candidates;
  std::erase_if(candidates, [&](Candidate const& candidate) { return !candidate.word.starts_with(prefix); });
}

}  // namespace

Completion complete(CLI::App const& root, std::vector<std::string> const& words) {
  Completion completion;
  auto const* app = &root;
  std::size_t arguments = 0;
  bool only_arguments = false;  // behind "--"
  CLI::Option const* wants_value = nullptr;
  auto const current = words.empty() ? std::string() : words.back();
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    auto const& word = words[i];
    if (wants_value != nullptr) {
      wants_value = nullptr;
    } else if (!only_arguments && word == "--") {
      only_arguments = true;
    } else if (!only_arguments && word.starts_with('-') && word.size() > 1) {
      auto const* option = option_named(*app, word);
      if (option == nullptr && app != &root) option = option_named(root, word);
      if (option != nullptr && takes_value(*option)) wants_value = option;
    } else if (auto const* const child = child_named(*app, word); child != nullptr && arguments == 0) {
      app = child;
    } else {
      ++arguments;
    }
  }
  auto const equals = current.find('=');
  if (wants_value != nullptr) {
    add_values(completion, *wants_value);
    keep(completion, current);
    return completion;
  }
  if (!only_arguments && current.starts_with("--") && equals != std::string::npos) {
    auto const* const option = option_named(*app, current.substr(0, equals));
    if (option != nullptr && takes_value(*option)) add_values(completion, *option);
    for (auto& candidate : completion.candidates) candidate.word.insert(0, current.substr(0, equals + 1));
    keep(completion, current);
    return completion;
  }
  if (!only_arguments && current.starts_with('-')) {
    add_options(completion, *app, current);
    keep(completion, current);
    return completion;
  }
  if (arguments == 0)
    for (auto const* const child : children_of(*app)) {
      auto const text = brief(child->get_description());
      if (child->get_group().empty()) continue;  // hidden
      completion.candidates.push_back({child->get_name(), text});
      for (auto const& alias : child->get_aliases()) completion.candidates.push_back({alias, text});
    }
  if (auto const* const argument = positional(*app, arguments)) add_values(completion, *argument);
  keep(completion, current);
  return completion;
}

namespace {

constexpr char const* kBash = R"script(# bash completion of PROGRAM: eval "$(PROGRAM completion bash)"
_FUNCTION_complete() {
  local line words current="${COMP_WORDS[COMP_CWORD]}"
  words=("${COMP_WORDS[@]:1:COMP_CWORD}")
  # bash cuts words at '='; --option=value is one word here.
  local i joined=()
  for ((i = 0; i < ${#words[@]}; i++)); do
    if [[ ${words[i]} == "=" && ${#joined[@]} -gt 0 ]]; then
      joined[-1]+="="
      if ((i + 1 < ${#words[@]})); then joined[-1]+="${words[i + 1]}"; ((i++)); fi
    else
      joined+=("${words[i]}")
    fi
  done
  [[ $current == "=" ]] && current=""
  COMPREPLY=()
  while IFS= read -r line; do
    case "$line" in
      :files) compopt -o filenames 2>/dev/null; mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$current") ;;
      :folders) compopt -o filenames 2>/dev/null; mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -d -- "$current") ;;
      *) line="${line%%$'\t'*}"
         [[ ${joined[-1]} == --*=* ]] && line="${line#*=}"
         COMPREPLY+=("$line") ;;
    esac
  done < <("${COMP_WORDS[0]}" complete -- "${joined[@]}" 2>/dev/null)
}
complete -F _FUNCTION_complete PROGRAM
)script";

constexpr char const* kZsh = R"script(#compdef PROGRAM
# zsh completion of PROGRAM: eval "$(PROGRAM completion zsh)", or this file as _PROGRAM in a folder of $fpath
_FUNCTION_complete() {
  local line word
  local -a described plain
  for line in "${(@f)$("${words[1]}" complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    case "$line" in
      '') ;;
      :files) _files ;;
      :folders) _files -/ ;;
      *$'\t'?*) word="${line%%$'\t'*}"; described+=("${word//:/\\:}:${line#*$'\t'}") ;;
      *) plain+=("${line%%$'\t'*}") ;;
    esac
  done
  (( ${#described} )) && _describe -V 'command or option' described
  (( ${#plain} )) && compadd -- "${plain[@]}"
  return 0
}
if [[ "$funcstack[1]" == "_PROGRAM" ]]; then
  _FUNCTION_complete "$@"
else
  compdef _FUNCTION_complete PROGRAM
fi
)script";

constexpr char const* kFish = R"script(# fish completion of PROGRAM: PROGRAM completion fish | source
function _FUNCTION_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    for line in ($words[1] complete -- $words[2..-1] "$current" 2>/dev/null)
        switch $line
            case :files
                __fish_complete_path $current
            case :folders
                __fish_complete_directories $current
            case '*'
                echo $line
        end
    end
end
complete -c PROGRAM -f -a '(_FUNCTION_complete)'
)script";

void replace_all(std::string& text, std::string const& from, std::string const& to) {
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

}  // namespace

std::string completion_script(std::string const& shell, std::string const& program) {
  std::string text = shell == "bash" ? kBash : shell == "zsh" ? kZsh : shell == "fish" ? kFish : "";
  auto function = program;
  std::replace(function.begin(), function.end(), '-', '_');
  replace_all(text, "FUNCTION", function);
  replace_all(text, "PROGRAM", program);
  return text;
}

}  // namespace hubd::cli
