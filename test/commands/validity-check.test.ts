import { expect, it } from "vitest";
import { buildValidityCheckCommand } from "../../src/commands/validity-check.ts";

const A = "/nix/store/3n58xw4373jp0ljirf06d8077j15pc4j-hello-2.12";
const B = "/nix/store/0c0000000000000000000000000000z1-world-1.0";

it("paths are checked by nix-store, without files", () => {
  const command = buildValidityCheckCommand([A, B]);
  expect(command.file).toBe("nix-store");
  expect(command.args).toEqual(["--check-validity", "--print-invalid", "--", A, B]);
  expect(command.files).toEqual([]);
});
