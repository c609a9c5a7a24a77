import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../deploy/local/ports.ts';
import { installDebian, whyNoDebian } from '../support/debian.ts';
import { listens } from './listens.ts';
import type { Ground, RunningSystem, SystemUnderTest } from './system-under-test.ts';

/** The address that copies come from: the route to it makes the sink acknowledge at once. */
const COPIES_FROM = '127.0.0.78';
const ROUTE = ['local', `${COPIES_FROM}/32`, 'dev', 'lo', 'table', 'local', 'quickack', '1'];

/** Processes that send copies: more of them would take the processors from each other here. */
const MOST_CONNECTIONS = 20;
const SYSTEM_PATH = '/usr/sbin:/usr/bin:/sbin:/bin';

/** Why Postfix cannot take part; undefined when it is there, or was installed. */
export function preparePostfix(): string | undefined {
  const why = whyNoDebian();
  if (why !== undefined) return why;
  try {
    installDebian(['postfix', 'iproute2'], ['postfix postfix/main_mailer_type select No configuration']);
    return undefined;
  } catch (error) {
    return `Postfix could not be installed: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/**
 * Adds the route by which what is sent to Postfix is acknowledged at once. Postfix leaves Nagle's algorithm on, and its second
 * small write would wait for the receiver's delayed acknowledgement, 40 ms with every message. Answers what takes it away again.
 */
export function addQuickAckRoute(): () => void {
  const { status } = spawnSync('ip', ['route', 'add', ...ROUTE], { stdio: 'ignore' });
  return () => {
    if (status === 0) spawnSync('ip', ['route', 'del', ...ROUTE], { stdio: 'ignore' });
  };
}

/** Takes from everybody here, discards the original, and gives each message's copy to a transport of its own. */
const mainCf = (folder: string, { sinkPort, caFile, connections }: Ground): string => `
compatibility_level = 3.6
queue_directory = ${folder}/queue
data_directory = ${folder}/data
maillog_file = ${folder}/mail.log
maillog_file_prefixes = ${folder}
myhostname = postfix.bench.example
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mydestination =
alias_maps =
alias_database =
local_recipient_maps =
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_peername_lookup = no
smtp_dns_support_level = disabled
default_process_limit = 100
message_size_limit = 104857600
in_flow_delay = 0
always_bcc = journal@setd.bench.example
transport_maps = inline:{ { setd.bench.example = copies:[127.0.0.1]:${sinkPort} }, { * = discard: } }
copies_destination_concurrency_limit = ${connections}
copies_initial_destination_concurrency = ${connections}
smtp_bind_address = ${COPIES_FROM}
smtp_tls_security_level = encrypt
smtp_tls_mandatory_protocols = >=TLSv1.2
smtp_tls_CAfile = ${caFile}
smtp_tls_session_cache_database = btree:${folder}/data/smtp_scache
smtp_tls_connection_reuse = yes
smtp_connection_cache_destinations = [127.0.0.1]:${sinkPort}
`;

const masterCf = (port: number, connections: number): string => `
127.0.0.1:${port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
copies unix - - n - ${connections} smtp
discard unix - - n - - discard
error unix - - n - - error
retry unix - - n - - error
showq unix n - n - - showq
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
tlsproxy unix - - n - 0 tlsproxy
postlog unix-dgram n - n - 1 postlogd
`;

async function start(ground: Ground): Promise<RunningSystem> {
  const folder = join(ground.folder, 'postfix');
  const etc = join(folder, 'etc');
  for (const name of ['etc', 'queue', 'data']) mkdirSync(join(folder, name), { recursive: true });
  for (const path of [ground.folder, folder]) chmodSync(path, 0o755);
  execFileSync('chown', ['postfix', join(folder, 'data')]);
  const port = await freePort();
  const connections = Math.min(ground.connections, MOST_CONNECTIONS);
  writeFileSync(join(etc, 'main.cf'), mainCf(folder, { ...ground, connections }));
  writeFileSync(join(etc, 'master.cf'), masterCf(port, connections));
  // Makes what is missing in the queue's folder.
  execFileSync('postfix', ['-c', etc, 'check'], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: SYSTEM_PATH },
  });
  const daemons = execFileSync('postconf', ['-d', '-h', 'daemon_directory'], { encoding: 'utf8' }).trim();
  // The master itself: `postfix start-fg` is a shell in front of it, which would end alone.
  const program = ground.programs.start({
    group: 'system',
    command: [join(daemons, 'master'), '-s'],
    logFile: join(ground.folder, 'postfix.log'),
    env: { PATH: SYSTEM_PATH, MAIL_CONFIG: etc },
  });
  await listens(port);
  return { ports: [port], stop: () => program.stop() };
}

/** Postfix as a gateway would do the same work with what it has of its own. */
export const postfix: SystemUnderTest = { name: 'Postfix', start };
