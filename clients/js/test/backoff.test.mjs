// How long it waits: bounds, and the distribution.
import assert from 'node:assert/strict';
import test from 'node:test';
import {Backoff} from '../src/backoff.js';

const extremes = (random) => {
  const backoff = new Backoff({minDelay: 100, maxDelay: 1500, random: () => random});
  return Array.from({length: 7}, () => backoff.next());
};

test('ceilings double up to maxDelay', () => {
  assert.deepEqual(extremes(1), [100, 200, 400, 800, 1500, 1500, 1500]);
});

test('full jitter: as little as nothing', () => {
  assert.deepEqual(extremes(0), [0, 0, 0, 0, 0, 0, 0]);
});

test('delays are spread evenly over [0, ceiling)', () => {
  const counts = new Array(10).fill(0);
  for (let round = 0; round < 20_000; ++round) {
    const backoff = new Backoff({minDelay: 100, maxDelay: 1e9, random: Math.random});
    backoff.attempts = 3;
    const delay = backoff.next();
    assert.ok(delay >= 0 && delay < 800, `${delay}`);
    counts[Math.floor(delay / 80)] += 1;
  }
  // 2000 each; seven standard deviations are 300.
  for (const count of counts) assert.ok(Math.abs(count - 2000) < 300, `${counts}`);
});

test('reset begins anew, and many attempts stay finite', () => {
  const backoff = new Backoff({minDelay: 0, maxDelay: 1500, random: () => 1});
  for (let attempt = 0; attempt < 2000; ++attempt) assert.equal(backoff.next(), 0);
  assert.equal(backoff.attempts, 2000);
  backoff.reset();
  assert.equal(backoff.attempts, 0);
});
