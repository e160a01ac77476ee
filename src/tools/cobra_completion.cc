#include "tools/cobra_completion.h"

#include <algorithm>
#include <ostream>

namespace selvage::tools::cobra {
namespace {

using Path = std::vector<const Command*>;  // root first

constexpr const char* kBash = R"sh(# bash completion for PROGRAM
_PROGRAM_complete() {
  local out line
  out=$(PROGRAM ASK "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null) || return
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
      :*) ;;
      *) COMPREPLY+=("${line%%$'\t'*}") ;;
    esac
  done <<<"$out"
}
complete -o default -F _PROGRAM_complete PROGRAM
)sh";

constexpr const char* kZsh = R"sh(#compdef PROGRAM
_PROGRAM() {
  local line tab=$'\t'
  local -a found
  for line in "${(@f)$(PROGRAM ASK "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    case $line in
      :0) (( $#found )) || _files ;;
      :*) ;;
      ?*) found+=("${${line%%$tab*}//:/\\:}:${line#*$tab}") ;;
    esac
  done
  (( $#found )) && _describe PROGRAM found
}
if [ "$funcstack[1]" = "_PROGRAM" ]; then _PROGRAM "$@"; else compdef _PROGRAM PROGRAM; fi
)sh";

constexpr const char* kFish = R"sh(# fish completion for PROGRAM
function __PROGRAM_ask
  set -l words (commandline -opc) (commandline -ct)
  PROGRAM ASK $words[2..-1] 2>/dev/null
end
function __PROGRAM_wants_files
  __PROGRAM_ask | string match -q ':0'
end
complete -c PROGRAM -n '__PROGRAM_wants_files' -F
complete -c PROGRAM -n 'not __PROGRAM_wants_files' -f -a '(__PROGRAM_ask | string match -v -r "^:")'
)sh";

constexpr const char* kPowershell = R"sh(# powershell completion for PROGRAM
Register-ArgumentCompleter -Native -CommandName 'PROGRAM' -ScriptBlock {
  param($word, $ast, $position)
  $typed = @($ast.CommandElements | Select-Object -Skip 1 | ForEach-Object { "$_" })
  if ($word -eq '') { $typed += '""' }
  Invoke-Expression "PROGRAM ASK $($typed -join ' ') 2>`$null" | Where-Object { $_ -notmatch '^:' } | ForEach-Object {
    $name, $about = $_ -split "`t", 2
    if (-not $about) { $about = $name }
    [System.Management.Automation.CompletionResult]::new($name, $name, 'ParameterValue', $about)
  }
}
)sh";

std::string replaced(std::string text, const std::string& what, const std::string& with) {
  for (size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size())
    text.replace(at, what.size(), with);
  return text;
}

Command shell_command(const std::string& program, const std::string& shell, const char* script,
                      const std::string& help) {
  Command command;
  command.use = shell;
  command.summary = "Generate the autocompletion script for " + shell;
  command.help = replaced(replaced(help, "\n>>", "\n\t"), "PROGRAM", program);
  // Fabric quirk: cobra writes "[flags]" for all shells but bash.
  command.bare_usage = shell == "bash";
  command.flags = {{"no-descriptions", 0, Kind::kSwitch, "disable completion descriptions", ""}};
  command.run = [program, script](Call& call) -> Status {
    if (!call.arguments().empty())
      return fail(Code::kInvalidArgument,
                  "unknown command \"" + call.arguments()[0] + "\" for \"" + call.path() + "\"");
    const char* ask = call.flag("no-descriptions") ? "__completeNoDesc" : "__complete";
    call.out() << replaced(replaced(script, "ASK", ask), "PROGRAM", program);
    return {};
  };
  return command;
}

// ">>" at the start of a line stands for a tab.
constexpr const char* kBashHelp = R"(Generate the autocompletion script for the bash shell.

This script depends on the 'bash-completion' package.
If it is not installed already, you can install it via your OS's package manager.

To load completions in your current shell session:

>>source <(PROGRAM completion bash)

To load completions for every new session, execute once:

#### Linux:

>>PROGRAM completion bash > /etc/bash_completion.d/PROGRAM

#### macOS:

>>PROGRAM completion bash > $(brew --prefix)/etc/bash_completion.d/PROGRAM

You will need to start a new shell for this setup to take effect.)";

constexpr const char* kZshHelp = R"(Generate the autocompletion script for the zsh shell.

If shell completion is not already enabled in your environment you will need
to enable it.  You can execute the following once:

>>echo "autoload -U compinit; compinit" >> ~/.zshrc

To load completions in your current shell session:

>>source <(PROGRAM completion zsh)

To load completions for every new session, execute once:

#### Linux:

>>PROGRAM completion zsh > "${fpath[1]}/_PROGRAM"

#### macOS:

>>PROGRAM completion zsh > $(brew --prefix)/share/zsh/site-functions/_PROGRAM

You will need to start a new shell for this setup to take effect.)";

constexpr const char* kFishHelp = R"(Generate the autocompletion script for the fish shell.

To load completions in your current shell session:

>>PROGRAM completion fish | source

To load completions for every new session, execute once:

>>PROGRAM completion fish > ~/.config/fish/completions/PROGRAM.fish

You will need to start a new shell for this setup to take effect.)";

