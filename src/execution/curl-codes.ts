import type { FailureMeaning } from "../core/cloud-codes.ts";

/** An error of curl: its number, its words, and what it means. */
export interface CurlError {
  readonly code: number;
  /** How its text begins, in every version of curl. */
  readonly words: RegExp;
  readonly means: FailureMeaning;
}

/**
 * Errors of curl, which Nix prints for HTTP (https://curl.se/libcurl/c/libcurl-errors.html). Those of other
 * protocols are left out, and 22, which refers to the status.
 */
export const CURL_ERRORS: readonly CurlError[] = [
  { code: 1, words: /\bUnsupported protocol\b/u, means: "misconfigured" },
  { code: 2, words: /\bFailed initialization\b/u, means: "broken" },
  { code: 3, words: /\bURL using bad\/illegal format\b/u, means: "misconfigured" },
  { code: 4, words: /\bnot found built-in in this libcurl\b/u, means: "misconfigured" },
  { code: 5, words: /\b(?:Couldn't|Could not) resolve proxy\b/u, means: "away" },
  { code: 6, words: /\b(?:Couldn't|Could not|Failed to) resolve host/iu, means: "away" },
  { code: 7, words: /\b(?:Couldn't|Could not|Failed to) connect to\b/iu, means: "away" },
  { code: 8, words: /\bWeird server reply\b/u, means: "broken" },
  { code: 9, words: /\bAccess denied to remote resource\b/u, means: "unauthorized" },
  { code: 16, words: /\bError in the HTTP2 framing layer\b/u, means: "broken" },
  { code: 18, words: /\bTransferred a partial file\b|\btransfer closed with\b/u, means: "broken" },
  { code: 23, words: /\bFailed writing received data\b/u, means: "broken" },
  { code: 25, words: /\bUpload failed \(at start\)/u, means: "broken" },
  { code: 26, words: /\bFailed to open\/read local data\b/u, means: "broken" },
  { code: 27, words: /\bOut of memory\b/u, means: "broken" },
  { code: 28, words: /\bTimeout was reached\b/u, means: "away" },
  { code: 33, words: /\bRequested range was not delivered\b/u, means: "broken" },
  { code: 35, words: /\bSSL connect error\b/u, means: "broken" },
  { code: 42, words: /\baborted by an application callback\b/u, means: "broken" },
  { code: 45, words: /\bFailed binding local connection end\b/u, means: "broken" },
  { code: 47, words: /\bNumber of redirects hit maximum\b/u, means: "misconfigured" },
  { code: 52, words: /\bServer returned nothing\b|\bEmpty reply from server\b/iu, means: "broken" },
  { code: 53, words: /\bSSL crypto engine not found\b/u, means: "misconfigured" },
  { code: 54, words: /\bCan not set SSL crypto engine\b/u, means: "misconfigured" },
  { code: 55, words: /\bFailed sending data to the peer\b/u, means: "broken" },
  { code: 56, words: /\bFailure when receiving data from the peer\b/u, means: "broken" },
  { code: 58, words: /\bProblem with the local SSL certificate\b/u, means: "misconfigured" },
  { code: 59, words: /\bCouldn't use specified SSL cipher\b/u, means: "misconfigured" },
  { code: 60, words: /\bSSL peer certificate or SSH remote key was not OK\b/u, means: "misconfigured" },
  { code: 61, words: /\bUnrecognized or bad HTTP Content or Transfer-Encoding\b/u, means: "broken" },
  { code: 63, words: /\bMaximum file size exceeded\b/u, means: "refused" },
  { code: 64, words: /\bRequested SSL level failed\b/u, means: "misconfigured" },
  { code: 65, words: /\bSend failed since rewinding\b/u, means: "broken" },
  { code: 66, words: /\bFailed to initialise SSL crypto engine\b/u, means: "misconfigured" },
  { code: 67, words: /\bLogin denied\b/u, means: "unauthorized" },
  { code: 77, words: /\bProblem with the SSL CA cert\b/u, means: "misconfigured" },
  { code: 80, words: /\bFailed to shut down the SSL connection\b/u, means: "broken" },
  { code: 81, words: /\bSocket not ready for send\/recv\b/u, means: "broken" },
  { code: 82, words: /\bFailed to load CRL file\b/u, means: "misconfigured" },
  { code: 83, words: /\bIssuer check against peer certificate failed\b/u, means: "misconfigured" },
  { code: 88, words: /\bChunk callback reported error\b/u, means: "broken" },
  { code: 89, words: /\bmax connection limit is reached\b/u, means: "broken" },
  { code: 90, words: /\bdoes not match pinned public key\b/u, means: "misconfigured" },
  { code: 91, words: /\bcertificate status verification FAILED\b/u, means: "misconfigured" },
  { code: 92, words: /\bStream error in the HTTP\/2 framing layer\b/u, means: "broken" },
  { code: 94, words: /\bauthentication function returned an error\b/u, means: "unauthorized" },
  { code: 95, words: /\bHTTP\/3 error\b/u, means: "broken" },
  { code: 96, words: /\bQUIC connection error\b/u, means: "broken" },
  { code: 97, words: /\bproxy handshake error\b/u, means: "away" },
  { code: 98, words: /\bSSL Client Certificate required\b/u, means: "misconfigured" },
  { code: 99, words: /\bUnrecoverable error in select\/poll\b/u, means: "broken" },
  { code: 100, words: /\bgrew larger than allowed\b/u, means: "refused" },
  { code: 101, words: /\bECH attempted but failed\b/u, means: "misconfigured" },
];
