import { Type } from 'typebox';

/**
 * The schema, or null. Parameters are coerced to the type that their schema names, and of a union to the first: null
 * would be no text, or 0. Of several types in one schema it stays what it is.
 */
export function nullable<T extends Type.TSchema & { readonly type: string }>(schema: T, description?: string): Type.TUnsafe<Type.Static<T> | null> {
  return Type.Unsafe<Type.Static<T> | null>({ ...schema, type: [schema.type, 'null'], ...(description === undefined ? {} : { description }) });
}
