#!/usr/bin/env python3
"""Drives the front with boto3 and the aws command line; run by tests/wire/clients.rs.

Every answer that boto3 receives is held against the official model as well (as
shared/tools/wirecheck.py does): unknown members, missing ones, wrong types, values outside an enum.
"""
import datetime
import json
import pathlib
import subprocess
import sys
import tempfile
import threading
import time

import boto3
import botocore.exceptions
from botocore.config import Config

PART, ENDPOINT = sys.argv[1], sys.argv[2]
FAULTS = []


def hold(value, shape, path):
    """Collects what the model does not allow in a JSON answer."""
    kind = shape.type_name
    types = {"string": str, "integer": int, "long": int, "boolean": bool, "structure": dict, "list": list, "map": dict,
             "blob": str, "timestamp": (int, float), "double": (int, float), "float": (int, float)}
    if not isinstance(value, types[kind]) or (isinstance(value, bool) and kind != "boolean"):
        FAULTS.append(f"{path}: {kind} expected, got {value!r}")
    elif kind == "structure":
        FAULTS.extend(f"{path}.{n}: missing" for n in shape.required_members if n not in value)
        for name, inner in value.items():
            if name in shape.members:
                hold(inner, shape.members[name], f"{path}.{name}")
            else:
                FAULTS.append(f"{path}.{name}: not in the model")
    elif kind == "list":
        for inner in value:
            hold(inner, shape.member, f"{path}[]")
    elif kind == "map":
        for inner in value.values():
            hold(inner, shape.value, f"{path}{{}}")
    elif kind == "string" and shape.enum and value not in shape.enum:
        FAULTS.append(f"{path}: {value!r} is not in the enum")


def seen(operation_model, response_dict, **_):
    if response_dict["status_code"] < 300 and operation_model.service_model.resolved_protocol == "json":
        if operation_model.output_shape is not None and not operation_model.has_event_stream_output:
            hold(json.loads(response_dict["body"]), operation_model.output_shape, operation_model.name)


SESSION = boto3.Session()
SESSION.events.register("before-parse.*", seen)


def client(name, **kw):
    return SESSION.client(name, endpoint_url=ENDPOINT, config=Config(retries={"max_attempts": 0}), **kw)


def aws(*args):
    done = subprocess.run(["aws", *args], capture_output=True, text=True)
    assert done.returncode == 0, (args, done.stderr)
    return done.stdout


def refused(code, call, **kw):
    try:
        call(**kw)
    except botocore.exceptions.ClientError as e:
        assert code in (None, e.response["Error"]["Code"]), e
        return e
    raise AssertionError(f"{code} expected, and it was accepted: {kw}")


def secretsmanager():
    sm = client("secretsmanager")
    made = sm.create_secret(Name="app/staging", SecretString='{"KEY":"one"}', Description="d", Tags=[{"Key": "a", "Value": "b"}])
    arn = made["ARN"]
    assert arn.startswith("arn:aws:secretsmanager:eu-west-1:123456789012:secret:app/staging-"), arn
    got = sm.get_secret_value(SecretId="app/staging")
    assert json.loads(got["SecretString"]) == {"KEY": "one"} and got["VersionStages"] == ["AWSCURRENT"]
    put = sm.put_secret_value(SecretId=arn, SecretBinary=b"\x00\xff")
    assert put["VersionStages"] == ["AWSCURRENT"]
    assert sm.get_secret_value(SecretId=arn)["SecretBinary"] == b"\x00\xff"
    assert sm.get_secret_value(SecretId=arn, VersionStage="AWSPREVIOUS")["VersionId"] == got["VersionId"]
    sm.update_secret(SecretId=arn, Description="new", SecretString="three")
    told = sm.describe_secret(SecretId=arn)
    assert told["Description"] == "new" and told["Tags"] == [{"Key": "a", "Value": "b"}]
    assert sorted(sum(told["VersionIdsToStages"].values(), [])) == ["AWSCURRENT", "AWSPREVIOUS"]
    assert abs(time.time() - told["CreatedDate"].timestamp()) < 60
    current = sm.get_secret_value(SecretId=arn)["VersionId"]
    sm.update_secret_version_stage(SecretId=arn, VersionStage="blue", MoveToVersionId=current)
    assert len(sm.list_secret_version_ids(SecretId=arn, IncludeDeprecated=True)["Versions"]) == 3
    sm.tag_resource(SecretId=arn, Tags=[{"Key": "c", "Value": "d"}])
    sm.untag_resource(SecretId=arn, TagKeys=["a"])
    assert sm.describe_secret(SecretId=arn)["Tags"] == [{"Key": "c", "Value": "d"}]
    for n in range(7):
        sm.create_secret(Name=f"page/{n}", SecretString=str(n))
    pages = sm.get_paginator("list_secrets").paginate(
        Filters=[{"Key": "name", "Values": ["page/"]}], PaginationConfig={"PageSize": 3})
    assert sorted(s["Name"] for p in pages for s in p["SecretList"]) == [f"page/{n}" for n in range(7)]
    batch = sm.batch_get_secret_value(SecretIdList=["page/1", "nope"])
    assert [v["SecretString"] for v in batch["SecretValues"]] == ["1"]
    assert [e["ErrorCode"] for e in batch["Errors"]] == ["ResourceNotFoundException"]
    sm.put_resource_policy(SecretId=arn, ResourcePolicy='{"Version":"2012-10-17","Statement":[]}')
    assert json.loads(sm.get_resource_policy(SecretId=arn)["ResourcePolicy"])["Statement"] == []
    sm.delete_resource_policy(SecretId=arn)
    assert "ResourcePolicy" not in sm.get_resource_policy(SecretId=arn)
    assert len(sm.get_random_password(PasswordLength=40)["RandomPassword"]) == 40
    sm.delete_secret(SecretId="page/2")
    refused("InvalidRequestException", sm.get_secret_value, SecretId="page/2")
    assert "DeletedDate" in sm.describe_secret(SecretId="page/2")
    sm.restore_secret(SecretId="page/2")
    sm.delete_secret(SecretId="page/2", ForceDeleteWithoutRecovery=True)
    sm.delete_secret(SecretId="page/2", ForceDeleteWithoutRecovery=True)
    e = refused("ResourceNotFoundException", sm.get_secret_value, SecretId="page/2")
    assert e.response["Error"]["Message"] == "Secrets Manager can't find the specified secret."
    refused("ResourceExistsException", sm.create_secret, Name="page/1", SecretString="other")
    refused("MalformedPolicyDocumentException", sm.put_resource_policy, SecretId=arn, ResourcePolicy="{")
    e = refused("InvalidParameterException", sm.create_secret, Name="x", AddReplicaRegions=[{"Region": "eu-west-2"}])
    assert "AddReplicaRegions" in str(e)
    assert aws("secretsmanager", "get-secret-value", "--secret-id", "page/1", "--query", "SecretString", "--output", "text") == "1\n"


