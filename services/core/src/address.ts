/** An e-mail address ready for comparison: lower case, the domain in its ASCII form (A-labels). */
export interface Address {
  readonly local: string;
  /** '' for an address without a domain, such as `postmaster`. */
  readonly domain: string;
}

/** Longest path that SMTP allows (RFC 5321 §4.5.3.1.3). */
export const MAX_ADDRESS_LENGTH = 256;

/** What a host name may hold beside letters of other alphabets; all else would mean something to the parser of URLs. */
const HOST_NAME = /^[a-z0-9._\u0080-\u{10ffff}-]*$/u;
const IP_ADDRESS = /^[\d.]+$/;

/**
 * The ASCII form of a domain, lower case, without a final dot: `Bücher.Example.` → `xn--bcher-kva.example`. A name that
 * has no ASCII form is answered in lower case as it is, so that it still compares equal to itself.
 */
export function toAsciiDomain(domain: string): string {
  const lower = domain.toLowerCase().replace(/\.$/, '');
  if (/^[\u0000-\u007f]*$/.test(lower) || !HOST_NAME.test(lower)) return lower;
  try {
    const { hostname } = new URL(`http://${lower}/`);
    // Wide digits are digits to the parser, and it reads a number as an IP address.
    return IP_ADDRESS.test(hostname) ? lower : hostname.replace(/\.$/, '');
  } catch {
    return lower;
  }
}

const unquote = (local: string): string =>
  local.startsWith('"') && /^".*"$/s.test(local) ? local.slice(1, -1).replace(/\\(.)/gs, '$1') : local;

/** Nearly every domain: already in the form in which domains are compared. */
const PLAIN_DOMAIN = /^[a-z0-9.-]*[a-z0-9-]$/;

/**
 * Reads an address as it stands in an envelope or a header, without angle brackets. Never fails: what has no `@` has no
 * domain. The last `@` counts, since a quoted local part may hold others.
 */
export function parseAddress(text: string): Address {
  const at = text.lastIndexOf('@');
  if (at < 0) return { local: unquote(text).toLowerCase(), domain: '' };
  const domain = text.slice(at + 1);
  return {
    local: unquote(text.slice(0, at)).toLowerCase(),
    domain: PLAIN_DOMAIN.test(domain) ? domain : toAsciiDomain(domain),
  };
}

/** One text for one address, whatever its case: a key for sets and maps. */
export const addressKey = (address: Address): string => `${address.local}@${address.domain}`;

const LOCAL =
  /^(?:[^\s@"<>(),;:\\[\]\u0000-\u001f\u007f]+|"(?:[^"\\\u0000-\u001f\u007f]|\\[^\u0000-\u001f\u007f])*")$/u;
/** Whether the text can stand before the `@`, quoted or not. */
export const isLocalPart = (text: string): boolean => LOCAL.test(text);

const LABEL = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/;

/** Whether a domain, in its ASCII form, is one that DNS can hold. */
export function isDomain(domain: string): boolean {
  const labels = toAsciiDomain(domain).split('.');
  // No top-level domain is a number: what ends in one is a broken IP address (RFC 3696 §2).
  const isName = !/^\d*$/.test(labels.at(-1) ?? '');
  return isName && labels.join('.').length <= 253 && labels.every((label) => LABEL.test(label));
}

/** Whether the text is a whole address that mail can be sent to: what the policy document may name. */
export function isMailAddress(text: string): boolean {
  const at = text.lastIndexOf('@');
  return (
    at > 0 &&
    text.length <= MAX_ADDRESS_LENGTH &&
    isLocalPart(text.slice(0, at)) &&
    isDomain(text.slice(at + 1))
  );
}
