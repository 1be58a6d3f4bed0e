/** Items are never changed, only replaced: what was worked out of one stays true as long as it is there. */
export function memoized<K extends object, V>(make: (item: K) => V): (item: K) => V {
  const known = new WeakMap<K, V>();
  return (item) => {
    let value = known.get(item);
    if (value === undefined) known.set(item, (value = make(item)));
    return value;
  };
}