def ssm():
    ps = client("ssm")
    put = ps.put_parameter(Name="/app/dev/url", Value="one", Type="String", Description="d", Tags=[{"Key": "a", "Value": "b"}])
    assert (put["Version"], put["Tier"]) == (1, "Standard"), put
    e = refused("ParameterAlreadyExists", ps.put_parameter, Name="/app/dev/url", Value="x", Type="String")
    assert e.response["Error"]["Message"].endswith("set the overwrite option in the request to true."), e
    assert ps.put_parameter(Name="/app/dev/url", Value="two", Overwrite=True)["Version"] == 2
    got = ps.get_parameter(Name="/app/dev/url")["Parameter"]
    assert (got["Value"], got["Version"], got["Type"], got["DataType"]) == ("two", 2, "String", "text"), got
    assert got["ARN"] == "arn:aws:ssm:eu-west-1:123456789012:parameter/app/dev/url", got
    assert abs(time.time() - got["LastModifiedDate"].timestamp()) < 60
    assert ps.get_parameter(Name=got["ARN"])["Parameter"]["Value"] == "two"
    old = ps.get_parameter(Name="/app/dev/url:1")["Parameter"]
    assert (old["Value"], old["Selector"]) == ("one", ":1"), old
    assert ps.label_parameter_version(Name="/app/dev/url", ParameterVersion=1, Labels=["live", "1st"]) \
        ["InvalidLabels"] == ["1st"]
    assert ps.get_parameter(Name="/app/dev/url:live")["Parameter"]["Value"] == "one"
    ps.put_parameter(Name="/app/dev/key", Value="s3cret", Type="SecureString")
    sealed = ps.get_parameter(Name="/app/dev/key")["Parameter"]["Value"]
    assert "s3cret" not in sealed
    assert ps.get_parameter(Name="/app/dev/key", WithDecryption=True)["Parameter"]["Value"] == "s3cret"
    many = ps.get_parameters(Names=["/app/dev/key", "/nope", "/app/dev/url"], WithDecryption=True)
    assert [p["Value"] for p in many["Parameters"]] == ["s3cret", "two"] and many["InvalidParameters"] == ["/nope"], many
    history = ps.get_parameter_history(Name="/app/dev/url")["Parameters"]
    assert [(h["Version"], h["Value"], h["Labels"]) for h in history] == [(1, "one", ["live"]), (2, "two", [])], history
    assert history[1]["Description"] == "d", history
    for n in range(23):
        ps.put_parameter(Name=f"/page/deep/{n:02}", Value=str(n), Type="String")
    pages = ps.get_paginator("get_parameters_by_path").paginate(Path="/page", Recursive=True)
    assert [p["Value"] for page in pages for p in page["Parameters"]] == [str(n) for n in range(23)]
    assert ps.get_parameters_by_path(Path="/page")["Parameters"] == []
    pages = ps.get_paginator("describe_parameters").paginate(
        ParameterFilters=[{"Key": "Path", "Option": "Recursive", "Values": ["/page"]}], PaginationConfig={"PageSize": 10})
    assert len([p["Name"] for page in pages for p in page["Parameters"]]) == 23
    secure = ps.describe_parameters(Filters=[{"Key": "Type", "Values": ["SecureString"]}])["Parameters"]
    assert [(p["Name"], p["KeyId"]) for p in secure] == [("/app/dev/key", "alias/aws/ssm")], secure
    tagged = {"ResourceType": "Parameter", "ResourceId": "/app/dev/url"}
    ps.add_tags_to_resource(Tags=[{"Key": "c", "Value": "d"}], **tagged)
    ps.remove_tags_from_resource(TagKeys=["a"], **tagged)
    assert ps.list_tags_for_resource(**tagged)["TagList"] == [{"Key": "c", "Value": "d"}]
    refused("InvalidResourceId", ps.list_tags_for_resource, ResourceType="Parameter", ResourceId="/nope")
    assert ps.unlabel_parameter_version(Name="/app/dev/url", ParameterVersion=1, Labels=["live"])["RemovedLabels"] == ["live"]
    refused("ParameterVersionNotFound", ps.get_parameter, Name="/app/dev/url:live")
    refused("ParameterNotFound", ps.get_parameter, Name="/nope")
    refused("ParameterNotFound", ps.delete_parameter, Name="/nope")
    refused("ValidationException", ps.put_parameter, Name="no/slash", Value="x", Type="String")
    refused("ValidationException", ps.put_parameter, Name="/untyped", Value="x")
    e = refused("ValidationException", ps.put_parameter, Name="/p", Value="x", Type="String", Policies='[{"Type":"Expiration"}]')
    assert "Policies is not supported" in str(e), e
    refused("HierarchyLevelLimitExceededException", ps.put_parameter, Name="/l" * 16, Value="x", Type="String")
    refused("InvalidNextToken", ps.describe_parameters, NextToken="?")
    refused("NotImplementedException", ps.send_command, DocumentName="AWS-RunShellScript")

    sm = client("secretsmanager")
    sm.create_secret(Name="app/db", SecretString="hush")
    by_name = ps.get_parameter(Name="/aws/reference/secretsmanager/app/db", WithDecryption=True)["Parameter"]
    assert (by_name["Value"], by_name["Version"]) == ("hush", 0) and "hush" in by_name["SourceResult"], by_name
    content = json.dumps({"schemaVersion": "2.2", "description": "d", "mainSteps": []})
    made = ps.create_document(Name="doc", Content=content, DocumentType="Command", Tags=[{"Key": "a", "Value": "b"}])
    assert made["DocumentDescription"]["SchemaVersion"] == "2.2", made
    ps.update_document(Name="doc", Content=content.replace('"d"', '"e"'), DocumentVersion="$LATEST")
    ps.update_document_default_version(Name="doc", DocumentVersion="2")
    assert ps.describe_document(Name="doc")["Document"]["Description"] == "e"
    assert json.loads(ps.get_document(Name="doc", DocumentVersion="1")["Content"])["description"] == "d"
    assert len(ps.list_document_versions(Name="doc")["DocumentVersions"]) == 2
    assert ps.describe_document_permission(Name="doc", PermissionType="Share")["AccountIds"] == []
    assert ps.list_tags_for_resource(ResourceType="Document", ResourceId="doc")["TagList"] == [{"Key": "a", "Value": "b"}]
    refused("InvalidResourceType", ps.list_tags_for_resource, ResourceType="MaintenanceWindow", ResourceId="mw-1")
    assert [d["Name"] for d in ps.list_documents(Filters=[{"Key": "Owner", "Values": ["Self"]}])["DocumentIdentifiers"]] == ["doc"]
    ps.delete_document(Name="doc")
    refused("InvalidDocument", ps.get_document, Name="doc")

    refused("TargetNotConnected", ps.start_session, Target="ecs:main_x_x-1")
    refused("InvalidDocument", ps.start_session, Target="ecs:main_x_x-1", DocumentName="AWS-Nope")
    refused("DoesNotExistException", ps.resume_session, SessionId="nobody")
    assert ps.terminate_session(SessionId="nobody")["SessionId"] == "nobody"
    assert ps.get_connection_status(Target="i-1")["Status"] == "notconnected"
    assert ps.describe_sessions(State="Active", Filters=[{"key": "Target", "value": "x"}])["Sessions"] == []
    gone = ps.delete_parameters(Names=["/app/dev/url", "/nope"])
    assert (gone["DeletedParameters"], gone["InvalidParameters"]) == (["/app/dev/url"], ["/nope"]), gone
    ps.delete_parameter(Name="/app/dev/key")
    aws("ssm", "put-parameter", "--name", "cli", "--value", "typed", "--type", "SecureString")
    read = ["ssm", "get-parameter", "--name", "cli", "--with-decryption", "--query", "Parameter.Value", "--output", "text"]
    assert aws(*read) == "typed\n"


def logs():
    lg, now = client("logs"), int(time.time() * 1000)
    lg.create_log_group(logGroupName="/ecs/app", tags={"a": "b"})
    lg.create_log_stream(logGroupName="/ecs/app", logStreamName="web/1")
    sent = [{"timestamp": now + n, "message": f"line {n}"} for n in range(25)]
    assert "rejectedLogEventsInfo" not in lg.put_log_events(logGroupName="/ecs/app", logStreamName="web/1", logEvents=sent)
    late = lg.put_log_events(logGroupName="/ecs/app", logStreamName="web/1", sequenceToken="ignored",
                             logEvents=[{"timestamp": now + 3 * 3600000, "message": "ahead"}])
    assert late["rejectedLogEventsInfo"] == {"tooNewLogEventStartIndex": 0}
    read, token = [], None
    while True:
        page = lg.get_log_events(logGroupName="/ecs/app", logStreamName="web/1", startFromHead=True, limit=10,
                                 **({"nextToken": token} if token else {}))
        read += [e["message"] for e in page["events"]]
        if page["nextForwardToken"] == token:
            break
        token = page["nextForwardToken"]
    assert read == [f"line {n}" for n in range(25)], read
    pages = lg.get_paginator("filter_log_events").paginate(
        logGroupName="/ecs/app", filterPattern='"line 1"', PaginationConfig={"PageSize": 4})
    assert [e["message"] for p in pages for e in p["events"]] == ["line 1"] + [f"line 1{n}" for n in range(10)]
    streams = lg.describe_log_streams(logGroupName="/ecs/app", orderBy="LastEventTime", descending=True)["logStreams"]
    assert streams[0]["lastEventTimestamp"] == now + 24 and streams[0]["firstEventTimestamp"] == now
    lg.put_retention_policy(logGroupName="/ecs/app", retentionInDays=14)
    group = lg.describe_log_groups(logGroupNamePrefix="/ecs/")["logGroups"][0]
    assert group["retentionInDays"] == 14 and group["arn"].endswith(":log-group:/ecs/app:*")
    lg.delete_retention_policy(logGroupName="/ecs/app")
    lg.tag_resource(resourceArn=group["logGroupArn"], tags={"c": "d"})
    lg.untag_resource(resourceArn=group["logGroupArn"], tagKeys=["a"])
    assert lg.list_tags_for_resource(resourceArn=group["logGroupArn"])["tags"] == {"c": "d"}
    lg.tag_log_group(logGroupName="/ecs/app", tags={"e": "f"})
    assert lg.list_tags_log_group(logGroupName="/ecs/app")["tags"] == {"c": "d", "e": "f"}
    assert len(lg.get_log_events(logGroupIdentifier=group["logGroupArn"], logStreamName="web/1")["events"]) == 25
    refused("ResourceAlreadyExistsException", lg.create_log_group, logGroupName="/ecs/app")
    e = refused("ResourceNotFoundException", lg.get_log_events, logGroupName="/nope", logStreamName="x")
    assert e.response["Error"]["Message"] == "The specified log group does not exist."
    refused("NotImplementedException", lg.create_export_task, logGroupName="/ecs/app", fromTime=0, to=1, destination="x")
    query = lg.start_query(logGroupName="/ecs/app", startTime=now // 1000, endTime=now // 1000 + 1,
                           queryString="parse @message 'line *' as n | filter n > 9 | stats count(*) as c, sum(n) as s")
    while (answer := lg.get_query_results(queryId=query["queryId"]))["status"] in ("Scheduled", "Running"):
        pass
    # 10 to 24: fifteen numbers, whose sum is 255.
    assert answer["status"] == "Complete", answer
    assert answer["results"] == [[{"field": "c", "value": "15"}, {"field": "s", "value": "255"}]], answer
    assert answer["statistics"]["recordsScanned"] == 25.0 and answer["statistics"]["recordsMatched"] == 15.0, answer
    lg.put_metric_filter(logGroupName="/ecs/app", filterName="f", filterPattern="[word, number > 9]",
                         metricTransformations=[{"metricName": "m", "metricNamespace": "n", "metricValue": "$number"}])
    assert lg.describe_metric_filters(logGroupName="/ecs/app")["metricFilters"][0]["filterName"] == "f"
    matches = lg.test_metric_filter(filterPattern="[word, number > 9]", logEventMessages=["line 9", "line 10"])["matches"]
    assert [m["extractedValues"]["$number"] for m in matches] == ["10"], matches
    lg.delete_metric_filter(logGroupName="/ecs/app", filterName="f")
    told = refused("InvalidParameterException", lg.put_subscription_filter, logGroupName="/ecs/app", filterName="f",
                   filterPattern="", destinationArn="arn:aws:lambda:eu-west-1:123456789012:function:x")
    assert "Could not execute the lambda function" in told.response["Error"]["Message"]
    assert lg.describe_subscription_filters(logGroupName="/ecs/app")["subscriptionFilters"] == []
    policy = json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "es.amazonaws.com"}, "Action": "logs:*", "Resource": "*"}]})
    lg.put_resource_policy(policyName="p", policyDocument=policy)
    assert lg.describe_resource_policies()["resourcePolicies"][0]["policyDocument"] == policy
    lg.delete_resource_policy(policyName="p")
    kept = lg.put_query_definition(name="n", queryString="limit 1", logGroupNames=["/ecs/app"])["queryDefinitionId"]
    assert lg.describe_query_definitions()["queryDefinitions"][0]["queryDefinitionId"] == kept
    assert lg.delete_query_definition(queryDefinitionId=kept)["success"]
    assert lg.describe_queries(logGroupName="/ecs/app")["queries"][0]["status"] == "Complete"
    refused("MalformedQueryException", lg.start_query, logGroupName="/ecs/app", startTime=0, endTime=1, queryString="x")
    lg.associate_kms_key(logGroupName="/ecs/app", kmsKeyId="arn:aws:kms:eu-west-1:123456789012:key/x")
    lg.disassociate_kms_key(logGroupName="/ecs/app")
    told = aws("logs", "filter-log-events", "--log-group-name", "/ecs/app", "--query", "length(events)", "--output", "text")
    assert told.split() == ["25"], told
    lg.delete_log_stream(logGroupName="/ecs/app", logStreamName="web/1")
    lg.delete_log_group(logGroupName="/ecs/app")
    assert lg.describe_log_groups()["logGroups"] == []


