import { type CacheDefinition, describeDestination } from "../core/cache.ts";
import type { AnyCachesError } from "./any-error.ts";
import type { PushContext } from "./push-context.ts";
import { toEnded, toPushFailure } from "./push-failure.ts";
import type { PushParticipant } from "./push-participant.ts";

/** Records the intents. If that fails, nothing may be pushed. */
export async function announcePush(
  cache: CacheDefinition,
  participants: readonly PushParticipant[],
  { deadline: { signal } }: PushContext,
): Promise<ReadonlyMap<PushParticipant, AnyCachesError>> {
  const refused = new Map<PushParticipant, AnyCachesError>();
  const destination = describeDestination(cache.destination);
  const announceOne = async (participant: PushParticipant): Promise<void> => {
    const { storePaths } = participant;
    try {
      await participant.emit({ type: "push.started", destination, storePaths });
    } catch (failure) {
      refused.set(participant, signal.aborted ? toEnded(signal) : toPushFailure(failure));
    }
  };
  await Promise.all(participants.map(announceOne));
  return refused;
}
