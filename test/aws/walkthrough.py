"""The walk-through by boto3: as walkthrough.sh, and with the same variables."""
import datetime
import json
import os
import subprocess
import sys
import time

import boto3

PROXY = os.environ["PROXY"]
CLUSTER = os.environ["DB_CLUSTER"]
HERE = os.path.dirname(os.path.abspath(__file__))

secrets, iam, rds, cloudwatch = (
    # Debian's boto3 is older than AWS_ENDPOINT_URL.
    boto3.client(name, endpoint_url=os.environ["AWS_ENDPOINT_URL"])
    for name in ("secretsmanager", "iam", "rds", "cloudwatch")
)


def wait_for(what, seconds=60):
    deadline = time.monotonic() + seconds
    while True:
        found = what()
        if found:
            return found
        assert time.monotonic() < deadline, f"not in time: {what.__name__}"
        time.sleep(0.2)


def targets():
    return rds.describe_db_proxy_targets(DBProxyName=PROXY)["Targets"]


def writers():
    return [
        each["RdsResourceId"]
        for each in targets()
        if each.get("Role") == "READ_WRITE" and each["TargetHealth"]["State"] == "AVAILABLE"
    ]


def available():
    proxy = rds.describe_db_proxies(DBProxyName=PROXY)["DBProxies"][0]
    return proxy["Status"] == "available" and proxy["Endpoint"]


def client(mode, endpoint, **variables):
    command = ["/usr/bin/python3", os.path.join(HERE, "client.py"), mode, endpoint]
    subprocess.run(command, check=True, env={**os.environ, **variables})


def pool(**config):
    rds.modify_db_proxy_target_group(
        DBProxyName=PROXY, TargetGroupName="default", ConnectionPoolConfig=config
    )


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


secret = secrets.create_secret(
    Name=f"{PROXY}/app",
    SecretString=json.dumps(
        {"username": os.environ["DB_USER"], "password": os.environ["DB_PASSWORD"]}
    ),
)["ARN"]
role = iam.create_role(
    RoleName=f"{PROXY}-role",
    AssumeRolePolicyDocument=policy(
        {"Effect": "Allow", "Principal": {"Service": "rds.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ),
)["Role"]["Arn"]
iam.put_role_policy(
    RoleName=f"{PROXY}-role",
    PolicyName="read",
    PolicyDocument=policy(
        {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": secret}
    ),
)
auth = {"AuthScheme": "SECRETS", "SecretArn": secret, "IAMAuth": "DISABLED"}
made = rds.create_db_proxy(
    DBProxyName=PROXY,
    EngineFamily="MYSQL",
    Auth=[auth],
    RoleArn=role,
    VpcSubnetIds=["subnet-0aaa", "subnet-0bbb", "subnet-0ccc"],
    VpcSecurityGroupIds=["sg-0aaa"],
    RequireTLS=True,
)["DBProxy"]
assert made["Status"] == "creating", made
rds.register_db_proxy_targets(DBProxyName=PROXY, DBClusterIdentifiers=[CLUSTER])
endpoint = wait_for(available)
wait_for(writers)
client("check", endpoint)

pool(MaxConnectionsPercent=1, MaxIdleConnectionsPercent=1, ConnectionBorrowTimeout=1)
client("queue", endpoint)
pool(
    MaxConnectionsPercent=75,
    MaxIdleConnectionsPercent=50,
    ConnectionBorrowTimeout=120,
    SessionPinningFilters=["EXCLUDE_VARIABLE_SETS"],
)

before = writers()
print("before", [(each.get("RdsResourceId"), each.get("Role")) for each in targets()])
rds.failover_db_cluster(DBClusterIdentifier=CLUSTER)
print("during", [(each.get("RdsResourceId"), each.get("TargetHealth")) for each in targets()])


def other_writer():
    now = writers()
    return now != before and now


print("after", wait_for(other_writer))
client("check", endpoint)

now = datetime.datetime.utcnow()
points = cloudwatch.get_metric_statistics(
    Namespace="AWS/RDS",
    MetricName="ClientConnectionsReceived",
    Dimensions=[{"Name": "ProxyName", "Value": PROXY}],
    StartTime=now - datetime.timedelta(minutes=10),
    EndTime=now + datetime.timedelta(minutes=1),
    Period=3600,
    Statistics=["Sum"],
)["Datapoints"]
received = sum(each["Sum"] for each in points)
print("ClientConnectionsReceived", received)
assert received == 4, received

token = rds.generate_db_auth_token(endpoint, 3306, os.environ["DB_USER"])
rds.modify_db_proxy(DBProxyName=PROXY, Auth=[{**auth, "IAMAuth": "REQUIRED"}])
wait_for(available)
client("check", endpoint, DB_PASSWORD=token)

try:
    rds.create_db_proxy(
        DBProxyName=PROXY, EngineFamily="MYSQL", Auth=[auth], RoleArn=role, VpcSubnetIds=["subnet-0a", "subnet-0b"]
    )
except rds.exceptions.DBProxyAlreadyExistsFault as error:
    print(error)
else:
    sys.exit("a second proxy of the same name was made")
rds.delete_db_proxy(DBProxyName=PROXY)
