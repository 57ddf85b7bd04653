import type * as sdk from "@aws-sdk/client-rds";
import type { Handler } from "../service.ts";
import { FAULTS } from "./faults.ts";
import { type Fleet, paged } from "./fleet.ts";
import type { EventRecord } from "./records.ts";

const MINUTE_MS = 60_000;
/** Minutes that are looked back without a start. */
const DURATION = 60;

export function eventHandlers(fleet: Fleet): Record<string, Handler> {
  return {
    DescribeEvents: (input: sdk.DescribeEventsMessage): sdk.EventsMessage => {
      if (input.SourceIdentifier !== undefined && input.SourceType === undefined)
        throw FAULTS.combination(
          "Can't specify a SourceIdentifier without also specifying a SourceType",
        );
      const end = input.EndTime?.getTime() ?? fleet.ground.nowMs();
      const since = (input.Duration ?? DURATION) * MINUTE_MS;
      const start = input.StartTime?.getTime() ?? end - since;
      const found = fleet.events.filter(
        (event) => event.at >= start && event.at <= end && fits(event, input),
      );
      const { items, more } = paged(found, input);
      return { Events: items.map(describe), ...more };
    },
  };
}

function fits(
  event: EventRecord,
  { SourceType, SourceIdentifier, EventCategories = [] }: sdk.DescribeEventsMessage,
): boolean {
  return (
    (SourceType === undefined || SourceType === event.sourceType) &&
    (SourceIdentifier === undefined || SourceIdentifier === event.sourceId) &&
    (EventCategories.length === 0 || EventCategories.includes(event.category))
  );
}

function describe(event: EventRecord): sdk.Event {
  return {
    SourceIdentifier: event.sourceId,
    SourceType: event.sourceType,
    Message: event.message,
    EventCategories: [event.category],
    Date: new Date(event.at),
    SourceArn: event.sourceArn,
  };
}
