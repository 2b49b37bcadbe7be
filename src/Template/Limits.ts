/** Every bound of the template engine: what an author may write, what a module may bring, what one rendering may use. */

/** Longest source of one template, in UTF-16 units. */
export const sourceLengthMax = 1_048_576
/** Deepest nesting of elements, blocks and components in one template. */
export const markupDepthMax = 100
/** Deepest nesting of one expression or type. */
export const expressionDepthMax = 50
/** Words and signs of one expression or type; bounds the depth of chains such as `a + b + c`. */
export const expressionTokensMax = 500
/** Issues reported for one compilation; later ones are dropped. */
export const issuesMax = 50
/** Templates of one module. */
export const templatesMax = 4_096
/** Compiled nodes and expressions of one module's templates together. */
export const compiledNodesMax = 200_000
/** Literal text of one module's templates together, in UTF-16 units. */
export const compiledTextMax = 16_777_216
/** Nested calls of components: also the longest chain of imports. */
export const callDepthMax = 64
/** Variables alive at one place of a template. */
export const variablesMax = 1_000
/** Longest text one expression may build, in UTF-16 units. */
export const textLengthMax = 1_048_576
/** Default for the bytes of one rendering. */
export const outputBytesMax = 16_777_216
/** Default for loop rounds and component calls of one rendering. */
export const stepsMax = 5_000_000