def ecr():
    e = client("ecr")
    e.create_repository(repositoryName="app", encryptionConfiguration={"encryptionType": "KMS"},
                        imageScanningConfiguration={"scanOnPush": True}, tags=[{"Key": "a", "Value": "b"}])
    named = e.describe_repositories(repositoryNames=["app"])["repositories"][0]["encryptionConfiguration"]["kmsKey"]
    k = client("kms")
    key = k.describe_key(KeyId=named)["KeyMetadata"]
    assert (key["Arn"], key["KeyManager"]) == (named, "AWS"), key
    assert k.describe_key(KeyId="alias/aws/ecr")["KeyMetadata"]["Arn"] == named
    index = '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[],"annotations":{"n":"%d"}}'
    for n in range(3):
        e.put_image(repositoryName="app", imageManifest=index % n, imageTag=f"v{n}")
        time.sleep(0.002)  # the next one is younger
    untyped = '{"schemaVersion":2,"manifests":[]}'
    refused("InvalidParameterException", e.put_image, repositoryName="app", imageManifest=untyped)
    policy = json.dumps({"rules": [{"rulePriority": 1, "description": "keep one", "selection": {
        "tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1}, "action": {"type": "expire"}}]})
    e.start_lifecycle_policy_preview(repositoryName="app", lifecyclePolicyText=policy)
    e.get_waiter("lifecycle_policy_preview_complete").wait(repositoryName="app")
    preview = e.get_lifecycle_policy_preview(repositoryName="app")
    assert [r["imageTags"] for r in preview["previewResults"]] == [["v0"], ["v1"]], preview
    e.put_lifecycle_policy(repositoryName="app", lifecyclePolicyText=policy)
    assert e.get_lifecycle_policy(repositoryName="app")["lastEvaluatedAt"].timestamp() == 0
    found = e.describe_image_scan_findings(repositoryName="app", imageId={"imageTag": "v2"})
    assert found["imageScanStatus"]["status"] == "FAILED" and "imageScanFindings" not in found, found
    assert len(e.describe_images(repositoryName="app")["imageDetails"]) == 3
    e.start_image_scan(repositoryName="app", imageId={"imageTag": "v1"})
    statement = {"Effect": "Allow", "Principal": "*", "Action": "ecr:*"}
    document = lambda **changed: json.dumps({"Version": "2012-10-17", "Statement": [statement | changed]})
    e.set_repository_policy(repositoryName="app", policyText=document())
    told = refused("InvalidParameterException", e.set_repository_policy, repositoryName="app", policyText=document(Action=[]))
    assert "Invalid repository policy provided" in told.response["Error"]["Message"]
    e.put_registry_policy(policyText=document())
    e.get_registry_policy(), e.delete_registry_policy()
    e.put_registry_scanning_configuration(scanType="BASIC", rules=[{"scanFrequency": "SCAN_ON_PUSH", "repositoryFilters": [
        {"filter": "a*", "filterType": "WILDCARD"}]}])
    e.get_registry_scanning_configuration(), e.batch_get_repository_scanning_configuration(repositoryNames=["app", "no"])
    rules = [{"destinations": [{"region": "eu-west-2", "registryId": "123456789012"}]}]
    e.put_replication_configuration(replicationConfiguration={"rules": rules})
    assert e.describe_registry()["replicationConfiguration"]["rules"] == rules
    e.create_pull_through_cache_rule(ecrRepositoryPrefix="hub", upstreamRegistryUrl="registry-1.docker.io")
    arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:ecr-pullthroughcache/hub"
    e.update_pull_through_cache_rule(ecrRepositoryPrefix="hub", credentialArn=arn)
    assert e.describe_pull_through_cache_rules()["pullThroughCacheRules"][0]["credentialArn"] == arn
    e.delete_pull_through_cache_rule(ecrRepositoryPrefix="hub")
    e.delete_repository(repositoryName="app", force=True)


def live_tail():
    lg, now = client("logs"), int(time.time() * 1000)
    plain = SESSION.client("logs", endpoint_url=ENDPOINT, config=Config(inject_host_prefix=False))
    lg.create_log_group(logGroupName="g")
    lg.create_log_stream(logGroupName="g", logStreamName="s")
    arn = lg.describe_log_groups()["logGroups"][0]["logGroupArn"]
    stream = plain.start_live_tail(logGroupIdentifiers=[arn], logEventFilterPattern="ERROR")["responseStream"]
    events = iter(stream)
    assert next(events)["sessionStart"]["logGroupIdentifiers"] == [arn]
    sent = [{"timestamp": now, "message": m} for m in ("an ERROR", "fine")]
    lg.put_log_events(logGroupName="g", logStreamName="s", logEvents=sent)
    for event in events:
        if results := event["sessionUpdate"]["sessionResults"]:
            assert [r["message"] for r in results] == ["an ERROR"], results
            assert results[0]["logGroupIdentifier"].endswith(":g") and results[0]["timestamp"] == now, results
            break
    stream.close()


def tail(lg, group, wake, done, out):
    """What `aws logs tail --follow` (command line, version 2) does: interleaved pages to the end, then
    again from the newest timestamp, without the identifiers seen at it. It sleeps; this is woken."""
    kwargs, ids = {"logGroupName": group, "interleaved": True}, {}
    while not done.is_set():
        page = lg.filter_log_events(**kwargs)
        for event in page["events"]:
            if event["eventId"] not in ids.setdefault(event["timestamp"], set()):
                ids[event["timestamp"]].add(event["eventId"])
                out.append(event["message"])
        if ids:
            ids = {max(ids): ids[max(ids)]}
        if "nextToken" in page:
            kwargs["nextToken"] = page["nextToken"]
            continue
        kwargs.pop("nextToken", None)
        if ids:
            kwargs["startTime"] = max(ids)
        wake.acquire()


def follow():
    lg, now = client("logs"), int(time.time() * 1000)
    lg.create_log_group(logGroupName="g")
    for stream in ("a", "b"):
        lg.create_log_stream(logGroupName="g", logStreamName=stream)
    out, wake, done, sent = [], threading.Semaphore(0), threading.Event(), []
    follower = threading.Thread(target=tail, args=(client("logs"), "g", wake, done, out))
    follower.start()
    for round in range(20):
        for stream in ("a", "b"):
            events = [{"timestamp": now + round // 3, "message": f"{stream} {round} {n}"} for n in range(100)]
            lg.put_log_events(logGroupName="g", logStreamName=stream, logEvents=events)
            sent += [e["message"] for e in events]
            wake.release()
    until = time.time() + 30
    while len(out) < len(sent) and time.time() < until:
        wake.release()
        time.sleep(0.01)
    done.set()
    wake.release()
    follower.join()
    assert sorted(out) == sorted(sent), (len(out), len(sent))


def iam():
    """What Terraform's provider asks for each of its resources, and what people ask besides."""
    iam = client("iam")
    trust = json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}]})
    allow = json.dumps({"Version": "2012-10-17", "Statement": [
        {"Sid": "Read", "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": "arn:aws:s3:::b/*"}]})
    role = iam.create_role(RoleName="app", Path="/web/", AssumeRolePolicyDocument=trust, Description="of the app",
                           MaxSessionDuration=7200, Tags=[{"Key": "env", "Value": "test"}])["Role"]
    assert role["Arn"] == "arn:aws:iam::123456789012:role/web/app" and role["MaxSessionDuration"] == 7200, role
    got = iam.get_role(RoleName="app")["Role"]
    assert got["AssumeRolePolicyDocument"] == json.loads(trust) and got["Tags"] == [{"Key": "env", "Value": "test"}], got
    assert abs(got["CreateDate"].timestamp() - time.time()) < 60, got
    iam.put_role_policy(RoleName="app", PolicyName="inline", PolicyDocument=allow)
    assert iam.get_role_policy(RoleName="app", PolicyName="inline")["PolicyDocument"] == json.loads(allow)
    own = iam.create_policy(PolicyName="own", PolicyDocument=allow)["Policy"]["Arn"]
    aws_own = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
    for arn in (own, aws_own):
        iam.attach_role_policy(RoleName="app", PolicyArn=arn)
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        assert iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]["Statement"]
    pages = iam.get_paginator("list_attached_role_policies").paginate(RoleName="app", PaginationConfig={"PageSize": 1})
    assert sorted(p["PolicyArn"] for page in pages for p in page["AttachedPolicies"]) == sorted([own, aws_own])
    assert iam.list_entities_for_policy(PolicyArn=own)["PolicyRoles"][0]["RoleName"] == "app"
    iam.create_instance_profile(InstanceProfileName="app")
    iam.get_waiter("instance_profile_exists").wait(InstanceProfileName="app", WaiterConfig={"MaxAttempts": 1})
    iam.add_role_to_instance_profile(InstanceProfileName="app", RoleName="app")
    profile = iam.list_instance_profiles_for_role(RoleName="app")["InstanceProfiles"][0]
    assert profile["Roles"][0]["RoleId"] == role["RoleId"], profile

    refused("EntityAlreadyExists", iam.create_role, RoleName="APP", AssumeRolePolicyDocument=trust)
    e = refused("DeleteConflict", iam.delete_role, RoleName="app")
    assert e.response["ResponseMetadata"]["HTTPStatusCode"] == 409, e.response
    e = refused("NoSuchEntity", iam.get_role, RoleName="none")
    assert e.response["ResponseMetadata"]["HTTPStatusCode"] == 404, e.response
    refused("MalformedPolicyDocument", iam.create_policy, PolicyName="bad", PolicyDocument="{}")
    refused("ValidationError", iam.create_role, RoleName="a b", AssumeRolePolicyDocument=trust)
    refused("NotImplementedException", iam.create_group, GroupName="g")

    user = iam.create_user(UserName="ann")["User"]
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    ann = boto3.client("sts", endpoint_url=ENDPOINT, aws_access_key_id=key["AccessKeyId"],
                       aws_secret_access_key=key["SecretAccessKey"])
    who = ann.get_caller_identity()
    assert (who["Arn"], who["UserId"]) == (user["Arn"], user["UserId"]), who
    assumed = client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="session", DurationSeconds=7200)
    assert assumed["AssumedRoleUser"]["AssumedRoleId"] == role["RoleId"] + ":session", assumed
    refused("ValidationError", client("sts").assume_role, RoleArn=role["Arn"], RoleSessionName="session", DurationSeconds=7201)

    linked = iam.create_service_linked_role(AWSServiceName="ecs.amazonaws.com")["Role"]
    refused("UnmodifiableEntity", iam.delete_role, RoleName=linked["RoleName"])
    task = iam.delete_service_linked_role(RoleName=linked["RoleName"])["DeletionTaskId"]
    assert iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"] == "SUCCEEDED"
    provider = iam.create_open_id_connect_provider(Url="https://token.example", ClientIDList=["a"], ThumbprintList=["0" * 40])
    arn = provider["OpenIDConnectProviderArn"]
    assert iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)["ClientIDList"] == ["a"]
    assert iam.get_account_summary()["SummaryMap"]["Roles"] == 1

    iam.remove_role_from_instance_profile(InstanceProfileName="app", RoleName="app")
    iam.delete_instance_profile(InstanceProfileName="app")
    for arn in (own, aws_own):
        iam.detach_role_policy(RoleName="app", PolicyArn=arn)
    iam.delete_role_policy(RoleName="app", PolicyName="inline")
    iam.delete_role(RoleName="app")
    iam.delete_policy(PolicyArn=own)
    assert iam.list_roles()["Roles"] == [] and iam.list_policies(Scope="Local")["Policies"] == []
    aws("iam", "create-role", "--role-name", "cli", "--assume-role-policy-document", trust)
    assert json.loads(aws("iam", "get-role", "--role-name", "cli"))["Role"]["AssumeRolePolicyDocument"] == json.loads(trust)


