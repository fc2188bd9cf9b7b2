import { join } from 'node:path';
import { ModelServer, tensor } from 'servable';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ServedHttp, serveHttp } from '../support/http.js';
import * as authored from '../support/onnx/authored-models.js';
import { temporaryFolder, writeModel } from '../support/onnx/model-folder.js';
import { checkMetrics, missingForPrometheus, Prometheus } from '../support/prometheus.js';
import { rejection } from '../support/rejection.js';

const path = '/monitoring/prometheus/metrics';
const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const folder = temporaryFolder();
writeModel(folder, 'linear', 1, authored.linear(0.5, 2));

if (missingForPrometheus.length > 0) {
  it.skipIf(true)(`Prometheus (skipped: this machine has no ${missingForPrometheus.join(', ')})`, () => {});
} else {
  describe('Prometheus', () => {
    let server: ModelServer;
    let http: ServedHttp;
    let prometheus: Prometheus;

    beforeAll(async () => {
      const basePath = join(folder, 'linear');
      server = new ModelServer({
        models: [{ name: 'linear', basePath, batching: {}, warmup: 'synthetic', labels: { 'q"\\\n': 1 } }],
        pollIntervalMs: 0,
      });
      await server.start();
      http = await serveHttp(server, { metrics: {} });
      const headers = { traceparent: `00-${traceId}-00f067aa0ba902b7-01` };
      for (let times = 0; times < 3; times++) {
        await http.post('/v1/models/linear:predict', { instances: [1, 2] }, headers);
      }
      await rejection(server.predict('nobody', { x: tensor('float32', [1], [1]) }));
      prometheus = await Prometheus.start(http.address, path);
    });
    afterAll(async () => {
      await prometheus.close();
      await http.handler.close({ graceMs: 0 });
      await server.close();
    });

    it('reads the text, and has advice about TF Serving’s names alone', async () => {
      const { status, advice } = checkMetrics((await http.send('GET', path)).text);
      expect([0, 3]).toContain(status);
      expect(advice.filter((line) => !line.startsWith(':tensorflow:'))).toEqual([]);
    });

    it('scrapes what is served', async () => {
      const [up] = await prometheus.query('up == 1');
      expect(up?.metric.job).toBe('servable');
      const [served] = await prometheus.query(
        'servable_requests_total{model="linear",version="1",method="predict",code="OK"}',
      );
      expect(served?.value[1]).toBe('3');
    });

    it('finds TF Serving’s series under their names, though it asks for OpenMetrics', async () => {
      const [count] = await prometheus.query(
        ':tensorflow:serving:request_count{model_name="linear",status="OK"}',
      );
      expect(count?.value[1]).toBe('3');
      const [runs] = await prometheus.query(':tensorflow:core:graph_runs > 0');
      expect(runs).toBeDefined();
      const bounds = await prometheus.query(
        ':tensorflow:serving:request_latency_bucket{model_name="linear",le="1.27482e+06"}',
      );
      expect(bounds.map(({ value }) => value[1])).toEqual(['3']);
    });

    it('reckons a quantile of the histograms', async () => {
      const [quantile] = await prometheus.query(
        'histogram_quantile(0.99, sum by (le, model) (servable_request_duration_seconds_bucket))',
      );
      expect(Number(quantile?.value[1])).toBeGreaterThan(0);
      expect(quantile?.metric.model).toBe('linear');
    });

    it('reads labels with quotes, backslashes and line ends', async () => {
      const [label] = await prometheus.query('servable_label_version');
      expect(label?.metric.label).toBe('q"\\\n');
    });

    it('keeps the exemplars', async () => {
      const query = encodeURIComponent('servable_request_duration_seconds_bucket');
      const end = Date.now() / 1000 + 60;
      const [found] = await prometheus.get(`/api/v1/query_exemplars?query=${query}&start=0&end=${end}`);
      expect(found).toMatchObject({ exemplars: [{ labels: { trace_id: traceId } }] });
    });

    it('knows the types and the helps', async () => {
      const [entry] = await prometheus.get('/api/v1/metadata?metric=servable_requests');
      expect(entry).toEqual([
        'servable_requests',
        [{ type: 'counter', help: expect.stringMatching(/^Requests that were answered/), unit: '' }],
      ]);
    });
  });
}
