/** `Omit` for each member of a union. */
export type Without<Member, Key extends PropertyKey> = Member extends unknown ? Omit<Member, Key> : never;
