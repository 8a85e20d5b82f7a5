/** How long Vercel lets a function run, as vercel.json asks for (`maxDuration`), and an edge function stream (ms). */
export const FUNCTION_MS = 300_000;

/** Vercel gives an edge function 25 s to its first byte: one is kept for the answer that says so. */
export const EDGE_FIRST_BYTE_MS = 24_000;

/** Longest body that a function of Vercel takes or gives, unless streamed: https://vercel.com/docs/functions/limitations */
export const FUNCTION_BODY_BYTES = 4_500_000;
