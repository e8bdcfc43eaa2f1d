// CBOR, JSON 1.0 and Query of one service on one port: every protocol gets the same answer.

package main

import (
	"encoding/json"
	"errors"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/schemas"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/aws/smithy-go/transport/http/protocol/awsjson"
	"github.com/aws/smithy-go/transport/http/protocol/awsquery"
	"github.com/aws/smithy-go/transport/http/protocol/rpcv2"
)

func cloudwatchInThree(p *platform) {
	service := schemas.GraniteServiceVersion20100801
	protocols := []smithyhttp.ClientProtocol{rpcv2.NewCBOR(service), awsjson.New10(service), awsquery.New(service)}
	var told [][]string
	for _, protocol := range protocols {
		client := cloudwatch.NewFromConfig(p.config, func(options *cloudwatch.Options) { options.Protocol = protocol })
		told = append(told, cloudwatchSaid(p, client, protocol.ID().Name))
	}
	for index, said := range told[1:] {
		isSame := slices.Equal(told[0], said)
		p.check(protocols[index+1].ID().Name+" says what "+protocols[0].ID().Name+" says", isSame, told[0], said)
	}
}

// cloudwatchSaid asks in one protocol, and returns what was said as text that can be compared.
func cloudwatchSaid(p *platform, client *cloudwatch.Client, protocol string) []string {
	metrics, err := client.ListMetrics(p.context, &cloudwatch.ListMetricsInput{Namespace: aws.String("AWS/ECS")})
	p.answered(protocol+": metrics are listed", err)
	alarms, err := client.DescribeAlarms(p.context, &cloudwatch.DescribeAlarmsInput{
		AlarmNames: []string{"<&>", "b"}, MaxRecords: aws.Int32(5),
	})
	p.answered(protocol+": alarms are described", err)
	_, badPage := client.ListMetrics(p.context, &cloudwatch.ListMetricsInput{NextToken: aws.String("x")})
	refused[*types.InvalidParameterValueException](p, protocol+": no such page", badPage)
	_, tooMany := client.DescribeAlarms(p.context, &cloudwatch.DescribeAlarmsInput{MaxRecords: aws.Int32(101)})
	p.check(protocol+": too many are refused", tooMany != nil)
	said := []string{refusal(badPage), refusal(tooMany)}
	for _, answer := range []any{metrics, alarms} {
		text, _ := json.Marshal(answer)
		said = append(said, string(text))
	}
	return said
}

// refusal returns status and message of an error, and whether it names its request. Not its code: in Query this client
// gives the name of the shape for it, and in the others Query's code.
func refusal(err error) string {
	var api smithy.APIError
	var response *awshttp.ResponseError
	if !errors.As(err, &api) || !errors.As(err, &response) {
		return "no answer"
	}
	said, _ := json.Marshal([]any{api.ErrorMessage(), response.HTTPStatusCode(), response.RequestID != ""})
	return string(said)
}
