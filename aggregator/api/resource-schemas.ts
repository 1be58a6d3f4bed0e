import { Type } from 'typebox';
import { nullable } from './nullable.ts';

/**
 * The resources of the inventory as the API takes them: which keys there are. What their values must be is said by
 * the parser of the topology document, which has to say it for documents anyway, and better than a schema can.
 */
const text = (description: string) => Type.Optional(Type.String({ maxLength: 4096, description }));
const texts = (description: string) => Type.Optional(Type.Array(Type.String({ maxLength: 512 }), { maxItems: 100_000, description }));

const Rule = Type.Object({
  'rule-id': Type.String({ maxLength: 512 }),
  'direction': Type.String({ maxLength: 64, description: 'ingress or egress' }),
  'policy': Type.String({ maxLength: 64, description: 'accept or drop' }),
  'protocol': Type.Union([Type.String({ maxLength: 64 }), Type.Integer()], { description: 'all, tcp, udp, icmp, icmpv6, gre, or an IANA number' }),
  'port-range': text('first/last destination port, or -1/-1 where ports do not apply'),
  'source-port-range': text('first/last source port'),
  'priority': Type.Optional(Type.Integer({ description: '1, looked at first, to 100; 1 unless given' })),
  'cidr': text('peer: addresses'),
  'security-group': text('peer: the members of a group'),
  'prefix-list': text('peer: the entries of a prefix list'),
}, { additionalProperties: false, description: 'With one peer: cidr, security-group or prefix-list.' });

/** By key of the list. */
export const RESOURCE_BODIES = {
  'vpcs': Type.Object({ 'vpc-id': text('as in the address'), 'name': text('shown instead of the id'), 'cidrs': texts('networks') }, { additionalProperties: false }),
  'vswitches': Type.Object({
    'vswitch-id': text('as in the address'), 'name': text('shown instead of the id'), 'vpc-id': text('the VPC that it belongs to'), 'cidr': text('its network'),
  }, { additionalProperties: false }),
  'prefix-lists': Type.Object({ 'prefix-list-id': text('as in the address'), 'name': text('shown instead of the id'), 'entries': texts('CIDRs') }, { additionalProperties: false }),
  'security-groups': Type.Object({
    'security-group-id': text('as in the address'), 'name': text('shown instead of the id'), 'vpc-id': text('the VPC that it belongs to'),
    'type': text('basic, or advanced'), 'inner-access': text('basic: accept or drop between members'),
    'rules': Type.Optional(Type.Array(Rule, { maxItems: 100_000, description: 'in their order' })),
  }, { additionalProperties: false }),
  'enis': Type.Object({
    'eni-id': text('as in the address'), 'vm-id': text('the machine that it belongs to'), 'vswitch-id': text('the VSwitch that it belongs to'),
    'mac': text('its MAC address'), 'addresses': texts('its IPv4 and IPv6 addresses'), 'security-groups': texts('groups, all of one type, in their order'),
    'interface': text('where it shows up on its host'), 'side': text('host, or guest'), 'agent-id': text('the agent that watches it'),
  }, { additionalProperties: false }),
} as const;

export const LogStoreSettings = {
  'retention-days': Type.Optional(nullable(Type.Integer(), 'windows go when they are so old; null: never')),
  'retention-bytes': Type.Optional(nullable(Type.Integer(), 'the oldest windows go when there is more; null: no limit')),
  'search': Type.Optional(Type.Boolean({ description: 'whether it may be searched and asked with SQL' })),
};

export const FlowLogSettings = {
  'name': text('a name of its own'),
  'description': text('what it is for'),
  'traffic-type': text('All, Allow or Drop; All unless given'),
  'window': Type.Optional(Type.Union([Type.String({ maxLength: 16 }), Type.Integer()], { description: '60s, 300s or 600s; 600s unless given' })),
  'analysis-report': Type.Optional(Type.Boolean({ description: 'turns on search of the LogStore, and brings its dashboards' })),
};

export const FlowLogPlace = {
  'resource-type': Type.String({ maxLength: 64, description: 'ENI, VSwitch or VPC; ENIs that join a VSwitch or VPC later are covered too' }),
  'resource-id': Type.String({ maxLength: 512 }),
  'logstore': Type.String({ maxLength: 512, description: 'where records go; it must be there' }),
};
