/** What is known about the Nix that the commands of a registry run. */
export class NixMemory {
  /** Whether it requires the format of its JSON to be named, which older versions refuse. */
  wantsJsonFormat = false;
}
