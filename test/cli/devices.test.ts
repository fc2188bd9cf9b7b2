import { describe, expect, it } from 'vitest';
import { showDevices } from '#dist/cli/devices/show-devices.js';
import { runProgram } from '../support/program.js';

describe('servable devices', () => {
  it('lists what models may run on, as JSON', async () => {
    const { code, stdout } = await runProgram(['devices', '--json']);
    expect(code).toBe(0);
    const reports = JSON.parse(stdout);
    expect(reports[0]).toEqual({ device: 'cpu', isAvailable: true, problems: [] });
    expect(reports.length).toBeGreaterThanOrEqual(6);
  });

  it('lists them for people', async () => {
    const { code, stdout } = await runProgram(['devices']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^cpu +available\n/);
    expect(stdout).toMatch(/\n(coreml|dml) +not available\n +onnxruntime-node has no /);
  });

  it.skipIf(process.platform !== 'linux')(
    'says that no driver is there for WebGPU, and leaves stderr to the program (skipped elsewhere than on Linux)',
    async () => {
      const env = { VK_DRIVER_FILES: '/nowhere/driver.json' };
      const { stdout, stderr } = await runProgram(['devices', '--json'], { env });
      expect(stderr).toBe('');
      const webgpu = JSON.parse(stdout).find(({ device }: { device: string }) => device === 'webgpu');
      expect(webgpu.isAvailable).toBe(false);
      expect(webgpu.problems).toHaveLength(1);
      expect(webgpu.problems[0].fix).toContain('libvulkan1');
      const asked = await runProgram(['inspect', 'examples/models/digits', '--device=webgpu'], { env });
      expect(asked.stderr).toMatch(/^servable: Cannot load digits@3: webgpu cannot be used: [^\n]*\n$/);
      expect(asked.code).toBe(1);
    },
  );

  it('says what a GPU has to do, and what would make it of use', () => {
    const gpu = {
      name: 'Imaginary',
      uuid: 'GPU-1',
      driverVersion: '570.86.15',
      cudaVersion: '12.8',
      memoryTotalBytes: 8e9,
      memoryUsedBytes: 1e9,
      utilization: 0.25,
    };
    const problems = [{ reason: 'CUDA 12 is missing', fix: 'install it' }, { reason: 'it is old' }];
    expect(
      showDevices([
        { device: 'cpu', isAvailable: true, problems: [] },
        { device: 'cuda:0', isAvailable: false, problems, gpu },
      ]),
    ).toBe(`cpu     available
cuda:0  not available: Imaginary, 1.0 GB of 8.0 GB used, 25 % busy, driver 570.86.15, CUDA up to 12.8
        CUDA 12 is missing
          to mend it: install it
        it is old
`);
  });
});
