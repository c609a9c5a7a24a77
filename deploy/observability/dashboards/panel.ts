import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  BigValueColorMode,
  BigValueGraphMode,
  type DataSourceRef,
  GraphThresholdsStyleConfigBuilder,
  GraphThresholdsStyleMode,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  StackingConfigBuilder,
  StackingMode,
  TooltipDisplayMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import {
  type Panel,
  type Threshold,
  ThresholdsConfigBuilder,
  ThresholdsMode,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { PanelBuilder as HeatmapBuilder, YAxisConfigBuilder } from '@grafana/grafana-foundation-sdk/heatmap';
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TableBuilder } from '@grafana/grafana-foundation-sdk/table';
import { PanelBuilder as TimeseriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';

/** The data source that the dashboard's variable names. */
export const DATASOURCE: DataSourceRef = { type: 'prometheus', uid: '$datasource' };

export interface Query {
  readonly expr: string;
  readonly legend?: string;
}

/** From which value on which colour; below the first the value is as it should be, unless `base` says otherwise. */
export interface Limits {
  readonly base?: 'green' | 'red';
  readonly steps: readonly (readonly [value: number, color: 'green' | 'orange' | 'red'])[];
}

interface PanelText {
  readonly title: string;
  /** What it shows, and what is to be made of it. */
  readonly description: string;
  /** Of Grafana: s, bytes, percentunit, short, cps … */
  readonly unit: string;
  readonly queries: readonly Query[];
  readonly limits?: Limits;
  /** Of 24. */
  readonly span?: number;
  readonly height?: number;
}

export type PanelMaker = Builder<Panel>;

const REF_IDS = 'ABCDEFGHIJ';

const thresholds = ({ base = 'green', steps }: Limits): ThresholdsConfigBuilder => {
  const first = { value: null, color: base } as unknown as Threshold;
  const rest = steps.map(([value, color]) => ({ value, color }));
  return new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps([first, ...rest]);
};

function target({ expr, legend = '' }: Query, index: number): DataqueryBuilder {
  return new DataqueryBuilder()
    .datasource(DATASOURCE)
    .refId(REF_IDS[index] ?? '')
    .expr(expr)
    .legendFormat(legend);
}

/** One number, or one for each series, as it is now. */
export function stat(text: PanelText): PanelMaker {
  const panel = new StatBuilder()
    .title(text.title)
    .description(text.description)
    .datasource(DATASOURCE)
    .unit(text.unit)
    .thresholds(thresholds(text.limits ?? { steps: [] }))
    .colorMode(text.limits === undefined ? BigValueColorMode.None : BigValueColorMode.Value)
    .graphMode(BigValueGraphMode.None)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']))
    .span(text.span ?? 4)
    .height(text.height ?? 5);
  text.queries.forEach((query, index) => void panel.withTarget(target(query, index).instant()));
  return panel;
}

/** Lines over time; limits are drawn as lines. */
export function timeseries(text: PanelText & { readonly stacked?: boolean }): PanelMaker {
  const panel = new TimeseriesBuilder()
    .title(text.title)
    .description(text.description)
    .datasource(DATASOURCE)
    .unit(text.unit)
    .min(0)
    .thresholds(thresholds(text.limits ?? { steps: [] }))
    .fillOpacity(text.stacked === true ? 30 : 0)
    .stacking(
      new StackingConfigBuilder().mode(text.stacked === true ? StackingMode.Normal : StackingMode.None),
    )
    .legend(
      new VizLegendOptionsBuilder()
        .displayMode(LegendDisplayMode.Table)
        .placement(LegendPlacement.Bottom)
        .showLegend(true)
        .calcs(['lastNotNull', 'max']),
    )
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi))
    .span(text.span ?? 12)
    .height(text.height ?? 8);
  if (text.limits !== undefined) {
    panel.thresholdsStyle(new GraphThresholdsStyleConfigBuilder().mode(GraphThresholdsStyleMode.Dashed));
  }
  text.queries.forEach((query, index) => void panel.withTarget(target(query, index).range()));
  return panel;
}

/** The buckets of a histogram over time; the one query is `increase` of them by `le`. */
export function heatmap(text: PanelText): PanelMaker {
  const panel = new HeatmapBuilder()
    .title(text.title)
    .description(text.description)
    .datasource(DATASOURCE)
    .unit('short')
    .yAxis(new YAxisConfigBuilder().unit(text.unit))
    .calculate(false)
    .showLegend()
    .span(text.span ?? 12)
    .height(text.height ?? 8);
  text.queries.forEach(
    (query, index) =>
      void panel.withTarget(
        target(query, index).range().format(PromQueryFormat.Heatmap).legendFormat('{{le}}'),
      ),
  );
  return panel;
}

/** A column of a table: its heading, and the query that fills it. */
export interface Column {
  readonly heading: string;
  readonly expr: string;
  readonly unit?: string;
}

export interface TableText extends Omit<PanelText, 'queries'> {
  /** Labels that are columns, and that the queries are joined by. */
  readonly keys: Readonly<Record<string, string>>;
  readonly columns: readonly Column[];
}

/** Instant queries, joined by their labels into one table. */
export function table(text: TableText): PanelMaker {
  const hidden = { Time: true, __name__: true };
  const nameOf = (index: number): string =>
    text.columns.length === 1 ? 'Value' : `Value #${REF_IDS[index]}`;
  const headings = Object.fromEntries(text.columns.map(({ heading }, index) => [nameOf(index), heading]));
  const order = [...Object.keys(text.keys), ...Object.keys(headings)];
  const panel = new TableBuilder()
    .title(text.title)
    .description(text.description)
    .datasource(DATASOURCE)
    .unit(text.unit)
    .thresholds(thresholds(text.limits ?? { steps: [] }))
    .span(text.span ?? 24)
    .height(text.height ?? 8)
    .withTransformation({ id: 'merge', options: {} })
    .withTransformation({
      id: 'organize',
      options: {
        excludeByName: hidden,
        renameByName: { ...text.keys, ...headings },
        indexByName: Object.fromEntries(order.map((name, index) => [name, index])),
      },
    });
  text.columns.forEach(({ expr, heading, unit }, index) => {
    panel.withTarget(target({ expr }, index).instant().format(PromQueryFormat.Table));
    if (unit !== undefined) panel.overrideByName(heading, [{ id: 'unit', value: unit }]);
  });
  return panel;
}
