import { parseReply, type SmtpReply } from '@tdc/core';

/** A reply as it stood on the wire: its lines joined by LF, each octet one character. */
export interface WireReply {
  /** Of its last line; 0 when what came is no reply at all, and nothing that follows can be relied on. */
  readonly code: number;
  readonly text: string;
}

/** Above all that a peer has to say; one that never ends a line or a reply is not listened to for longer. */
const MAX_REPLY_CHARACTERS = 65_536;
const REPLY_LINE = /^\d{3}(?:[ -]|$)/;
const HYPHEN = 45;

/** Reads replies (RFC 5321 §4.2), in whatever pieces they come. */
export class ReplyReader {
  /** Behind the last line end. */
  #rest = '';
  /** Lines of a reply that goes on. */
  #begun = '';

  /** Takes octets; answers the replies that are whole with them. */
  take(chunk: Buffer): WireReply[] {
    const text = chunk.toString('latin1');
    const replies: WireReply[] = [];
    let from = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', from)) {
      const reply = this.#addLine(this.#rest + text.slice(from, end));
      this.#rest = '';
      from = end + 1;
      if (reply !== undefined) replies.push(reply);
    }
    this.#rest += text.slice(from);
    if (this.#rest.length + this.#begun.length <= MAX_REPLY_CHARACTERS) return replies;
    replies.push({ code: 0, text: 'the reply is too long' });
    this.#rest = '';
    this.#begun = '';
    return replies;
  }

  /** The reply that ends with this line; undefined when it goes on, and for an empty line between two replies. */
  #addLine(ended: string): WireReply | undefined {
    const line = ended.endsWith('\r') ? ended.slice(0, -1) : ended;
    if (line === '' && this.#begun === '') return undefined;
    const text = this.#begun === '' ? line : `${this.#begun}\n${line}`;
    const isReply = REPLY_LINE.test(line);
    if (isReply && line.charCodeAt(3) === HYPHEN && text.length <= MAX_REPLY_CHARACTERS) {
      this.#begun = text;
      return undefined;
    }
    this.#begun = '';
    return { code: isReply && line.charCodeAt(3) !== HYPHEN ? Number(line.slice(0, 3)) : 0, text };
  }
}

const ASCII = /^[\u0000-\u007f]*$/;

/** The parts of a reply. Its text has no charset of its own (RFC 5321 §4.2.1): UTF-8 where it is that, else Latin-1. */
export function readReply({ text }: WireReply): SmtpReply {
  if (ASCII.test(text)) return parseReply(text);
  const utf8 = Buffer.from(text, 'latin1').toString('utf8');
  return parseReply(utf8.includes('\ufffd') ? text : utf8);
}
