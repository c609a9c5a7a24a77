/** The samples of an exposition: `name{label="value"}` with the labels in the order they stand, to value. */
export type Samples = ReadonlyMap<string, number>;

/** Reads the Prometheus text format, as far as our own processes write it. */
export function parsePrometheusText(text: string): Samples {
  const samples = new Map<string, number>();
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const at = line.lastIndexOf(' ');
    samples.set(line.slice(0, at), Number(line.slice(at + 1)));
  }
  return samples;
}

/** The value of a metric with these labels, whatever others it has; several are added up; undefined when there is none. */
export function sampleOf(
  samples: Samples,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  let sum: number | undefined;
  for (const [key, value] of samples) {
    if (key !== name && !key.startsWith(`${name}{`)) continue;
    if (Object.entries(labels).every(([label, wanted]) => key.includes(`${label}="${wanted}"`)))
      sum = (sum ?? 0) + value;
  }
  return sum;
}
