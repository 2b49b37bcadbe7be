export const SEED: number
export function hexId(id: number): string
export function order(index: number): Record<string, import("../../src/Bson/Value.ts").Value>
export function loadCategories(): Promise<ReadonlyArray<{ readonly _id: number; readonly name: string; readonly description: string }>>
