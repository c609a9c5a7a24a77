/**
 * The numbers by which the gateway's own log identifies things. Each is a branded number, so that a DCID can
 * never be passed where a MID is meant.
 */

declare const brand: unique symbol;
type Branded<Name extends string> = number & { readonly [brand]: Name };

/** One message; every splinter gets a new one. */
export type Mid = Branded<'MID'>;
/** One inbound SMTP connection. */
export type Icid = Branded<'ICID'>;
/** One outbound connection. */
export type Dcid = Branded<'DCID'>;
/** The index of a recipient within its message, from 0. */
export type Rid = Branded<'RID'>;

/** DCID 0: the copy failed before any connection was opened. */
export const NO_CONNECTION = 0 as Dcid;

export const toMid = (value: number): Mid => value as Mid;
export const toIcid = (value: number): Icid => value as Icid;
export const toDcid = (value: number): Dcid => value as Dcid;
export const toRid = (value: number): Rid => value as Rid;
