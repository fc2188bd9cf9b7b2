// Requests to something that is no model share runs: here lookups of users, each of which would be a query of its own.
import { batched, FunctionServable, runServable, tensor } from 'servable';

/** How many users each query asked for. @type {number[]} */
const queries = [];

/** `SELECT name FROM users WHERE id = ANY($1)`, which takes as long for a hundred as for one. @param {bigint[]} ids */
async function selectNames(ids) {
  queries.push(ids.length);
  return ids.map((id) => (id < 1000n ? `user ${id}` : ''));
}

const users = batched(
  new FunctionServable({
    inputs: { id: { dtype: 'int64', shape: ['batch'] } },
    outputs: { name: { dtype: 'string', shape: ['batch'] } },
    run: async ({ id }) => {
      const ids = [...id.data];
      return { name: tensor('string', [ids.length], await selectNames(ids)) };
    },
  }),
  { maxBatchSize: 100, numBatchThreads: 2 }, // at most two queries at once, of at most 100 users each
);

/** @param {number} id @param {import('servable').RunServableOptions} [options] */
async function userName(id, options) {
  const { name } = await runServable(users, { id: tensor('int64', [1], [BigInt(id)]) }, options);
  return name?.data[0];
}

console.log(await userName(7)); // user 7

// 250 calls from all over the program come to three queries.
queries.length = 0;
const names = await Promise.all(Array.from({ length: 250 }, (_, id) => userName(id)));
console.log(names[249], queries.length); // user 249 3
console.log(queries.reduce((all, each) => all + each)); // 250

// A call that nobody waits for any more is not asked for.
queries.length = 0;
console.log(await userName(1, { signal: AbortSignal.abort() }).catch(({ code }) => code)); // CANCELLED
console.log(queries); // []

await users.unload();