def openssl(*args, **kw):
    return subprocess.run(["openssl", *args], capture_output=True, check=True, **kw).stdout


def acm():
    """Certificates requested and imported, as openssl makes and reads them, and listeners that have them."""
    acm, elb = client("acm"), client("elbv2")
    arn = acm.request_certificate(
        DomainName="shop.test", SubjectAlternativeNames=["*.shop.test"], ValidationMethod="DNS", IdempotencyToken="t",
        Tags=[{"Key": "a", "Value": "1"}])["CertificateArn"]
    assert acm.request_certificate(
        DomainName="shop.test", SubjectAlternativeNames=["*.shop.test"], IdempotencyToken="t")["CertificateArn"] == arn
    acm.get_waiter("certificate_validated").wait(CertificateArn=arn)
    found = acm.describe_certificate(CertificateArn=arn)["Certificate"]
    assert (found["Status"], found["KeyAlgorithm"], found["Type"]) == ("ISSUED", "RSA_2048", "AMAZON_ISSUED"), found
    assert all(o["ValidationStatus"] == "SUCCESS" for o in found["DomainValidationOptions"]), found
    got = acm.get_certificate(CertificateArn=arn)
    with tempfile.TemporaryDirectory() as place:
        ca, leaf, key = (pathlib.Path(place, name) for name in ("ca.pem", "leaf.pem", "key.pem"))
        ca.write_text(got["CertificateChain"])
        leaf.write_text(got["Certificate"])
        assert b": OK" in openssl("verify", "-CAfile", ca, "-verify_hostname", "x.shop.test", leaf)
        read = openssl("x509", "-noout", "-serial", "-in", leaf).decode().strip().lower()
        assert read == "serial=" + found["Serial"].replace(":", "").lower(), (read, found["Serial"])
        # One that its owner brings: self-signed, by openssl.
        made = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=own.test", "-addext",
                "subjectAltName=DNS:own.test,DNS:www.own.test"]
        openssl(*made, "-keyout", key, "-out", leaf)
        own = acm.import_certificate(Certificate=leaf.read_bytes(), PrivateKey=key.read_bytes())["CertificateArn"]
        other = openssl("genrsa", "2048")
        refused("ValidationException", acm.import_certificate, Certificate=leaf.read_bytes(), PrivateKey=other)
        refused("ValidationException", acm.import_certificate, Certificate=leaf.read_bytes() * 2, PrivateKey=other)
        openssl(*made, "-keyout", key, "-out", leaf)
        again = acm.import_certificate(
            CertificateArn=own, Certificate=leaf.read_bytes(), PrivateKey=key.read_bytes())["CertificateArn"]
        assert again == own
        assert acm.get_certificate(CertificateArn=own)["Certificate"].split() == leaf.read_text().split()
    names = {c["DomainName"] for page in acm.get_paginator("list_certificates").paginate(PaginationConfig={"PageSize": 1})
             for c in page["CertificateSummaryList"]}
    assert names == {"shop.test", "own.test"}, names
    balancer = elb.create_load_balancer(Name="web", Subnets=["subnet-1", "subnet-2"])["LoadBalancers"][0]
    assert balancer["CreatedTime"].year >= 2024, balancer
    fixed = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}}
    listener = elb.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"], Protocol="HTTPS", Port=443, Certificates=[{"CertificateArn": own}],
        SslPolicy="ELBSecurityPolicy-TLS13-1-2-Res-2021-06", DefaultActions=[fixed])["Listeners"][0]["ListenerArn"]
    elb.add_listener_certificates(ListenerArn=listener, Certificates=[{"CertificateArn": arn}])
    refused("CertificateNotFound", elb.add_listener_certificates, ListenerArn=listener,
            Certificates=[{"CertificateArn": arn[:-1] + "x"}])
    refused("ValidationError", elb.create_listener, LoadBalancerArn=balancer["LoadBalancerArn"], Protocol="TCP", Port=1,
            DefaultActions=[fixed])
    refused("ResourceInUseException", acm.delete_certificate, CertificateArn=arn)
    assert acm.describe_certificate(CertificateArn=own)["Certificate"]["InUseBy"] == [balancer["LoadBalancerArn"]]
    policies = elb.describe_ssl_policies(Names=["ELBSecurityPolicy-2016-08"])["SslPolicies"]
    assert [len(p["Ciphers"]) for p in policies] == [18], policies
    elb.delete_listener(ListenerArn=listener)
    acm.renew_certificate(CertificateArn=arn)
    assert acm.get_certificate(CertificateArn=arn)["Certificate"] != got["Certificate"]
    assert acm.get_certificate(CertificateArn=arn)["CertificateChain"] == got["CertificateChain"]
    for one in (arn, own):
        acm.delete_certificate(CertificateArn=one)
    refused("ResourceNotFoundException", acm.describe_certificate, CertificateArn=arn)


