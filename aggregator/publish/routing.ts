import type { Eni, FlowLog, Topology, TrafficType } from '../../shared/topology/topology.ts';

/** Where an ENI's rows go. */
export interface Route {
  readonly logStore: string;
  /** Window of the LogStore's rows: that of the flow log where the rows' own fits into it. */
  readonly windowSeconds: number;
  readonly trafficType: TrafficType;
}

/** Answers which LogStores an ENI's rows of one window go to, by the active flow logs of an inventory. */
export class Router {
  private readonly flowLogs = new Map<string, readonly FlowLog[]>();
  private readonly byResource = new Map<string, FlowLog[]>();
  private readonly enis: ReadonlyMap<string, Eni>;

  constructor(topology: Topology | null) {
    this.enis = new Map(topology?.enis.map((eni) => [eni.eniId, eni]));
    for (const flowLog of topology?.flowLogs ?? []) {
      if (flowLog.status !== 'Active') continue;
      const key = `${flowLog.resourceType} ${flowLog.resourceId}`;
      this.byResource.set(key, [...(this.byResource.get(key) ?? []), flowLog]);
    }
  }

  /** `fallback`: the LogStores that the batches named, for an ENI that no flow log covers. One route a LogStore. */
  routes(eniId: string, windowSeconds: number, fallback: readonly string[]): Route[] {
    const flowLogs = this.covering(eniId);
    if (flowLogs.length === 0) return fallback.map((logStore) => ({ logStore, windowSeconds, trafficType: 'All' }));
    const routes = new Map<string, Route>();
    for (const flowLog of flowLogs) {
      const seconds = flowLog.windowSeconds % windowSeconds === 0 ? flowLog.windowSeconds : windowSeconds;
      const known = routes.get(flowLog.logStore);
      routes.set(flowLog.logStore, known ? union(known, flowLog.trafficType, seconds) : { logStore: flowLog.logStore, windowSeconds: seconds, trafficType: flowLog.trafficType });
    }
    return [...routes.values()];
  }

  private covering(eniId: string): readonly FlowLog[] {
    let flowLogs = this.flowLogs.get(eniId);
    if (!flowLogs) {
      const eni = this.enis.get(eniId);
      const keys = [`ENI ${eniId}`, `VSwitch ${eni?.vswitchId ?? ''}`, `VPC ${eni?.vpcId ?? ''}`];
      flowLogs = keys.flatMap((key) => this.byResource.get(key) ?? []);
      if (eni || flowLogs.length > 0) this.flowLogs.set(eniId, flowLogs);
    }
    return flowLogs;
  }
}

/** Two flow logs of one ENI with one LogStore: its rows stand there once, in the finer window. */
function union(route: Route, trafficType: TrafficType, windowSeconds: number): Route {
  return {
    logStore: route.logStore,
    windowSeconds: Math.min(route.windowSeconds, windowSeconds),
    trafficType: route.trafficType === trafficType ? trafficType : 'All',
  };
}
