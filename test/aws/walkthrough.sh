#!/bin/bash
# The walk-through by the AWS command line. DB_CLUSTER, DB_USER, DB_PASSWORD, DB_NAME and DB_CA say what it goes through;
# the usual AWS variables lead to the endpoint. PROXY names what is made.
set -euo pipefail
here=$(dirname "$0")

# Debian's command line is older than AWS_ENDPOINT_URL.
aws() { command aws --endpoint-url "$AWS_ENDPOINT_URL" "$@"; }
wait_for() { # seconds, then what must print something
  local deadline=$((SECONDS + $1)); shift
  until [ -n "$("$@")" ]; do
    [ $SECONDS -lt $deadline ] || { echo "not in time: $*" >&2; exit 1; }
    sleep 0.2
  done
}
writers() {
  aws rds describe-db-proxy-targets --db-proxy-name "$PROXY" --output text \
    --query "Targets[?Role=='READ_WRITE' && TargetHealth.State=='AVAILABLE'].RdsResourceId"
}
available() {
  aws rds describe-db-proxies --db-proxy-name "$PROXY" --output text \
    --query "DBProxies[?Status=='available'].Endpoint"
}
other_writer() { [ "$(writers)" = "$before" ] || writers; }

SECRET=$(aws secretsmanager create-secret --name "$PROXY/app" --query ARN --output text --secret-string \
  "{\"username\":\"$DB_USER\",\"password\":\"$DB_PASSWORD\",\"engine\":\"mysql\",\"dbClusterIdentifier\":\"$DB_CLUSTER\"}")
aws iam create-role --role-name "$PROXY-role" --query Role.Arn --output text --assume-role-policy-document \
  '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"rds.amazonaws.com"},"Action":"sts:AssumeRole"}]}'
aws iam put-role-policy --role-name "$PROXY-role" --policy-name read --policy-document \
  "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"secretsmanager:GetSecretValue\",\"Resource\":\"$SECRET\"},{\"Effect\":\"Allow\",\"Action\":\"kms:Decrypt\",\"Resource\":\"*\",\"Condition\":{\"StringEquals\":{\"kms:ViaService\":\"secretsmanager.us-east-1.amazonaws.com\"}}}]}"
ROLE=$(aws iam get-role --role-name "$PROXY-role" --query Role.Arn --output text)
aws rds create-db-proxy --db-proxy-name "$PROXY" --engine-family MYSQL \
  --auth "AuthScheme=SECRETS,SecretArn=$SECRET,IAMAuth=DISABLED" --role-arn "$ROLE" \
  --vpc-subnet-ids subnet-0aaa subnet-0bbb subnet-0ccc --vpc-security-group-ids sg-0aaa --require-tls
aws rds register-db-proxy-targets --db-proxy-name "$PROXY" --db-cluster-identifiers "$DB_CLUSTER" --output text
wait_for 30 available
wait_for 30 writers
aws rds describe-db-proxies --db-proxy-name "$PROXY" --query 'DBProxies[0].[Status,Endpoint,EngineFamily]' --output table
ENDPOINT=$(available)
/usr/bin/python3 "$here/client.py" check "$ENDPOINT"

aws rds modify-db-proxy-target-group --db-proxy-name "$PROXY" --target-group-name default --connection-pool-config \
  MaxConnectionsPercent=1,MaxIdleConnectionsPercent=1,ConnectionBorrowTimeout=1,SessionPinningFilters=EXCLUDE_VARIABLE_SETS
/usr/bin/python3 "$here/client.py" queue "$ENDPOINT"
aws rds modify-db-proxy-target-group --db-proxy-name "$PROXY" --target-group-name default --connection-pool-config \
  MaxConnectionsPercent=75,MaxIdleConnectionsPercent=50,ConnectionBorrowTimeout=120,SessionPinningFilters=EXCLUDE_VARIABLE_SETS
aws rds describe-db-proxy-target-groups --db-proxy-name "$PROXY" --query 'TargetGroups[0].ConnectionPoolConfig'

before=$(writers)
aws rds failover-db-cluster --db-cluster-identifier "$DB_CLUSTER" --query DBCluster.Status --output text
aws rds describe-db-proxy-targets --db-proxy-name "$PROXY" --output table
wait_for 60 other_writer
aws rds describe-db-proxy-targets --db-proxy-name "$PROXY" --output table
/usr/bin/python3 "$here/client.py" check "$ENDPOINT"

SUM=$(aws cloudwatch get-metric-statistics --namespace AWS/RDS --metric-name ClientConnectionsReceived \
  --dimensions "Name=ProxyName,Value=$PROXY" --period 3600 --statistics Sum --query 'sum(Datapoints[].Sum)' \
  --start-time "$(date -u -d '10 minutes ago' +%FT%TZ)" --end-time "$(date -u -d '1 minute' +%FT%TZ)")
echo "ClientConnectionsReceived $SUM"
[ "$SUM" = 4.0 ] || { echo "four clients have connected, not $SUM" >&2; exit 1; }

TOKEN=$(aws rds generate-db-auth-token --hostname "$ENDPOINT" --port 3306 --username "$DB_USER" --region us-east-1)
aws rds modify-db-proxy --db-proxy-name "$PROXY" --auth "AuthScheme=SECRETS,SecretArn=$SECRET,IAMAuth=REQUIRED" \
  --query DBProxy.Status --output text
wait_for 30 available
DB_PASSWORD=$TOKEN /usr/bin/python3 "$here/client.py" check "$ENDPOINT"
aws logs filter-log-events --log-group-name "/aws/rds/proxy/$PROXY" --limit 5 --query 'events[].message'
aws rds delete-db-proxy --db-proxy-name "$PROXY" --query DBProxy.Status --output text
