/** The shells that can be helped. */
export const SHELLS = ["bash", "zsh", "fish"] as const;
