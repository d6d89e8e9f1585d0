import { expect, it } from "vitest";
import { toSecrets } from "../../src/credentials/secret-object.ts";

it.each(["canary-4f1d9c", "canary_4f1d9c", "canary\n4f1d9c"])(
  "a secret that stands where its name belongs, as %j, is not shown",
  (name) => {
    expect(() => toSecrets({ [name]: 7 }, "vault", "The secret")).toThrow(
      expect.objectContaining({
        code: "ERR_CREDENTIAL_MALFORMED",
        message: expect.not.stringContaining("4f1d9c"),
      }),
    );
  },
);

it("a member that is named as a variable is named in the message", () => {
  expect(() => toSecrets({ AWS_SESSION_TOKEN: 7 }, "vault", "The secret")).toThrow(
    expect.objectContaining({ message: expect.stringContaining("AWS_SESSION_TOKEN") }),
  );
});
