import { ConfigurationError } from '../../shared/topology/document.ts';
import { topologyDocument } from '../../shared/topology/export.ts';
import { parseTopology } from '../../shared/topology/parse.ts';
import { EMPTY_TOPOLOGY, type Topology } from '../../shared/topology/topology.ts';
import { Problem } from '../api/problem.ts';

export type Listed = Exclude<keyof Topology, 'accountId' | 'region'>;

/** A kind of resource of the inventory. */
export interface ResourceKind {
  /** In texts, audit entries and dates: `eni`. */
  readonly name: string;
  /** Key of the list in the document, and of the path of the API: `enis`. */
  readonly key: string;
  /** Key of the id in the document. */
  readonly idKey: string;
  readonly list: Listed;
  /** Key of the id in a Topology's item. */
  readonly idProperty: string;
}

export const RESOURCE_KINDS: readonly ResourceKind[] = [
  { name: 'vpc', key: 'vpcs', idKey: 'vpc-id', list: 'vpcs', idProperty: 'vpcId' },
  { name: 'vswitch', key: 'vswitches', idKey: 'vswitch-id', list: 'vswitches', idProperty: 'vswitchId' },
  { name: 'prefix-list', key: 'prefix-lists', idKey: 'prefix-list-id', list: 'prefixLists', idProperty: 'prefixListId' },
  { name: 'security-group', key: 'security-groups', idKey: 'security-group-id', list: 'securityGroups', idProperty: 'securityGroupId' },
  { name: 'eni', key: 'enis', idKey: 'eni-id', list: 'enis', idProperty: 'eniId' },
  { name: 'logstore', key: 'logstores', idKey: 'name', list: 'logStores', idProperty: 'name' },
  { name: 'flow-log', key: 'flow-logs', idKey: 'flow-log-id', list: 'flowLogs', idProperty: 'flowLogId' },
];

export function resourceKind(key: string): ResourceKind {
  const kind = RESOURCE_KINDS.find((known) => known.key === key);
  if (!kind) throw new Error(`there is no kind of resource ${key}`);
  return kind;
}

export type Resource = Readonly<Record<string, unknown>>;

/** The resources of a kind by id, as Topology has them. */
export function resourcesOf(topology: Topology, kind: ResourceKind): Map<string, object> {
  const items = topology[kind.list] as unknown as readonly Readonly<Record<string, string>>[];
  return new Map(items.map((item) => [item[kind.idProperty]!, item as unknown as object]));
}

export function findResource(topology: Topology, kind: ResourceKind, id: string): object | null {
  const items = topology[kind.list] as unknown as readonly Readonly<Record<string, string>>[];
  return items.find((item) => item[kind.idProperty] === id) ?? null;
}

/** One resource in the spelling of the document. */
export function resourceDocument(kind: ResourceKind, item: object): Resource {
  const document = topologyDocument({ ...EMPTY_TOPOLOGY, [kind.list]: [item] });
  return (document[kind.key] as Resource[])[0]!;
}

/** With this resource, in the spelling of the document, new or in the place of the one with its id. Throws a Problem that names its keys. */
export function withResource(base: Topology, kind: ResourceKind, given: Resource): Topology {
  try {
    return parseTopology(JSON.stringify({ [kind.key]: [given] }), kind.name, { base, prune: false, wayOut: 'create it first' });
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    const own = `${kind.key}[0].`;
    const errors = error.problems.map(({ path, text }) => ({ path: path.startsWith(own) ? path.slice(own.length) : path, text }));
    const shown = errors.slice(0, 20).map(({ path, text }) => (path === '' ? text : `${path}: ${text}`));
    throw new Problem(422, [...shown, ...(errors.length > shown.length ? [`and ${errors.length - shown.length} more`] : [])].join('\n'), { errors });
  }
}

export function withoutResource(topology: Topology, kind: ResourceKind, id: string): Topology {
  const items = topology[kind.list] as unknown as readonly Readonly<Record<string, string>>[];
  return { ...topology, [kind.list]: items.filter((item) => item[kind.idProperty] !== id) };
}
