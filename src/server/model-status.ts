import type { ServableManager } from '../control/manager.js';
import type { ServableStatus } from '../control/servable-state.js';
import type { VersionPolicy } from '../control/version-policy.js';
import type { ServingError } from '../core/errors.js';
import type { LabelStatus } from '../routing/labels.js';
import type { Parts } from './compose.js';

/** A model that is configured: what is wanted of it, and how far that is. */
export interface ModelStatus {
  /** What requests call it. */
  readonly name: string;
  /** Absent where its versions are known by a source of the host's. */
  readonly basePath?: string;
  /** Which of the versions found are wanted. */
  readonly versionPolicy: VersionPolicy;
  /** True where one of its versions is available. */
  readonly isReady: boolean;
  /** What its labels mean now, and what they are to mean. */
  readonly labels: readonly LabelStatus[];
  /** What is wrong, or odd, about its base path. */
  readonly warning?: ServingError;
  /** Highest first; those that have ended are shown for a while. */
  readonly versions: readonly ServableStatus[];
}

/** All models that are configured, in their order. */
export function modelStatuses({ served, manager, labels, monitor }: Parts): readonly ModelStatus[] {
  return served.list().map(({ name, basePath, versionPolicy }) => {
    const warning = manager.sourceError(name);
    return {
      name,
      ...(basePath !== undefined && { basePath }),
      versionPolicy,
      isReady: isModelReady(manager, name),
      labels: labels.list(name),
      ...(warning && { warning }),
      versions: monitor.status(name),
    };
  });
}

export function isModelReady(manager: ServableManager, name: string): boolean {
  return (manager.available(name)?.length ?? 0) > 0;
}
