import type { Eni } from '../../shared/topology/topology.ts';
import type { KnownAgent } from './agent-registry.ts';

/** The agent that has an ENI, or why none has. */
export type EniPlace =
  | { readonly agentId: string; readonly reason: null }
  | { readonly agentId: null; readonly reason: string };

/**
 * Which agent has which ENI: the one that the inventory names; else the one with an interface of its MAC address (and
 * name, if it has one); else the one with an interface of that name.
 */
export function eniPlaces(enis: readonly Eni[], agents: readonly KnownAgent[]): Map<string, EniPlace> {
  const alive = agents.filter(({ isRevoked }) => !isRevoked);
  const ids = new Set(alive.map(({ agentId }) => agentId));
  const byMac = new Map<string, { agentId: string; name: string }[]>();
  const byName = new Map<string, string[]>();
  for (const { agentId, report } of alive) {
    for (const { name, mac } of report?.interfaces ?? []) {
      if (mac !== null) push(byMac, mac, { agentId, name });
      push(byName, name, agentId);
    }
  }
  return new Map(enis.map((eni) => [eni.eniId, place(eni, ids, byMac, byName)]));
}

function place(
  eni: Eni, agents: ReadonlySet<string>, byMac: ReadonlyMap<string, { agentId: string; name: string }[]>, byName: ReadonlyMap<string, string[]>,
): EniPlace {
  if (eni.agentId !== null) {
    return agents.has(eni.agentId) ? { agentId: eni.agentId, reason: null } : nowhere(`its agent ${eni.agentId} has not enrolled, or was revoked`);
  }
  const holders = (byMac.get(eni.mac ?? '') ?? []).filter(({ name }) => eni.interface === null || eni.interface === name);
  const found = new Set(holders.length > 0 || eni.interface === null ? holders.map(({ agentId }) => agentId) : byName.get(eni.interface) ?? []);
  const [first] = found;
  if (first === undefined) return nowhere(whyNone(eni));
  if (found.size > 1) return nowhere(`the agents ${[...found].slice(0, 5).join(', ')} have such an interface; name one as its agent-id`);
  return { agentId: first, reason: null };
}

function whyNone({ mac, interface: name }: Eni): string {
  if (mac === null && name === null) return 'it has neither agent-id, mac nor interface, so it could be anywhere';
  return `no agent reports an interface ${[name === null ? '' : `named ${name}`, mac === null ? '' : `with the MAC address ${mac}`].filter((part) => part !== '').join(' or ')}`;
}

function nowhere(reason: string): EniPlace {
  return { agentId: null, reason };
}

function push<T>(map: Map<string, T[]>, key: string, value: T): void {
  const values = map.get(key);
  if (values) values.push(value);
  else map.set(key, [value]);
}
