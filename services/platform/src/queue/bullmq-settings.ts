import { TDC_QUEUE } from '@tdc/core';

/**
 * What queue and workers agree on. A copy lives two minutes, so the times that BullMQ lets pass before it hands a dead
 * worker's job to another are short; how often that happens is no business of the queue's (a crash is no attempt).
 */
export const QUEUE_NAME = TDC_QUEUE;
export const LOCK_MS = 15_000;
export const STALLED_CHECK_MS = 5_000;
export const MAX_STALLED_COUNT = 1_000_000;
/** The event stream is read by nobody; it cannot be switched off, but kept short. */
export const EVENT_STREAM_LENGTH = 100;

/** A job's name and id carry nothing but its first MID; integers and colons are refused as ids. */
export const JOB_NAME = 'copies';
export const jobIdOf = (first: number): string => `mid-${first}`;
