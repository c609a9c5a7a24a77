import { access, constants } from 'node:fs/promises';
import { formatFileProblem, readPolicyFile } from '@tdc/platform';
import { type Command, flagOption, usage } from '../command.ts';
import { EXIT, failed, json, succeeded } from '../outcome.ts';

/** `tdc policy validate`: checks a document without any service. */
export const policyValidate: Command = {
  name: 'policy validate',
  summary: 'check a policy document, offline',
  options: {},
  operands: 1,
  help: `Usage: tdc policy validate FILE [--json]

Checks the document as the policy service would, files that it names included, and
lists every problem as FILE:LINE:COLUMN: FIELD: MESSAGE. Needs no running service.

  --json                  {"valid": …, "problems": […]}

Exit status: 0 valid, 65 not valid, 66 the file cannot be read.

Example:
  tdc policy validate policy.yaml
`,
  async run(input) {
    const [path] = input.positionals;
    if (path === undefined) return usage(policyValidate, 'which file?');
    const missing = await access(path, constants.R_OK).catch((error: Error) => error);
    if (missing !== undefined) return failed(EXIT.noInput, `${path} cannot be read: ${missing.message}`);
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
