import {
  AnnotationQueryBuilder,
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DATASOURCE, type PanelMaker } from './panel.ts';

/** A heading with the panels below it. */
export interface Section {
  readonly title: string;
  readonly panels: readonly PanelMaker[];
}

export interface BoardText {
  /** Never changes: links and bookmarks go by it. */
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly sections: readonly Section[];
}

const TAG = 'tdc';

interface VariableText {
  readonly name: string;
  readonly label: string;
  readonly description: string;
  readonly query: string;
  /** What "all" matches: `.*` takes targets that lack the label, too. */
  readonly all: '.*' | '.+';
}

const VARIABLES: readonly VariableText[] = [
  {
    name: 'cluster',
    label: 'Cluster',
    description: 'Where targets have a label of that name.',
    query: 'label_values(tdc_build_info, cluster)',
    all: '.*',
  },
  {
    name: 'namespace',
    label: 'Namespace',
    description: 'Of the installation.',
    query: 'label_values(tdc_build_info{cluster=~"$cluster"}, namespace)',
    all: '.*',
  },
  {
    name: 'job',
    label: 'Job',
    description: 'Kind of process, as Prometheus scrapes it.',
    query: 'label_values(tdc_build_info{cluster=~"$cluster",namespace=~"$namespace"}, job)',
    all: '.+',
  },
  {
    name: 'instance',
    label: 'Instance',
    description: 'One process.',
    query: 'label_values(tdc_build_info{cluster=~"$cluster",namespace=~"$namespace",job=~"$job"}, instance)',
    all: '.+',
  },
  {
    name: 'intake',
    label: 'Intake',
    description: 'Alias of a message intake in the policy document.',
    query: 'label_values(tdc_active_recipients{cluster=~"$cluster",namespace=~"$namespace"}, intake)',
    all: '.+',
  },
];

const variable = ({ name, label, description, query, all }: VariableText): QueryVariableBuilder =>
  new QueryVariableBuilder(name)
    .label(label)
    .description(description)
    .datasource(DATASOURCE)
    .query({ query, refId: name })
    .definition(query)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc)
    .multi(true)
    .includeAll(true)
    .allValue(all)
    .current({ selected: true, text: ['All'], value: ['$__all'] });

const annotations = (): AnnotationQueryBuilder[] => [
  new AnnotationQueryBuilder()
    .name('Starts')
    .datasource(DATASOURCE)
    .enable(true)
    .iconColor('blue')
    .expr('time() - process_start_time_seconds{cluster=~"$cluster",namespace=~"$namespace",job=~"$job"} < 60')
    .step('60s')
    .titleFormat('{{job}} started')
    .textFormat('{{instance}}'),
  new AnnotationQueryBuilder()
    .name('Alerts')
    .datasource(DATASOURCE)
    .enable(true)
    .iconColor('red')
    .expr('ALERTS{alertname=~"TDC.+",alertstate="firing",severity="critical",namespace=~"$namespace"}')
    .step('60s')
    .titleFormat('{{alertname}}')
    .textFormat('{{intake}}'),
];

/** A dashboard of the classic model, as every Grafana imports it. */
export function board({ uid, title, description, sections }: BoardText): Dashboard {
  const builder = new DashboardBuilder(title)
    .uid(uid)
    .description(description)
    .tags([TAG])
    .timezone('browser')
    .time({ from: 'now-3h', to: 'now' })
    .refresh('30s')
    .tooltip(DashboardCursorSync.Crosshair)
    .readonly()
    .link(
      new DashboardLinkBuilder('tdc')
        .type(DashboardLinkType.Dashboards)
        .tags([TAG])
        .includeVars(true)
        .keepTime(true),
    )
    .annotations(annotations())
    .withVariable(
      new DatasourceVariableBuilder('datasource')
        .label('Data source')
        .description('The Prometheus to ask.')
        .type('prometheus')
        .current({ selected: true, text: 'default', value: 'default' }),
    );
  for (const one of VARIABLES) builder.withVariable(variable(one));
  for (const section of sections) {
    builder.withRow(new RowBuilder(section.title));
    for (const panel of section.panels) builder.withPanel(panel);
  }
  const dashboard = builder.build();
  dashboard.panels?.forEach((panel, index) => {
    panel.id = index + 1;
  });
  return dashboard;
}
