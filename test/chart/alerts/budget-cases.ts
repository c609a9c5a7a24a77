import { type AlertCase, delivered, hard, ofIntake } from './case.ts';

/** Losses of so many in a thousand, from the start until the time that is looked at. */
const burning = (perMille: number, minutes: number): Readonly<Record<string, string>> => ({
  [hard('5xx')]: `0+${perMille}x${minutes}`,
  [delivered]: `0+${1000 - perMille}x${minutes}`,
});
const burnt = (window: string, severity: string) => ({ ...ofIntake, window, severity });

/** The pace at which the error budget goes. */
export const BUDGET: readonly AlertCase[] = [
  {
    alert: 'TDCJournalBudgetBurn',
    when: '2 % are lost for half an hour',
    series: burning(20, 60),
    interval: '1m',
    at: '30m',
    // A longer window sees no other time than what there is.
    firing: [burnt('1h', 'critical'), burnt('6h', 'critical')],
  },
  {
    alert: 'TDCJournalBudgetBurn',
    when: '0.4 % are lost for two hours',
    series: burning(4, 180),
    interval: '1m',
    at: '2h',
    firing: [burnt('1d', 'warning')],
  },
  {
    alert: 'TDCJournalBudgetBurn',
    when: '0.2 % are lost for five hours',
    series: burning(2, 360),
    interval: '1m',
    at: '5h',
    firing: [burnt('3d', 'warning')],
  },
  {
    alert: 'TDCJournalBudgetBurn',
    when: 'half of the budget is used',
    series: burning(0.5, 360),
    interval: '1m',
    at: '5h',
    firing: [],
  },
  {
    alert: 'TDCJournalBudgetBurn',
    when: 'it is over',
    series: { [hard('5xx')]: '0+100x10 1000x360', [delivered]: '0+900x370' },
    interval: '1m',
    at: '90m',
    firing: [burnt('1d', 'warning')],
  },
  {
    alert: 'TDCJournalBudgetBurn',
    when: 'one copy of a quiet night is lost',
    series: { [hard('5xx')]: '0x10 1x50', [delivered]: '0x20 1x40' },
    interval: '1m',
    at: '30m',
    firing: [],
  },
];
