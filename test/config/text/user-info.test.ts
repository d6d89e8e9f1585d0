import { expect, it } from "vitest";
import { hasUserInfo } from "../../../src/config/text/secret-forms.ts";

it.each([
  ["https://user:password@host/x", true],
  ["https://token@host/x", true],
  ["http%3A%2F%2Fuser%3Apassword%40host", true],
  ["git+https://token@github.com/o/r", true],
  ["ssh://root:password@host", true],
  ["git+ssh://git@github.com/o/r and https://token@host", true],
  ["git+ssh://git@github.com/o/r", false],
  ["ssh://root@builder", false],
  ["ssh-ng://nix@builder", false],
  ["sftp://backup@host/path", false],
  ["https://host/@scope/package", false],
  ["s3://bucket?endpoint=host&x=a@b", false],
  ["someone@example.com", false],
  ["github:o/r@main", false],
])("%s holds a user that is a secret: %s", (text, expected) => {
  expect(hasUserInfo(text)).toBe(expected);
});
