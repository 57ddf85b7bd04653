import type * as sdk from "@aws-sdk/client-rds";
import { AwsFault } from "../protocol/fault.ts";
import type { Handler } from "../service.ts";
import { FAULTS } from "./faults.ts";
import type { Fleet } from "./fleet.ts";

type Tags = readonly { readonly Key: string; readonly Value: string }[];

export function tagHandlers(fleet: Fleet): Record<string, Handler> {
  return {
    AddTagsToResource: (input: sdk.AddTagsToResourceMessage): void => {
      const arn = requireResource(fleet, input.ResourceName!);
      fleet.setTags(arn, merged(fleet.tags.get(arn) ?? [], tagsOf(input.Tags)));
    },
    RemoveTagsFromResource: (input: sdk.RemoveTagsFromResourceMessage): void => {
      const arn = requireResource(fleet, input.ResourceName!);
      const tags = fleet.tags.get(arn) ?? [];
      fleet.setTags(
        arn,
        tags.filter(({ Key }) => !input.TagKeys!.includes(Key)),
      );
    },
    ListTagsForResource: (input: sdk.ListTagsForResourceMessage): sdk.TagListMessage => ({
      TagList: [...(fleet.tags.get(requireResource(fleet, input.ResourceName!)) ?? [])],
    }),
  };
}

export function tagsOf(given: readonly sdk.Tag[] | undefined): Tags {
  return merged(
    [],
    (given ?? []).map(({ Key = "", Value = "" }) => ({ Key, Value })),
  );
}

function merged(tags: Tags, more: Tags): Tags {
  return [...new Map([...tags, ...more].map((tag) => [tag.Key, tag])).values()];
}

/** Tags are for what there is. */
function requireResource(fleet: Fleet, arn: string): string {
  const { arns } = fleet;
  const is = <T>(all: Iterable<T>, arnOf: (one: T) => string): boolean =>
    [...all].some((one) => arnOf(one) === arn);
  const kind = arn.split(":")[5];
  const { proxies, endpoints, clusters, instances } = fleet;
  if (kind === "db-proxy" && !is(proxies.values(), (one) => arns.proxy(one)))
    throw FAULTS.proxyNotFound(arn);
  if (kind === "target-group" && !is(proxies.values(), (one) => arns.targetGroup(one)))
    throw FAULTS.groupNotFound(arn);
  if (kind === "db-proxy-endpoint" && !is(endpoints.values(), (one) => arns.endpoint(one)))
    throw FAULTS.endpointNotFound(arn);
  if (kind === "cluster" && !is(clusters.values(), (one) => arns.cluster(one)))
    throw FAULTS.clusterNotFound(arn);
  if (kind === "db" && !is(instances.values(), (one) => arns.instance(one)))
    throw FAULTS.instanceNotFound(arn);
  if (!["db-proxy", "target-group", "db-proxy-endpoint", "cluster", "db"].includes(kind ?? ""))
    throw new AwsFault("InvalidParameterValue", `Invalid resource name: ${arn}`);
  return arn;
}
