/** Changes tokens without end, to be killed: tells each change before it asks for it, and when it was answered. */
import { join } from 'node:path';
import { Tokens } from '../../../aggregator/control/tokens.ts';

const directory = process.argv[2]!;
const actor = { tokenId: null, name: 'test', from: null };
const tokens = await Tokens.open(directory, join(directory, 'admin-token'), { append: async () => {} });
const tell = (...words: string[]): void => void process.stdout.write(`${words.join(' ')}\n`);

for (;;) {
  const [first, second] = await Promise.all([tokens.create(actor, { scope: 'query' }), tokens.create(actor, { scope: 'query' })]);
  tell('valid', first.token);
  tell('valid', second.token);
  tell('changing', first.token);
  await tokens.revoke(actor, first.entry.id);
  tell('void', first.token);
  tell('changing', second.token);
  const next = await tokens.rotate(actor, second.entry.id, 0);
  tell('void', second.token);
  tell('valid', next.token);
  const oneTime = await tokens.create(actor, { scope: 'enrol' });
  tell('valid', oneTime.token);
  const agent = await tokens.enrol(actor, oneTime.entry, 'agent-1');
  tell('valid', agent.token);
  tell('changing', oneTime.token);
  await tokens.noteUse(agent.entry);
  tell('void', oneTime.token);
}
