/** A provider-like random id, such as `chatcmpl-…`. */
export function randomId(prefix: string): string {
  return prefix + crypto.randomUUID().replaceAll('-', '');
}
