//! Writes the answer of a call that was answered.

use aws_model::model::{Operation, Structure};
use aws_model::{Document, Protocol};

use super::{Reply, XML, content_type, namespace, rest, rpc_v2};
use crate::cbor;
use crate::xml::{self, Writer, close, leaf, open, open_in};

/// Returns the answer of an operation.
pub fn success(protocol: Protocol, operation: Operation, document: Document, request_id: &str) -> Reply {
    let mut headers = Vec::new();
    let body = match protocol {
        Protocol::RestJson | Protocol::RestXml => return rest::write(protocol, operation, document),
        Protocol::RpcV2Cbor => {
            headers.push(rpc_v2());
            let Some(output) = operation.output() else {
                // "No body and no content type" (Smithy, RPC v2 CBOR, operations without output).
                return Reply { status: 200, content_type: None, headers, body: Vec::new() };
            };
            cbor::write(Some((operation.model(), output)), &document)
        }
        Protocol::Query => query(operation, document, request_id).into_bytes(),
        Protocol::Ec2 => ec2(operation, document, request_id).into_bytes(),
        // Operations without output answer an empty object.
        Protocol::Json10 | Protocol::Json11 => serde_json::to_vec(&document).expect("a document can be written"),
    };
    Reply { status: 200, content_type: Some(content_type(protocol)), headers, body }
}

fn structure(operation: Operation) -> Option<&'static Structure> {
    operation.model().shape(operation.output()?).structure()
}

fn query(operation: Operation, document: Document, request_id: &str) -> String {
    let mut out = String::with_capacity(1024);
    out.push_str(XML);
    let root = format!("{}Response", operation.name());
    open_in(&mut out, &root, namespace(operation.service()));
    if let Some(structure) = structure(operation) {
        let wrapper = operation.wrapper().unwrap_or_default();
        if !wrapper.is_empty() {
            open(&mut out, wrapper);
        }
        Writer { out: &mut out, model: operation.model(), item: "member" }
            .members(structure, &document.into(), |_| true);
        if !wrapper.is_empty() {
            close(&mut out, wrapper);
        }
    }
    open(&mut out, "ResponseMetadata");
    leaf(&mut out, "RequestId", request_id);
    close(&mut out, "ResponseMetadata");
    close(&mut out, &root);
    out
}

/// EC2 has no element around the members, and answers `true` where the model has no output (API reference).
fn ec2(operation: Operation, document: Document, request_id: &str) -> String {
    let mut out = String::with_capacity(1024);
    out.push_str(XML);
    let root = format!("{}Response", operation.name());
    open_in(&mut out, &root, &format!("{}/", namespace(operation.service())));
    leaf(&mut out, "requestId", request_id);
    match structure(operation) {
        Some(structure) => {
            Writer { out: &mut out, model: operation.model(), item: "item" }.members(
                structure,
                &document.into(),
                |_| true,
            );
        }
        None => xml::leaf(&mut out, "return", "true"),
    }
    close(&mut out, &root);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_model::Service;
    use serde_json::{Value, json};

    fn check(service: Service, operation: &str, document: Value, expected: &str) {
        let operation = service.model().operation(operation).unwrap();
        let Value::Object(document) = document else { unreachable!() };
        let reply = success(service.protocols()[0], operation, document, "id");
        let text = String::from_utf8(reply.body).unwrap();
        assert_eq!(text.strip_prefix(XML).unwrap_or(&text), expected);
    }

    #[test]
    fn query_answers_are_typed_by_the_model() {
        let balancer = json!({"LoadBalancers": [{
            "CreatedTime": 1_796_047_200, "DNSName": "<&\">\u{1}\r", "SecurityGroups": [], "AvailabilityZones": null,
            "IsNotInTheModel": 1,
        }]});
        check(
            Service::ElbV2,
            "DescribeLoadBalancers",
            balancer,
            "<DescribeLoadBalancersResponse xmlns=\"http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/\">\
             <DescribeLoadBalancersResult><LoadBalancers><member><CreatedTime>2026-11-30T14:00:00.000Z</CreatedTime>\
             <DNSName>&lt;&amp;&quot;&gt;\u{fffd}&#13;</DNSName><SecurityGroups></SecurityGroups></member>\
             </LoadBalancers></DescribeLoadBalancersResult><ResponseMetadata><RequestId>id</RequestId>\
             </ResponseMetadata></DescribeLoadBalancersResponse>",
        );
        check(
            Service::Iam,
            "DeleteRole",
            json!({}),
            "<DeleteRoleResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><ResponseMetadata>\
             <RequestId>id</RequestId></ResponseMetadata></DeleteRoleResponse>",
        );
    }

    #[test]
    fn ec2_answers_have_items_and_its_own_names() {
        check(
            Service::Ec2,
            "DescribeVpcs",
            json!({"Vpcs": [{"VpcId": "vpc-1", "IsDefault": true, "Tags": [{"Key": "k", "Value": "v"}]}]}),
            "<DescribeVpcsResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>id</requestId><vpcSet>\
             <item><vpcId>vpc-1</vpcId><isDefault>true</isDefault><tagSet><item><key>k</key><value>v</value></item>\
             </tagSet></item></vpcSet></DescribeVpcsResponse>",
        );
        check(
            Service::Ec2,
            "DeleteVpc",
            json!({}),
            "<DeleteVpcResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>id</requestId>\
             <return>true</return></DeleteVpcResponse>",
        );
    }
}
