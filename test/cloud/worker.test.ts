import { afterEach, expect, it } from 'vitest';
import { describeRedis } from '../fakes/redis-server.ts';
import { json, pushed } from '../harness/answers.ts';
import { backendOf, startCloudGateway } from '../harness/cloud.ts';
import { type Stand, startStand } from '../harness/stand.ts';

describeRedis('jobs on Redis + QStash', () => {
  let stand: Stand;
  afterEach(() => stand.stop());

  it('a stream is cancelled with its next events, long before the lease is renewed', async () => {
    stand = await startStand((options) => startCloudGateway({ ...options, leaseMs: 3_600_000 }));
    const caller = stand.caller('sk-cancel');
    const answer = pushed();
    const { id } = await caller.submit(stand.on('/stream', answer.handler), { body: { stream: true } });
    await answer.come;
    answer.push('data: 1\n\n');
    await caller.until(id, (job) => job.status === 'in_progress');
    await caller.post(`/api/jobs/${id}/cancel`);
    const dribble = setInterval(() => answer.push('data: 2\n\n'), 100);
    const ended = await caller.ended(id).finally(() => clearInterval(dribble));
    expect(ended).toMatchObject({ status: 'cancelled', attempts: 1 });
  });

  it("a service's limits are told to QStash", async () => {
    stand = await startStand(startCloudGateway, { service: { parallelism: 2, rate: 30, period: 60 } });
    const caller = stand.caller('sk-rate');
    const { id } = await caller.submit(stand.on('/limited', json({})));
    await caller.ended(id);
    const [message] = backendOf(stand.gateway.data).qstash.messages;
    expect(message?.flowControl).toEqual({
      key: 'gateway-local',
      limits: { parallelism: 2, rate: 30, periodMs: 60_000 },
    });
  });
});
