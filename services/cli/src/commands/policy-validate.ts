import { formatFileProblem, readPolicyFile } from '@tdc/platform';
import { type Command, flagOption, usage } from '../command.ts';
import { EXIT, failed, json, succeeded } from '../outcome.ts';

/** `tdc policy validate`: checks a document without any service. */
export const policyValidate: Command = {
  name: 'policy validate',
  summary: 'check a policy document, offline',
  options: {},
  help: `Usage: tdc policy validate FILE [--json]

Checks the document as the policy service would, files that it names included, and
lists every problem as FILE:LINE:COLUMN: FIELD: MESSAGE. Needs no running service.
Exit status 65 when the document is not valid.

  --json                  {"valid": …, "problems": […]}

Example:
  tdc policy validate policy.yaml
`,
  async run(input) {
    const [path, ...rest] = input.positionals;
    if (path === undefined || rest.length > 0) return usage(policyValidate, 'which file?');
    const file = await readPolicyFile(path);
    const problems = file.kind === 'invalid' ? file.problems : [];
    const valid = file.kind === 'valid';
    if (flagOption(input, 'json'))
      return { exitCode: valid ? EXIT.ok : EXIT.data, out: `${json({ valid, problems })}\n`, err: '' };
    if (!valid)
      return failed(EXIT.data, problems.map((problem) => formatFileProblem(path, problem)).join('\n'));
    const { policies, intakes } = file.document;
    return succeeded(`${path}: valid, ${policies.length} policies, ${Object.keys(intakes).length} intakes`);
  },
};
