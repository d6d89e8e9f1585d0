import { createCredentialResolver, createNodeRuntime } from "@eka-ci/caches";
import { createTestRuntime } from "@eka-ci/caches/testing";
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeWith } from "../support/requirement.ts";
import { type ExternalServer, startExternal } from "./servers/external-server.ts";

const { http, clock } = createNodeRuntime();

describeWith("ec2-metadata-mock", "instance-metadata at amazon-ec2-metadata-mock, IMDSv2 only", () => {
  let mock: ExternalServer;
  beforeAll(async () => {
    mock = await startExternal(
      "ec2-metadata-mock",
      (port) => ["--imdsv2", "--hostname", "127.0.0.1", "--port", String(port)],
      { HOME: "/nonexistent" },
    );
  }, 60_000);
  afterAll(() => mock[Symbol.asyncDispose]());

  const resolve = (provider?: "aws") => {
    const env = { AWS_EC2_METADATA_SERVICE_ENDPOINT: mock.url };
    // The mock's credentials end in 2020 unless told otherwise, so time stands before that.
    const frozen = { ...clock, now: () => Date.parse("2020-01-01T00:00:00Z") };
    return createCredentialResolver({ runtime: createTestRuntime({ env, http, clock: frozen }) }).resolve({
      type: "instance-metadata",
      provider,
    });
  };

  it("yields the keys of the instance's role", async () => {
    const { env, expiration } = await resolve("aws");
    expect([...env.keys()]).toEqual(["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"]);
    expect(expiration).toBeInstanceOf(Date);
  });

  it("is found out without being named", async () => {
    await expect(resolve()).resolves.toBeDefined();
  });
});
