/** As in package.json (a test compares them), which an edge function cannot read. */
export const VERSION = '0.1.0';
