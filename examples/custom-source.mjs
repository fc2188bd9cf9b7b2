// Versions that a database knows: a source of your own says which rows are to be served, and where their files lie. Rows
// come, move and go; requests are answered all the while.
import { resolve } from 'node:path';
import { ModelServer, ServingError, tensor } from 'servable';

/** The table `model_versions`, as a query would bring it. @type {{ model: string, version: number, path: string }[]} */
let rows = [{ model: 'digits', version: 1, path: resolve('examples/models/digits/1') }];
const query = async () => structuredClone(rows);

/** Asks the table again whenever it is told to: by a timer, or by the database's own notifications. */
class TableSource {
  /** @type {import('servable').SourceListener | undefined} */
  #listener;

  /** Resolves when everything has been said once. @param {import('servable').SourceListener} listener */
  async start(listener) {
    this.#listener = listener;
    await this.refresh();
  }

  /** Says all that is wanted, each time: what is left out is unloaded, and what is there already stays as it is. */
  async refresh() {
    try {
      const all = await query();
      const digits = all.filter(({ model }) => model === 'digits');
      this.#listener?.aspire('digits', digits);
    } catch (error) {
      this.#listener?.fail('digits', ServingError.from(error, 'UNAVAILABLE')); // what is served goes on being served
    }
  }

  close() {
    this.#listener = undefined;
  }
}

const source = new TableSource();
const server = await new ModelServer({ models: [{ name: 'digits', source }] }).start();
const pixels = tensor('float32', [1, 64], new Float32Array(64));
const versionThatAnswers = async () => (await server.predict('digits', { pixels })).id.version;
console.log(await versionThatAnswers()); // 1

// A row is added: the version is served beside the first one, and requests that name none go to the higher one.
rows.push({ model: 'digits', version: 2, path: resolve('examples/models/digits/2') });
await source.refresh();
await server.waitFor({ model: 'digits', version: 2 }, 'AVAILABLE');
console.log(await versionThatAnswers()); // 2

// A row moves: version 2 lies elsewhere now. It is loaded from there before what was loaded goes.
rows = rows.map((row) => (row.version === 2 ? { ...row, path: resolve('examples/models/digits/3') } : row));
await source.refresh();
console.log(await versionThatAnswers()); // 2

// A row is removed: its version ends the requests that it has, and is unloaded.
rows = rows.filter(({ version }) => version !== 2);
await source.refresh();
await server.waitFor({ model: 'digits', version: 2 }, 'END');
console.log(await versionThatAnswers()); // 1

await server.close();
