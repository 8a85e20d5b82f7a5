import { setTimeout as wait } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { held } from '../harness/answers.ts';
import { compositions } from '../harness/compositions.ts';
import { movableClock, startStand } from '../harness/stand.ts';

for (const { name, start } of compositions) {
  it(`a clock that jumps over the lease of a running job has it run by nobody else: ${name}`, async () => {
    const clock = movableClock();
    const stand = await startStand(start, { clock });
    const caller = stand.caller('sk-jumps');
    const answer = held({ id: 'x' });
    const { id } = await caller.submit(stand.on('/jumped', answer.handler));
    await answer.come;
    clock.advance(300_000);
    // Whoever looks finds it lost, and has it sent again.
    for (let look = 0; look < 3; look++) await caller.job(id);
    await wait(500);
    expect(stand.received('/jumped')).toHaveLength(1);
    answer.go();
    expect(await caller.ended(id)).toMatchObject({ status: 'completed', attempts: 1 });
    await stand.stop();
  });
}
