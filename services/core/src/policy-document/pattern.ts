/**
 * Why a pattern of the document is refused; undefined when it is a good one. Its texts come from any sender, so a pattern
 * whose matching may take forever must not reach a listener: a repetition inside a repetition, `(a+)+`, is the way
 * in which that happens.
 */
export function patternProblem(pattern: string): string | undefined {
  if (pattern.length > MAX_PATTERN_LENGTH) return `must be at most ${MAX_PATTERN_LENGTH} characters`;
  try {
    new RegExp(pattern, 'i');
  } catch {
    return 'must be a regular expression';
  }
  if (nestsRepetitions(pattern))
    return 'must not repeat what repeats itself, as in (a+)+: it could take forever';
  return undefined;
}

const MAX_PATTERN_LENGTH = 500;

/** One piece of a regular expression: an escape, a character class, a quantifier, or one character. */
const PIECE = /\\.|\[(?:\\.|[^\]\\])*\]|\{\d+,?\d*\}|./gs;

/** May match in more than one way. */
const isRepetition = (piece: string): boolean => /^(?:[*+]|\{\d+,\d*\})$/.test(piece);

const repeats = (piece: string): boolean => isRepetition(piece) || /^\{\d+\}$/.test(piece);

/** Whether a group that holds an open repetition is itself repeated. The pattern compiles. */
function nestsRepetitions(pattern: string): boolean {
  const groups: boolean[] = [];
  let holds = false;
  let closed = false;
  for (const [piece] of pattern.matchAll(PIECE)) {
    if (closed && repeats(piece)) return true;
    closed = false;
    if (isRepetition(piece)) holds = true;
    if (piece === '(') {
      groups.push(holds);
      holds = false;
    } else if (piece === ')') {
      closed = holds;
      holds = (groups.pop() ?? false) || holds;
    }
  }
  return false;
}
