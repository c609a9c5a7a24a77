/** A query of a panel. */
export interface Target {
  readonly refId: string;
  readonly expr: string;
  readonly datasource: { readonly type: string; readonly uid: string };
  readonly instant?: boolean;
  readonly legendFormat?: string;
  readonly format?: string;
}

/** A panel, as far as the tests look at it. */
export interface DashboardPanel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly datasource?: Target['datasource'];
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly Target[];
  readonly fieldConfig?: {
    readonly defaults: {
      readonly unit?: string;
      readonly thresholds?: { readonly steps: readonly { readonly value: number | null }[] };
    };
  };
}

interface Variable {
  readonly name: string;
  readonly type: string;
  readonly label?: string;
  readonly multi?: boolean;
  readonly includeAll?: boolean;
  readonly allValue?: string;
  readonly refresh?: number;
  readonly query: unknown;
}

/** A dashboard of Grafana's classic model, as far as the tests look at it. */
export interface DashboardModel {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly editable: boolean;
  readonly schemaVersion: number;
  readonly timezone: string;
  readonly tags: readonly string[];
  readonly links: readonly {
    readonly type: string;
    readonly includeVars: boolean;
    readonly keepTime: boolean;
  }[];
  readonly panels: readonly DashboardPanel[];
  readonly templating: { readonly list: readonly Variable[] };
  readonly annotations: { readonly list: readonly { readonly expr: string }[] };
}

/** The panels that show something; a row is a heading. */
export const shown = ({ panels }: DashboardModel): readonly DashboardPanel[] =>
  panels.filter(({ type }) => type !== 'row');

/** An expression with every variable of Grafana at "all". */
export const substituted = (expr: string): string =>
  expr
    .replaceAll('$__rate_interval', '1m')
    .replaceAll('$__range', '1h')
    .replaceAll(/\$(cluster|namespace)\b/g, '.*')
    .replaceAll(/\$(job|instance|intake)\b/g, '.+');

/** Names of metrics in an expression. */
export const metricsIn = (expr: string): readonly string[] => [
  ...new Set(
    [...expr.replaceAll(/"[^"]*"/g, '""').matchAll(/\b([a-z][a-z0-9_:]*[a-z0-9])\s*(?=[{[]|$|\s|\))/g)]
      .map((match) => match[1] ?? '')
      .filter((name) => /^(tdc_|process_|nodejs_|kube_|intake:)/.test(name)),
  ),
];
