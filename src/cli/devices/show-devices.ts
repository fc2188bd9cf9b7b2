import type { DeviceGpu, DeviceReport } from '../../runner/devices/list-devices.js';
import { formatBytes } from '../format-bytes.js';

/** A line for each device, and one for each thing that stands in its way. */
export function showDevices(reports: readonly DeviceReport[]): string {
  const width = Math.max(...reports.map(({ device }) => device.length));
  return reports.map((report) => `${linesOf(report, width).join('\n')}\n`).join('');
}

function linesOf({ device, isAvailable, problems, gpu }: DeviceReport, width: number): readonly string[] {
  const state = isAvailable ? 'available' : 'not available';
  const indent = ' '.repeat(width + 2);
  return [
    `${device.padEnd(width)}  ${state}${gpu === undefined ? '' : `: ${describeGpu(gpu)}`}`,
    ...problems.flatMap(({ reason, fix }) => [
      `${indent}${reason}`,
      ...(fix === undefined ? [] : [`${indent}  to mend it: ${fix}`]),
    ]),
  ];
}

function describeGpu(gpu: DeviceGpu): string {
  const { name, memoryUsedBytes, memoryTotalBytes, utilization, driverVersion, cudaVersion } = gpu;
  const facts = [name];
  if (memoryUsedBytes !== undefined && memoryTotalBytes !== undefined) {
    facts.push(`${formatBytes(memoryUsedBytes)} of ${formatBytes(memoryTotalBytes)} used`);
  }
  if (utilization !== undefined) facts.push(`${Math.round(utilization * 100)} % busy`);
  return [...facts, `driver ${driverVersion}`, `CUDA up to ${cudaVersion}`].join(', ');
}