def rest():
    who = client("sts").get_caller_identity()
    assert who["Account"] == "123456789012" and who["Arn"] == "arn:aws:iam::123456789012:root", who
    assert json.loads(aws("sts", "get-caller-identity"))["Account"] == "123456789012"
    role = client("sts").assume_role_with_web_identity(
        RoleArn="arn:aws:iam::123456789012:role/ci", RoleSessionName="run-7", WebIdentityToken="eyJ.any.token")
    assert role["AssumedRoleUser"]["Arn"].endswith(":assumed-role/ci/run-7"), role
    assert 3500 < role["Credentials"]["Expiration"].timestamp() - time.time() < 3700, role
    keys = role["Credentials"]
    own = boto3.client("sts", endpoint_url=ENDPOINT, aws_access_key_id=keys["AccessKeyId"],
                       aws_secret_access_key=keys["SecretAccessKey"], aws_session_token=keys["SessionToken"])
    who = own.get_caller_identity()
    assert who["Arn"] == role["AssumedRoleUser"]["Arn"] and who["UserId"] == role["AssumedRoleUser"]["AssumedRoleId"], who
    refused("AccessDenied", own.get_session_token)
    assert client("sts").get_session_token()["Credentials"]["AccessKeyId"].startswith("ASIA")
    refused("NotImplementedException", client("sts").decode_authorization_message, EncodedMessage="x")
    refused("NotImplementedException", client("s3").list_buckets)
    refused("NotImplementedException", client("ec2").describe_bundle_tasks)
    refused("NotImplementedException", client("dynamodb").list_tables)
    refused("NotImplementedException", client("ecs").create_task_set, cluster="c", service="s", taskDefinition="t")
    assert client("ecs").list_clusters()["clusterArns"] == []
    assert client("ecr").describe_repositories()["repositories"] == []
    assert client("elbv2").describe_load_balancers()["LoadBalancers"] == []


def schedules():
    events, scheduler, ecs = client("events"), client("scheduler"), client("ecs")
    home = "arn:aws:{}:eu-west-1:123456789012:{}".format
    ecs.create_cluster(clusterName="main")
    ecs.register_task_definition(family="job", networkMode="awsvpc", requiresCompatibilities=["FARGATE"], cpu="256",
                                 memory="512", containerDefinitions=[{"name": "app", "image": "i"}])
    task = {"TaskDefinitionArn": home("ecs", "task-definition/job"), "LaunchType": "FARGATE",
            "NetworkConfiguration": {"awsvpcConfiguration": {"Subnets": ["subnet-1"]}}}
    role = "arn:aws:iam::123456789012:role/r"

    # A rule by the clock.
    made = events.put_rule(Name="nightly", ScheduleExpression="cron(0 6 * * ? *)", Tags=[{"Key": "a", "Value": "b"}])
    assert made["RuleArn"] == home("events", "rule/nightly"), made
    target = {"Id": "1", "Arn": home("ecs", "cluster/main"), "RoleArn": role, "EcsParameters": task}
    queue = {"Id": "2", "Arn": home("sqs", "q")}
    put = events.put_targets(Rule="nightly", Targets=[target, queue])
    assert [f["TargetId"] for f in put["FailedEntries"]] == ["2"], put
    assert events.list_targets_by_rule(Rule="nightly")["Targets"] == [target]
    assert events.list_rule_names_by_target(TargetArn=target["Arn"])["RuleNames"] == ["nightly"]
    assert events.describe_rule(Name="nightly")["State"] == "ENABLED"
    events.disable_rule(Name="nightly")
    assert json.loads(aws("events", "describe-rule", "--name", "nightly"))["State"] == "DISABLED"
    assert events.list_tags_for_resource(ResourceARN=made["RuleArn"])["Tags"] == [{"Key": "a", "Value": "b"}]
    refused("ValidationException", events.put_rule, Name="x", ScheduleExpression="rate(1 hours)")
    refused("ValidationException", events.delete_rule, Name="nightly")
    refused("ResourceNotFoundException", events.describe_rule, Name="none")

    # A rule by events, over a bus of one's own; what it starts is there.
    pattern = json.dumps({"source": ["shop"], "detail": {"sum": [{"numeric": [">", 10]}]}})
    sale = {"id": "1", "account": "1", "source": "shop", "time": "2026-11-30T00:00:00Z", "region": "r", "resources": [],
            "detail-type": "Sale", "detail": {"sum": 11}}
    assert events.test_event_pattern(EventPattern=pattern, Event=json.dumps(sale))["Result"] is True
    wrong = refused("InvalidEventPatternException", events.put_rule, Name="x", EventPattern='{"source": "shop"}')
    assert wrong.response["Error"]["Message"] == 'Event pattern is not valid. Reason: "source" must be an object or an array'
    bus = events.create_event_bus(Name="shop")["EventBusArn"]
    events.put_rule(Name="sale", EventPattern=pattern, EventBusName=bus)
    events.put_targets(Rule="sale", EventBusName="shop", Targets=[target])
    entry = {"Source": "shop", "DetailType": "Sale", "EventBusName": "shop", "Time": 1764460800}
    sent = events.put_events(Entries=[{**entry, "Detail": json.dumps({"sum": n})} for n in (10, 11)] + [{**entry, "Detail": "{"}])
    assert sent["FailedEntryCount"] == 1 and sent["Entries"][2]["ErrorCode"] == "MalformedDetail", sent
    for _ in range(200):
        started = ecs.list_tasks(cluster="main", startedBy="events-rule/sale")["taskArns"]
        if started:
            break
        time.sleep(0.05)
    assert len(started) == 1, started

    # A schedule: its parts stand in the path, the query and the body.
    start = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) + datetime.timedelta(days=1)
    group = scheduler.create_schedule_group(Name="team", Tags=[{"Key": "a", "Value": "b"}])["ScheduleGroupArn"]
    own = {"Arn": target["Arn"], "RoleArn": role, "EcsParameters": task, "Input": '{"containerOverrides": []}'}
    said = {"Name": "weekly", "GroupName": "team", "ScheduleExpression": "cron(0 8 ? * MON *)", "StartDate": start,
            "ScheduleExpressionTimezone": "Europe/Berlin", "FlexibleTimeWindow": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 5}}
    arn = scheduler.create_schedule(Target=own, **said)["ScheduleArn"]
    assert arn == home("scheduler", "schedule/team/weekly"), arn
    got = scheduler.get_schedule(Name="weekly", GroupName="team")
    assert {name: got[name] for name in said} == said and got["Arn"] == arn, got
    assert got["Target"]["RetryPolicy"] == {"MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 185}, got
    listed = json.loads(aws("scheduler", "list-schedules", "--group-name", "team", "--name-prefix", "week"))["Schedules"]
    assert [(one["Name"], one["Target"]) for one in listed] == [("weekly", {"Arn": target["Arn"]})], listed
    assert scheduler.list_tags_for_resource(ResourceArn=group)["Tags"] == [{"Key": "a", "Value": "b"}]
    scheduler.untag_resource(ResourceArn=group, TagKeys=["a", "c"])
    assert scheduler.list_tags_for_resource(ResourceArn=group)["Tags"] == []
    del said["StartDate"]
    scheduler.update_schedule(Target=own, State="DISABLED", **said)
    got = scheduler.get_schedule(Name="weekly", GroupName="team")
    assert got["State"] == "DISABLED" and "StartDate" not in got, got
    refused("ConflictException", scheduler.create_schedule, Target=own, **said)
    refused("ValidationException", scheduler.create_schedule, Target={**own, "Arn": home("sqs", "q")}, **{**said, "Name": "x"})
    scheduler.delete_schedule(Name="weekly", GroupName="team")
    refused("ResourceNotFoundException", scheduler.get_schedule, Name="weekly", GroupName="team")
    scheduler.delete_schedule_group(Name="team")


def in_protocol(service, protocol):
    """A client that speaks to a service in a protocol of its model that botocore does not prefer."""
    session = boto3.Session()
    loader = session._loader
    load = loader.load_service_model

    def loaded(name, kind, *args, **kw):
        model = load(name, kind, *args, **kw)
        if kind == "service-2":
            model = dict(model, metadata=dict(model["metadata"], protocol=protocol, protocols=[protocol]))
        return model

    loader.load_service_model = loaded
    made = session.client(service, endpoint_url=ENDPOINT, config=Config(retries={"max_attempts": 0}))
    assert made.meta.service_model.resolved_protocol == protocol
    return made


def protocols():
    """CloudWatch answers the same in its three protocols, to the official client of each."""
    told = []
    for protocol in ("json", "query", "smithy-rpc-v2-cbor"):
        cw = in_protocol("cloudwatch", protocol)
        metrics = [page["Metrics"] for page in cw.get_paginator("list_metrics").paginate(Namespace="AWS/ECS")]
        alarms = cw.describe_alarms(AlarmNames=["a"], MaxRecords=5)
        alarms.pop("ResponseMetadata")
        errors = []
        for call in (cw.list_metrics, cw.describe_alarms):
            e = refused(None, call, NextToken="x")
            errors.append((e.response["Error"]["Code"], e.response["Error"]["Message"],
                           e.response["ResponseMetadata"]["HTTPStatusCode"]))
            assert e.response["ResponseMetadata"]["RequestId"], e.response
        told.append((metrics, alarms, errors))
        e = refused("NotImplementedException", cw.list_metric_streams)
        assert "cloudwatch ListMetricStreams is not supported" in str(e), e
    assert told[0] == told[1] == told[2], told
    assert told[0][0] == [[]] and told[0][1] == {"MetricAlarms": [], "CompositeAlarms": []}, told
    assert [code for code, _, _ in told[0][2]] == ["InvalidParameterValue", "InvalidNextToken"], told
    assert json.loads(aws("cloudwatch", "list-metrics")) == {"Metrics": []}
    assert json.loads(aws("cloudwatch", "describe-alarms"))["MetricAlarms"] == []


def served(service):
    """The operations of a service that are served."""
    table = pathlib.Path(__file__).parent.parent.parent / "aws-model/models/served.txt"
    return {line.split()[1] for line in table.read_text().splitlines() if line.startswith(f"{service} ")}


def zones():
    """Route 53, every operation of it, as Terraform's aws_route53_zone and aws_route53_record call them too."""
    asked = set()
    SESSION.events.register("before-call.route-53", lambda model, **_: asked.add(model.name))
    r53 = client("route53")
    made = r53.create_hosted_zone(Name="Example.com", CallerReference="r", HostedZoneConfig={"Comment": "c", "PrivateZone": False})
    zone = made["HostedZone"]["Id"].replace("/hostedzone/", "")
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 201 and made["Location"].endswith(zone), made
    r53.get_waiter("resource_record_sets_changed").wait(Id=made["ChangeInfo"]["Id"], WaiterConfig={"Delay": 0, "MaxAttempts": 1})
    assert r53.get_change(Id=made["ChangeInfo"]["Id"])["ChangeInfo"]["Status"] == "INSYNC"
    r53.change_tags_for_resource(ResourceType="hostedzone", ResourceId=zone, AddTags=[{"Key": "a", "Value": "<&>"}])
    tags = r53.list_tags_for_resource(ResourceType="hostedzone", ResourceId=zone)["ResourceTagSet"]["Tags"]
    assert tags == [{"Key": "a", "Value": "<&>"}], tags
    several = r53.list_tags_for_resources(ResourceType="hostedzone", ResourceIds=[zone])["ResourceTagSets"]
    assert [one["ResourceId"] for one in several] == [zone], several
    told = r53.get_hosted_zone(Id=zone)
    assert len(told["DelegationSet"]["NameServers"]) == 4 and told["HostedZone"]["Config"]["Comment"] == "c", told
    assert r53.get_dnssec(HostedZoneId=zone)["Status"]["ServeSignature"] == "NOT_SIGNING"
    assert r53.update_hosted_zone_comment(Id=zone, Comment="d")["HostedZone"]["Config"]["Comment"] == "d"

    def change(*changes):
        batch = {"Comment": "Managed by Terraform",
                 "Changes": [{"Action": action, "ResourceRecordSet": body} for action, body in changes]}
        return r53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=batch)

    www = {"Name": "www.example.com", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "1.1.1.1"}]}
    text = {"Name": "*.example.com", "Type": "TXT", "TTL": 60, "ResourceRecords": [{"Value": '"a \\"quoted\\" <text>"'}]}
    alias = {"Name": "example.com", "Type": "A", "AliasTarget": {"HostedZoneId": zone, "DNSName": "www.example.com", "EvaluateTargetHealth": True}}
    one, two = ({"Name": "w.example.com", "Type": "A", "TTL": 1, "SetIdentifier": word, "Weight": 5,
                 "ResourceRecords": [{"Value": "1.1.1.2"}]} for word in ("one", "two"))
    done = change(("CREATE", www), ("UPSERT", text), ("CREATE", alias), ("CREATE", one), ("CREATE", two))
    assert r53.get_change(Id=done["ChangeInfo"]["Id"])["ChangeInfo"]["Comment"] == "Managed by Terraform"
    pages = r53.get_paginator("list_resource_record_sets").paginate(HostedZoneId=zone, PaginationConfig={"PageSize": 2})
    sets = [(one["Name"], one["Type"], one.get("SetIdentifier")) for page in pages for one in page["ResourceRecordSets"]]
    assert sets == [("example.com.", "A", None), ("example.com.", "NS", None), ("example.com.", "SOA", None),
                    ("\\052.example.com.", "TXT", None), ("w.example.com.", "A", "one"), ("w.example.com.", "A", "two"),
                    ("www.example.com.", "A", None)], sets
    # As Terraform finds a record again, and deletes what it found.
    found = r53.list_resource_record_sets(HostedZoneId=zone, StartRecordName="*.example.com.", StartRecordType="TXT", MaxItems="1")
    found = found["ResourceRecordSets"][0]
    assert found == dict(text, Name="\\052.example.com."), found
    try:
        change(("CREATE", www))
        raise AssertionError("a record is made twice")
    except r53.exceptions.InvalidChangeBatch as error:
        words = "[Tried to create resource record set [name='www.example.com.', type='A'] but it already exists]"
        assert str(error).endswith(words), error
    refused("NoSuchHostedZone", r53.get_hosted_zone, Id="Z0")
    refused("InvalidDomainName", r53.create_hosted_zone, Name="a..b", CallerReference="x")
    refused("HostedZoneNotEmpty", r53.delete_hosted_zone, Id=zone)
    change(*(("DELETE", body) for body in (alias, www, found, one, two)))

    private = r53.create_hosted_zone(Name="in.test", CallerReference="p", VPC={"VPCRegion": "eu-west-1", "VPCId": "vpc-1"})
    inner = private["HostedZone"]["Id"]
    other = {"VPCRegion": "eu-west-1", "VPCId": "vpc-2"}
    r53.associate_vpc_with_hosted_zone(HostedZoneId=inner, VPC=other, Comment="c")
    assert len(r53.get_hosted_zone(Id=inner)["VPCs"]) == 2
    by_vpc = r53.list_hosted_zones_by_vpc(VPCId="vpc-2", VPCRegion="eu-west-1")["HostedZoneSummaries"]
    assert [one["Name"] for one in by_vpc] == ["in.test."], by_vpc
    r53.disassociate_vpc_from_hosted_zone(HostedZoneId=inner, VPC=other)
    refused("InvalidArgument", r53.get_dnssec, HostedZoneId=inner)
    assert r53.get_hosted_zone_count()["HostedZoneCount"] == 2
    names = [one["Name"] for page in r53.get_paginator("list_hosted_zones").paginate() for one in page["HostedZones"]]
    assert sorted(names) == ["example.com.", "in.test."], names
    assert [one["Name"] for one in r53.list_hosted_zones_by_name(DNSName="in.test")["HostedZones"]] == ["in.test."]
    told = json.loads(aws("route53", "list-resource-record-sets", "--hosted-zone-id", zone))
    assert [one["Type"] for one in told["ResourceRecordSets"]] == ["NS", "SOA"], told
    for gone in (zone, inner):
        r53.delete_hosted_zone(Id=gone)
    assert asked == served("route53"), served("route53") - asked


