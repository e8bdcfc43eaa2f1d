//! Listeners that speak TLS, and rules that authenticate users.

use super::*;

/// An HTTPS listener that answers 403 to what no rule takes.
fn https(rig: &mut Rig, lb: &str) -> String {
    let refused =
        json!([{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "403", "ContentType": "text/plain"}}]);
    let made = rig.call(
        "CreateListener",
        json!({"LoadBalancerArn": lb, "Protocol": "HTTPS", "Port": 443,
        "SslPolicy": "ELBSecurityPolicy-TLS13-1-2-2021-06", "Certificates": [{"CertificateArn": CERTIFICATE}],
        "DefaultActions": refused}),
    );
    made["Listeners"][0]["ListenerArn"].as_str().unwrap().to_owned()
}

fn oidc(secret: Option<&str>) -> Value {
    let mut config = json!({"Issuer": "https://id.example.com", "AuthorizationEndpoint": "https://id.example.com/a",
        "TokenEndpoint": "https://id.example.com/t", "UserInfoEndpoint": "https://id.example.com/u", "ClientId": "abc"});
    match secret {
        Some(secret) => config["ClientSecret"] = secret.into(),
        None => config["UseExistingClientSecret"] = true.into(),
    }
    json!({"Type": "authenticate-oidc", "Order": 1, "AuthenticateOidcConfig": config})
}

#[test]
fn an_https_listener_and_its_certificates_are_kept_and_forward_nothing() {
    let (mut rig, lb, group, _) = Rig::served();
    let listener = https(&mut rig, &lb);
    let listeners = rig.call("DescribeListeners", json!({"ListenerArns": [listener]}));
    let described = &listeners["Listeners"][0];
    assert_eq!(described["SslPolicy"], "ELBSecurityPolicy-TLS13-1-2-2021-06");
    assert_eq!(described["Certificates"], json!([{"CertificateArn": CERTIFICATE}]));
    let other = CERTIFICATE.replace("0000", "1111");
    rig.call("AddListenerCertificates", json!({"ListenerArn": listener, "Certificates": [{"CertificateArn": other}]}));
    let certificates = rig.call("DescribeListenerCertificates", json!({"ListenerArn": listener}));
    assert_eq!(
        certificates["Certificates"],
        json!([{"CertificateArn": CERTIFICATE, "IsDefault": true}, {"CertificateArn": other, "IsDefault": false}])
    );
    rig.call(
        "RemoveListenerCertificates",
        json!({"ListenerArn": listener, "Certificates": [{"CertificateArn": other}]}),
    );
    let certificates = rig.call("DescribeListenerCertificates", json!({"ListenerArn": listener}));
    assert_eq!(certificates["Certificates"].as_array().map(Vec::len), Some(1));
    // A default action that changes leaves the rest as it is.
    let forward = json!([{"Type": "forward", "TargetGroupArn": group}]);
    rig.call("ModifyListener", json!({"ListenerArn": listener, "DefaultActions": forward}));
    let listeners = rig.call("DescribeListeners", json!({"ListenerArns": [listener]}));
    assert_eq!(listeners["Listeners"][0]["Certificates"], json!([{"CertificateArn": CERTIFICATE}]));
    let served = routes(&rig.world);
    let at = served.listeners.iter().find(|l| l.port == 443).unwrap();
    let [(conditions, Action::FixedResponse { status: 400, body: Some(body), .. })] = &at.rules[..] else {
        panic!("{:?}", at.rules)
    };
    assert!(conditions.is_empty() && body.contains("not one of this platform's ACM"), "{body}");
    assert_eq!(served.groups.len(), 1, "its targets are probed all the same");
    assert!(
        rig.refused("ModifyListener", json!({"ListenerArn": listener, "SslPolicy": "x"}))
            .starts_with("SSLPolicyNotFound")
    );
}

#[test]
fn a_rule_that_asks_who_somebody_is_is_kept_without_its_secret_and_forwards_nothing() {
    let (mut rig, lb, group, http) = Rig::served();
    let listener = https(&mut rig, &lb);
    let forward = json!({"Type": "forward", "Order": 2, "TargetGroupArn": group});
    let conditions = json!([
        {"Field": "host-header", "HostHeaderConfig": {"Values": ["shop.example.com"]}},
        {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-From-CDN", "Values": ["yes"]}},
        {"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.0/8"]}},
        {"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["GET"]}}]);
    let input = |listener: &str, actions: Value| json!({"ListenerArn": listener, "Priority": 10, "Conditions": conditions, "Actions": actions});
    let made = rig.call("CreateRule", input(&listener, json!([oidc(Some("s3cr3t")), forward])));
    let rule = made["Rules"][0]["RuleArn"].as_str().unwrap().to_owned();
    let rules = rig.call("DescribeRules", json!({"RuleArns": [rule]}));
    assert!(!rules.to_string().contains("s3cr3t") && !format!("{:?}", rig.world).contains("s3cr3t"));
    let described = &rules["Rules"][0];
    let config = &described["Actions"][0]["AuthenticateOidcConfig"];
    assert_eq!((&config["ClientId"], &config["OnUnauthenticatedRequest"]), (&"abc".into(), &"authenticate".into()));
    let header = described["Conditions"].as_array().unwrap().iter().find(|c| c["Field"] == "http-header").unwrap();
    assert_eq!(header["HttpHeaderConfig"], json!({"HttpHeaderName": "X-From-CDN", "Values": ["yes"]}));
    assert_eq!(described["Conditions"].as_array().map(Vec::len), Some(4));
    // The secret that is kept is kept by saying so; conditions that change leave the actions as they are.
    rig.call("ModifyRule", json!({"RuleArn": rule, "Actions": [oidc(None), forward]}));
    rig.call("ModifyRule", json!({"RuleArn": rule, "Conditions": [conditions[0]]}));
    let rules = rig.call("DescribeRules", json!({"RuleArns": [rule]}));
    assert_eq!(rules["Rules"][0]["Actions"][0]["Type"], "authenticate-oidc");
    for (listener, actions, word) in [
        (&http, json!([oidc(Some("x")), forward]), "only supported on HTTPS"),
        (&listener, json!([oidc(None), forward]), "ClientSecret"),
        (&listener, json!([oidc(Some("x"))]), "action must be specified"),
        (
            &listener,
            json!([oidc(Some("x")), {"Type": "forward", "Order": 1, "TargetGroupArn": group}]),
            "highest order",
        ),
    ] {
        let mut input = input(listener, actions);
        input["Priority"] = 11.into();
        let error = rig.refused("CreateRule", input);
        assert!(error.to_lowercase().contains(&word.to_lowercase()), "{error} should say {word}");
    }
    let to_http = rig.refused("ModifyListener", json!({"ListenerArn": listener, "Protocol": "HTTP"}));
    assert!(to_http.contains("only supported on HTTPS"), "{to_http}");
}
