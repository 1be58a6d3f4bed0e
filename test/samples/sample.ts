import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { parseTopology } from '../../shared/topology/parse.ts';
import type { Topology, TrafficType } from '../../shared/topology/topology.ts';

export const SAMPLES = fileURLToPath(new URL('../../samples/', import.meta.url));

/** A folder of samples/: what sample.yaml says, and where its files are. */
export interface Sample {
  readonly name: string;
  readonly folder: string;
  readonly capture: string;
  readonly topology: Topology;
  readonly windowSeconds: number;
  readonly trafficType: TrafficType;
  /** What tshark counts in the capture. */
  readonly frames: number;
  readonly ipPackets: number;
  readonly ipBytes: number;
}

interface SampleDocument {
  capture: string;
  window: string;
  'traffic-type'?: TrafficType;
  tshark: { frames: number; 'ip-packets': number; 'ip-bytes': number };
}

/** Every folder of samples/ with a sample.yaml: adding a folder adds its tests. */
export function findSamples(): Sample[] {
  return readdirSync(SAMPLES).filter((name) => existsSync(join(SAMPLES, name, 'sample.yaml'))).sort().map(readSample);
}

function readSample(name: string): Sample {
  const folder = join(SAMPLES, name);
  const document = parse(readFileSync(join(folder, 'sample.yaml'), 'utf8')) as SampleDocument;
  const topologyFile = join(folder, 'topology.yaml');
  return {
    name, folder,
    capture: join(folder, document.capture),
    topology: parseTopology(readFileSync(topologyFile, 'utf8'), `samples/${name}/topology.yaml`),
    windowSeconds: Number(/^(\d+)s$/.exec(document.window)?.[1]),
    trafficType: document['traffic-type'] ?? 'All',
    frames: document.tshark.frames,
    ipPackets: document.tshark['ip-packets'],
    ipBytes: document.tshark['ip-bytes'],
  };
}
