import test from 'ava';
import fc from 'fast-check';
import { NO_VALUE, PortMaps } from '../../../shared/verdict/port-maps.ts';
import { PortPlane } from '../../../shared/verdict/port-plane.ts';

/** Ports that meet often, the ends of the range, and any. */
const port = fc.oneof(fc.integer({ min: 0, max: 40 }), fc.constantFrom(255, 256, 257, 65279, 65280, 65534, 65535), fc.nat(65535));
const range = fc.tuple(port, port, fc.nat(50)).map(([a, b, value]) => ({ from: Math.min(a, b), to: Math.max(a, b), value }));
const ranges = fc.oneof(fc.array(range, { maxLength: 6 }), fc.array(range, { minLength: 20, maxLength: 80, size: 'max' }));
const rectangle = fc.tuple(range, range).map(([own, source]) => ({ ...own, sourceFrom: source.from, sourceTo: source.to }));
const rectangles = fc.oneof(fc.array(rectangle, { maxLength: 6 }), fc.array(rectangle, { minLength: 20, maxLength: 60, size: 'max' }));

test('a map of ports gives the lowest value of the ranges that hold the port', (t) => {
  fc.assert(fc.property(fc.array(ranges, { minLength: 1, maxLength: 3 }), fc.array(port, { minLength: 30, maxLength: 30 }), (lists, ports) => {
    const maps = new PortMaps();
    const numbers = lists.map((list, tag) => maps.add(list, tag));
    maps.seal();
    lists.forEach((list, at) => {
      t.is(maps.tag(numbers[at]!), at);
      for (const sought of ports) {
        const expected = Math.min(NO_VALUE, ...list.filter(({ from, to }) => from <= sought && sought <= to).map(({ value }) => value));
        t.is(maps.find(numbers[at]!, sought), expected);
      }
    });
  }), { numRuns: 300 });
});

test('a plane of ports gives the lowest value of the rectangles that hold the point', (t) => {
  fc.assert(fc.property(rectangles, fc.array(fc.tuple(port, port, fc.nat(60)), { minLength: 30, maxLength: 30 }), (list, points) => {
    const maps = new PortMaps();
    const plane = new PortPlane(list, maps);
    maps.seal();
    for (const [source, sought, limit] of points) {
      const expected = Math.min(limit, ...list
        .filter(({ from, to, sourceFrom, sourceTo }) => from <= sought && sought <= to && sourceFrom <= source && source <= sourceTo)
        .map(({ value }) => value));
      t.is(plane.find(source, sought, limit), expected);
    }
  }), { numRuns: 300 });
});
