import { isDomain, isMailAddress, toAsciiDomain } from '../address.ts';
import {
  COPY_FORMATS,
  DEFAULT_MESSAGES_PER_CONNECTION,
  type Intake,
  type IntakeTls,
} from '../intake-setting.ts';
import { parseIpAddress } from '../network.ts';
import type { Place } from './checker.ts';

/** Where SETD looks for the address of the real client when nothing else is agreed. */
export const DEFAULT_REMOTE_IP_HEADER = 'X-IronPort-RemoteIP';

const MAX_CONNECTIONS = 10_000;
const MAX_MESSAGES_PER_CONNECTION = 10_000;

/** An address with its domain in ASCII form, as it goes over the wire. */
function readAddress(place: Place): string {
  const text = place.text();
  if (text === undefined) return '';
  if (!isMailAddress(text)) {
    place.problem('must be a mail address, user@example.com');
    return '';
  }
  const at = text.lastIndexOf('@');
  return `${text.slice(0, at)}@${toAsciiDomain(text.slice(at + 1))}`;
}

function readHost(place: Place): { host?: string } {
  if (place.isAbsent) return {};
  const text = place.text();
  if (text === undefined) return {};
  if (/^[\da-f.:]+$/i.test(text) && parseIpAddress(text) !== undefined) return { host: text };
  if (isDomain(text)) return { host: toAsciiDomain(text) };
  place.problem('must be a host name or an IP address');
  return {};
}

/** PEM is the one value that spans lines. */
function readCa(place: Place): { ca?: string } {
  if (place.isAbsent) return {};
  const { value } = place;
  if (typeof value === 'string' && /-----BEGIN CERTIFICATE-----/.test(value)) return { ca: value };
  place.problem('must be one or more certificates in PEM form');
  return {};
}

function readTls(place: Place): IntakeTls {
  const empty = place.isAbsent;
  if (empty) return { verify: true, maxVersion: 'TLSv1.3' };
  const members = place.members(['verify', 'ca', 'caFile', 'serverName', 'maxVersion']);
  if (!members.caFile.isAbsent)
    members.caFile.problem('is read by the policy service; it is not part of a served document');
  const serverName = members.serverName.isAbsent ? undefined : members.serverName.text();
  if (serverName !== undefined && !isDomain(serverName)) members.serverName.problem('must be a host name');
  return {
    verify: members.verify.booleanOr(true),
    maxVersion: members.maxVersion.oneOfOr(['TLSv1.2', 'TLSv1.3'], 'TLSv1.3'),
    ...readCa(members.ca),
    ...(serverName === undefined ? {} : { serverName: toAsciiDomain(serverName) }),
  };
}

function readHeaderName(place: Place): string {
  const name = place.textOr(DEFAULT_REMOTE_IP_HEADER);
  if (!/^[!-9;-~]{1,60}$/.test(name)) place.problem('must be the name of a header field');
  return name;
}

function readEnvelopeSender(place: Place): string {
  if (place.isAbsent || place.value === '') return '';
  return readAddress(place);
}

function readIntake(alias: string, place: Place): Intake {
  const members = place.members([
    'address',
    'host',
    'port',
    'format',
    'envelopeSender',
    'remoteIpHeader',
    'tls',
    'limits',
  ]);
  const format = members.format.oneOfOr(COPY_FORMATS, 'journal');
  const limits = members.limits.isAbsent
    ? undefined
    : members.limits.members(['connections', 'messagesPerConnection']);
  return {
    alias,
    address: members.address.isAbsent
      ? (members.address.problem('is missing') ?? '')
      : readAddress(members.address),
    ...readHost(members.host),
    port: members.port.integerOr(25, { min: 1, max: 65_535 }),
    format,
    envelopeSender: readEnvelopeSender(members.envelopeSender),
    remoteIpHeader: readHeaderName(members.remoteIpHeader),
    tls: readTls(members.tls),
    limits: {
      connections: limits?.connections.integerOr(100, { min: 1, max: MAX_CONNECTIONS }) ?? 100,
      messagesPerConnection:
        limits?.messagesPerConnection.integerOr(DEFAULT_MESSAGES_PER_CONNECTION[format], {
          min: 1,
          max: MAX_MESSAGES_PER_CONNECTION,
        }) ?? DEFAULT_MESSAGES_PER_CONNECTION[format],
    },
  };
}

/** An alias is a metric label and part of a Redis key. */
const ALIAS = /^[a-z0-9][a-z0-9_-]{0,62}$/;

/** The intakes by alias. */
export function readIntakes(place: Place): Readonly<Record<string, Intake>> {
  const intakes: Record<string, Intake> = {};
  for (const [alias, child] of place.entries()) {
    if (!ALIAS.test(alias)) child.problem('an alias is lower-case letters, digits, _ and -, at most 63');
    intakes[alias] = readIntake(alias, child);
  }
  return intakes;
}
