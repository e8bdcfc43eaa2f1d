// Query: lists with their wrappers, instants in ISO 8601, errors in XML.

package main

import (
	"net/url"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

const trust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole"}]}`

func stsIdentity(p *platform) {
	client := sts.NewFromConfig(p.config)
	told, err := client.GetCallerIdentity(p.context, &sts.GetCallerIdentityInput{})
	if p.answered("who calls", err) {
		p.check("an account and its user", len(aws.ToString(told.Account)) == 12 && isARN(told.Arn, "iam"), told)
	}
	session, err := client.GetSessionToken(p.context, &sts.GetSessionTokenInput{DurationSeconds: aws.Int32(900)})
	if p.answered("a session of 900 seconds", err) {
		credentials := session.Credentials
		p.check("its end", isNow(credentials.Expiration), credentials.Expiration)
		p.check("its token", aws.ToString(credentials.SessionToken) != "", credentials)
	}
	_, err = client.GetSessionToken(p.context, &sts.GetSessionTokenInput{DurationSeconds: aws.Int32(1)})
	p.coded("a session of one second", "ValidationError", err)
}

func iamRoles(p *platform) {
	client, name := iam.NewFromConfig(p.config), aws.String(p.name)
	made, err := client.CreateRole(p.context, &iam.CreateRoleInput{
		RoleName:                 name,
		Path:                     aws.String("/go/" + p.name + "/"),
		AssumeRolePolicyDocument: aws.String(trust),
		MaxSessionDuration:       aws.Int32(7200),
		Tags:                     []types.Tag{{Key: aws.String("k"), Value: aws.String("grün +=@ a")}, {Key: aws.String("empty"), Value: aws.String("")}},
	})
	if !p.answered("a role is made", err) {
		return
	}
	p.check("its instant", isNow(made.Role.CreateDate), made.Role.CreateDate)
	told, err := client.GetRole(p.context, &iam.GetRoleInput{RoleName: name})
	if p.answered("it is told", err) {
		document, _ := url.QueryUnescape(aws.ToString(told.Role.AssumeRolePolicyDocument))
		p.check("whom it trusts", document == trust, document)
		p.check("its number", aws.ToInt32(told.Role.MaxSessionDuration) == 7200, told.Role)
	}
	tags, err := client.ListRoleTags(p.context, &iam.ListRoleTagsInput{RoleName: name})
	if p.answered("its tags", err) {
		said := map[string]string{}
		for _, tag := range tags.Tags {
			said[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
		}
		p.check("as they were given", len(said) == 2 && said["k"] == "grün +=@ a" && said["empty"] == "", said)
	}
	pages := iam.NewListRolesPaginator(client, &iam.ListRolesInput{PathPrefix: aws.String("/go/" + p.name), MaxItems: aws.Int32(1)})
	found := 0
	for pages.HasMorePages() {
		page, err := pages.NextPage(p.context)
		if !p.answered("a page of roles", err) {
			break
		}
		found += len(page.Roles)
	}
	p.check("the role of its path", found == 1, found)
	_, err = client.CreateRole(p.context, &iam.CreateRoleInput{RoleName: name, AssumeRolePolicyDocument: aws.String(trust)})
	refused[*types.EntityAlreadyExistsException](p, "the same name again", err)
	_, err = client.DeleteRole(p.context, &iam.DeleteRoleInput{RoleName: name})
	p.answered("it is deleted", err)
	_, err = client.GetRole(p.context, &iam.GetRoleInput{RoleName: name})
	refused[*types.NoSuchEntityException](p, "what is gone", err)
}

func elbTargetGroups(p *platform) {
	network := defaultVpc(p, ec2.NewFromConfig(p.config))
	client, name := elasticloadbalancingv2.NewFromConfig(p.config), aws.String(p.name)
	made, err := client.CreateTargetGroup(p.context, &elasticloadbalancingv2.CreateTargetGroupInput{
		Name:                       name,
		VpcId:                      network,
		Port:                       aws.Int32(8080),
		Protocol:                   elb.ProtocolEnumHttp,
		TargetType:                 elb.TargetTypeEnumIp,
		HealthCheckIntervalSeconds: aws.Int32(17),
		Matcher:                    &elb.Matcher{HttpCode: aws.String("200-299")},
	})
	if !p.answered("a target group is made", err) || len(made.TargetGroups) != 1 {
		return
	}
	arn := made.TargetGroups[0].TargetGroupArn
	told, err := client.DescribeTargetGroups(p.context, &elasticloadbalancingv2.DescribeTargetGroupsInput{Names: []string{p.name}})
	if p.answered("it is described", err) && len(told.TargetGroups) == 1 {
		group := told.TargetGroups[0]
		isIt := aws.ToInt32(group.Port) == 8080 && aws.ToInt32(group.HealthCheckIntervalSeconds) == 17 && aws.ToBool(group.HealthCheckEnabled)
		p.check("its numbers and its flag", isIt && aws.ToString(group.Matcher.HttpCode) == "200-299", group)
		p.check("its ARN", isARN(group.TargetGroupArn, "elasticloadbalancing"), group)
	}
	_, err = client.RegisterTargets(p.context, &elasticloadbalancingv2.RegisterTargetsInput{
		TargetGroupArn: arn,
		Targets:        []elb.TargetDescription{{Id: aws.String("172.31.0.9"), Port: aws.Int32(1)}, {Id: aws.String("172.31.0.9"), Port: aws.Int32(2)}},
	})
	p.answered("two targets are registered", err)
	health, err := client.DescribeTargetHealth(p.context, &elasticloadbalancingv2.DescribeTargetHealthInput{TargetGroupArn: arn})
	p.check("and told", err == nil && len(health.TargetHealthDescriptions) == 2, health, err)
	_, err = client.DescribeTargetGroups(p.context, &elasticloadbalancingv2.DescribeTargetGroupsInput{Names: []string{"nope"}})
	refused[*elb.TargetGroupNotFoundException](p, "a group that is not there", err)
	_, err = client.DeleteTargetGroup(p.context, &elasticloadbalancingv2.DeleteTargetGroupInput{TargetGroupArn: arn})
	p.answered("it is deleted", err)
}
