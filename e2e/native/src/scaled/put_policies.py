"""Puts scaling policies with the official client, and prints what it is told of them.

Arguments: the endpoint, a resource, the policies' documents (JSON)."""
import json
import sys

import boto3

endpoint, resource, policies = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
client = boto3.client(
    "application-autoscaling", endpoint_url=endpoint, region_name="us-east-1",
    aws_access_key_id="any", aws_secret_access_key="any")
of = {"ServiceNamespace": "ecs", "ResourceId": resource, "ScalableDimension": "ecs:service:DesiredCount"}
for policy in policies:
    client.put_scaling_policy(**of, **policy)
told = client.describe_scaling_policies(ServiceNamespace="ecs", ResourceId=resource)["ScalingPolicies"]
print(json.dumps(sorted((policy["PolicyName"], policy["PolicyARN"]) for policy in told)))
