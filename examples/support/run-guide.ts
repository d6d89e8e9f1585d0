import {
  type AccessRequest,
  CacheRegistry,
  formatAuditEvent,
  formatCommand,
  type HttpClient,
  type HttpRequest,
  parseRepositoryConfig,
  type Runtime,
} from "@eka-ci/caches";
import { createRecordingExecutor } from "@eka-ci/caches/testing";

/** One of the complete examples of the guide, and the builds to push. */
export interface GuideExample {
  readonly title: string;
  /** The server's file and the repository's, as the guide has them. */
  readonly serverToml: string;
  readonly repositoryJson: string;
  /** The job whose outputs are pushed. */
  readonly job: string;
  readonly builds: readonly AccessRequest[];
  /** The machine that the server runs on: variables, files and network. */
  readonly machine: Partial<Runtime>;
}

const OUTPUT = "/nix/store/3n58xw4373jp0ljirf06d8077j15pc4j-hello-2.12";

/**
 * Pushes builds as the server of the example would. The tools are only recorded, with secrets redacted.
 */
export async function runGuide(example: GuideExample): Promise<void> {
  const { title, serverToml, repositoryJson, job, builds, machine } = example;
  console.log(`${title}\n`);
  const executor = createRecordingExecutor();
  await using registry = CacheRegistry.fromToml(serverToml, { executor, runtime: machine });
  registry.subscribe((event) => console.log(`  ${formatAuditEvent(event)}`));
  const caches = parseRepositoryConfig(repositoryJson).jobs.get(job)?.caches ?? [];
  for (const build of builds) {
    console.log(`${build.repository}${build.ref?.type === "branch" ? `, branch ${build.ref.name}` : ""}:`);
    const { results } = await registry.push({ ...build, job, caches, storePaths: [OUTPUT] });
    for (const { cacheId, status } of results) console.log(`  => ${cacheId}: ${status}`);
  }
  console.log("\nThe tools were asked to run:");
  for (const command of executor.commands.filter(
    ({ args }) => args.includes("copy") || args.includes("push"),
  ))
    console.log(`  ${formatCommand(command)}`);
}

/** A network in which only services by method and URL answer. */
export function createFakeNetwork(
  answers: Readonly<Record<string, (request: HttpRequest) => string | object>>,
): HttpClient {
  return {
    send: async (request) => {
      const answer = answers[`${request.method} ${request.url}`]?.(request);
      if (answer === undefined) return { status: 404, headers: {}, body: new Uint8Array() };
      const body = typeof answer === "string" ? answer : JSON.stringify(answer);
      return { status: 200, headers: {}, body: new TextEncoder().encode(body) };
    },
  };
}
