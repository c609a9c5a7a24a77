import { board } from './board.ts';
import { DELIVERY } from './delivery.ts';
import { INTAKE_POLICY } from './intake-policy.ts';
import { OVERVIEW } from './overview.ts';
import { QUEUE_REDIS } from './queue-redis.ts';

const BOARDS = [OVERVIEW, DELIVERY, INTAKE_POLICY, QUEUE_REDIS];

/** The generated files, by their path in the repository. */
export const DASHBOARD_FILES: Readonly<Record<string, string>> = Object.fromEntries(
  BOARDS.map((text) => [
    `charts/tdc/dashboards/${text.uid}.json`,
    `${JSON.stringify(board(text), null, 2)}\n`,
  ]),
);
