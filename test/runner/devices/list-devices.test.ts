import { listDevices } from 'servable';
import { describe, expect, it } from 'vitest';

describe('the list of devices', () => {
  it('names every kind, and what stands in the way of those that cannot be used', async () => {
    const reports = await listDevices({
      nvidiaLibraries: { nvml: 'libnvidia-ml-nowhere.so.1', cuda: 'libcuda.so.1' },
    });
    expect(reports.map(({ device }) => device)).toEqual([
      'cpu',
      'cuda',
      'tensorrt',
      'webgpu',
      'coreml',
      'dml',
    ]);
    for (const { device, isAvailable, problems } of reports) {
      expect(problems.length === 0, device).toBe(isAvailable);
      for (const problem of problems) expect(problem.reason, device).toMatch(/./);
    }
    const [cpu, cuda] = reports;
    expect(cpu).toEqual({ device: 'cpu', isAvailable: true, problems: [] });
    expect(cuda?.isAvailable).toBe(false);
    expect(cuda?.problems[0]?.reason).toContain('libnvidia-ml-nowhere.so.1');
    const platform = `${process.platform}/${process.arch}`;
    const foreign = reports.find(
      ({ device }) => device === (process.platform === 'darwin' ? 'dml' : 'coreml'),
    );
    expect(foreign?.problems[0]?.reason).toMatch(
      new RegExp(`^onnxruntime-node has no \\w+ for ${platform}$`),
    );
  });

  it('may be asked for twice at once', async () => {
    const [one, other] = await Promise.all([listDevices(), listDevices()]);
    expect(one).toEqual(other);
  });
});
