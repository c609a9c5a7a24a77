/** An SMTP reply: code, enhanced status code where the peer gave one, and the text of all its lines. */
export interface SmtpReply {
  readonly code: number;
  /** RFC 3463, such as `5.1.1`. */
  readonly enhanced?: string;
  readonly text: string;
}

/** Where in the dialogue a reply came; the last reply at any stage is the one that counts (spec §5). */
export type SmtpStage = 'banner' | 'ehlo' | 'mail' | 'rcpt' | 'data' | 'final-dot';
