import { existsSync } from 'node:fs';

/** Where distributions put a driver that computes on the CPU: SwiftShader comes with Chromium, lavapipe with Mesa. */
const softwareDrivers = [
  '/usr/lib/chromium/vk_swiftshader_icd.json',
  '/usr/share/vulkan/icd.d/lvp_icd.x86_64.json',
  '/usr/share/vulkan/icd.d/lvp_icd.aarch64.json',
];

/**
 * Gives this process a Vulkan device for WebGPU: what `VK_DRIVER_FILES` names already, or one in software. To be called
 * before the first session is made on it.
 *
 * @returns what is missing; undefined where nothing is.
 */
export function provideVulkan(): string | undefined {
  if (process.platform !== 'linux') return undefined; // Metal and Direct3D come with the system
  if (process.env.VK_DRIVER_FILES !== undefined) return undefined;
  const driver = softwareDrivers.find((file) => existsSync(file));
  if (driver === undefined) return 'no Vulkan driver in software: apt-get install chromium libvulkan1';
  process.env.VK_DRIVER_FILES = driver;
  return undefined;
}
