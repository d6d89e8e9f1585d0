import type { CliContext } from "../cli-context.ts";
import { EXIT } from "../exit-codes.ts";
import { runCommand } from "../run-command.ts";
import type { SHELLS } from "../shells.ts";

/** Asks the program for completions; each shell needs a few lines for that. */
const SCRIPTS: Readonly<Record<(typeof SHELLS)[number], string>> = {
  bash: `_eka_caches() {
  local IFS=$'\\n'
  COMPREPLY=($(eka-caches __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _eka_caches eka-caches`,
  zsh: `#compdef eka-caches
_eka_caches() {
  local -a found
  found=("\${(@f)$(eka-caches __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  [[ -n "$found" ]] && compadd -a found || _files
}
compdef _eka_caches eka-caches`,
  fish: `complete -c eka-caches -a '(eka-caches __complete (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)'`,
};

export async function completion(
  this: CliContext,
  _flags: object,
  shell: (typeof SHELLS)[number],
): Promise<void> {
  await runCommand(this, { json: false }, async (output) => {
    output.print(SCRIPTS[shell]);
    return EXIT.ok;
  });
}