def cloud_map():
    """Cloud Map, every operation of it, in both of its protocols."""
    for protocol in ("json", "smithy-rpc-v2-cbor"):
        sd = in_protocol("servicediscovery", protocol)
        asked = set()
        sd.meta.events.register("before-call", lambda model, **_: asked.add(model.name))

        def done(answer):
            operation = sd.get_operation(OperationId=answer["OperationId"])["Operation"]
            assert operation["Status"] == "SUCCESS", operation
            return operation["Targets"]

        tags = [{"Key": "a", "Value": "b"}]
        private = done(sd.create_private_dns_namespace(Name="shop.local", Vpc="vpc-1", Tags=tags))["NAMESPACE"]
        public = done(sd.create_public_dns_namespace(Name="example.com"))["NAMESPACE"]
        http = done(sd.create_http_namespace(Name="shop"))["NAMESPACE"]
        told = sd.get_namespace(Id=private)["Namespace"]
        zone = told["Properties"]["DnsProperties"]["HostedZoneId"]
        assert told["CreateDate"].year >= 2024 and sd.list_tags_for_resource(ResourceARN=told["Arn"])["Tags"] == tags, told
        sd.tag_resource(ResourceARN=told["Arn"], Tags=[{"Key": "c", "Value": "d"}])
        sd.untag_resource(ResourceARN=told["Arn"], TagKeys=["a"])
        done(sd.update_private_dns_namespace(Id=private, Namespace={"Description": "d", "Properties": {"DnsProperties": {"SOA": {"TTL": 30}}}}))
        done(sd.update_public_dns_namespace(Id=public, Namespace={"Description": "d"}))
        done(sd.update_http_namespace(Id=http, Namespace={"Description": "d"}))
        listed = [one["Name"] for page in sd.get_paginator("list_namespaces").paginate(
            Filters=[{"Name": "TYPE", "Values": ["DNS_PRIVATE"]}]) for one in page["Namespaces"]]
        assert listed == ["shop.local"], listed
        config = {"RoutingPolicy": "MULTIVALUE", "DnsRecords": [{"Type": "A", "TTL": 10}, {"Type": "SRV", "TTL": 10}]}
        service = sd.create_service(Name="api", NamespaceId=private, DnsConfig=config, HealthCheckCustomConfig={"FailureThreshold": 1})["Service"]
        assert service["DnsConfig"] == dict(config, NamespaceId=private) and service["Type"] == "DNS_HTTP", service
        done(sd.update_service(Id=service["Id"], Service={"Description": "d", "DnsConfig": {"DnsRecords": config["DnsRecords"]}}))
        assert sd.get_service(Id=service["Id"])["Service"]["Description"] == "d"
        assert [one["Id"] for one in sd.list_services()["Services"]] == [service["Id"]]
        attributes = {"AWS_INSTANCE_IPV4": "10.0.0.1", "AWS_INSTANCE_PORT": "80", "colour": "blue"}
        done(sd.register_instance(ServiceId=service["Id"], InstanceId="i", Attributes=attributes))
        assert sd.get_instance(ServiceId=service["Id"], InstanceId="i")["Instance"]["Attributes"] == attributes
        assert [one["Id"] for one in sd.list_instances(ServiceId=service["Id"])["Instances"]] == ["i"]
        names = {"NamespaceName": "shop.local", "ServiceName": "api"}
        for health in ("HEALTHY", "UNHEALTHY"):
            sd.update_instance_custom_health_status(ServiceId=service["Id"], InstanceId="i", Status=health)
            assert sd.get_instances_health_status(ServiceId=service["Id"])["Status"] == {"i": health}
        # Discovery has an endpoint of its own (`data-`), which is the platform's here.
        plain = SESSION.client("servicediscovery", endpoint_url=ENDPOINT, config=Config(inject_host_prefix=False))
        plain.meta.events.register("before-call", lambda model, **_: asked.add(model.name))
        found = plain.discover_instances(**names, HealthStatus="ALL", QueryParameters={"colour": "blue"})
        assert [one["InstanceId"] for one in found["Instances"]] == ["i"], found
        assert found["InstancesRevision"] == plain.discover_instances_revision(**names)["InstancesRevision"]
        assert plain.discover_instances(**names)["Instances"] == []
        sd.update_service_attributes(ServiceId=service["Id"], Attributes={"a": "b"})
        assert sd.get_service_attributes(ServiceId=service["Id"])["ServiceAttributes"]["Attributes"] == {"a": "b"}
        sd.delete_service_attributes(ServiceId=service["Id"], Attributes=["a"])
        # Its zone is in Route 53, and Cloud Map's.
        r53 = client("route53")
        sets = r53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
        assert {(one["Name"], one["Type"]) for one in sets} == {
            ("shop.local.", "NS"), ("shop.local.", "SOA"), ("api.shop.local.", "A"), ("api.shop.local.", "SRV"),
            ("i.api.shop.local.", "A")}, sets
        e = refused("AccessDenied", r53.delete_hosted_zone, Id=zone)
        assert f"The resource hostedzone/{zone} can only be managed through AWS Cloud Map (arn:" in str(e), e
        refused("ResourceInUse", sd.delete_service, Id=service["Id"])
        done(sd.deregister_instance(ServiceId=service["Id"], InstanceId="i"))
        e = refused("InstanceNotFound", sd.get_instance, ServiceId=service["Id"], InstanceId="i")
        assert e.response["ResponseMetadata"]["HTTPStatusCode"] == 404, e
        sd.delete_service(Id=service["Id"])
        for namespace in (private, public, http):
            done(sd.delete_namespace(Id=namespace))
        operations = sd.list_operations(Filters=[{"Name": "TYPE", "Values": ["DELETE_NAMESPACE"]}])["Operations"]
        assert len(operations) >= 3 and client("route53").list_hosted_zones()["HostedZones"] == [], operations
        assert asked == served("servicediscovery"), served("servicediscovery") - asked
    assert json.loads(aws("servicediscovery", "list-namespaces")) == {"Namespaces": []}
