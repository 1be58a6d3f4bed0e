/** The path of the module that the kernel is kept in. */
export const MODULE: string;
/** The text of the module. Throws with what the compiler says. */
export function compileKernel(): Promise<string>;
