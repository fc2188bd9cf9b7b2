import koffi from 'koffi';
import { type OrtApi, OutWord, type Pointer } from './c-api.js';
import { pointer } from './function-table.js';

/** The session options by which a session remembers which provider runs which operator. */
export const assignmentEntries = { 'session.record_ep_graph_assignment_info': '1' } as const;

/** How many operators of a session's graph each provider runs, as onnxruntime has optimised it; by the provider's full name. */
export function nodesByProvider(api: OrtApi, session: Pointer): Readonly<Record<string, number>> {
  const list = new OutWord();
  const count = new OutWord();
  api.Session_GetEpGraphAssignmentInfo(session, list.memory, count.memory);
  const subgraphs: Pointer[] = count.count === 0 ? [] : koffi.decode(list.pointer, pointer, count.count);
  const nodes: Record<string, number> = {};
  for (const subgraph of subgraphs) {
    api.EpAssignedSubgraph_GetEpName(subgraph, list.memory);
    const provider = koffi.decode.string(list.pointer) as string;
    api.EpAssignedSubgraph_GetNodes(subgraph, list.memory, count.memory);
    nodes[provider] = (nodes[provider] ?? 0) + count.count;
  }
  return nodes;
}
