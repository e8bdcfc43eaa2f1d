// REST-XML: the operation is a method and a path, and the input is in all parts of the request.

package main

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"
)

func route53Zones(p *platform) {
	client := route53.NewFromConfig(p.config)
	_, err := client.GetHostedZone(p.context, &route53.GetHostedZoneInput{Id: aws.String("Z0NOPE")})
	refused[*types.NoSuchHostedZone](p, "a zone that is not there", err)
	domain := p.name + ".example."
	made, err := client.CreateHostedZone(p.context, &route53.CreateHostedZoneInput{
		Name:             aws.String(domain),
		CallerReference:  aws.String(p.name),
		HostedZoneConfig: &types.HostedZoneConfig{Comment: aws.String("„ü“ <&>")},
	})
	if !p.answered("a zone is made", err) {
		return
	}
	id := made.HostedZone.Id
	p.check("its comment", aws.ToString(made.HostedZone.Config.Comment) == "„ü“ <&>", made.HostedZone)
	p.check("where it is is told in a header", strings.Contains(aws.ToString(made.Location), "/hostedzone/Z"), made.Location)
	p.check("the instant of its change", isNow(made.ChangeInfo.SubmittedAt), made.ChangeInfo)
	record := types.ResourceRecordSet{
		Name:            aws.String("www." + domain),
		Type:            types.RRTypeA,
		TTL:             aws.Int64(60),
		ResourceRecords: []types.ResourceRecord{{Value: aws.String("192.0.2.1")}, {Value: aws.String("192.0.2.2")}},
	}
	change := func(words string, action types.ChangeAction) {
		_, err := client.ChangeResourceRecordSets(p.context, &route53.ChangeResourceRecordSetsInput{
			HostedZoneId: id,
			ChangeBatch:  &types.ChangeBatch{Changes: []types.Change{{Action: action, ResourceRecordSet: &record}}},
		})
		p.answered(words, err)
	}
	change("a record is made", types.ChangeActionCreate)
	told, err := client.ListResourceRecordSets(p.context, &route53.ListResourceRecordSetsInput{
		HostedZoneId: id, StartRecordName: record.Name, StartRecordType: types.RRTypeA, MaxItems: aws.Int32(1),
	})
	if p.answered("records are listed", err) && len(told.ResourceRecordSets) == 1 {
		set := told.ResourceRecordSets[0]
		isIt := aws.ToInt64(set.TTL) == 60 && len(set.ResourceRecords) == 2 && aws.ToString(set.Name) == aws.ToString(record.Name)
		p.check("as it was made", isIt, set)
	} else {
		p.check("one is there", false, told)
	}
	change("it is deleted", types.ChangeActionDelete)
	_, err = client.DeleteHostedZone(p.context, &route53.DeleteHostedZoneInput{Id: id})
	p.answered("the zone is deleted", err)
}
