/** The Hub's cache and the models of this installation; needs Node. */
export { repositoryOf } from "./cache.ts";
export { parseHubId } from "./hub-id.ts";
export { cachedModels, removeCached } from "./scan.ts";
export { readSettings } from "./settings.ts";
export { shippedModel, shippedModels } from "./shipped-node.ts";
