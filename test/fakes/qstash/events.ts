import { listed, type Message } from './message.ts';

export type State =
  | 'CREATED'
  | 'ACTIVE'
  | 'DELIVERED'
  | 'ERROR'
  | 'RETRY'
  | 'FAILED'
  | 'CANCEL_REQUESTED'
  | 'CANCELLED';

export type Event = ReturnType<typeof describe> & { readonly error?: string; readonly nextDeliveryTime?: number };

/** What has happened to every message, in order. */
export class EventLog {
  readonly events: Event[] = [];

  add(message: Message, state: State, details: { error?: string; nextDeliveryTime?: number } = {}): void {
    this.events.push({ ...describe(message, state), ...details });
  }
}

function describe(message: Message, state: State) {
  return {
    time: Date.now(),
    state,
    messageId: message.id,
    url: message.url,
    method: message.method,
    header: listed(message.headers),
    body: message.body.toString('base64'),
    label: message.labels[0],
    labels: message.labels,
    queueName: message.source.queue,
    scheduleId: message.source.scheduleId,
    flowControlKey: message.flowControl?.key,
  };
}
