import test from 'ava';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { topologyDocument } from '../../../shared/topology/export.ts';
import { parseTopology } from '../../../shared/topology/parse.ts';
import { DEFAULT_TOPOLOGY } from '../../../shared/topology/topology.ts';
import { topologies } from './arbitrary-topology.ts';

test('a topology reads back from its own document, as JSON and as YAML', (t) => {
  fc.assert(fc.property(topologies(), (topology) => {
    const document = topologyDocument(topology);
    t.deepEqual(parseTopology(JSON.stringify(document), 'json'), topology);
    t.deepEqual(parseTopology(stringify(document), 'yaml'), topology);
  }), { numRuns: 200 });
});

test('so does the topology that holds without a document', (t) => {
  t.deepEqual(parseTopology(JSON.stringify(topologyDocument(DEFAULT_TOPOLOGY)), 'json'), DEFAULT_TOPOLOGY);
});
