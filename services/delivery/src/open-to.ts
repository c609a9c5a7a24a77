import type { DeliveryConfig } from './config.ts';
import type { OpenTo } from './ports.ts';
import { openConnection } from './smtp/open-connection.ts';

/** Opens connections with this process's name and times. */
export const createOpenTo =
  (config: DeliveryConfig): OpenTo =>
  (target, signal) =>
    openConnection(
      {
        ...target,
        ehloName: config.ehloName,
        connectMs: config.connectSeconds * 1000,
        tlsMs: config.tlsSeconds * 1000,
        replyMs: config.replySeconds * 1000,
        finalReplyMs: config.finalReplySeconds * 1000,
      },
      signal,
    );
