// What a program can import of this package, with what its docstrings say, read from the declarations in dist.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Extractor, ExtractorConfig } from '@microsoft/api-extractor';

const repository = fileURLToPath(new URL('../..', import.meta.url));

/**
 * @typedef {object} Item a declaration, as api-extractor writes it
 * @property {string} kind
 * @property {string} [name]
 * @property {string} [docComment]
 * @property {string} [fileUrlPath]
 * @property {string} canonicalReference
 * @property {{ kind: string, text: string, canonicalReference?: string }[]} excerptTokens
 * @property {Item[]} [members]
 * @property {boolean} [isStatic]
 * @property {{ startIndex: number, endIndex: number }[]} [implementsTokenRanges]
 */

/**
 * @typedef {object} Entry one of the package's entry points
 * @property {string} name as it is imported: `servable/grpc`
 * @property {readonly Item[]} items what it exports, in the order of their names
 */

/** The entry points of package.json that have declarations. */
export function entryPoints() {
  const { name, exports } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8'));
  return Object.entries(exports)
    .filter(([, target]) => target.types !== undefined)
    .map(([path, { types }]) => ({ name: join(name, path), types: join(repository, types) }));
}

/** @param {{ name: string, types: string }} entryPoint @returns {Entry} */
export function extract({ name, types }) {
  const folder = mkdtempSync(join(tmpdir(), 'servable-api-'));
  try {
    const model = join(folder, 'model.api.json');
    Extractor.invoke(configOf(types, model), { localBuild: true, messageCallback: handle });
    const [{ members }] = JSON.parse(readFileSync(model, 'utf8')).members;
    return { name, items: members };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What it has to say of style is none of ours; what it cannot read ends everything. @param {any} message */
function handle(message) {
  if (message.category !== 'Compiler' || message.logLevel !== 'error') message.logLevel = 'none';
}

/** @param {string} types @param {string} model */
function configOf(types, model) {
  const compilerOptions = {
    target: 'es2022',
    lib: ['es2023', 'esnext.disposable'],
    types: ['node'],
    module: 'nodenext',
    strict: true,
    skipLibCheck: true,
  };
  return ExtractorConfig.prepare({
    configObject: {
      mainEntryPointFilePath: types,
      projectFolder: repository,
      compiler: { overrideTsconfig: { compilerOptions, files: [types] } },
      docModel: { enabled: true, apiJsonFilePath: model },
      apiReport: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
    },
    configObjectFullPath: undefined,
    packageJsonFullPath: join(repository, 'package.json'),
  });
}
