/** The metrics that the proxy prints for CloudWatch, and what is made of them: scaling, alarms, a dashboard. */
import { Duration } from "aws-cdk-lib";
import {
  Alarm,
  ComparisonOperator,
  Dashboard,
  GraphWidget,
  type IAlarmAction,
  type IMetric,
  Metric,
  TreatMissingData,
} from "aws-cdk-lib/aws-cloudwatch";
import type { FargateService } from "aws-cdk-lib/aws-ecs";
import type { NetworkTargetGroup } from "aws-cdk-lib/aws-elasticloadbalancingv2";
import { Construct } from "constructs";

const NAMESPACE = "Sluice";
const PERIOD = Duration.minutes(1);
const CPU_ALARM_PERCENT = 85;

/** A metric of one proxy. Each task prints its own number once a minute: the sum is the proxy's. */
export function proxyMetric(proxyName: string, metricName: string, statistic = "Sum"): Metric {
  return new Metric({
    namespace: NAMESPACE,
    metricName,
    statistic,
    period: PERIOD,
    dimensionsMap: { ProxyName: proxyName },
  });
}

/** Share of the last minute in which a writer was there. */
export function availabilityMetric(proxyName: string): Metric {
  return new Metric({
    namespace: NAMESPACE,
    metricName: "AvailabilityPercentage",
    statistic: "Minimum",
    period: PERIOD,
    dimensionsMap: { ProxyName: proxyName, TargetRole: "READ_WRITE" },
  });
}

export interface ProxyAlarmsProps {
  readonly proxyName: string;
  readonly service: FargateService;
  readonly targetGroup: NetworkTargetGroup;
  /** Tasks below which something is wrong. */
  readonly minTasks: number;
  readonly action?: IAlarmAction | undefined;
}

interface Watched {
  readonly metric: IMetric;
  readonly threshold: number;
  readonly comparison?: ComparisonOperator;
  readonly missing?: TreatMissingData;
  readonly minutes?: number;
  readonly says: string;
}

export class ProxyAlarms extends Construct {
  readonly alarms: readonly Alarm[];

  constructor(scope: Construct, id: string, props: ProxyAlarmsProps) {
    super(scope, id);
    this.alarms = Object.entries(watched(props)).map(([name, each]) => this.#alarm(name, each));
    const { action } = props;
    if (action !== undefined) for (const alarm of this.alarms) alarm.addAlarmAction(action);
  }

  #alarm(name: string, { metric, threshold, says, ...rest }: Watched): Alarm {
    return new Alarm(this, name, {
      metric,
      threshold,
      alarmDescription: says,
      evaluationPeriods: rest.minutes ?? 3,
      comparisonOperator: rest.comparison ?? ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      treatMissingData: rest.missing ?? TreatMissingData.NOT_BREACHING,
    });
  }
}

function watched({
  proxyName,
  service,
  targetGroup,
  minTasks,
}: ProxyAlarmsProps): Record<string, Watched> {
  return {
    TooFewTasks: {
      metric: targetGroup.metrics.healthyHostCount({ statistic: "Minimum", period: PERIOD }),
      threshold: minTasks,
      comparison: ComparisonOperator.LESS_THAN_THRESHOLD,
      missing: TreatMissingData.BREACHING,
      says: "Fewer tasks take sessions than should.",
    },
    NoWriter: {
      metric: availabilityMetric(proxyName),
      threshold: 100,
      comparison: ComparisonOperator.LESS_THAN_THRESHOLD,
      minutes: 2,
      says: "The database's writer could not be reached for a part of the time.",
    },
    BorrowTimeouts: {
      metric: proxyMetric(proxyName, "BorrowTimeouts"),
      threshold: 1,
      minutes: 1,
      says: "Sessions waited in vain for a database connection: more of them, shorter transactions or fewer pins are needed.",
    },
    ClientsRefused: {
      metric: proxyMetric(proxyName, "ClientConnectionsRefused"),
      threshold: 1,
      minutes: 1,
      says: "Clients were refused for the limits on their number or rate.",
    },
    BackendsFailed: {
      metric: proxyMetric(proxyName, "DatabaseConnectionsSetupFailed"),
      threshold: 5,
      says: "Connections to the database could not be opened.",
    },
    Busy: {
      metric: service.metricCpuUtilization({ period: PERIOD }),
      threshold: CPU_ALARM_PERCENT,
      minutes: 10,
      says: "The tasks use nearly all of their processor time, though more of them should have come.",
    },
  };
}

export interface ProxyDashboardProps {
  readonly proxyName: string;
  readonly service: FargateService;
  readonly targetGroup: NetworkTargetGroup;
}

/** One page: clients above, the narrow gate below. */
export class ProxyDashboard extends Construct {
  constructor(
    scope: Construct,
    id: string,
    { proxyName, service, targetGroup }: ProxyDashboardProps,
  ) {
    super(scope, id);
    const own = (...names: string[]) => names.map((name) => proxyMetric(proxyName, name));
    const mean = (...names: string[]) =>
      names.map((name) => proxyMetric(proxyName, name, "Average"));
    new Dashboard(this, "Dashboard", {
      widgets: [
        [
          graph(
            "Clients and database connections",
            own("ClientConnections", "DatabaseConnections", "MaxDatabaseConnectionsAllowed"),
          ),
          graph("Requests a minute", own("QueryRequests")),
          graph(
            "Time to answer (µs)",
            mean("QueryResponseLatency", "QueryResponseLatencyP99", "QueryDatabaseResponseLatency"),
          ),
        ],
        [
          graph(
            "Waiting, pinned, in transaction",
            own(
              "SessionsWaiting",
              "DatabaseConnectionsCurrentlySessionPinned",
              "DatabaseConnectionsCurrentlyInTransaction",
            ),
          ),
          graph(
            "Time to borrow (µs)",
            mean("DatabaseConnectionsBorrowLatency", "DatabaseConnectionsBorrowLatencyP99"),
          ),
          graph(
            "Trouble",
            own(
              "BorrowTimeouts",
              "ClientConnectionsRefused",
              "ClientConnectionsSetupFailedAuth",
              "DatabaseConnectionsSetupFailed",
            ),
          ),
        ],
        [
          graph("Tasks that take sessions", [
            targetGroup.metrics.healthyHostCount(),
            targetGroup.metrics.unHealthyHostCount(),
          ]),
          graph("Processor and memory (%)", [
            service.metricCpuUtilization(),
            service.metricMemoryUtilization(),
          ]),
          graph("Writer available (%)", [availabilityMetric(proxyName)]),
        ],
      ],
    });
  }
}

function graph(title: string, left: IMetric[]): GraphWidget {
  return new GraphWidget({ title, left, width: 8, height: 6 });
}
