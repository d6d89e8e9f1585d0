import type { Readable } from "node:stream";
import { CredentialError, HttpError } from "../../core/errors.ts";
import type { Runtime } from "../../host/runtime.ts";
import { MAX_ANSWER_BYTES, type Service, toServiceError, toStatusError } from "../http-answer.ts";

/** A request of the AWS SDK. */
interface AwsRequest {
  readonly method: string;
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number | undefined;
  readonly path: string;
  readonly query?: Readonly<Record<string, string | readonly string[] | null>> | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** An answer for the AWS SDK. */
interface AwsResponse {
  readonly response: {
    readonly statusCode: number;
    readonly headers: Record<string, string>;
    readonly body: Readable;
  };
}

/** The HTTP handler of an AWS SDK client, on the runtime's HTTP port. */
export interface AwsRequestHandler {
  handle(request: AwsRequest): Promise<AwsResponse>;
  updateHttpClientConfig(): void;
  httpHandlerConfigs(): Record<string, never>;
  /** The error of the last request, which the SDK hides behind its own errors. */
  readonly lastFailure: CredentialError | undefined;
}

/**
 * Variables that replace a service's address, by the prefix of its host. The SDK handles other services.
 */
const ENDPOINT_NAMES: readonly (readonly [host: RegExp, name: string])[] = [
  [/^sts\./u, "AWS_ENDPOINT_URL_STS"],
  [/^secretsmanager\./u, "AWS_ENDPOINT_URL_SECRETS_MANAGER"],
];

/**
 * Creates the HTTP handler for AWS SDK clients. The SDK's own handler only warns when a request takes too
 * long, and reads answers of any size.
 *
 * @param service - the name of the service, for errors
 */
export function createAwsRequestHandler(
  service: Service,
  runtime: Runtime,
  signal: AbortSignal | undefined,
): AwsRequestHandler {
  let lastFailure: CredentialError | undefined;
  return {
    handle: async (request) => {
      const { method, headers } = request;
      const body = toBody(request.body);
      lastFailure = undefined;
      try {
        // Loaded lazily, because importing this package would load all of node:stream.
        const { Readable } = await import("node:stream");
        const url = toUrl(request, runtime);
        const answer = await runtime.http.send({
          method,
          url,
          headers,
          body,
          maxBytes: MAX_ANSWER_BYTES,
          signal,
        });
        if (answer.status >= 300) lastFailure = toStatusError(answer, service, runtime.clock.now());
        const { status: statusCode } = answer;
        return {
          response: { statusCode, headers: { ...answer.headers }, body: Readable.from([answer.body]) },
        };
      } catch (error) {
        const failure = toServiceError(error, service);
        if (failure instanceof CredentialError) lastFailure = failure;
        throw error;
      }
    },
    updateHttpClientConfig: () => {},
    httpHandlerConfigs: () => ({}),
    get lastFailure() {
      return lastFailure;
    },
  };
}

function toUrl({ protocol, hostname, port, path, query = {} }: AwsRequest, { env }: Runtime): string {
  const own = port === undefined ? `${protocol}//${hostname}` : `${protocol}//${hostname}:${port}`;
  const name = ENDPOINT_NAMES.find(([host]) => host.test(hostname))?.[1];
  const origin = name === undefined ? own : env[name] || env["AWS_ENDPOINT_URL"] || own;
  if (!/^https?:\/\//u.test(origin) || !URL.canParse(path, origin)) {
    throw new HttpError("ERR_HTTP_INVALID", `${name ?? "The address of the service"} is not a valid address`);
  }
  const url = new URL(path, origin);
  for (const [key, value] of Object.entries(query)) {
    for (const item of Array.isArray(value) ? value : [value ?? ""]) url.searchParams.append(key, item);
  }
  return url.href;
}

function toBody(body: unknown): string | Uint8Array | undefined {
  return typeof body === "string" || body instanceof Uint8Array ? body : undefined;
}
