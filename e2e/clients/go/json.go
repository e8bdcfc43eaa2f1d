// JSON 1.1: numbers, booleans, instants, errors by type, and pages.

package main

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logs "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

func ecsClusters(p *platform) {
	client, name := ecs.NewFromConfig(p.config), aws.String(p.name)
	made, err := client.CreateCluster(p.context, &ecs.CreateClusterInput{ClusterName: name})
	if !p.answered("a cluster is made", err) {
		return
	}
	p.check("it has an ARN", isARN(made.Cluster.ClusterArn, "ecs"), made.Cluster)
	asked := []string{p.name, "nope"}
	told, err := client.DescribeClusters(p.context, &ecs.DescribeClustersInput{Clusters: asked})
	if p.answered("clusters are described", err) {
		isActive := len(told.Clusters) == 1 && aws.ToString(told.Clusters[0].Status) == "ACTIVE"
		p.check("it is active", isActive, told.Clusters)
		isMissing := len(told.Failures) == 1 && aws.ToString(told.Failures[0].Reason) == "MISSING"
		p.check("the other is a failure", isMissing, told.Failures)
	}
	ecsDefinitions(p, client)
	_, err = client.ListTasks(p.context, &ecs.ListTasksInput{Cluster: aws.String("nope")})
	refused[*types.ClusterNotFoundException](p, "tasks of none", err)
	gone, err := client.DeleteCluster(p.context, &ecs.DeleteClusterInput{Cluster: name})
	if p.answered("the cluster is deleted", err) {
		p.check("it says so", aws.ToString(gone.Cluster.Status) == "INACTIVE", gone.Cluster)
	}
}

func ecsDefinitions(p *platform, client *ecs.Client) {
	var arns []string
	for range 3 {
		made, err := client.RegisterTaskDefinition(p.context, &ecs.RegisterTaskDefinitionInput{
			Family:                  aws.String(p.name),
			RequiresCompatibilities: []types.Compatibility{types.CompatibilityFargate},
			NetworkMode:             types.NetworkModeAwsvpc,
			Cpu:                     aws.String("256"),
			Memory:                  aws.String("512"),
			ContainerDefinitions: []types.ContainerDefinition{{
				Name:                   aws.String("app"),
				Image:                  aws.String("hello"),
				Essential:              aws.Bool(true),
				ReadonlyRootFilesystem: aws.Bool(false),
				PortMappings:           []types.PortMapping{{ContainerPort: aws.Int32(8080)}},
				Environment:            []types.KeyValuePair{{Name: aws.String("SAID"), Value: aws.String("„ü“ <&>")}},
			}},
		})
		if !p.answered("a revision is registered", err) {
			return
		}
		definition := made.TaskDefinition
		container := definition.ContainerDefinitions[0]
		arns = append(arns, aws.ToString(definition.TaskDefinitionArn))
		p.check("its number", definition.Revision == int32(len(arns)), definition.Revision)
		p.check("its instant", isNow(definition.RegisteredAt), definition.RegisteredAt)
		isTold := aws.ToInt32(container.PortMappings[0].ContainerPort) == 8080 && aws.ToBool(container.Essential)
		p.check("its port and its flag", isTold, container)
		p.check("its words", aws.ToString(container.Environment[0].Value) == "„ü“ <&>", container.Environment)
	}
	pages := ecs.NewListTaskDefinitionsPaginator(client, &ecs.ListTaskDefinitionsInput{
		FamilyPrefix: aws.String(p.name), MaxResults: aws.Int32(2),
	})
	var sizes []int
	for pages.HasMorePages() {
		page, err := pages.NextPage(p.context)
		if !p.answered("a page of revisions", err) {
			break
		}
		sizes = append(sizes, len(page.TaskDefinitionArns))
	}
	p.check("three revisions by two a page", len(sizes) == 2 && sizes[0] == 2 && sizes[1] == 1, sizes)
	for _, arn := range arns {
		_, err := client.DeregisterTaskDefinition(p.context, &ecs.DeregisterTaskDefinitionInput{TaskDefinition: aws.String(arn)})
		p.answered("a revision is deregistered", err)
	}
	gone, err := client.DeleteTaskDefinitions(p.context, &ecs.DeleteTaskDefinitionsInput{TaskDefinitions: arns})
	p.check("and deleted", err == nil && len(gone.Failures) == 0, gone, err)
}

func logsEvents(p *platform) {
	client := cloudwatchlogs.NewFromConfig(p.config)
	group, stream, words := aws.String("/"+p.name), aws.String("one"), "„ü“ <&> \x01"
	_, err := client.CreateLogGroup(p.context, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: group})
	if !p.answered("a group is made", err) {
		return
	}
	_, err = client.CreateLogStream(p.context, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: group, LogStreamName: stream})
	p.answered("a stream is made", err)
	at := time.Now().UnixMilli()
	_, err = client.PutLogEvents(p.context, &cloudwatchlogs.PutLogEventsInput{
		LogGroupName:  group,
		LogStreamName: stream,
		LogEvents:     []logs.InputLogEvent{{Timestamp: &at, Message: &words}},
	})
	p.answered("an event is put", err)
	told, err := client.GetLogEvents(p.context, &cloudwatchlogs.GetLogEventsInput{
		LogGroupName: group, LogStreamName: stream, StartFromHead: aws.Bool(true),
	})
	if p.answered("events are told", err) {
		isIt := len(told.Events) == 1 && aws.ToString(told.Events[0].Message) == words && aws.ToInt64(told.Events[0].Timestamp) == at
		p.check("as they were put", isIt, told.Events)
	}
	_, err = client.DescribeLogStreams(p.context, &cloudwatchlogs.DescribeLogStreamsInput{LogGroupName: aws.String("nope")})
	refused[*logs.ResourceNotFoundException](p, "streams of no group", err)
	_, err = client.DeleteLogGroup(p.context, &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: group})
	p.answered("the group is deleted", err)
}
