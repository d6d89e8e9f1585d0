import { execFile } from "node:child_process";

/**
 * Tells systemd how a unit of the type `notify` fares; nothing where none listens. Node.js has no sockets of
 * datagrams in the file system, so systemd's own program does it.
 *
 * @see https://www.freedesktop.org/software/systemd/man/latest/systemd-notify.html
 */
export function notifySystemd(
  env: Readonly<Record<string, string | undefined>>,
): (state: "READY=1" | "STOPPING=1") => void {
  const { NOTIFY_SOCKET, PATH } = env;
  if (NOTIFY_SOCKET === undefined || NOTIFY_SOCKET === "") return () => undefined;
  return (state) => {
    // A service that cannot tell is ended by systemd, which says so.
    execFile("systemd-notify", [state], { env: { NOTIFY_SOCKET, PATH } }, () => undefined);
  };
}
