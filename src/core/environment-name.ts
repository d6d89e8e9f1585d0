const REFUSED_NAMES: ReadonlySet<string> = new Set([
  "AWS_CA_BUNDLE",
  "AWS_CONFIG_FILE",
  "AWS_SHARED_CREDENTIALS_FILE",
  "BASH_ENV",
  "CDPATH",
  "ENV",
  "HOME",
  "IFS",
  "LOGNAME",
  "PATH",
  "SHELL",
  "SHELLOPTS",
  "SSLKEYLOGFILE",
  "SYSTEM_CERTIFICATE_PATH",
  "TMPDIR",
  "USER",
]);

// Prefixes of loaders, interpreters, proxies, certificates and Nix itself.
const REFUSED_PREFIXES =
  /^(?:_?NIX_|LD_|DYLD_|NODE_|GIT_|SSH_|XDG_|LC_|PYTHON|PERL|RUBY|JAVA_|OPENSSL_|SSL_CERT_|CURL_|AWS_ENDPOINT_URL|AWS_EC2_METADATA_|CACHIX_DAEMON_|BASH_FUNC_)/u;

/**
 * Returns why a credential must not have this name in a child's environment, or nothing. Names that change
 * what the child loads, runs, trusts or talks to are refused.
 */
export function findEnvironmentNameProblem(name: string): string | undefined {
  if (!/^[A-Za-z_][A-Za-z0-9_]{0,127}$/u.test(name)) {
    return "is not a variable name (letters, digits and _, not beginning with a digit)";
  }
  if (REFUSED_NAMES.has(name) || REFUSED_PREFIXES.test(name) || /_proxy$/iu.test(name)) {
    return "would change how the push tool runs, so it cannot be a credential";
  }
  return undefined;
}

/** One short word, or words joined by underscores, as variables of tools are written. */
const CREDENTIAL_NAME = /^(?:[A-Z]{1,16}|[A-Z][A-Z0-9]{0,15}(?:_[A-Z0-9]{1,16}){1,6})$/u;

/**
 * Shows the name of a credential in a message, an event or a report. If someone wrote a secret in place of a
 * name, for example as a key of a JSON object, it must not end in a log. So only names in the form of a
 * variable are shown.
 */
export function showCredentialName(name: unknown): string {
  return typeof name === "string" && CREDENTIAL_NAME.test(name) ? name : "a name that is not shown";
}