def cloudwatch():
    """Metrics come back as they were put, in each of the three protocols; the client compresses large bodies."""
    now = datetime.datetime.now(datetime.timezone.utc).replace(second=0, microsecond=0)
    ago = lambda minutes: now - datetime.timedelta(minutes=minutes)
    for protocol in ("json", "query", "smithy-rpc-v2-cbor"):
        cw = in_protocol("cloudwatch", protocol)
        space, sizes = "App/" + protocol, []
        cw.meta.events.register("before-send.cloudwatch.PutMetricData", lambda request, **_: sizes.append(
            (request.headers.get("Content-Encoding"), len(request.body))) and None)
        service = [{"Name": "Service", "Value": "<&> web"}]
        cw.put_metric_data(Namespace=space, MetricData=[
            {"MetricName": "latency", "Dimensions": service, "Timestamp": ago(2), "Values": [0.5, 2.0], "Counts": [99, 1], "Unit": "Seconds"},
            {"MetricName": "latency", "Dimensions": service, "Timestamp": ago(1), "Value": 0.25, "Unit": "Seconds"},
            {"MetricName": "calls", "Timestamp": ago(1), "StatisticValues": {"SampleCount": 2, "Sum": 3, "Minimum": 1, "Maximum": 2}},
        ])
        assert sizes[-1][0] is None, sizes
        many = [{"MetricName": f"many-{n}", "Timestamp": ago(1), "Value": n, "StorageResolution": 1} for n in range(400)]
        cw.put_metric_data(Namespace=space, MetricData=many)
        assert sizes[-1][0] in ("gzip", b"gzip"), sizes
        metrics = [m for page in cw.get_paginator("list_metrics").paginate(Namespace=space, Dimensions=[{"Name": "Service"}]) for m in page["Metrics"]]
        assert metrics == [{"Namespace": space, "MetricName": "latency", "Dimensions": service}], metrics
        assert sum(len(page["Metrics"]) for page in cw.get_paginator("list_metrics").paginate(Namespace=space)) == 402
        asked = dict(Namespace=space, MetricName="latency", Dimensions=service, StartTime=ago(5), EndTime=now, Period=60)
        told = cw.get_metric_statistics(**asked, Statistics=["Sum", "Maximum", "SampleCount"])
        points = sorted(told["Datapoints"], key=lambda point: point["Timestamp"])
        assert points[0] == {"Timestamp": ago(2), "Sum": 51.5, "Maximum": 2.0, "SampleCount": 100.0, "Unit": "Seconds"}, points
        told = cw.get_metric_statistics(**asked, ExtendedStatistics=["p99", "TM(:99%)"])
        assert {"p99": 0.5, "TM(:99%)": 0.5} in [point["ExtendedStatistics"] for point in told["Datapoints"]], told
        stat = {"Metric": {"Namespace": space, "MetricName": "latency", "Dimensions": service}, "Period": 60, "Stat": "p100"}
        queries = [{"Id": "m1", "MetricStat": stat, "ReturnData": False}, {"Id": "e1", "Expression": "m1 * 1000", "Label": "<ms>"}]
        pages = cw.get_paginator("get_metric_data").paginate(
            MetricDataQueries=queries, StartTime=ago(5), EndTime=now, ScanBy="TimestampAscending", PaginationConfig={"PageSize": 1})
        results = [result for page in pages for result in page["MetricDataResults"]]
        assert [(r["Id"], r["Label"], r["Values"], r["StatusCode"]) for r in results] == [
            ("e1", "<ms>", [2000.0], "PartialData"), ("e1", "<ms>", [250.0], "Complete")], results
        assert results[0]["Timestamps"] == [ago(2)], results
        e = refused("InvalidParameterValue" if protocol == "query" else None, cw.put_metric_data, Namespace=space,
                    MetricData=[{"MetricName": "m", "Value": 1, "Timestamp": ago(60 * 24 * 15)}])
        assert str(e).endswith("The parameter MetricData.member.1.Timestamp must specify a time within the past two weeks."), e
        name = "slow " + protocol
        cw.put_metric_alarm(AlarmName=name, Namespace=space, MetricName="latency", Dimensions=service, Statistic="Maximum",
                            Period=60, EvaluationPeriods=3, DatapointsToAlarm=2, Threshold=1.5, TreatMissingData="notBreaching",
                            ComparisonOperator="GreaterThanThreshold", Tags=[{"Key": "a", "Value": ""}])
        cw.put_composite_alarm(AlarmName="any " + protocol, AlarmRule=f'ALARM("{name}")')
        told = cw.describe_alarms(AlarmNamePrefix="slow", AlarmTypes=["MetricAlarm"])["MetricAlarms"]
        alarm = [a for a in told if a["AlarmName"] == name][0]
        assert (alarm["Threshold"], alarm["EvaluationPeriods"], alarm["StateValue"], alarm["Dimensions"], alarm["OKActions"]) == (
            1.5, 3, "INSUFFICIENT_DATA", service, []), alarm
        assert cw.list_tags_for_resource(ResourceARN=alarm["AlarmArn"])["Tags"] == [{"Key": "a", "Value": ""}]
        cw.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="<test>", StateReasonData='{"a": 1}')
        told = cw.describe_alarms(AlarmNames=["any " + protocol], AlarmTypes=["CompositeAlarm"])["CompositeAlarms"]
        assert told[0]["StateValue"] == "ALARM", told
        history = [item for page in cw.get_paginator("describe_alarm_history").paginate(AlarmName=name, HistoryItemType="StateUpdate") for item in page["AlarmHistoryItems"]]
        assert [item["HistorySummary"] for item in history] == ["Alarm updated from INSUFFICIENT_DATA to ALARM"], history
        found = cw.describe_alarms_for_metric(Namespace=space, MetricName="latency", Dimensions=service)["MetricAlarms"]
        assert [a["AlarmName"] for a in found] == [name], found
        cw.delete_alarms(AlarmNames=["any " + protocol])
        cw.delete_alarms(AlarmNames=[name])
        body = json.dumps({"widgets": [{"type": "text", "x": 0, "y": 0, "width": 6, "height": 3, "properties": {"markdown": "<b>"}}]})
        assert cw.put_dashboard(DashboardName=protocol, DashboardBody=body)["DashboardValidationMessages"] == []
        assert cw.get_dashboard(DashboardName=protocol)["DashboardBody"] == body
        refused(None, cw.put_dashboard, DashboardName=protocol, DashboardBody="[]")
        cw.delete_dashboards(DashboardNames=[protocol])
        assert cw.list_dashboards()["DashboardEntries"] == []
    aws("cloudwatch", "put-metric-data", "--namespace", "Cli", "--metric-name", "m", "--value", "7", "--dimensions", "A=b")
    found = json.loads(aws("cloudwatch", "list-metrics", "--namespace", "Cli"))["Metrics"]
    assert found == [{"Namespace": "Cli", "MetricName": "m", "Dimensions": [{"Name": "A", "Value": "b"}]}], found


