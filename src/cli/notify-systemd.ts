import { execFile } from "node:child_process";

/**
 * Notifies systemd of the state of a unit of `Type=notify`; does nothing if systemd does not listen. Node.js
 * has no Unix datagram sockets, so systemd's program does it.
 *
 * @see https://www.freedesktop.org/software/systemd/man/latest/systemd-notify.html
 */
export function notifySystemd(
  env: Readonly<Record<string, string | undefined>>,
): (state: "READY=1" | "STOPPING=1") => void {
  const { NOTIFY_SOCKET, PATH } = env;
  if (NOTIFY_SOCKET === undefined || NOTIFY_SOCKET === "") return () => undefined;
  return (state) => {
    // systemd ends a service that does not notify, and logs it.
    execFile("systemd-notify", [state], { env: { NOTIFY_SOCKET, PATH } }, () => undefined);
  };
}
