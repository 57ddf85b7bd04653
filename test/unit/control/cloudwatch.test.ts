import {
  GetMetricDataCommand,
  GetMetricStatisticsCommand,
  InvalidParameterCombinationException,
  InvalidParameterValueException,
  ListMetricsCommand,
  PutMetricDataCommand,
  type StandardUnit,
} from "@aws-sdk/client-cloudwatch";
import {
  DescribeLogGroupsCommand,
  DescribeLogStreamsCommand,
  FilterLogEventsCommand,
  GetLogEventsCommand,
  InvalidParameterException,
  ResourceNotFoundException,
} from "@aws-sdk/client-cloudwatch-logs";
import { CreateDBProxyCommand } from "@aws-sdk/client-rds";
import { describe, expect, it } from "vitest";
import { until } from "../../support/until.ts";
import { type Started, startControl } from "./control-plane-fixture.ts";

const DIMENSIONS = [{ Name: "ProxyName", Value: "p" }];

async function withProxy(): Promise<Started> {
  const world = await startControl();
  await world.clients.rds.send(
    new CreateDBProxyCommand({
      DBProxyName: "p",
      EngineFamily: "MYSQL",
      RoleArn: "arn:aws:iam::123456789012:role/proxy",
      VpcSubnetIds: ["subnet-0a", "subnet-0b"],
      Auth: [{ SecretArn: "arn:aws:secretsmanager:us-east-1:123456789012:secret:a-AbCdEf" }],
    }),
  );
  await until(() => world.dataPlane.plan("p") !== undefined);
  return world;
}

function window() {
  const now = Date.now();
  return { StartTime: new Date(now - 3_600_000), EndTime: new Date(now + 60_000) };
}

function statistics(MetricName: string, more: object = {}) {
  return new GetMetricStatisticsCommand({
    Namespace: "AWS/RDS",
    MetricName,
    Dimensions: DIMENSIONS,
    ...window(),
    Period: 3_600,
    Statistics: ["SampleCount", "Sum", "Average", "Minimum", "Maximum"],
    ...more,
  });
}

describe("metrics", () => {
  it("of proxies add up what has come, and show what is", async () => {
    const { clients, dataPlane } = await withProxy();
    const point = { unit: "Count", dimensions: [["ProxyName", "p"]] as const, count: 1 };
    const gauge = (value: number) => ({
      ...point,
      name: "ClientConnections",
      kind: "gauge" as const,
      sum: value,
      min: value,
      max: value,
    });
    dataPlane.points = [gauge(7)];
    await clients.cloudwatch.send(statistics("ClientConnections"));
    dataPlane.points = [gauge(3)];
    const { Datapoints, Label } = await clients.cloudwatch.send(statistics("ClientConnections"));
    expect(Label).toBe("ClientConnections");
    expect(Datapoints?.at(-1)).toMatchObject({ Unit: "Count", Maximum: 7, Minimum: 3 });
    dataPlane.points = [
      { ...point, name: "QueryRequests", kind: "counter", sum: 5, min: 5, max: 5 },
      {
        ...point,
        name: "QueryResponseLatency",
        kind: "latency",
        unit: "Microseconds",
        sum: 900,
        count: 3,
        min: 128,
        max: 512,
      },
    ];
    await clients.cloudwatch.send(new ListMetricsCommand({}));
    dataPlane.points = [];
    const requests = await clients.cloudwatch.send(statistics("QueryRequests"));
    const total = requests.Datapoints!.reduce((sum, { Sum = 0 }) => sum + Sum, 0);
    expect(total % 5).toBe(0);
    expect(total).toBeGreaterThan(0);
    const latency = await clients.cloudwatch.send(statistics("QueryResponseLatency"));
    expect(latency.Datapoints![0]).toMatchObject({ Average: 300, Minimum: 128, Maximum: 512 });
  });

  it("of other programs are kept, also from compressed requests", async () => {
    const { clients } = await startControl();
    const { cloudwatch } = clients;
    const Dimensions = [{ Name: "Host", Value: "a" }];
    await cloudwatch.send(
      new PutMetricDataCommand({
        Namespace: "Own",
        MetricData: [
          { MetricName: "Hits", Dimensions, Value: 2, Unit: "Count" },
          {
            MetricName: "Hits",
            Dimensions,
            StatisticValues: { Sum: 9, SampleCount: 3, Minimum: 1, Maximum: 5 },
            Unit: "Count",
          },
          { MetricName: "Hits", Dimensions, Values: [1, 4], Counts: [2, 1], Unit: "Count" },
          // Over 10 KB the SDK compresses.
          ...Array.from({ length: 200 }, (_, i) => ({
            MetricName: `Padding${i}`,
            Dimensions,
            Value: i,
            Unit: "None" as StandardUnit,
          })),
        ],
      }),
    );
    const { Datapoints } = await cloudwatch.send(
      new GetMetricStatisticsCommand({
        Namespace: "Own",
        MetricName: "Hits",
        Dimensions,
        ...window(),
        Period: 86_400,
        Statistics: ["Sum", "SampleCount", "Minimum", "Maximum"],
      }),
    );
    expect(Datapoints).toMatchObject([{ Sum: 17, SampleCount: 7, Minimum: 1, Maximum: 5 }]);
    const { MetricDataResults } = await cloudwatch.send(
      new GetMetricDataCommand({
        ...window(),
        MetricDataQueries: [
          {
            Id: "hits",
            Label: "all hits",
            MetricStat: {
              Metric: { Namespace: "Own", MetricName: "Hits", Dimensions },
              Period: 3_600,
              Stat: "Sum",
            },
          },
        ],
      }),
    );
    expect(MetricDataResults).toMatchObject([
      { Id: "hits", Label: "all hits", Values: [17], StatusCode: "Complete" },
    ]);
    const { Metrics } = await cloudwatch.send(
      new ListMetricsCommand({ Namespace: "Own", MetricName: "Hits" }),
    );
    expect(Metrics).toEqual([{ Namespace: "Own", MetricName: "Hits", Dimensions }]);
    const names = new Set<string>();
    let NextToken: string | undefined;
    do {
      const page = await cloudwatch.send(new ListMetricsCommand({ Namespace: "Own", NextToken }));
      for (const { MetricName } of page.Metrics ?? []) names.add(MetricName!);
      NextToken = page.NextToken;
    } while (NextToken !== undefined);
    expect(names.size).toBe(201);
  });

  it("refuse what cannot be answered", async () => {
    const { clients } = await startControl();
    const { cloudwatch } = clients;
    const { StartTime, EndTime } = window();
    await expect(
      cloudwatch.send(statistics("X", { StartTime: EndTime, EndTime: StartTime })),
    ).rejects.toThrow(InvalidParameterCombinationException);
    await expect(cloudwatch.send(statistics("X", { Statistics: [] }))).rejects.toThrow();
    await expect(cloudwatch.send(statistics("X", { Period: 45 }))).rejects.toThrow(
      InvalidParameterValueException,
    );
    await expect(
      cloudwatch.send(
        statistics("X", { Period: 60, StartTime: new Date(EndTime.getTime() - 200_000_000) }),
      ),
    ).rejects.toThrow(InvalidParameterCombinationException);
    await expect(
      cloudwatch.send(
        new PutMetricDataCommand({
          Namespace: "AWS/RDS",
          MetricData: [{ MetricName: "ClientConnections", Value: 1 }],
        }),
      ),
    ).rejects.toThrow(InvalidParameterValueException);
    await expect(
      cloudwatch.send(
        new GetMetricDataCommand({
          ...window(),
          MetricDataQueries: [{ Id: "sum", Expression: "SUM(METRICS())" }],
        }),
      ),
    ).rejects.toThrow(InvalidParameterValueException);
  });
});

