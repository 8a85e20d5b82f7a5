/** What nobody may leave open: servers, sockets, timers, child processes. */
const WATCHED = ['TCPServerWrap', 'TCPSocketWrap', 'ProcessWrap', 'Timeout', 'FSEventWrap'];
/** Sockets close, and agents' keep-alive timers go, a little after those who used them. */
const PATIENCE_MS = 6_000;

/** Notes what this process has open now; the function tells, after some patience, what it has beyond that. */
export function watchResources(): () => Promise<string[]> {
  const before = open();
  const leaked = () =>
    Array.from(open()).flatMap(([type, count]) => {
      const extra = count - (before.get(type) ?? 0);
      return extra > 0 ? [`${extra} × ${type}`] : [];
    });
  return async () => {
    const until = Date.now() + PATIENCE_MS;
    while (leaked().length > 0 && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 20));
    // The timer of the wait itself has fired by now.
    return leaked();
  };
}

function open(): Map<string, number> {
  const counts = new Map(WATCHED.map((type) => [type, 0]));
  for (const type of process.getActiveResourcesInfo()) {
    const count = counts.get(type);
    if (count !== undefined) counts.set(type, count + 1);
  }
  return counts;
}
