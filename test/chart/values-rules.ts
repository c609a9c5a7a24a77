type Rule = Readonly<Record<string, unknown>>;

const oneOf = (...values: readonly string[]): Rule => ({ enum: values });
const between = (minimum: number, maximum: number): Rule => ({ minimum, maximum });
const PORT = between(1, 65_535);
/** 0 stands for any. */
const PORT_OR_ANY = between(0, 65_535);
const TEXTS: Rule = { items: { type: 'string' } };
const OBJECTS: Rule = { items: { type: 'object' } };
const HOST_PORT = '(\\[[0-9a-fA-F:.]+\\]|[^:\\s]+):[0-9]{1,5}';
const HOST_PORTS: Rule = { items: { type: 'string', pattern: `^${HOST_PORT}$` } };
const DURATION: Rule = { pattern: '^([0-9]+(ms|s|m|h))+$' };

const serviceRules = (path: string): Readonly<Record<string, Rule>> => ({
  [`${path}.type`]: oneOf('ClusterIP', 'NodePort', 'LoadBalancer'),
  [`${path}.port`]: PORT,
  [`${path}.nodePort`]: PORT_OR_ANY,
  [`${path}.healthCheckNodePort`]: PORT_OR_ANY,
  [`${path}.externalTrafficPolicy`]: oneOf('', 'Cluster', 'Local'),
  [`${path}.internalTrafficPolicy`]: oneOf('', 'Cluster', 'Local'),
  [`${path}.ipFamilyPolicy`]: oneOf('', 'SingleStack', 'PreferDualStack', 'RequireDualStack'),
  [`${path}.ipFamilies`]: { items: oneOf('IPv4', 'IPv6') },
  [`${path}.loadBalancerSourceRanges`]: TEXTS,
});

const certificateRules = (path: string, ...modes: readonly string[]): Readonly<Record<string, Rule>> => ({
  [`${path}.mode`]: oneOf(...modes),
  [`${path}.issuerRef.kind`]: oneOf('Issuer', 'ClusterIssuer'),
  [`${path}.duration`]: DURATION,
  [`${path}.renewBefore`]: DURATION,
});

const scrapeRules = (path: string): Readonly<Record<string, Rule>> => ({
  [`${path}.interval`]: DURATION,
  [`${path}.scrapeTimeout`]: DURATION,
  [`${path}.relabelings`]: OBJECTS,
  [`${path}.metricRelabelings`]: OBJECTS,
});

