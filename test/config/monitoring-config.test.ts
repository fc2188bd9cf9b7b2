import { parseMonitoringConfig } from 'servable';
import { describe, expect, it } from 'vitest';
import { caught } from '../support/caught.js';

const file = 'monitoring.config';

describe('a monitoring config', () => {
  it.each([
    ['', { enable: false, path: '' }],
    ['prometheus_config {}', { enable: false, path: '' }],
    ['prometheus_config { enable: true }', { enable: true, path: '' }],
    ['prometheus_config: { path: "/metrics" enable: true } # a comment', { enable: true, path: '/metrics' }],
    ['{ "prometheusConfig": { "enable": true, "path": "/m" } }', { enable: true, path: '/m' }],
    ['{ "prometheus_config": { "enable": true } }', { enable: true, path: '' }],
  ])('%s', (text, config) => {
    expect(parseMonitoringConfig(text, { file })).toEqual(config);
  });

  it.each([
    ['prometheus_config { enabled: true }', /unknown field 'enabled' \(line 1\)/],
    ['prometheus_config { enable: maybe }', /monitoring\.config/],
    ['prometheus_config {', /monitoring\.config/],
    ['{ "prometheus_config": { "path": 7 } }', /monitoring\.config/],
  ])('is refused where it cannot be understood: %s', (text, message) => {
    const error = caught(() => parseMonitoringConfig(text, { file }));
    expect(error.code).toBe('INVALID_ARGUMENT');
    expect(error.message).toMatch(message);
  });
});
