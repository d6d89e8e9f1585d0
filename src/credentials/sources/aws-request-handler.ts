import { Readable } from "node:stream";
import type { Runtime } from "../../runtime.ts";
import { MAX_ANSWER_BYTES } from "../http-answer.ts";

/** A request as the AWS SDK hands it over. */
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

/** An answer as the AWS SDK takes it. */
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
}

/**
 * Makes the HTTP handler for AWS SDK clients. The SDK's own only warns when a request takes too long, and reads answers
 * of any size.
 *
 * @param endpointName - variable that replaces the service's address, as in `AWS_ENDPOINT_URL_STS`
 */
export function createAwsRequestHandler(
  endpointName: string,
  runtime: Runtime,
  signal: AbortSignal | undefined,
): AwsRequestHandler {
  return {
    handle: async (request) => {
      const url = toUrl(request, runtime.env[endpointName] || runtime.env["AWS_ENDPOINT_URL"]);
      const { method, headers } = request;
      const body = toBody(request.body);
      const answer = await runtime.http.send({
        method,
        url,
        headers,
        body,
        maxBytes: MAX_ANSWER_BYTES,
        signal,
      });
      return {
        response: {
          statusCode: answer.status,
          headers: { ...answer.headers },
          body: Readable.from([answer.body]),
        },
      };
    },
    updateHttpClientConfig: () => {},
    httpHandlerConfigs: () => ({}),
  };
}

function toUrl(
  { protocol, hostname, port, path, query = {} }: AwsRequest,
  endpoint: string | undefined,
): string {
  const origin = port === undefined ? `${protocol}//${hostname}` : `${protocol}//${hostname}:${port}`;
  const url = new URL(path, endpoint ?? origin);
  for (const [name, value] of Object.entries(query)) {
    for (const item of Array.isArray(value) ? value : [value ?? ""]) url.searchParams.append(name, item);
  }
  return url.href;
}

function toBody(body: unknown): string | Uint8Array | undefined {
  return typeof body === "string" || body instanceof Uint8Array ? body : undefined;
}
