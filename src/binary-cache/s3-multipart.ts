import { createHash } from "node:crypto";
import type { HttpFileBody, HttpResponse } from "../host/http-client.ts";
import { CacheAnswerError, toAnswerError } from "./cache-answer-error.ts";
import { hashFile } from "./hash-file.ts";
import type { S3Request } from "./s3-request.ts";

/**
 * Limits of S3: parts of an object, and bytes of a part. All parts but the last have the same size, as R2
 * requires.
 */
const MAX_PARTS = 10_000;
const PART_BYTES = 16 * 1024 * 1024;
/** How many parts are sent at once. */
const PARALLEL = 4;
/** How long aborting a failed upload may take, in milliseconds. */
const ABORT_MS = 5_000;

/** The target of an object. */
export interface MultipartTarget {
  /** Absolute URL of the object. */
  readonly url: string;
  /** The name of the upload in errors. */
  readonly name: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly onUploaded?: ((bytes: number) => void) | undefined;
  readonly signal: AbortSignal;
}

type Send = (request: S3Request) => Promise<HttpResponse>;

/**
 * Uploads a file in parts (https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html). A failed
 * upload is aborted, if the server allows it. Only a lifecycle rule of the bucket removes what a killed host
 * leaves.
 *
 * @throws {@link CacheAnswerError} as for any request
 */
export async function uploadInParts(file: HttpFileBody, target: MultipartTarget, send: Send): Promise<void> {
  const uploadId = await begin(target, send);
  const url = `${target.url}?uploadId=${encodeURIComponent(uploadId)}`;
  try {
    const tags = await sendParts(file, { ...target, url }, send);
    await complete(tags, { ...target, url }, send).catch(async (error: unknown) => {
      if (!(await wasCompleted(error, file, target, send))) throw error;
    });
  } catch (error) {
    const signal = AbortSignal.timeout(ABORT_MS);
    await send({ method: "DELETE", url, name: `DELETE of the parts of ${target.name}`, signal }).catch(
      () => undefined,
    );
    throw error;
  }
}

async function begin({ url, name, headers, signal }: MultipartTarget, send: Send): Promise<string> {
  const response = await send({ method: "POST", url: `${url}?uploads=`, name, headers, signal });
  const id = /<UploadId>([^<]{1,1024})<\/UploadId>/u.exec(toText(response))?.[1];
  if (id !== undefined) return unescapeXml(id);
  throw new CacheAnswerError(`${name}: the server returned no id for the multipart upload`, {
    code: "InternalError",
  });
}

async function sendParts(
  file: HttpFileBody,
  target: MultipartTarget,
  send: Send,
): Promise<readonly string[]> {
  const bytes = Math.max(PART_BYTES, Math.ceil(file.size / MAX_PARTS));
  const count = Math.ceil(file.size / bytes);
  const tags: string[] = [];
  let next = 0;
  let hasFailed = false;
  const work = async (): Promise<void> => {
    for (let index = next++; index < count && !hasFailed; index = next++) {
      const start = (file.start ?? 0) + index * bytes;
      const body = { path: file.path, start, size: Math.min(bytes, file.size - index * bytes) };
      tags[index] = await sendPart(index + 1, body, target, send);
    }
  };
  const workers = Array.from({ length: Math.min(PARALLEL, count) }, () =>
    work().catch((error: unknown) => {
      hasFailed = true;
      throw error;
    }),
  );
  const failed = (await Promise.allSettled(workers)).find(({ status }) => status === "rejected");
  if (failed?.status === "rejected") throw failed.reason;
  return tags;
}

async function sendPart(
  number: number,
  body: HttpFileBody,
  { url, name, onUploaded, signal }: MultipartTarget,
  send: Send,
): Promise<string> {
  const request = { url: `${url}&partNumber=${number}`, name: `${name}, part ${number}`, onUploaded, signal };
  const response = await send({ ...request, method: "PUT", body, sha256: await hashFile(body) });
  const tag = response.headers["etag"];
  if (tag !== undefined) return tag;
  throw new CacheAnswerError(`${request.name}: the server returned no ETag`, { code: "InternalError" });
}

/** The server may answer 200 at once, with an error in the body. */
async function complete(tags: readonly string[], target: MultipartTarget, send: Send): Promise<void> {
  const { url, name, signal } = target;
  const parts = tags.map(
    (tag, index) => `<Part><PartNumber>${index + 1}</PartNumber><ETag>${escapeXml(tag)}</ETag></Part>`,
  );
  const body = `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${parts.join("")}</CompleteMultipartUpload>`;
  const sha256 = createHash("sha256").update(body).digest("hex");
  const response = await send({ method: "POST", url, name, body, sha256, signal });
  if (/<Error>/u.test(toText(response))) throw toAnswerError(name, response, 0);
}

/** If the answer to a completed upload was lost, a retry finds no such upload. */
async function wasCompleted(
  error: unknown,
  { size }: HttpFileBody,
  { url, name, signal }: MultipartTarget,
  send: Send,
): Promise<boolean> {
  if (!(error instanceof CacheAnswerError) || error.answer.code !== "NoSuchUpload") return false;
  const there = await send({ method: "HEAD", url, name, signal }).catch(() => undefined);
  return there?.status === 200 && Number(there.headers["content-length"]) === size;
}

function toText({ body }: HttpResponse): string {
  return new TextDecoder().decode(body);
}

function escapeXml(text: string): string {
  return text.replace(/[&<>"]/gu, (character) => `&#${character.charCodeAt(0)};`);
}

function unescapeXml(text: string): string {
  const names: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
  return text.replace(/&(amp|lt|gt|quot|apos);/gu, (_whole, name: string) => names[name] ?? "");
}
