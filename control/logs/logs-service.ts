import * as sdk from "@aws-sdk/client-cloudwatch-logs";
import { limitCheck } from "../limits.ts";
import { pageOf } from "../pages.ts";
import { AwsFault } from "../protocol/fault.ts";
import { readServiceModel } from "../protocol/service-model.ts";
import type { Service } from "../service.ts";
import { parseFilterPattern } from "./filter-pattern.ts";
import { type LogEvent, type LogGroup, type LogStore, STREAM } from "./log-store.ts";

const EVENTS = 10_000;
const PAGE = 50;

interface Place {
  readonly region: string;
  readonly accountId: string;
}

/** CloudWatch Logs, for reading. */
export function logsService(store: LogStore, place: Place): Service {
  const { config } = new sdk.CloudWatchLogsClient({ region: "us-east-1" });
  const arnOf = ({ name }: Pick<LogGroup, "name">) =>
    `arn:aws:logs:${place.region}:${place.accountId}:log-group:${name}`;
  return {
    model: readServiceModel({ exports: { ...sdk }, config, signingName: "logs" }),
    actionPrefix: "logs",
    handlers: {
      FilterLogEvents: (input: sdk.FilterLogEventsRequest) => filterLogEvents(store, input),
      GetLogEvents: (input: sdk.GetLogEventsRequest) => getLogEvents(store, input),
      DescribeLogGroups: (input: sdk.DescribeLogGroupsRequest): sdk.DescribeLogGroupsResponse => {
        const { logGroupNamePrefix = "", logGroupNamePattern = "" } = input;
        const found = store
          .all()
          .filter(
            ({ name }) => name.startsWith(logGroupNamePrefix) && name.includes(logGroupNamePattern),
          );
        const { items, more } = paged(found, input.nextToken, input.limit ?? PAGE);
        return { logGroups: items.map((group) => describeGroup(group, arnOf(group))), ...more };
      },
      DescribeLogStreams: (
        input: sdk.DescribeLogStreamsRequest,
      ): sdk.DescribeLogStreamsResponse => {
        const group = groupNamed(store, input);
        const arn = `${arnOf(group)}:log-stream:${STREAM}`;
        const isAsked = STREAM.startsWith(input.logStreamNamePrefix ?? "");
        return { logStreams: isAsked ? [describeStream(group, arn)] : [] };
      },
    },
    checkLimits: limitCheck({
      "*": {
        limit: { min: 1, max: EVENTS },
        logGroupName: { min: 1, max: 512, pattern: /^[.\-_/#A-Za-z0-9]+$/ },
        filterPattern: { max: 1_024 },
      },
      DescribeLogGroups: { limit: { max: 50 } },
      DescribeLogStreams: { limit: { max: 50 } },
    }),
    resourceOf: (_, input) =>
      typeof input["logGroupName"] === "string"
        ? `${arnOf({ name: input["logGroupName"] })}:*`
        : "*",
  };
}

function describeGroup(group: LogGroup, arn: string): sdk.LogGroup {
  return {
    logGroupName: group.name,
    creationTime: group.createdAt,
    metricFilterCount: 0,
    arn: `${arn}:*`,
    logGroupArn: arn,
    storedBytes: bytesOf(group),
  };
}

function describeStream(group: LogGroup, arn: string): sdk.LogStream {
  const [first, last] = [group.events[0], group.events.at(-1)];
  return {
    logStreamName: STREAM,
    creationTime: group.createdAt,
    ...(first === undefined ? {} : { firstEventTimestamp: first.at }),
    ...(last === undefined
      ? {}
      : { lastEventTimestamp: last.at, lastIngestionTime: last.receivedAt }),
    arn,
  };
}

function bytesOf({ events }: LogGroup): number {
  return events.reduce((sum, { message }) => sum + Buffer.byteLength(message) + 26, 0);
}

interface Named {
  readonly logGroupName?: string | undefined;
  readonly logGroupIdentifier?: string | undefined;
}

function groupNamed(store: LogStore, { logGroupName, logGroupIdentifier }: Named): LogGroup {
  const name = logGroupName ?? logGroupIdentifier?.replace(/^.*:log-group:/, "");
  if (name === undefined)
    throw new AwsFault(
      "InvalidParameterException",
      "One of logGroupName and logGroupIdentifier is needed.",
    );
  const group = store.find(name);
  if (group === null)
    throw new AwsFault("ResourceNotFoundException", "The specified log group does not exist.");
  return group;
}

function paged<T>(items: readonly T[], marker: string | undefined, size: number) {
  const page = pageOf(items, { marker, size });
  if (page === null)
    throw new AwsFault("InvalidParameterException", "The specified nextToken is invalid.");
  return { items: page.items, more: page.next === undefined ? {} : { nextToken: page.next } };
}

interface Window {
  readonly startTime?: number | undefined;
  readonly endTime?: number | undefined;
}

function within({ at }: LogEvent, { startTime = 0, endTime = Number.MAX_VALUE }: Window): boolean {
  return at >= startTime && at < endTime;
}

function filterLogEvents(
  store: LogStore,
  input: sdk.FilterLogEventsRequest,
): sdk.FilterLogEventsResponse {
  const group = groupNamed(store, input);
  const fits = parseFilterPattern(input.filterPattern ?? "");
  if (fits === null)
    throw new AwsFault(
      "InvalidParameterException",
      "Invalid filter pattern: patterns of JSON and columns are not evaluated here.",
    );
  const isOurs =
    (input.logStreamNames ?? [STREAM]).includes(STREAM) &&
    STREAM.startsWith(input.logStreamNamePrefix ?? "");
  const found = isOurs
    ? group.events.filter((event) => within(event, input) && fits(event.message))
    : [];
  const { items, more } = paged(found, input.nextToken, input.limit ?? EVENTS);
  const events = items.map(({ id, at, receivedAt, message }) => ({
    logStreamName: STREAM,
    timestamp: at,
    message,
    ingestionTime: receivedAt,
    eventId: id,
  }));
  return {
    events,
    searchedLogStreams: [{ logStreamName: STREAM, searchedCompletely: true }],
    ...more,
  };
}

/** Tokens name an event: forward from it, or backward. */
function getLogEvents(store: LogStore, input: sdk.GetLogEventsRequest): sdk.GetLogEventsResponse {
  const group = groupNamed(store, input);
  if (input.logStreamName !== STREAM)
    throw new AwsFault("ResourceNotFoundException", "The specified log stream does not exist.");
  const all = group.events.filter((event) => within(event, input));
  const limit = input.limit ?? EVENTS;
  const shown = sliceOf(all, input, limit);
  const [first, last] = [shown[0], shown.at(-1)];
  return {
    events: shown.map(({ at, receivedAt, message }) => ({
      timestamp: at,
      message,
      ingestionTime: receivedAt,
    })),
    nextForwardToken: last === undefined ? (input.nextToken ?? "f/-") : `f/${last.id}`,
    nextBackwardToken: first === undefined ? (input.nextToken ?? "b/-") : `b/${first.id}`,
  };
}

function sliceOf(
  all: readonly LogEvent[],
  { nextToken, startFromHead }: sdk.GetLogEventsRequest,
  limit: number,
): readonly LogEvent[] {
  if (nextToken === undefined)
    return startFromHead === true ? all.slice(0, limit) : all.slice(-limit);
  const [, way, id] = /^([fb])\/(-|\d+)$/.exec(nextToken) ?? [];
  if (way === undefined || id === undefined)
    throw new AwsFault("InvalidParameterException", "The specified nextToken is invalid.");
  if (way === "f") return all.filter((event) => id === "-" || event.id > id).slice(0, limit);
  return all.filter((event) => id !== "-" && event.id < id).slice(-limit);
}
