// TypeScript on the JSDoc of the source, on the hand-written types, and on an application that uses them.
import assert from 'node:assert/strict';
import {spawnSync} from 'node:child_process';
import {createRequire} from 'node:module';
import test from 'node:test';
import {fileURLToPath} from 'node:url';

test('the types agree with the source', () => {
  const compiler = createRequire(import.meta.url).resolve('typescript/bin/tsc');
  const project = fileURLToPath(new URL('..', import.meta.url));
  const {status, stdout} = spawnSync(process.execPath, [compiler, '--project', project], {encoding: 'utf8'});
  assert.equal(status, 0, stdout);
});
