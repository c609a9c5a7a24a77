#!/usr/bin/env node
import { EXIT, failed, type Outcome } from './outcome.ts';
import { runTdc } from './tdc.ts';

const bug = (error: unknown): Outcome =>
  failed(
    EXIT.software,
    `tdc failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
  );

// What libraries have yet to leave behind is no matter of who types a command; TLS to an IP address would tell of it.
process.noDeprecation = true;
// `tdc … | head` closes the pipe: who reads no more wants no more.
process.stdout.on('error', () => undefined);
const outcome = await runTdc(process.argv.slice(2), process.env).catch(bug);
process.stdout.write(outcome.out);
process.stderr.write(outcome.err);
process.exitCode = outcome.exitCode;
