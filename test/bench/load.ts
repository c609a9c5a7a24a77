import { runLoad } from './load-run.ts';
import type { LoadMessage, LoadRequest } from './protocol.ts';

/** The load as a process: sends one run for every request. */
const tell = (message: LoadMessage): void => void process.send?.(message);

process.on('message', (request: LoadRequest) => {
  void runLoad(request).then(
    (report) => tell({ kind: 'sent', report }),
    (error: unknown) =>
      tell({ kind: 'failed', problem: error instanceof Error ? error.message : String(error) }),
  );
});
process.on('disconnect', () => process.exit(0));
tell({ kind: 'ready' });
