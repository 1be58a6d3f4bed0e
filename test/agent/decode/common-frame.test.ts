import test from 'ava';
import { decodeCommonFrame } from '../../../agent/decode/common-frame.ts';
import { FragmentTable } from '../../../agent/decode/fragment-table.ts';
import { decodeIpv4 } from '../../../agent/decode/ipv4.ts';
import { KeyQueue } from '../../../agent/decode/key-queue.ts';
import { SLOT_STATUS } from '../../../agent/decode/key-slot.ts';
import { LINK_ETHERNET, networkOffset } from '../../../agent/decode/link-layer.ts';
import { STATUS_DECODED } from '../../../agent/decode/packet-status.ts';
import { seededRandom } from '../../../bench/random.ts';
import { tcpFrame, udpFrame } from '../../frames/frames.ts';

const ROUNDS = 200_000;

test('where the short way takes a frame, it fills the slot as the long way does', (t) => {
  const random = seededRandom(7);
  const frames = [
    tcpFrame({ src: '10.0.0.1', dst: '10.0.0.2', flags: 'SA', payload: 30 }), tcpFrame({ src: '10.0.0.1', dst: '10.0.0.2', flags: 'F' }),
    udpFrame({ src: '10.0.0.1', dst: '10.0.0.2', payload: 30 }), udpFrame({ src: '10.0.0.1', dst: '10.0.0.2', payload: 5 }),
  ];
  let taken = 0;
  let long = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const frame = frames[round % frames.length]!.slice();
    // up to two changed bytes among those that the headers are made of
    for (let change = Math.floor(random() * 3); change > 0; change--) frame[12 + Math.floor(random() * 36)] = Math.floor(random() * 256);
    const end = random() < 0.2 ? Math.floor(random() * frame.length) : frame.length;
    const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
    const short = new KeyQueue(1);
    if (!decodeCommonFrame(view, 0, end, short.keys, 0)) {
      long++;
      continue;
    }
    taken++;
    const whole = new KeyQueue(1);
    const network = networkOffset(LINK_ETHERNET, view, 0, end);
    whole.keys[SLOT_STATUS] = decodeIpv4(view, network >> 1, end, frame.length - 14, whole, 0, new FragmentTable(2));
    if (whole.keys[SLOT_STATUS] !== STATUS_DECODED || whole.keys.some((word, i) => word !== short.keys[i])) {
      t.deepEqual([...short.keys], [...whole.keys], Buffer.from(frame).toString('hex'));
    }
  }
  t.true(taken > ROUNDS / 10, `${taken} frames went the short way`);
  t.true(long > ROUNDS / 10, `${long} frames went the long way`);
});
