export * as monitorV1 from '../gen/tdc/monitor/v1/monitor.ts';
export * as policyV1 from '../gen/tdc/policy/v1/policy.ts';