describe("logs", () => {
  const logGroupName = "/aws/rds/proxy/p";

  async function withLines(): Promise<Started> {
    const world = await withProxy();
    const { onLine } = world.dataPlane.proxies[0]!.hooks;
    onLine("2026-01-31T00:00:01.000Z [INFO] one apple");
    onLine("2026-01-31T00:00:02.000Z [WARN] two apples");
    onLine("2026-01-31T00:00:03.000Z [WARN] three pears");
    return world;
  }

  it.each([
    ["", 3],
    ["WARN", 2],
    ['"two apples"', 1],
    ["apple -WARN", 1],
    ["?one ?three", 2],
    ["[WARN] nothing", 0],
  ])("are found by the pattern %j", async (filterPattern, count) => {
    const { clients } = await withLines();
    if (filterPattern.startsWith("[")) {
      await expect(
        clients.logs.send(new FilterLogEventsCommand({ logGroupName, filterPattern })),
      ).rejects.toThrow(InvalidParameterException);
      return;
    }
    const { events } = await clients.logs.send(
      new FilterLogEventsCommand({ logGroupName, filterPattern }),
    );
    expect(events).toHaveLength(count);
  });

  it("are of a time, and come page by page", async () => {
    const { clients } = await withLines();
    const startTime = Date.parse("2026-01-31T00:00:02.000Z");
    const late = await clients.logs.send(new FilterLogEventsCommand({ logGroupName, startTime }));
    expect(late.events?.map(({ timestamp }) => timestamp)).toEqual([startTime, startTime + 1_000]);
    const first = await clients.logs.send(new FilterLogEventsCommand({ logGroupName, limit: 2 }));
    const second = await clients.logs.send(
      new FilterLogEventsCommand({ logGroupName, limit: 2, nextToken: first.nextToken }),
    );
    expect([first.events?.length, second.events?.length, second.nextToken]).toEqual([
      2,
      1,
      undefined,
    ]);
  });

  it("are followed forward and backward", async () => {
    const { clients } = await withLines();
    const get = (more: object) =>
      clients.logs.send(
        new GetLogEventsCommand({ logGroupName, logStreamName: "proxy", limit: 2, ...more }),
      );
    const head = await get({ startFromHead: true });
    expect(head.events?.map(({ message }) => message?.slice(-9))).toEqual([
      "one apple",
      "wo apples",
    ]);
    const next = await get({ nextToken: head.nextForwardToken });
    expect(next.events).toHaveLength(1);
    const end = await get({ nextToken: next.nextForwardToken });
    expect(end.events).toEqual([]);
    expect(end.nextForwardToken).toBe(next.nextForwardToken);
    const back = await get({ nextToken: next.nextBackwardToken });
    expect(back.events).toHaveLength(2);
  });

  it("have a group for each proxy, with one stream", async () => {
    const { clients } = await withLines();
    const { logGroups } = await clients.logs.send(
      new DescribeLogGroupsCommand({ logGroupNamePrefix: "/aws/rds/" }),
    );
    expect(logGroups?.map((group) => group.logGroupName)).toEqual([logGroupName]);
    const { logStreams } = await clients.logs.send(new DescribeLogStreamsCommand({ logGroupName }));
    expect(logStreams).toMatchObject([
      { logStreamName: "proxy", firstEventTimestamp: Date.parse("2026-01-31T00:00:01.000Z") },
    ]);
    await expect(
      clients.logs.send(new FilterLogEventsCommand({ logGroupName: "/none" })),
    ).rejects.toThrow(ResourceNotFoundException);
    await expect(
      clients.logs.send(new GetLogEventsCommand({ logGroupName, logStreamName: "none" })),
    ).rejects.toThrow(ResourceNotFoundException);
  });
});
