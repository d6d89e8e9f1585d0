import { createHash } from "node:crypto";
import { Secret } from "@eka-ci/caches";
import { expect, it } from "vitest";
import { S3Signer } from "../../src/binary-cache/s3-signer.ts";

const keys = {
  accessKeyId: new Secret("AKIAIOSFODNN7EXAMPLE"),
  secretAccessKey: new Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
};
const clock = { now: () => Date.UTC(2013, 4, 24), monotonic: () => 0, schedule: () => () => {} };
const EMPTY = createHash("sha256").digest("hex");

// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html, of its examples those that sign the host and x-amz-* alone.
it.each<[name: string, query: string, signature: string]>([
  ["GET Bucket Lifecycle", "lifecycle=", "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"],
  [
    "GET Bucket (List Objects)",
    "max-keys=2&prefix=J",
    "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
  ],
])("signs the published example %s as AWS does", async (_name, query, signature) => {
  const signer = new S3Signer(keys, "us-east-1", clock);
  const headers = await signer.sign({
    ...{ method: "GET", url: `https://examplebucket.s3.amazonaws.com/?${query}` },
    ...{ headers: { "content-type": "text/plain" }, sha256: EMPTY },
  });
  expect(headers["authorization"]).toBe(
    "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, " +
      `SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=${signature}`,
  );
});
