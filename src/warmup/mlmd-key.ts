import { access } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Whether a version names itself in ML Metadata. Source: TF Serving, servables/tensorflow/machine_learning_metadata.cc.
 *
 * @param path the version's directory
 */
export async function hasMlmdKey(path: string): Promise<boolean> {
  return await access(join(path, 'assets.extra', 'mlmd_uuid')).then(
    () => true,
    () => false,
  );
}
