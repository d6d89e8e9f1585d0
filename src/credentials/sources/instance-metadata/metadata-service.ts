import type { CloudProvider, InstanceMetadataSource } from "../../../core/credential-source.ts";
import { CredentialError } from "../../../core/errors.ts";
import type { HttpResponse } from "../../../host/http-client.ts";
import type { Runtime } from "../../../host/runtime.ts";
import { askService, type Service, toStatusError } from "../../http-answer.ts";
import type { CredentialRequest, Credentials } from "../../provider.ts";

/** The `type` of the source. */
export const SOURCE_TYPE: InstanceMetadataSource["type"] = "instance-metadata";

/** What requests to a cloud's metadata service need. */
export interface MetadataContext {
  readonly source: InstanceMetadataSource;
  readonly runtime: Runtime;
  readonly request: CredentialRequest;
}

/** The metadata service of one cloud. */
export interface MetadataService {
  /** Which cloud it is. */
  readonly provider: CloudProvider;
  /** Its name in messages. */
  readonly name: string;
  /**
   * Whether this machine belongs to that cloud, by a proof that no other server gives by chance. An answer is
   * not enough, because captive portals and container tools answer too.
   *
   * @throws {@link CredentialError} if it is not there
   */
  prove(context: MetadataContext): Promise<boolean>;
  /** Fetches the machine's credentials. */
  fetch(context: MetadataContext): Promise<Credentials>;
}

/** A request to a metadata service. */
export interface MetadataRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly method?: string | undefined;
}

/** Sends a request, whatever the status of its answer. */
export function askMetadata(
  { url, headers, method = "GET" }: MetadataRequest,
  service: Pick<MetadataService, "name">,
  { runtime, request }: MetadataContext,
): Promise<HttpResponse> {
  return askService({ url, headers, method, signal: request.signal }, toService(service), runtime);
}

/** Sends a request that must succeed. */
export async function askMetadataOrFail(
  request: MetadataRequest,
  service: Pick<MetadataService, "name">,
  context: MetadataContext,
): Promise<HttpResponse> {
  const response = await askMetadata(request, service, context);
  if (response.status === 200) return response;
  throw toStatusError(response, toService(service), context.runtime.clock.now());
}

/** A metadata service, for the helpers of HTTP. */
export function toService({ name }: Pick<MetadataService, "name">): Service {
  return { sourceType: SOURCE_TYPE, name };
}

/** An answer that breaks the protocol. */
export function malformedAnswer({ name }: Pick<MetadataService, "name">, what: string): CredentialError {
  return new CredentialError("ERR_CREDENTIAL_MALFORMED", SOURCE_TYPE, `${name} answers without ${what}`);
}

/** The text of an answer. */
export function toText({ body }: Pick<HttpResponse, "body">): string {
  return new TextDecoder().decode(body).trim();
}

/** The origin of an address in the environment that replaces a service's own; a bare host means http. */
export function toBase(address: string | undefined, fallback: string): string {
  if (address === undefined || address === "") return fallback;
  const url = /^https?:\/\//iu.test(address) ? address : `http://${address}`;
  if (URL.canParse(url)) return new URL(url).origin;
  throw new CredentialError(
    "ERR_CREDENTIAL_MALFORMED",
    SOURCE_TYPE,
    "The address of the metadata service is not valid",
  );
}
