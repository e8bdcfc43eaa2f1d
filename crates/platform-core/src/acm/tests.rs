//! ACM's operations, told as calls and what they answer.

use aws_model::AwsError;
use serde_json::{Value, json};

use super::{Certificate, Facts, Material, OPERATIONS, SealedKey};
use crate::operation::Kind;
use crate::{Cx, Ids, Outcome, World, acm, elb};

const NOW: i64 = 1_700_000_000_000;

struct Rig {
    world: World,
    ids: Ids,
    now: i64,
}

fn material(names: &[&str], key: &str) -> Material {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    Material {
        body: format!("BODY {key}\n"),
        chain: Some("CHAIN\n".into()),
        key: SealedKey { id: key.into(), sealed: "c2VhbGVk".into() },
        facts: Facts {
            domain: names[0].clone(),
            names,
            serial: "0a:1b".into(),
            subject: "CN=a.test".into(),
            issuer: "managr".into(),
            not_before: NOW,
            not_after: NOW + 86_400_000,
            key_algorithm: "RSA_2048".into(),
            signature_algorithm: "SHA256WITHECDSA".into(),
            key_usages: vec!["DIGITAL_SIGNATURE".into()],
            extended_key_usages: vec![("TLS_WEB_SERVER_AUTHENTICATION".into(), "1.3.6.1.5.5.7.3.1".into())],
        },
    }
}

impl Rig {
    fn new() -> Self {
        Self { world: World::default(), ids: Ids::new(7), now: NOW }
    }

    fn with<R>(&mut self, f: impl FnOnce(&World, &mut Cx<'_>) -> Result<R, AwsError>) -> Result<R, String> {
        let mut cx = Cx {
            now: self.now,
            region: "us-east-1",
            account: "123456789012",
            access_key: "",
            architecture: None,
            ids: &mut self.ids,
        };
        f(&self.world, &mut cx).map_err(|e| e.to_string())
    }

    fn keep(&mut self, outcome: Outcome) -> Value {
        outcome.changes.into_iter().for_each(|change| drop(self.world.apply(change)));
        outcome.reply
    }

    fn call(&mut self, operation: &str, input: Value) -> Result<Value, String> {
        let input = input.as_object().unwrap().clone();
        let rows = OPERATIONS.iter().chain(elb::OPERATIONS);
        let row = rows.into_iter().find(|row| row.name == operation).unwrap();
        match row.kind {
            Kind::Read(read) => self.with(|world, cx| read(world, cx, &input)),
            Kind::Write(write) => {
                let outcome = self.with(|world, cx| write(world, cx, input))?;
                Ok(self.keep(outcome))
            }
        }
    }

    fn request(&mut self, input: Value, key: &str) -> Result<String, String> {
        let input = input.as_object().unwrap().clone();
        let names = super::issue::names(&input);
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let outcome = self.with(|world, cx| acm::request(world, cx, input, material(&names, key)))?;
        Ok(self.keep(outcome)["CertificateArn"].as_str().unwrap().to_owned())
    }

    fn import(&mut self, input: Value, key: &str) -> Result<String, String> {
        let input = input.as_object().unwrap().clone();
        let outcome = self.with(|world, cx| acm::import(world, cx, input, material(&["a.test"], key)))?;
        Ok(self.keep(outcome)["CertificateArn"].as_str().unwrap().to_owned())
    }

    /// Returns the ARN of an HTTPS listener with a certificate.
    fn serve(&mut self, certificate: &str) -> Result<String, String> {
        let balancer = json!({"Name": "web", "Subnets": ["subnet-1", "subnet-2"]});
        let balancer = self.call("CreateLoadBalancer", balancer)?["LoadBalancers"][0]["LoadBalancerArn"].clone();
        let made = self.call(
            "CreateListener",
            json!({"LoadBalancerArn": balancer, "Protocol": "HTTPS", "Port": 443,
            "Certificates": [{"CertificateArn": certificate}], "SslPolicy": "ELBSecurityPolicy-TLS13-1-2-Res-2021-06",
            "DefaultActions": [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}}]}),
        )?;
        Ok(made["Listeners"][0]["ListenerArn"].as_str().unwrap().to_owned())
    }
}

