import test from 'ava';
import { NO_COUNTERS, type NetworkLink } from '../../../agent/capture/live/network-link.ts';
import { planCapture } from '../../../agent/daemon/capture-plan.ts';
import { hostView } from '../../../agent/daemon/host-view.ts';
import { DEFAULT_TOPOLOGY } from '../../../shared/topology/topology.ts';

function link(name: string, ifindex: number): NetworkLink {
  return { name, ifindex, hardwareType: 1, mac: `02:00:00:00:00:0${ifindex}`, up: true, counters: NO_COUNTERS };
}

test('each assigned ENI is captured, or there is a reason why not', (t) => {
  const eni = (eniId: string, name: string) => ({ ...DEFAULT_TOPOLOGY.enis[0]!, eniId, interface: name });
  const topology = { ...DEFAULT_TOPOLOGY, enis: [eni('eni-a', 'a'), eni('eni-b', 'b'), eni('eni-c', 'c'), eni('eni-d', 'd'), eni('eni-other', 'a')] };
  const watch = new Map([['eni-a', 'All'], ['eni-b', 'Drop'], ['eni-c', 'All'], ['eni-d', 'All']] as const);
  const links = [link('a', 1), link('b', 2), link('c', 3)];
  const plan = planCapture(topology, links, null, watch);
  const taps = plan.taps.map(({ link: { name, ifindex }, eniIds }) => ({ name, ifindex, eniIds, isOpen: name === 'a' }));
  const view = hostView(links, plan, taps, new Map([['b', 'capturing needs CAP_NET_RAW'], ['a', 'an old one']]));
  t.deepEqual(view.interfaces[0], { name: 'a', mac: '02:00:00:00:00:01', up: true });
  t.deepEqual(view.enis, [
    { 'eni-id': 'eni-a', 'state': 'capturing' },
    { 'eni-id': 'eni-b', 'state': 'missing', 'reason': 'capturing needs CAP_NET_RAW' },
    { 'eni-id': 'eni-c', 'state': 'missing', 'reason': 'capture on c is being started' },
    { 'eni-id': 'eni-d', 'state': 'missing', 'reason': 'there is no interface d' },
  ]);
  t.deepEqual(hostView(links, plan, [], new Map()).enis[2], { 'eni-id': 'eni-c', 'state': 'missing', 'reason': 'its capture is being changed' });
});
