import test from 'ava';
import { interfaceTopology, planCapture } from '../../../agent/daemon/capture-plan.ts';
import { bindsAlike } from '../../../agent/daemon/tap-board.ts';
import { NO_COUNTERS, type NetworkLink } from '../../../agent/capture/live/network-link.ts';
import { DEFAULT_TOPOLOGY, type Eni, type Topology } from '../../../shared/topology/topology.ts';

function link(name: string, ifindex: number, mac: string | null = null): NetworkLink {
  return { name, ifindex, hardwareType: 1, mac, up: true, counters: NO_COUNTERS };
}

function topology(...enis: Partial<Eni>[]): Topology {
  return { ...DEFAULT_TOPOLOGY, enis: enis.map((eni, index) => ({ ...DEFAULT_TOPOLOGY.enis[0]!, eniId: `eni-${index}`, ...eni })) };
}

const MAC = '02:00:00:00:00:0a';

test('an ENI is where its interface is, else where its MAC address is', (t) => {
  const plan = planCapture(topology({ interface: 'tap0', mac: MAC }, { mac: '02:00:00:00:00:0b' }), [link('eth0', 2, MAC), link('tap0', 3), link('eth1', 4, '02:00:00:00:00:0b')], null);
  t.deepEqual(plan.taps.map((tap) => [tap.link.name, tap.eniIds]), [['tap0', ['eni-0']], ['eth1', ['eni-1']]]);
  t.deepEqual(plan.topology.enis.map((eni) => eni.interface), ['tap0', 'eth1']);
  t.deepEqual(plan.missing, []);
});

test('an ENI of another host is bound to no interface, so that it gets no packets here', (t) => {
  const plan = planCapture(topology({ mac: MAC }, { mac: '02:00:00:00:00:0b' }, { addresses: ['10.0.0.1'] }, { interface: 'tap9' }), [link('eth0', 2, MAC)], null);
  t.deepEqual(plan.topology.enis.map((eni) => eni.interface), ['eth0', '', '', '']);
  t.deepEqual(plan.taps.map((tap) => tap.eniIds), [['eni-0']]);
  t.deepEqual(plan.missing.map(({ eniId }) => eniId), ['eni-1', 'eni-2', 'eni-3']);
  t.regex(plan.missing[2]!.reason, /no interface tap9/);
});

test('of several interfaces with one MAC address one is taken, with a warning: no packet counts twice', (t) => {
  const plan = planCapture(topology({ mac: MAC }), [link('bond0', 5, MAC), link('eth0', 2, MAC)], null);
  t.deepEqual(plan.taps.map((tap) => tap.link.name), ['eth0']);
  t.regex(plan.warnings[0]!, /eth0, bond0; eth0 is taken/);
});

test('interfaces asked for: no others, and ENIs without a place may show up there', (t) => {
  const plan = planCapture(topology({ interface: 'eth1' }, { mac: '02:00:00:00:00:0b' }, { mac: MAC }), [link('eth0', 2, MAC), link('eth1', 3), link('eth2', 4)], ['eth0', 'eth2']);
  t.deepEqual(plan.taps.map((tap) => [tap.link.name, tap.eniIds]), [['eth0', ['eni-1', 'eni-2']], ['eth2', ['eni-1']]]);
  t.regex(plan.missing[0]!.reason, /not among those asked for/);
});

test('without a topology each interface is an ENI', (t) => {
  const { enis } = interfaceTopology(DEFAULT_TOPOLOGY, ['eth0', 'lo', 'eth0']);
  t.deepEqual(enis.map(({ eniId, interface: name }) => [eniId, name]), [['eni-eth0', 'eth0'], ['eni-lo', 'lo']]);
});

test('an ENI that is not in the watch list is bound nowhere, and nobody misses it; nor one that stands for members', (t) => {
  const here = topology({ interface: 'eth0' }, { interface: 'eth0' }, { interface: 'gone' }, { eniId: 'members of sg-1', addresses: ['10.0.0.9'] });
  const links = [link('eth0', 2)];
  const watch = new Map([['eni-1', 'Drop' as const]]);
  const plan = planCapture(here, links, null, watch);
  t.deepEqual(plan.taps.map((tap) => tap.eniIds), [['eni-1']]);
  t.deepEqual(plan.topology.enis.map((eni) => eni.interface), ['', 'eth0', '', '']);
  t.deepEqual(plan.missing, []);
  t.is(plan.watch, watch);
  t.deepEqual(planCapture(here, links, null, new Map()).taps, []);
  t.deepEqual(planCapture(here, links, null).missing.map(({ eniId }) => eniId), ['eni-2']);
  t.false(bindsAlike(plan, planCapture(here, links, null, new Map([['eni-1', 'All' as const]]))), 'another traffic type');
  t.true(bindsAlike(plan, planCapture(here, links, null, new Map(watch))));
});
