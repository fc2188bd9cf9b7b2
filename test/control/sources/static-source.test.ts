import { expect, it } from 'vitest';
import { StaticSource } from '#dist/control/sources/static-source.js';
import { RecordingListener } from '../../support/recording-listener.js';

it('a static source tells all that it was made with, before it has started', async () => {
  const heard = new RecordingListener();
  const digits = [{ version: 2, path: '/models/digits/2' }];
  const source = new StaticSource({ digits, other: [] });
  await source.start(heard);
  source.close();
  expect(heard.aspirations).toEqual([
    { model: 'digits', versions: digits },
    { model: 'other', versions: [] },
  ]);
  expect(heard.failures).toEqual([]);
});
