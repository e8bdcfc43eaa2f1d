// Command clients answers: does the official SDK for Go read what the platform says, in every protocol that it speaks?
//
// It asks the endpoint in AWS_ENDPOINT_URL. What it makes has names of its own and is taken away again, so that it may
// be held against a platform that is in use. It ends with 1 when something is not as it must be, and says what.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"
)

// A suite is held against the platform in one protocol. The rows are the protocols of AWS; REST-JSON is not among
// them, since nothing that the platform serves speaks it.
var suites = []struct {
	words string
	run   func(*platform)
}{
	{"JSON 1.1: ecs", ecsClusters},
	{"JSON 1.1: logs", logsEvents},
	{"Query: sts", stsIdentity},
	{"Query: iam", iamRoles},
	{"Query: elbv2", elbTargetGroups},
	{"EC2's Query: ec2", ec2Networks},
	{"REST-XML: route53", route53Zones},
	{"CBOR, JSON 1.0 and Query: cloudwatch", cloudwatchInThree},
}

// The platform that is asked, and what was found wrong with it.
type platform struct {
	context context.Context
	config  aws.Config
	// name belongs to this run alone.
	name   string
	suite  string
	checks int
	faults []string
}

func main() {
	background, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	p := &platform{context: background, config: config(), name: fmt.Sprintf("go-%d", time.Now().UnixNano())}
	for _, suite := range suites {
		p.suite = suite.words
		suite.run(p)
	}
	fmt.Printf("%d checks by aws-sdk-go-v2 %s, %d faults\n", p.checks, aws.SDKVersion, len(p.faults))
	if len(p.faults) > 0 || p.checks == 0 {
		os.Exit(1)
	}
}

func config() aws.Config {
	endpoint := os.Getenv("AWS_ENDPOINT_URL")
	if endpoint == "" {
		endpoint = "http://127.0.0.1:4566"
	}
	return aws.Config{
		Region:       "us-east-1",
		BaseEndpoint: aws.String(endpoint),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		}),
		// A second try would hide the fault of the first.
		Retryer: func() aws.Retryer { return aws.NopRetryer{} },
	}
}

// check notes one statement, and whether it holds.
func (p *platform) check(words string, holds bool, seen ...any) {
	p.checks++
	if holds {
		fmt.Printf("ok: %s: %s\n", p.suite, words)
		return
	}
	p.faults = append(p.faults, words)
	fmt.Printf("FAULT: %s: %s %+v\n", p.suite, words, seen)
}

// answered notes that a call was answered, and says whether it was.
func (p *platform) answered(words string, err error) bool {
	p.check(words, err == nil, err)
	return err == nil
}

// refused notes that a call was refused as E, a type of error that the model declares.
func refused[E smithy.APIError](p *platform, words string, err error) {
	var declared E
	isDeclared := errors.As(err, &declared)
	p.check(fmt.Sprintf("%s: %T", words, declared), isDeclared && declared.ErrorMessage() != "", err)
}

// coded notes that a call was refused with this code.
func (p *platform) coded(words, code string, err error) {
	var api smithy.APIError
	p.check(words+": "+code, errors.As(err, &api) && api.ErrorCode() == code && api.ErrorMessage() != "", err)
}

// isNow says whether an instant is of this run; one that is read in the wrong unit is in 1970 or far ahead.
func isNow(at *time.Time) bool {
	return at != nil && time.Since(*at).Abs() < time.Hour
}

// isARN says whether this is the ARN of a thing of this service.
func isARN(arn *string, service string) bool {
	return strings.HasPrefix(aws.ToString(arn), "arn:aws:"+service+":")
}
