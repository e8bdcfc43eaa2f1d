// EC2's own form of Query: lists without wrappers, filters, names in another case.

package main

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// defaultVpc returns the network that a platform has from its start.
func defaultVpc(p *platform, client *ec2.Client) *string {
	filters := []types.Filter{{Name: aws.String("is-default"), Values: []string{"true"}}}
	told, err := client.DescribeVpcs(p.context, &ec2.DescribeVpcsInput{Filters: filters})
	if !p.answered("networks are described", err) || len(told.Vpcs) != 1 {
		p.check("one is the default", false, told)
		return nil
	}
	return told.Vpcs[0].VpcId
}

func ec2Networks(p *platform) {
	client := ec2.NewFromConfig(p.config)
	network := defaultVpc(p, client)
	filters := []types.Filter{{Name: aws.String("vpc-id"), Values: []string{aws.ToString(network), "vpc-none"}}}
	told, err := client.DescribeSubnets(p.context, &ec2.DescribeSubnetsInput{Filters: filters})
	if p.answered("subnets are described", err) && len(told.Subnets) > 0 {
		subnet := told.Subnets[0]
		p.check("of this network", aws.ToString(subnet.VpcId) == aws.ToString(network), subnet)
		p.check("numbers and flags", aws.ToInt32(subnet.AvailableIpAddressCount) > 0 && aws.ToBool(subnet.DefaultForAz), subnet)
	} else {
		p.check("there are some", false, told)
	}
	made, err := client.CreateSecurityGroup(p.context, &ec2.CreateSecurityGroupInput{
		GroupName:   aws.String(p.name),
		Description: aws.String("by an official client"),
		VpcId:       network,
		TagSpecifications: []types.TagSpecification{{
			ResourceType: types.ResourceTypeSecurityGroup,
			Tags:         []types.Tag{{Key: aws.String("k"), Value: aws.String("<&>")}},
		}},
	})
	if !p.answered("a security group is made", err) {
		return
	}
	_, err = client.AuthorizeSecurityGroupIngress(p.context, &ec2.AuthorizeSecurityGroupIngressInput{
		GroupId: made.GroupId,
		IpPermissions: []types.IpPermission{{
			IpProtocol: aws.String("tcp"),
			FromPort:   aws.Int32(80),
			ToPort:     aws.Int32(81),
			IpRanges:   []types.IpRange{{CidrIp: aws.String("10.0.0.0/8")}, {CidrIp: aws.String("192.168.0.0/16")}},
		}},
	})
	p.answered("it lets two ranges in", err)
	groups, err := client.DescribeSecurityGroups(p.context, &ec2.DescribeSecurityGroupsInput{GroupIds: []string{aws.ToString(made.GroupId)}})
	if p.answered("it is described", err) && len(groups.SecurityGroups) == 1 {
		group := groups.SecurityGroups[0]
		isIt := len(group.IpPermissions) == 1 && len(group.IpPermissions[0].IpRanges) == 2 && aws.ToInt32(group.IpPermissions[0].ToPort) == 81
		p.check("with both ranges", isIt, group.IpPermissions)
		p.check("and its tag", len(group.Tags) == 1 && aws.ToString(group.Tags[0].Value) == "<&>", group.Tags)
	}
	_, err = client.DeleteSecurityGroup(p.context, &ec2.DeleteSecurityGroupInput{GroupId: made.GroupId})
	p.answered("it is deleted", err)
	_, err = client.DescribeSecurityGroups(p.context, &ec2.DescribeSecurityGroupsInput{GroupIds: []string{aws.ToString(made.GroupId)}})
	p.coded("what is gone", "InvalidGroup.NotFound", err)
}