#[test]
fn a_requested_certificate_is_issued_and_described() {
    let mut rig = Rig::new();
    let asked = json!({"DomainName": "A.test", "SubjectAlternativeNames": ["*.a.test", "a.test"], "ValidationMethod": "DNS",
        "IdempotencyToken": "t1", "Tags": [{"Key": "k", "Value": "v"}]});
    let arn = rig.request(asked.clone(), "1").unwrap();
    assert!(arn.starts_with("arn:aws:acm:us-east-1:123456789012:certificate/"), "{arn}");
    assert_eq!(rig.request(asked.clone(), "2").unwrap(), arn, "the same token within the hour");
    let other = json!({"DomainName": "b.test", "IdempotencyToken": "t1"});
    assert_ne!(rig.request(other, "3").unwrap(), arn);
    let described = rig.call("DescribeCertificate", json!({"CertificateArn": arn})).unwrap()["Certificate"].clone();
    assert_eq!(
        (&described["Status"], &described["Type"], &described["InUseBy"], &described["IssuedAt"]),
        (&json!("ISSUED"), &json!("AMAZON_ISSUED"), &json!([]), &json!(1_700_000_000))
    );
    let proofs = described["DomainValidationOptions"].as_array().unwrap();
    assert_eq!(proofs.len(), 2);
    assert_eq!(proofs[0]["ResourceRecord"], proofs[1]["ResourceRecord"], "one record for a domain and its wildcard");
    assert!(proofs[0]["ResourceRecord"]["Name"].as_str().unwrap().ends_with(".a.test."));
    assert!(!described.to_string().contains("c2VhbGVk"), "a key is answered nowhere");
    let got = rig.call("GetCertificate", json!({"CertificateArn": arn})).unwrap();
    assert_eq!(got, json!({"Certificate": "BODY 1\n", "CertificateChain": "CHAIN\n"}));
    rig.now += 3_600_000;
    assert_ne!(rig.request(asked, "4").unwrap(), arn, "a token is forgotten after an hour");
    rig.now += 86_400_000;
    let described = rig.call("DescribeCertificate", json!({"CertificateArn": arn})).unwrap();
    assert_eq!(described["Certificate"]["Status"], "EXPIRED");
    let refused = |rig: &mut Rig, input: Value, code: &str| {
        let error = rig.request(input, "x").unwrap_err();
        assert!(error.starts_with(code), "{error}");
    };
    refused(
        &mut rig,
        json!({"DomainName": "a.test", "DomainValidationOptions": [{"DomainName": "a.test", "ValidationDomain": "b.test"}]}),
        "InvalidDomainValidationOptionsException",
    );
    let private =
        json!({"DomainName": "a.test", "CertificateAuthorityArn": "arn:aws:acm-pca:r:1:certificate-authority/x"});
    refused(&mut rig, private, "InvalidParameterException: CertificateAuthorityArn");
}

#[test]
fn what_a_listener_has_is_in_use_and_served_in_its_policy() {
    let mut rig = Rig::new();
    let (first, second) = (rig.import(json!({}), "1").unwrap(), rig.import(json!({}), "2").unwrap());
    let missing = rig.serve(&first.replace("certificate/", "certificate/0")).unwrap_err();
    assert!(missing.starts_with("CertificateNotFound: Certificate 'arn:aws:acm:us-east-1:123456789012"), "{missing}");
    let listener = rig.serve(&first).unwrap();
    let more = json!({"ListenerArn": listener, "Certificates": [{"CertificateArn": second}]});
    rig.call("AddListenerCertificates", more.clone()).unwrap();
    let tls = elb::routes(&rig.world).listeners[0].tls.clone().unwrap();
    let keys: Vec<&str> = tls.certificates.iter().map(|c| c.key.id.as_str()).collect();
    assert_eq!((keys, tls.certificates[0].chain.as_str()), (vec!["1", "2"], "BODY 1\nCHAIN\n"));
    assert_eq!(tls.policy.ciphers().count(), 7);
    for arn in [&first, &second] {
        let error = rig.call("DeleteCertificate", json!({"CertificateArn": arn})).unwrap_err();
        assert_eq!(error, format!("ResourceInUseException: Certificate {arn} in account 123456789012 is in use."));
        let described = rig.call("DescribeCertificate", json!({"CertificateArn": arn})).unwrap();
        assert!(described["Certificate"]["InUseBy"][0].as_str().unwrap().contains(":loadbalancer/app/web/"));
    }
    // Imported again, the same ARN has another key, and its listener is looked at.
    assert_eq!(rig.import(json!({"CertificateArn": second}), "3").unwrap(), second);
    let tls = elb::routes(&rig.world).listeners[0].tls.clone().unwrap();
    assert_eq!(tls.certificates[1].key.id, "3");
    rig.call("RemoveListenerCertificates", more).unwrap();
    rig.call("DeleteCertificate", json!({"CertificateArn": second})).unwrap();
    let error = rig.call("GetCertificate", json!({"CertificateArn": second})).unwrap_err();
    assert_eq!(error, format!("ResourceNotFoundException: Could not find certificate {second}."));
}

#[test]
fn what_replaces_a_certificate_wakes_the_balancer() {
    let mut rig = Rig::new();
    let arn = rig.import(json!({}), "1").unwrap();
    rig.serve(&arn).unwrap();
    let input = json!({"CertificateArn": arn}).as_object().unwrap().clone();
    let outcome = rig.with(|world, cx| acm::import(world, cx, input, material(&["a.test"], "2"))).unwrap();
    let due: Vec<_> = outcome.changes.into_iter().filter_map(|change| rig.world.apply(change)).collect();
    assert!(due.contains(&crate::world::Key::Routes), "{due:?}");
}

