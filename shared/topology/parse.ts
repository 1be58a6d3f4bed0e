import { Problems } from './document.ts';
import { TOPOLOGY_KEYS, readTopology, type TopologyBase } from './topology-document.ts';
import type { Topology } from './topology.ts';
import { openDocument } from './yaml.ts';

/**
 * The inventory in a YAML or JSON text. `source` names the text in errors. Everything that is wrong is reported in
 * one ConfigurationError.
 */
export function parseTopology(text: string, source: string, onto: TopologyBase | null = null): Topology {
  const problems = new Problems(source);
  return readTopology(openDocument(text, problems, TOPOLOGY_KEYS.document), problems, onto);
}
