/** Aborted with the first of `signals`, for its reason: `AbortSignal.any`, which not every edge runtime has. */
export function anySignal(...signals: readonly AbortSignal[]): AbortSignal {
  const controller = new AbortController();
  const onAbort = () => {
    for (const signal of signals) signal.removeEventListener('abort', onAbort);
    controller.abort(signals.find(({ aborted }) => aborted)?.reason);
  };
  for (const signal of signals) signal.addEventListener('abort', onAbort);
  if (signals.some(({ aborted }) => aborted)) onAbort();
  return controller.signal;
}