#[test]
fn only_what_fits_replaces_an_imported_certificate() {
    let mut rig = Rig::new();
    let issued = rig.request(json!({"DomainName": "a.test"}), "1").unwrap();
    let imported = rig.import(json!({}), "2").unwrap();
    let error = rig.import(json!({"CertificateArn": issued}), "3").unwrap_err();
    assert!(error.starts_with("ValidationException") && error.contains("not imported"), "{error}");
    let tagged = json!({"CertificateArn": imported, "Tags": [{"Key": "a"}]});
    assert!(rig.import(tagged, "3").unwrap_err().starts_with("ValidationException: Tags"));
    let input = json!({"CertificateArn": imported}).as_object().unwrap().clone();
    let mut other = material(&["a.test"], "4");
    other.facts.key_algorithm = "EC_prime256v1".into();
    let error = rig.with(|world, cx| acm::import(world, cx, input.clone(), other)).unwrap_err();
    assert!(error.contains("is RSA_2048"), "{error}");
    let error = rig.with(|world, cx| acm::renewable(world, cx, &input)).unwrap_err();
    assert!(error.starts_with("ValidationException"), "{error}");
    let error = rig.call("DescribeCertificate", json!({"CertificateArn": "arn:aws:iam::1:server-certificate/a"}));
    assert!(error.unwrap_err().starts_with("InvalidArnException"));
}

#[test]
fn lists_come_in_pages_in_the_order_asked_for_and_leave_out_what_is_not() {
    let mut rig = Rig::new();
    for key in 0..5 {
        rig.now += 1000;
        rig.import(json!({}), &key.to_string()).unwrap();
    }
    // One whose key is not RSA is listed only where its type is asked for.
    let arn = rig.import(json!({}), "ec").unwrap();
    let mut ec: Certificate = rig.world.records.get("us-east-1", &arn).unwrap();
    ec.facts.key_algorithm = "EC_prime256v1".into();
    rig.world.apply(crate::Change::put(&ec));
    let mut pages = |input: Value| {
        let (mut seen, mut token) = (Vec::new(), Value::Null);
        loop {
            let mut input = input.clone();
            input["MaxItems"] = 2.into();
            if token.is_string() {
                input["NextToken"] = token;
            }
            let page = rig.call("ListCertificates", input).unwrap();
            let list = page["CertificateSummaryList"].as_array().unwrap();
            assert!(list.len() <= 2);
            seen.extend(list.iter().map(|c| c["CreatedAt"].as_f64().unwrap() as i64 - 1_700_000_000));
            token = page["NextToken"].clone();
            if token.is_null() {
                return seen;
            }
        }
    };
    assert_eq!(pages(json!({})), [1, 2, 3, 4, 5]);
    assert_eq!(pages(json!({"SortBy": "CREATED_AT", "SortOrder": "DESCENDING"})), [5, 4, 3, 2, 1]);
    assert_eq!(pages(json!({"Includes": {"keyTypes": ["EC_prime256v1"]}})), [5]);
    assert!(pages(json!({"CertificateStatuses": ["EXPIRED"]})).is_empty());
    assert!(pages(json!({"Includes": {"extendedKeyUsage": ["CODE_SIGNING"]}})).is_empty());
}

#[test]
fn tags_and_options_change() {
    let mut rig = Rig::new();
    let arn = rig.request(json!({"DomainName": "a.test"}), "1").unwrap();
    let tags = json!([{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]);
    rig.call("AddTagsToCertificate", json!({"CertificateArn": arn, "Tags": tags})).unwrap();
    let gone = json!([{"Key": "a", "Value": "other"}, {"Key": "b"}]);
    rig.call("RemoveTagsFromCertificate", json!({"CertificateArn": arn, "Tags": gone})).unwrap();
    let left = rig.call("ListTagsForCertificate", json!({"CertificateArn": arn})).unwrap();
    assert_eq!(left["Tags"], json!([{"Key": "a", "Value": "1"}]));
    let reserved = json!({"CertificateArn": arn, "Tags": [{"Key": "aws:x"}]});
    assert!(rig.call("AddTagsToCertificate", reserved).unwrap_err().starts_with("InvalidTagException"));
    let options = json!({"CertificateTransparencyLoggingPreference": "DISABLED"});
    rig.call("UpdateCertificateOptions", json!({"CertificateArn": arn, "Options": options})).unwrap();
    let described = rig.call("DescribeCertificate", json!({"CertificateArn": arn})).unwrap();
    assert_eq!(described["Certificate"]["Options"], options);
}
