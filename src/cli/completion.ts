import type { Command, Option } from "commander";
import { visible } from "./options.js";

export const shells = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof shells)[number];

/** A completion script made from the program's own commands, options and choices. */
export function completionScript(program: Command, shell: Shell): string {
  const commands = program.commands.filter((command) => command.name() !== "help");
  switch (shell) {
    case "bash": return bash(program, commands);
    case "zsh": return zsh(program, commands);
    case "fish": return fish(program, commands);
  } // prettier-ignore
}

function longs(command: Command): string[] {
  return [...visible(command).map((option) => option.long ?? ""), "--help"].filter((long) => long !== "");
}

function choicesOf(commands: readonly Command[]): Map<string, readonly string[]> {
  const choices = new Map<string, readonly string[]>();
  for (const option of commands.flatMap(visible)) {
    if (option.argChoices && option.long) choices.set(option.long, option.argChoices);
  }
  return choices;
}

function bash(program: Command, commands: readonly Command[]): string {
  const name = program.name();
  const cases = commands.map((command) => `    ${command.name()}) words="${longs(command).join(" ")}" ;;`);
  const values = [...choicesOf(commands)].map(
    ([long, words]) => `    ${long}) COMPREPLY=($(compgen -W "${words.join(" ")}" -- "$current")); return ;;`,
  );
  return [
    `# ${name} completion for bash`,
    `_${name}() {`,
    '  local current="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD-1]}" words=""',
    "  COMPREPLY=()",
    '  case "$previous" in',
    ...values,
    "  esac",
    '  if [ "$COMP_CWORD" -eq 1 ]; then',
    `    COMPREPLY=($(compgen -W "${[...commands.map((c) => c.name()), "help", "--help", "--version"].join(" ")}" -- "$current"))`,
    "    return",
    "  fi",
    '  case "${COMP_WORDS[1]}" in',
    ...cases,
    `    help) COMPREPLY=($(compgen -W "${commands.map((c) => c.name()).join(" ")}" -- "$current")); return ;;`,
    "  esac",
    '  case "$current" in',
    '    -*) COMPREPLY=($(compgen -W "$words" -- "$current")) ;;',
    '    *) COMPREPLY=($(compgen -f -- "$current")) ;;',
    "  esac",
    "}",
    `complete -o filenames -F _${name} ${name}`,
    "",
  ].join("\n");
}

function zsh(program: Command, commands: readonly Command[]): string {
  const name = program.name();
  const listed = commands.map((command) => `    ${single(`${command.name()}:${command.description()}`)}`);
  const cases = commands.flatMap((command) => [
    `    ${command.name()})`,
    `      _arguments ${visible(command).map(zshOption).join(" ")} '*:file:_files' ;;`,
  ]);
  return [
    `#compdef ${name}`,
    `_${name}() {`,
    "  local -a commands",
    "  commands=(",
    ...listed,
    "  )",
    "  if (( CURRENT == 2 )); then",
    "    _describe command commands",
    "    return",
    "  fi",
    '  local command="$words[2]"',
    "  shift words",
    "  (( CURRENT-- ))",
    '  case "$command" in',
    ...cases,
    "    help) _describe command commands ;;",
    "  esac",
    "}",
    `compdef _${name} ${name}`,
    "",
  ].join("\n");
}

function zshOption(option: Option): string {
  const description = option.description.replace(/[[\]:]/g, "\\$&");
  const repeatable = option.parseArg ? "*" : "";
  const value = option.isBoolean()
    ? ""
    : option.argChoices
      ? `:value:(${option.argChoices.join(" ")})`
      : ":value:_files";
  return single(`${repeatable}${option.long}[${description}]${value}`);
}

function fish(program: Command, commands: readonly Command[]): string {
  const name = program.name();
  const top = commands.map(
    (command) =>
      `complete -c ${name} -n __fish_use_subcommand -f -a ${command.name()} -d ${single(command.description())}`,
  );
  const options = commands.flatMap((command) =>
    visible(command).map((option) => {
      const value = option.isBoolean()
        ? ""
        : option.argChoices
          ? ` -x -a ${single(option.argChoices.join(" "))}`
          : " -r";
      const long = (option.long ?? "").replace(/^--/, "");
      return `complete -c ${name} -n '__fish_seen_subcommand_from ${command.name()}' -l ${long}${value} -d ${single(option.description)}`;
    }),
  );
  return [`# ${name} completion for fish`, ...top, ...options, ""].join("\n");
}

/** A single-quoted word of a shell. */
function single(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
