import { isDomain, isLocalPart, parseAddress, toAsciiDomain } from '../address.ts';
import type { RecipientPart, SenderPart, UserPattern, UserRow } from '../mail-policy.ts';
import { nearest, type Place } from './checker.ts';

export type Groups = ReadonlyMap<string, readonly UserPattern[]>;

const FORMS = 'user@example.com, user@, @example.com, @.example.com or group:name';

/** A user form other than a group; undefined when it is none. */
export function parseUser(text: string): UserPattern | undefined {
  const at = text.lastIndexOf('@');
  const written = text.slice(0, Math.max(at, 0));
  if (at < 0 || (written !== '' && !isLocalPart(written))) return undefined;
  const { local } = parseAddress(text);
  const domain = text.slice(at + 1);
  if (domain === '') return local === '' ? undefined : { kind: 'local-part', local };
  const below = domain.startsWith('.');
  const ascii = toAsciiDomain(below ? domain.slice(1) : domain);
  if (!isDomain(ascii)) return undefined;
  if (below) return local === '' ? { kind: 'sub-domain', domain: ascii } : undefined;
  return local === '' ? { kind: 'domain', domain: ascii } : { kind: 'address', local, domain: ascii };
}

/** The groups of the document. A group holds users, not other groups: no order to get wrong, no circle to run in. */
export function readGroups(place: Place): Groups {
  const groups = new Map<string, readonly UserPattern[]>();
  for (const [name, list] of place.entries()) {
    if (!/^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(name))
      list.problem('group names are letters, digits, _ . and -');
    const items = list.someItems('a group must have members');
    groups.set(
      name,
      items.flatMap((item) => {
        const text = item.text();
        if (text === undefined) return [];
        return (
          parseUser(text) ??
          item.problem('must be user@example.com, user@, @example.com or @.example.com') ??
          []
        );
      }),
    );
  }
  return groups;
}

function readUser(place: Place, groups: Groups): UserPattern | undefined {
  const text = place.text();
  if (text === undefined) return undefined;
  if (!text.startsWith('group:')) return parseUser(text) ?? place.problem(`must be ${FORMS}`);
  const name = text.slice('group:'.length);
  const members = groups.get(name);
  if (members !== undefined) return { kind: 'group', name, members };
  const meant = nearest(name, [...groups.keys()]);
  return place.problem(`there is no group ${name}${meant === undefined ? '' : `; did you mean ${meant}?`}`);
}

function readUsers(place: Place, groups: Groups): readonly UserPattern[] {
  return place.someItems('must list at least one user').flatMap((item) => readUser(item, groups) ?? []);
}

/** Which of two keys a part has: exactly one is wanted. */
function chosen<K extends string>(
  place: Place,
  members: Readonly<Record<K, Place>>,
  keys: readonly K[],
): K | undefined {
  const present = keys.filter((key) => !members[key].isAbsent);
  if (present.length === 1) return present[0];
  return place.problem(`must be any, or have exactly one of ${keys.join(', ')}`);
}

function readSender(place: Place, groups: Groups): SenderPart {
  if (place.isAbsent || place.value === 'any') return { kind: 'any' };
  const members = place.members(['oneOf', 'noneOf']);
  const key = chosen(place, members, ['oneOf', 'noneOf']);
  if (key === undefined) return { kind: 'any' };
  return { kind: key === 'oneOf' ? 'one-of' : 'none-of', users: readUsers(members[key], groups) };
}

function readRecipient(place: Place, groups: Groups): RecipientPart {
  if (place.isAbsent || place.value === 'any') return { kind: 'any' };
  const members = place.members(['listed', 'notListed', 'join']);
  const key = chosen(place, members, ['listed', 'notListed']);
  const join = members.join.oneOfOr(['any', 'all'], 'any');
  if (key === undefined) return { kind: 'any' };
  return { kind: key === 'listed' ? 'listed' : 'not-listed', join, users: readUsers(members[key], groups) };
}

/** The user rows of one policy. */
export function readUserRows(place: Place, groups: Groups): readonly UserRow[] {
  return place.someItems('a policy must have at least one user row').map((row) => {
    const members = row.members(['sender', 'recipient']);
    return {
      sender: readSender(members.sender, groups),
      recipient: readRecipient(members.recipient, groups),
    };
  });
}
