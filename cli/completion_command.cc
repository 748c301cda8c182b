// forebay completion bash|zsh|fish: the completion of its own commands and options.
#include <CLI/CLI.hpp>
#include <memory>

#include "cli/command.h"
#include "fmt/format.h"
#include "fmt/ranges.h"

namespace forebay {
namespace {

using Words = std::vector<std::string>;

// The values that an option takes, where they are listed: CLI11 keeps them in the name of its type.
Words Choices(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  size_t begin = type.find('{');
  size_t end = type.find('}');
  if (begin == std::string::npos || end == std::string::npos) return {};
  return CLI::detail::split(type.substr(begin + 1, end - begin - 1), ',');
}

// "--project", "-p".
Words Flags(const CLI::Option& option) {
  Words flags;
  for (const std::string& name : option.get_lnames()) flags.push_back("--" + name);
  for (const std::string& name : option.get_snames()) flags.push_back("-" + name);
  return flags;
}

bool TakesValue(const CLI::Option& option) { return option.get_items_expected_max() > 0; }

Words AllFlags(const CLI::App& command) {
  Words all;
  for (const CLI::Option* option : command.get_options()) {
    for (std::string& flag : Flags(*option)) all.push_back(std::move(flag));
  }
  return all;
}

// What may stand where no option does.
Words PositionalChoices(const CLI::App& command) {
  Words all;
  for (const CLI::Option* option : command.get_options()) {
    if (!option->get_positional()) continue;
    for (std::string& choice : Choices(*option)) all.push_back(std::move(choice));
  }
  return all;
}

// For single quotes, with the characters that zsh's _arguments and _describe read escaped.
std::string Quoted(std::string_view text, std::string_view escaped = "") {
  std::string quoted;
  for (char c : text) {
    if (escaped.find(c) != std::string_view::npos) quoted += '\\';
    quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  }
  return quoted;
}

std::string Bash(const CLI::App& app, const std::vector<const CLI::App*>& commands) {
  Words names;
  for (const CLI::App* command : commands) names.push_back(command->get_name());
  std::string cases = fmt::format("    1:*) values='{}' flags='{}' ;;\n", fmt::join(names, " "),
                                  fmt::join(AllFlags(app), " "));
  for (const CLI::App* command : commands) {
    for (const CLI::Option* option : command->get_options()) {
      if (!TakesValue(*option) || option->get_positional()) continue;
      for (const std::string& flag : Flags(*option)) {
        cases += fmt::format("    *:{}:{}) values='{}' ;;\n", command->get_name(), flag,
                             fmt::join(Choices(*option), " "));
      }
    }
    cases += fmt::format("    *:{}:*) values='{}' flags='{}' ;;\n", command->get_name(),
                         fmt::join(PositionalChoices(*command), " "),
                         fmt::join(AllFlags(*command), " "));
  }
  return fmt::format(R"(# bash completion of forebay, made by `forebay completion bash`.
_forebay() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} values='' flags=''
  case $COMP_CWORD:${{COMP_WORDS[1]}}:${{COMP_WORDS[COMP_CWORD - 1]}} in
{}  esac
  [[ $current != -* ]] || values=$flags
  COMPREPLY=($(compgen -W "$values" -- "$current"))
}}
complete -o default -F _forebay forebay
)",
                     cases);
}

std::string ZshArguments(const CLI::App& command) {
  std::string arguments;
  for (const CLI::Option* option : command.get_options()) {
    const Words choices = Choices(*option);
    const std::string value =
        choices.empty() ? ":value:_files" : fmt::format(":value:({})", fmt::join(choices, " "));
    if (option->get_positional()) {
      arguments += fmt::format(" \\\n        '{}{}'",
                               option->get_items_expected_max() > 1 ? "*" : ":", value);
    }
    for (const std::string& flag : Flags(*option)) {
      arguments +=
          fmt::format(" \\\n        '{}[{}]{}'", flag, Quoted(option->get_description(), "[]:\\"),
                      TakesValue(*option) ? value : "");
    }
  }
  return arguments;
}

std::string Zsh(const CLI::App& app, const std::vector<const CLI::App*>& commands) {
  std::string described;
  std::string cases;
  for (const CLI::App* command : commands) {
    described += fmt::format("    '{}:{}'\n", command->get_name(),
                             Quoted(command->get_description(), ":\\"));
    cases += fmt::format("    {}) _arguments{} ;;\n", command->get_name(), ZshArguments(*command));
  }
  return fmt::format(R"(#compdef forebay
# zsh completion of forebay, made by `forebay completion zsh`.
_forebay() {{
  local -a commands=(
{}  )
  if (( CURRENT == 2 )); then
    _describe command commands
    compadd -- {}
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
{}  esac
}}
if [[ $funcstack[1] == _forebay ]]; then _forebay "$@"; else compdef _forebay forebay; fi
)",
                     described, fmt::join(AllFlags(app), " "), cases);
}

std::string FishOption(const CLI::Option& option, std::string_view when) {
  const Words choices = Choices(option);
  std::string names;
  for (const std::string& name : option.get_lnames()) names += " -l " + name;
  for (const std::string& name : option.get_snames()) names += " -s " + name;
  if (!choices.empty()) {
    names += fmt::format(" -xa '{}'", fmt::join(choices, " "));
  } else if (TakesValue(option) && !option.get_positional()) {
    names += " -r";
  }
  if (names.empty()) return "";
  return fmt::format("complete -c forebay -n {}{} -d '{}'\n", when, names,
                     Quoted(option.get_description(), "\\"));
}

std::string Fish(const CLI::App& app, const std::vector<const CLI::App*>& commands) {
  std::string lines = "# fish completion of forebay, made by `forebay completion fish`.\n";
  for (const CLI::Option* option : app.get_options()) {
    lines += FishOption(*option, "__fish_use_subcommand");
  }
  for (const CLI::App* command : commands) {
    lines += fmt::format("complete -c forebay -n __fish_use_subcommand -xa {} -d '{}'\n",
                         command->get_name(), Quoted(command->get_description(), "\\"));
    for (const CLI::Option* option : command->get_options()) {
      lines +=
          FishOption(*option, fmt::format("'__fish_seen_subcommand_from {}'", command->get_name()));
    }
  }
  return lines;
}

}  // namespace

void AddCompletionCommand(CLI::App* app, int* exit_code) {
  auto shell = std::make_shared<std::string>();
  CLI::App* command =
      app->add_subcommand("completion", "Print what a shell needs to complete this command line");
  command->add_option("shell", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command->callback([shell, app, exit_code] {
    const std::vector<CLI::App*> all = app->get_subcommands({});
    const std::vector<const CLI::App*> commands(all.begin(), all.end());
    const auto print = *shell == "bash" ? Bash : *shell == "zsh" ? Zsh : Fish;
    fmt::print("{}", print(*app, commands));
    *exit_code = kExitOk;
  });
}

}  // namespace forebay
