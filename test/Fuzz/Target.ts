/** One reader of bytes that come from a disk. */
export interface Target {
  readonly name: string
  /** How often it gets an input, in proportion to the others: less the slower it is. */
  readonly weight: number
  /** Valid bytes, of which the inputs are made. */
  readonly samples: ReadonlyArray<Uint8Array>
  /** Makes the checksums of an input right, so that what lies behind them is read too. Half of the inputs are mended. */
  readonly mend?: (bytes: Uint8Array) => void
  /** Reads. It may fault with a reason; anything else that it throws is a finding. Gives whether it took the input for good. */
  readonly read: (bytes: Uint8Array) => boolean | Promise<boolean>
}