def told():
    """REST-XML and an event stream; who answers says back what it was sent: tests/wire/protocols.rs."""
    r53 = client("route53")
    zones = r53.list_hosted_zones(MaxItems="7", Marker="a/b c")
    assert (zones["MaxItems"], zones["Marker"], zones["HostedZones"], zones["IsTruncated"]) == ("7", "a/b c", [], False), zones
    made = r53.create_hosted_zone(Name="shop.local", CallerReference="<&>", HostedZoneConfig={"Comment": "", "PrivateZone": True})
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 201 and made["Location"].endswith("/hostedzone/Z1"), made
    assert made["HostedZone"] == {"Id": "/hostedzone/Z1", "Name": "shop.local", "CallerReference": "<&>",
                                  "Config": {"Comment": "", "PrivateZone": True}}, made
    assert made["ChangeInfo"]["SubmittedAt"].isoformat() == "2026-11-30T14:00:00.500000+00:00", made
    assert made["DelegationSet"]["NameServers"] == ["ns-1", "ns-2"], made
    e = refused("NoSuchHostedZone", r53.delete_hosted_zone, Id="/hostedzone/Z9")
    assert e.response["ResponseMetadata"]["HTTPStatusCode"] == 404 and str(e).endswith("with ID: Z9"), e
    refused("NotImplementedException", r53.list_health_checks)
    assert json.loads(aws("route53", "list-hosted-zones", "--max-items", "3"))["HostedZones"] == []
    config = Config(retries={"max_attempts": 0}, inject_host_prefix=False)
    group = "arn:aws:logs:eu-west-1:123456789012:log-group:g"
    tail = SESSION.client("logs", endpoint_url=ENDPOINT, config=config).start_live_tail(logGroupIdentifiers=[group])
    seen = []
    try:
        for event in tail["responseStream"]:
            seen.append(event)
    except botocore.exceptions.EventStreamError as e:
        seen.append((e.response["Error"]["Code"], e.response["Error"]["Message"]))
    assert seen == [
        {"sessionStart": {"sessionId": "s", "logGroupIdentifiers": [group]}},
        {"sessionUpdate": {"sessionMetadata": {"sampled": False}, "sessionResults": [{"message": "<line>", "timestamp": 1}]}},
        ("SessionTimeoutException", "three hours are over"),
    ], seen


def rds():
    """An instance's life with boto3's waiters; nothing of a password is told again."""
    c = client("rds")
    sm = client("secretsmanager")
    wait = {"Delay": 1, "MaxAttempts": 20}
    versions = [v["MajorEngineVersion"] for page in c.get_paginator("describe_db_engine_versions").paginate(Engine="postgres", PaginationConfig={"PageSize": 20}) for v in page["DBEngineVersions"]]
    assert versions == ["13", "14", "15", "16", "17", "18"], versions
    options = [o for page in c.get_paginator("describe_orderable_db_instance_options").paginate(Engine="postgres", EngineVersion="16") for o in page["OrderableDBInstanceOptions"]]
    assert {"db.t4g.micro", "db.m7g.large", "db.r7g.large"} <= {o["DBInstanceClass"] for o in options}
    subnets = [s["SubnetId"] for s in client("ec2").describe_subnets()["Subnets"]]
    group = c.create_db_subnet_group(DBSubnetGroupName="own", DBSubnetGroupDescription="d", SubnetIds=subnets)["DBSubnetGroup"]
    assert group["SubnetGroupStatus"] == "Complete" and len(group["Subnets"]) == len(subnets), group
    c.create_db_parameter_group(DBParameterGroupName="own", DBParameterGroupFamily="postgres16", Description="d")
    c.modify_db_parameter_group(DBParameterGroupName="own", Parameters=[{"ParameterName": "work_mem", "ParameterValue": "8192", "ApplyMethod": "immediate"}])
    own = [p for page in c.get_paginator("describe_db_parameters").paginate(DBParameterGroupName="own") for p in page["Parameters"]]
    assert len(own) > 300 and [p["ParameterName"] for p in own if p["Source"] == "user"] == ["work_mem"], len(own)
    refused("DBInstanceNotFound", c.describe_db_instances, DBInstanceIdentifier="main")
    base = dict(Engine="postgres", EngineVersion="16", DBInstanceClass="db.t4g.micro", AllocatedStorage=20, MasterUsername="shop")
    for bad in ("short", "has a space in it", "has/a/slash", "has@an@at"):
        e = refused("InvalidParameterValue", c.create_db_instance, DBInstanceIdentifier="bad", MasterUserPassword=bad, **base)
        assert bad not in str(e), e
    made = c.create_db_instance(DBInstanceIdentifier="Main", MasterUserPassword="correct-horse", DBName="shop", DBSubnetGroupName="own",
                                DBParameterGroupName="own", BackupRetentionPeriod=7, Tags=[{"Key": "app", "Value": "<&>"}], **base)["DBInstance"]
    assert (made["DBInstanceIdentifier"], made["DBInstanceStatus"], "Endpoint" in made) == ("main", "creating", False), made
    c.get_waiter("db_instance_available").wait(DBInstanceIdentifier="main", WaiterConfig=wait)
    told = c.describe_db_instances(Filters=[{"Name": "dbi-resource-id", "Values": [made["DbiResourceId"]]}])["DBInstances"]
    assert len(told) == 1 and told[0]["Endpoint"]["Port"] == 5432 and told[0]["Endpoint"]["Address"].endswith(".eu-west-1.rds.localhost"), told
    assert "horse" not in str(told) and "SCRAM" not in str(told), told
    assert c.list_tags_for_resource(ResourceName=made["DBInstanceArn"])["TagList"] == [{"Key": "app", "Value": "<&>"}]
    refused("DBInstanceAlreadyExists", c.create_db_instance, DBInstanceIdentifier="main", MasterUserPassword="correct-horse", **base)
    c.create_db_snapshot(DBInstanceIdentifier="main", DBSnapshotIdentifier="one")
    c.get_waiter("db_snapshot_available").wait(DBSnapshotIdentifier="one", WaiterConfig=wait)
    c.restore_db_instance_from_db_snapshot(DBInstanceIdentifier="copy", DBSnapshotIdentifier="one", ManageMasterUserPassword=True)
    c.get_waiter("db_instance_available").wait(DBInstanceIdentifier="copy", WaiterConfig=wait)
    copy = c.describe_db_instances(DBInstanceIdentifier="copy")["DBInstances"][0]
    secret = copy["MasterUserSecret"]["SecretArn"]
    assert ":secret:rds!db-" in secret and copy["MasterUserSecret"]["SecretStatus"] == "active", copy
    value = json.loads(sm.get_secret_value(SecretId=secret)["SecretString"])
    assert value["username"] == "shop" and len(value["password"]) == 28, value.keys()
    c.modify_db_instance(DBInstanceIdentifier="copy", RotateMasterUserPassword=True, ApplyImmediately=True)
    c.get_waiter("db_instance_available").wait(DBInstanceIdentifier="copy", WaiterConfig=wait)
    assert json.loads(sm.get_secret_value(SecretId=secret)["SecretString"])["password"] != value["password"]
    c.delete_db_instance(DBInstanceIdentifier="copy", SkipFinalSnapshot=True)
    c.get_waiter("db_instance_deleted").wait(DBInstanceIdentifier="copy", WaiterConfig=wait)
    refused("ResourceNotFoundException", sm.get_secret_value, SecretId=secret)
    c.stop_db_instance(DBInstanceIdentifier="main")
    c.get_waiter("db_instance_stopped").wait(DBInstanceIdentifier="main", WaiterConfig=wait) if "db_instance_stopped" in c.waiter_names else None
    refused("InvalidParameterCombination", c.delete_db_instance, DBInstanceIdentifier="main")
    import time
    for _ in range(100):
        if c.describe_db_instances(DBInstanceIdentifier="main")["DBInstances"][0]["DBInstanceStatus"] == "stopped":
            break
        time.sleep(0.1)
    c.start_db_instance(DBInstanceIdentifier="main")
    c.get_waiter("db_instance_available").wait(DBInstanceIdentifier="main", WaiterConfig=wait)
    events = [e["Message"] for e in c.describe_events(SourceType="db-instance", SourceIdentifier="main")["Events"]]
    assert [m for m in events if m in ("DB instance created", "DB instance stopped", "DB instance started")] == [
        "DB instance created", "DB instance stopped", "DB instance started"], events
    c.delete_db_instance(DBInstanceIdentifier="main", FinalDBSnapshotIdentifier="last")
    c.get_waiter("db_instance_deleted").wait(DBInstanceIdentifier="main", WaiterConfig=wait)
    c.get_waiter("db_snapshot_completed").wait(DBSnapshotIdentifier="last", WaiterConfig=wait)
    for snapshot in ("one", "last"):
        c.delete_db_snapshot(DBSnapshotIdentifier=snapshot)
        c.get_waiter("db_snapshot_deleted").wait(DBSnapshotIdentifier=snapshot, WaiterConfig=wait)
    c.delete_db_subnet_group(DBSubnetGroupName="own")
    c.delete_db_parameter_group(DBParameterGroupName="own")
    e = refused("NotImplementedException", c.describe_db_clusters)
    assert "DescribeDBClusters" in str(e), e
    found = json.loads(aws("rds", "describe-db-instances"))["DBInstances"]
    assert found == [], found


globals()[PART]()
assert not FAULTS, FAULTS
print(f"{PART}: checked")
