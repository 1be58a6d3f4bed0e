import fc from 'fast-check';
import test from 'ava';
import { linkRequest, parseLinkMessages } from '../../../../agent/capture/live/link-messages.ts';

test('any bytes give messages or none, within bounds', (t) => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), fc.nat(8), (bytes, at) => {
    // as part of a larger buffer: what lies around must not matter
    const large = new Uint8Array(bytes.length + 64).fill(0xa5);
    large.set(bytes, at);
    t.deepEqual(parseLinkMessages(large.subarray(at, at + bytes.length)), parseLinkMessages(bytes));
  }), { numRuns: 300 });
});

test('a message with damaged lengths ends the list', (t) => {
  const request = linkRequest(7, 'eth0');
  const message = new Uint8Array(request);
  const view = new DataView(message.buffer);
  view.setUint16(4, 16, true); // RTM_NEWLINK with the same parts as a request by name
  view.setInt32(20, 5, true);
  const [parsed] = parseLinkMessages(message);
  t.like(parsed, { kind: 'link', sequence: 7, link: { name: 'eth0', ifindex: 5, mac: null, up: false } });
  fc.assert(fc.property(fc.nat(message.length - 1), fc.nat(255), (at, value) => {
    const damaged = message.slice();
    damaged[at] = value;
    return parseLinkMessages(damaged).length <= 1;
  }));
  for (let length = 0; length < message.length; length++) t.deepEqual(parseLinkMessages(message.subarray(0, length)), []);
});