constexpr const char* kPowershellHelp = R"(Generate the autocompletion script for powershell.

To load completions in your current shell session:

>>PROGRAM completion powershell | Out-String | Invoke-Expression

To load completions for every new session, add the output of the above command
to your powershell profile.)";

std::vector<Flag> by_name(std::vector<Flag> flags) {
  std::stable_sort(flags.begin(), flags.end(), [](const Flag& a, const Flag& b) { return a.name < b.name; });
  return flags;
}

// Those of the commands above first, then its own, then help.
std::vector<Flag> flags_of(const Path& path) {
  std::vector<Flag> inherited, own = path.back()->flags;
  for (size_t i = 0; i + 1 < path.size(); ++i)
    inherited.insert(inherited.end(), path[i]->persistent_flags.begin(), path[i]->persistent_flags.end());
  own.insert(own.end(), path.back()->persistent_flags.begin(), path.back()->persistent_flags.end());
  own.push_back({"help", 'h', Kind::kSwitch, "help for " + path.back()->name(), ""});
  std::vector<Flag> all = by_name(std::move(inherited));
  for (Flag& flag : by_name(std::move(own))) all.push_back(std::move(flag));
  return all;
}

bool takes_value(const Path& path, const std::string& word) {
  if (word.size() < 2 || word[0] != '-' || word.find('=') != std::string::npos) return false;
  const bool is_long = word[1] == '-';
  if (!is_long && word.size() > 2) return false;
  for (const Flag& flag : flags_of(path))
    if (flag.kind != Kind::kSwitch && (is_long ? flag.name == word.substr(2) : flag.letter == word[1])) return true;
  return false;
}

const Command* below(const Command& command, const std::string& name) {
  for (const Command& one : command.commands)
    if (one.name() == name) return &one;
  return nullptr;
}

class Candidates {
 public:
  Candidates(std::string prefix, bool descriptions, std::ostream& out)
      : prefix_(std::move(prefix)), descriptions_(descriptions), out_(out) {}
  void add(const std::string& name, const std::string& about) {
    if (name.starts_with(prefix_)) out_ << name << (descriptions_ && !about.empty() ? "\t" + about : "") << "\n";
  }
  void add_commands(const Command& command) {
    std::vector<const Command*> sorted;
    for (const Command& one : command.commands) sorted.push_back(&one);
    std::sort(sorted.begin(), sorted.end(), [](const auto* a, const auto* b) { return a->name() < b->name(); });
    for (const Command* one : sorted) add(one->name(), one->summary);
  }
  void add_flags(const Path& path) {
    for (const Flag& flag : flags_of(path)) {
      add("--" + flag.name, flag.help);
      if (flag.letter != 0) add(std::string("-") + flag.letter, flag.help);
    }
  }

 private:
  std::string prefix_;
  bool descriptions_;
  std::ostream& out_;
};

}  // namespace

Command completion_command(const std::string& program) {
  Command command;
  command.use = "completion";
  command.summary = "Generate the autocompletion script for the specified shell";
  command.help = "Generate the autocompletion script for " + program +
                 " for the specified shell.\nSee each sub-command's help for details on how to use the generated script.";
  command.commands = {shell_command(program, "bash", kBash, kBashHelp),
                      shell_command(program, "zsh", kZsh, kZshHelp),
                      shell_command(program, "fish", kFish, kFishHelp),
                      shell_command(program, "powershell", kPowershell, kPowershellHelp)};
  return command;
}

Command help_command(const std::string& program) {
  Command command;
  command.use = "help [command]";
  command.summary = "Help about any command";
  command.help = "Help provides help for any command in the application.\nSimply type " + program +
                 " help [path to command] for full details.";
  command.run = [](Call&) { return Status(); };
  return command;
}

int complete(const Command& root, const Arguments& words, bool descriptions, Terminal terminal) {
  const auto end = [&](bool files) {
    terminal.out << (files ? ":0\n" : ":4\n");
    terminal.err << "Completion ended with directive: "
                 << (files ? "ShellCompDirectiveDefault\n" : "ShellCompDirectiveNoFileComp\n");
    return 0;
  };
  const std::string last = words.empty() ? "" : words.back();
  Candidates candidates(last, descriptions, terminal.out);
  Path path{&root};
  std::string previous;
  for (size_t i = 0; i + 1 < words.size(); ++i) {
    previous = words[i];
    if (words[i].starts_with("-")) {
      if (takes_value(path, words[i]) && i + 2 < words.size()) {
        ++i;
        previous.clear();
      }
      continue;
    }
    const Command* next = below(*path.back(), words[i]);
    // The words after "help" are those of a command.
    if (next == nullptr && path.back()->name() == "help" && path.size() == 2) next = below(root, words[i]);
    if (next == nullptr && path.size() == 1) return end(true);
    if (next == nullptr) break;
    path.push_back(next);
  }
  if (takes_value(path, previous)) return end(true);
  if (last.starts_with("-")) {
    candidates.add_flags(path);
    return end(false);
  }
  const bool helps = path.size() == 2 && path.back()->name() == "help";
  const Command& command = helps ? root : *path.back();
  if (command.commands.empty()) return end(true);
  candidates.add_commands(command);
  return end(false);
}

}  // namespace selvage::tools::cobra
