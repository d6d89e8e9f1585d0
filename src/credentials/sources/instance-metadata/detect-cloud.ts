import { CredentialError } from "../../../core/errors.ts";
import { withDeadline } from "../../../host/deadline.ts";
import type { Runtime } from "../../../host/runtime.ts";
import { azure } from "./azure.ts";
import { ec2 } from "./ec2.ts";
import { googleCloud } from "./google-cloud.ts";
import { type MetadataContext, type MetadataService, SOURCE_TYPE } from "./metadata-service.ts";

const SERVICES: readonly MetadataService[] = [ec2, googleCloud, azure];

/** How long to probe a machine without any sign of a cloud, and one with such a sign. */
const PROBE_MS = 1_000;
const HINTED_PROBE_MS = 5_000;
const MAX_FIRMWARE_BYTES = 4096;

/**
 * Detects the cloud of this machine: by the configuration, by variables that name a metadata service, or else
 * by asking all three services at once, within one deadline. The first proof wins and aborts the others. The
 * firmware only extends the deadline: it is neither a proof (containers see their host's) nor a veto (some
 * machines have none).
 *
 * @throws {@link CredentialError} `ERR_CREDENTIAL_NOT_CONFIGURED` if it is none of them
 */
export async function detectCloud(context: MetadataContext): Promise<MetadataService> {
  const { source, runtime } = context;
  const named = source.provider ?? findByEnvironment(runtime);
  const service = SERVICES.find(({ provider }) => provider === named);
  if (service !== undefined) return service;
  return proveOne(SERVICES, context);
}

/**
 * Finds out which service proves itself here, within one second, or five if the firmware names a cloud.
 *
 * @throws {@link CredentialError} `ERR_CREDENTIAL_NOT_CONFIGURED` if none does
 */
export async function proveOne(
  services: readonly MetadataService[],
  context: MetadataContext,
): Promise<MetadataService> {
  const { runtime } = context;
  const candidates = services.filter(({ provider }) => !isDisabled(provider, runtime));
  const timeoutMs = (await hasFirmwareOfCloud(runtime)) ? HINTED_PROBE_MS : PROBE_MS;
  return withDeadline((signal) => probeAll(candidates, { ...context, request: { signal } }), {
    clock: runtime.clock,
    timeoutMs,
    signal: context.request.signal,
    onTimeout: noCloud,
  });
}

async function probeAll(
  services: readonly MetadataService[],
  context: MetadataContext,
): Promise<MetadataService> {
  const losers = new AbortController();
  const onAbort = (): void => losers.abort();
  context.request.signal?.addEventListener("abort", onAbort, { once: true });
  const probing = { ...context, request: { signal: losers.signal } };
  try {
    return await Promise.any(services.map((service) => probe(service, probing)));
  } catch {
    // None gave a proof; their other answers say nothing about this machine.
    throw noCloud();
  } finally {
    losers.abort();
    context.request.signal?.removeEventListener("abort", onAbort);
  }
}

async function probe(service: MetadataService, context: MetadataContext): Promise<MetadataService> {
  if (await service.prove(context)) return service;
  throw noCloud();
}

function findByEnvironment({ env }: Runtime): MetadataService["provider"] | undefined {
  if (env["GCE_METADATA_HOST"] || env["GCE_METADATA_IP"]) return "gcp";
  return env["AZURE_POD_IDENTITY_AUTHORITY_HOST"] ? "azure" : undefined;
}

function isDisabled(provider: MetadataService["provider"], { env }: Runtime): boolean {
  const ec2Disabled = env["AWS_EC2_METADATA_DISABLED"];
  if (provider === "aws") return ec2Disabled !== undefined && ec2Disabled !== "" && ec2Disabled !== "false";
  return provider === "gcp" && env["METADATA_SERVER_DETECTION"] === "none";
}

// What cloud-init looks for; all of these files are readable by everyone.
const FIRMWARE: Readonly<Record<string, RegExp>> = {
  sys_vendor: /^(?:Amazon EC2|Google|Microsoft Corporation)$/u,
  bios_vendor: /^(?:Amazon EC2|Google)$/u,
  product_name: /^Google(?: Compute Engine)?$/u,
  board_asset_tag: /^i-[0-9a-f]+$/u,
  chassis_asset_tag: /^7783-7084-3265-9085-8269-3286-77$/u,
};

async function hasFirmwareOfCloud({ files }: Runtime): Promise<boolean> {
  const hints = Object.entries(FIRMWARE).map(async ([name, pattern]) => {
    try {
      const { bytes } = await files.read(`/sys/class/dmi/id/${name}`, { maxBytes: MAX_FIRMWARE_BYTES });
      return pattern.test(new TextDecoder().decode(bytes).trim());
    } catch {
      return false; // Virtual machines without firmware tables lack these files.
    }
  });
  return (await Promise.all(hints)).includes(true);
}

function noCloud(): CredentialError {
  const message =
    "No metadata service of EC2, Google Cloud or Azure answers here; name another credential source";
  return new CredentialError("ERR_CREDENTIAL_NOT_CONFIGURED", SOURCE_TYPE, message);
}
