import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ExternalServer, startExternal } from "./external-server.ts";

/** How nginx is set up, beside taking uploads. */
export interface NginxOptions {
  /** The only user and the password, by HTTP basic authentication. */
  readonly credentials?: { readonly username: string; readonly password: string };
  /** Largest upload, in nginx's notation; default without bound. */
  readonly maxBody?: string;
  /** Whether uploads are taken; default true. */
  readonly writable?: boolean;
}

/** An nginx that takes uploads by WebDAV. */
export interface Nginx extends ExternalServer {
  /** The directory that it serves. */
  readonly root: string;
}

/** Starts an nginx with an empty directory behind it. */
export async function startNginx(options: NginxOptions = {}): Promise<Nginx> {
  const directory = await mkdtemp(join(tmpdir(), "eka-ci-nginx-"));
  const root = join(directory, "root");
  await mkdir(root);
  const toArgs = (port: number): readonly string[] => ["-c", join(directory, `${port}.conf`), "-e", "stderr"];
  const server = await startExternal("nginx", toArgs, {}, async (port) => {
    await writeFile(join(directory, `${port}.conf`), toConfiguration(directory, port, options));
    const { username, password } = options.credentials ?? { username: "", password: "" };
    await writeFile(join(directory, "users"), `${username}:{PLAIN}${password}\n`);
  });
  return {
    ...{ url: server.url, root },
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]();
      await rm(directory, { recursive: true });
    },
  };
}

function toConfiguration(directory: string, port: number, options: NginxOptions): string {
  const { credentials, maxBody = "0", writable = true } = options;
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (name) => `${name}_temp_path ${join(directory, name)};`,
  );
  return `
    daemon off;
    master_process off;
    pid ${join(directory, "pid")};
    events {}
    http {
      access_log off;
      ${temporary.join("\n")}
      server {
        listen 127.0.0.1:${port};
        root ${join(directory, "root")};
        client_max_body_size ${maxBody};
        ${credentials === undefined ? "" : `auth_basic cache; auth_basic_user_file ${join(directory, "users")};`}
        ${writable ? "dav_methods PUT DELETE; create_full_put_path on;" : ""}
      }
    }`;
}