/** What a default alone does not tell of a value. By path, `*` for each process. Ranges are those of the code. */
export const RULES: Readonly<Record<string, Rule>> = {
  'global.imagePullSecrets': OBJECTS,
  'image.pullPolicy': oneOf('Always', 'IfNotPresent', 'Never'),
  'image.digest': { pattern: '^(sha256:[0-9a-f]+)?$' },
  'log.format': oneOf('text', 'json'),
  'log.level': oneOf('debug', 'info', 'warning', 'critical'),
  maxQueueAgeSeconds: between(1, 86_400),
  nodeLossSeconds: between(0, 3600),
  ...certificateRules('tls.smtp', 'selfSigned', 'existingSecret', 'certManager'),
  'tls.smtp.dnsNames': TEXTS,
  ...certificateRules('tls.grpc', 'none', 'existingSecret', 'certManager'),
  'intake.bareNewlines': oneOf('wrap', 'note', 'reject'),
  'intake.trustedPeers': TEXTS,
  'intake.maxMessageBytes': between(1024, 268_435_456),
  'intake.maxBytesInFlight': between(1_048_576, 17_179_869_184),
  'intake.maxRecipients': between(1, 100_000),
  'intake.maxConnections': between(1, 65_535),
  'intake.idleSeconds': between(1, 3600),
  'intake.transactionSeconds': between(1, 7200),
  'intake.maxSessionMessages': between(0, 1_000_000),
  'intake.maxSessionSeconds': between(0, 86_400),
  'intake.redisMaxMemoryPercent': between(10, 100),
  ...serviceRules('intake.service'),
  'intake.lmtp.port': PORT,
  'intake.proxyProtocol.trustedCIDRs': TEXTS,
  ...serviceRules('intake.proxyProtocol.service'),
  'intake.gateway.apiVersion': oneOf('v1', 'v1alpha2'),
  'intake.gateway.parentRefs': OBJECTS,
  'delivery.dnsServers': HOST_PORTS,
  'delivery.retryDelaySeconds': between(1, 3600),
  'delivery.minConnections': between(1, 100),
  'delivery.maxJobs': between(1, 10_000),
  'delivery.connectionIdleSeconds': between(1, 300),
  'delivery.probeSeconds': between(1, 120),
  'delivery.timeouts.connectSeconds': between(1, 120),
  'delivery.timeouts.tlsSeconds': between(1, 120),
  'delivery.timeouts.replySeconds': between(1, 120),
  'delivery.timeouts.finalReplySeconds': between(1, 600),
  'delivery.copiesPerPod': between(1, 10_000),
  'delivery.load.peakMessagesPerSecond': { type: 'number', minimum: 0 },
  'delivery.load.attemptSeconds': { type: 'number', exclusiveMinimum: 0 },
  'delivery.load.attemptCeilingSeconds': { minimum: 1 },
  'delivery.load.reactionSeconds': { minimum: 1 },
  'delivery.autoscaling.mode': oneOf('none', 'keda-metrics-api', 'keda-redis', 'keda-prometheus', 'hpa'),
  'delivery.autoscaling.minReplicas': { minimum: 1 },
  'delivery.autoscaling.maxReplicas': { minimum: 1 },
  'delivery.autoscaling.targetCopiesPerPod': { minimum: 0 },
  'delivery.autoscaling.pollingInterval': { minimum: 1 },
  'delivery.autoscaling.pausedReplicas': { minimum: 0 },
  'delivery.autoscaling.fallback.failureThreshold': { minimum: 1 },
  'delivery.autoscaling.fallback.replicas': { minimum: 0 },
  'delivery.autoscaling.fallback.behavior': oneOf(
    'static',
    'currentReplicas',
    'currentReplicasIfHigher',
    'currentReplicasIfLower',
  ),
  'delivery.autoscaling.hpa.cpuUtilizationPercent': between(1, 1000),
  // A copy lives two minutes: a pod that takes longer to go holds copies beyond that.
  'delivery.terminationGracePeriodSeconds': between(10, 119),
  'policy.address': { pattern: `^(${HOST_PORT})?$` },
  'policy.extraCaSecrets': TEXTS,
  'monitor.sweepSeconds': between(1, 60),
  'monitor.trackingHours': between(1, 720),
  'monitor.trackingMaxCopies': between(1, 10_000_000),
  '*.replicas': { minimum: 1 },
  '*.preStopSeconds': { minimum: 0 },
  '*.terminationGracePeriodSeconds': { minimum: 0 },
  '*.minReadySeconds': { minimum: 0 },
  '*.podDisruptionBudget.maxUnavailable': { type: ['integer', 'string'] },
  ...Object.fromEntries(
    [
      'extraEnv',
      'extraEnvFrom',
      'extraVolumes',
      'extraVolumeMounts',
      'initContainers',
      'sidecars',
      'tolerations',
      'topologySpreadConstraints',
    ].map((name) => [`*.${name}`, OBJECTS]),
  ),
  'redis.image.command': oneOf('valkey-server', 'redis-server'),
  'redis.maxMemory': { pattern: '^[0-9]+(kb|mb|gb)$' },
  'redis.appendfsync': oneOf('everysec', 'always'),
  'externalRedis.mode': oneOf('standalone', 'sentinel', 'cluster'),
  'externalRedis.nodes': HOST_PORTS,
  'externalRedis.database': { minimum: 0 },
  'externalRedis.minReplicasAck': between(0, 10),
  'tests.canaryRecipient': { pattern: '^[^@\\s]+@[^@\\s]+$' },
  'tests.timeoutSeconds': { minimum: 1 },
  'networkPolicy.flavour': oneOf('kubernetes', 'cilium'),
  ...Object.fromEntries(
    [
      'smtpPeers',
      'metricsPeers',
      'scalingPeers',
      'monitorPeers',
      'policyPeers',
      'deliveryPorts',
      'redisPeers',
      'redisPorts',
      'extraIngress',
      'extraEgress',
    ].map((name) => [`networkPolicy.${name}`, OBJECTS]),
  ),
  'networkPolicy.cilium.intakeHosts': TEXTS,
  'networkPolicy.cilium.dnsEndpoints': OBJECTS,
  ...scrapeRules('metrics.podMonitor'),
  ...scrapeRules('metrics.serviceMonitor'),
  'metrics.prometheusRule.thresholds.sloPercent': {
    type: 'number',
    exclusiveMinimum: 0,
    exclusiveMaximum: 100,
  },
  'metrics.prometheusRule.disabledAlerts': TEXTS,
  extraObjects: OBJECTS,
};

/** Maps whose keys are the user's own, or those of a part of Kubernetes: everything below them is checked there. */
export const OPEN = new RegExp(
  `(^|\\.)(${[
    'labels',
    'commonLabels',
    'alertLabels',
    'annotations',
    'podAnnotations',
    'podLabels',
    'matchLabels',
    'nodeSelector',
    'affinity',
    'resources',
    'document',
    'strategy',
    'podSecurityContext',
    'securityContext',
    'existingSecrets',
    'behavior',
    'metadata',
    'authenticationRef',
  ].join('|')})$`,
);
