/** Only `incoming` mail is copied (spec §2). */
export type Direction = 'incoming' | 'outgoing' | 'relayed';
