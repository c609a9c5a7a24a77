import { loadDeliveryConfig } from '../../../services/delivery/src/config.ts';
import { loadMonitorConfig } from '../../../services/monitor/src/config.ts';

/** What processes are set to when nobody says otherwise. */
export const DELIVERY = loadDeliveryConfig({});
export const MONITOR = loadMonitorConfig({});

/** Constants that the product keeps to itself; a test compares them with its sources. Times in milliseconds. */
export const CONSTANTS = {
  FIRST_CAPACITY: 8,
  RENEW_MS: 4000,
  TELL_SERVED_MS: 1000,
  DEFAULT_BLOCK: 100,
  MAX_GROUP: 64,
  FINISH_GATHER_MS: 5,
  CONFIRM_GATHER_MS: 500,
  POLL_MS: 1000,
} as const;

/** Where each of them stands. */
export const SOURCES: Readonly<Record<keyof typeof CONSTANTS, string>> = {
  FIRST_CAPACITY: 'services/delivery/src/deliverer.ts',
  RENEW_MS: 'services/delivery/src/storage.ts',
  TELL_SERVED_MS: 'services/platform/src/redis/connection-ceiling.ts',
  DEFAULT_BLOCK: 'services/platform/src/redis/id-sequence.ts',
  MAX_GROUP: 'services/platform/src/ledger/redis-ledger.ts',
  FINISH_GATHER_MS: 'services/platform/src/ledger/redis-ledger.ts',
  CONFIRM_GATHER_MS: 'services/intake/src/storage.ts',
  POLL_MS: 'services/platform/src/redis/memory-gate.ts',
};
