import { type Fetch, type ServedGateway, serve } from '../../lib/server.ts';

/** A web-standard handler behind a real HTTP server on the loopback interface; port 0: a free one. */
export function serveDoor(handle: Fetch, port = 0): Promise<ServedGateway> {
  return serve(handle, { host: '127.0.0.1', port });
}
