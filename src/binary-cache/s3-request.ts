import type { CacheRequest } from "./cache-transport.ts";

/** A request to S3, with the SHA-256 of its body in hexadecimal; default that of an empty body. */
export type S3Request = CacheRequest & { readonly sha256?: string | undefined };
