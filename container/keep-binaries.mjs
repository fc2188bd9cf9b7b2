// onnxruntime-node brings the binaries of all platforms, 290 MB: those of others than this one go.
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const folder = 'node_modules/onnxruntime-node/bin/napi-v6';
for (const platform of readdirSync(folder)) {
  for (const architecture of readdirSync(join(folder, platform))) {
    const isOurs = platform === process.platform && architecture === process.arch;
    if (!isOurs) rmSync(join(folder, platform, architecture), { recursive: true });
  }
}
