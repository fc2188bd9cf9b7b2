import type { ServingApi } from 'servable/http';

/** A server without models, that does what a test says. What it does not say, nobody is to ask for. */
export function standInServer(answers: Partial<ServingApi>): ServingApi {
  const nobodyAsks = () => {
    throw new Error('Nobody was to ask for this');
  };
  return {
    predict: nobodyAsks,
    classify: nobodyAsks,
    regress: nobodyAsks,
    multiInference: nobodyAsks,
    metadata: nobodyAsks,
    status: () => [],
    listModels: () => [],
    isReady: () => true,
    reloadConfig: nobodyAsks,
    on: () => {},
    off: () => {},
    ...answers,
  };
}
