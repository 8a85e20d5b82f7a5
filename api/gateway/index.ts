import { door } from '../../lib/door.ts';
import { createEdgeGateway } from '../../lib/edge.ts';
import { edgeEnvironment } from '../../lib/edge-environment.ts';

export const config = { runtime: 'edge' };

const { fetch } = door(edgeEnvironment, createEdgeGateway);

/** Quick calls, streams, health: on the edge. */
export default fetch;
