//! HTTPS from end to end: a certificate that ACM issued, a listener made by the API, and curl with the platform's
//! authority.

use std::path::Path;
use std::process::Command;

use aws::{Protocol, Service};
use e2e_native::platform::{Platform, free_port, until};
use serde_json::json;

const ACM: Service = Service {
    signing_name: "acm",
    endpoint_prefix: "acm",
    variable: "ACM",
    protocol: Protocol::Json { target_prefix: "CertificateManager" },
};

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_served_survives_a_restart_changes_in_place_and_its_key_is_nowhere_in_the_clear() {
    testhost::needs_root!();
    let mut platform = Platform::start().await;
    let asked = json!({"DomainName": "shop.test", "SubjectAlternativeNames": ["*.shop.test"]});
    let arn = platform.call(&ACM, "RequestCertificate", asked).await["CertificateArn"].clone();
    let got = platform.call(&ACM, "GetCertificate", json!({"CertificateArn": arn})).await;
    let ca = platform.dir.path().join("ca.pem");
    std::fs::write(&ca, got["CertificateChain"].as_str().expect("it is issued by the authority")).expect("written");

    let subnets = json!({"Name": "lb", "Subnets": ["subnet-1", "subnet-2"]});
    let balancer = platform.call(&aws::ELB, "CreateLoadBalancer", subnets).await;
    let balancer = aws::items(&balancer, "LoadBalancers")[0]["LoadBalancerArn"].clone();
    let (http, https) = (free_port(), free_port());
    let answer = json!({"StatusCode": "200", "ContentType": "text/plain", "MessageBody": "here"});
    let listener = json!({
        "LoadBalancerArn": balancer, "Protocol": "HTTPS", "Port": https, "Certificates": [{"CertificateArn": arn}],
        "DefaultActions": [{"Type": "fixed-response", "FixedResponseConfig": answer}],
    });
    platform.call(&aws::ELB, "CreateListener", listener).await;
    let redirect = json!({"Protocol": "HTTPS", "Port": https.to_string(), "StatusCode": "HTTP_301"});
    let listener = json!({
        "LoadBalancerArn": balancer, "Protocol": "HTTP", "Port": http,
        "DefaultActions": [{"Type": "redirect", "RedirectConfig": redirect}],
    });
    platform.call(&aws::ELB, "CreateListener", listener).await;

    // From HTTP to HTTPS, by names that the certificate is for.
    let page = |host: &str| {
        let ports = [http, https].map(|port| format!("--resolve {host}:{port}:127.0.0.1")).join(" ");
        format!("-L {ports} -w ' %{{http_version}} %{{scheme}}' http://{host}:{http}/")
    };
    for host in ["shop.test", "www.shop.test"] {
        until("HTTPS is served", &platform, || async { (curl(&ca, &page(host)) == "here 2 HTTPS").then_some(()) })
            .await;
    }
    assert!(curl(&ca, &page("other.test")).contains("no alternative certificate subject name"), "of another name");
    assert!(
        curl(Path::new("/etc/ssl/certs/ca-certificates.crt"), &page("shop.test")).contains("certificate"),
        "untrusted"
    );

    let serial = |ca: &Path| serial(ca, https);
    let before = serial(&ca);
    platform.stop();
    platform.launch().await;
    assert_eq!(curl(&ca, &page("shop.test")), "here 2 HTTPS", "after a restart");
    platform.call(&ACM, "RenewCertificate", json!({"CertificateArn": arn})).await;
    until("the new certificate is served", &platform, || async { (serial(&ca) != before).then_some(()) }).await;
    assert_eq!(curl(&ca, &page("shop.test")), "here 2 HTTPS");

    let found = Command::new("grep").args(["-rlaE", "BEGIN (RSA |EC )?PRIVATE KEY"]).arg(platform.dir.path()).output();
    assert_eq!(String::from_utf8_lossy(&found.expect("grep runs").stdout), "", "no key is in the clear on disk");
}

fn curl(ca: &Path, arguments: &str) -> String {
    let arguments = format!("curl -sS -m 20 --cacert {} {arguments}", ca.display());
    let output = Command::new("sh").arg("-c").arg(arguments).output().expect("sh runs");
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)).trim().to_owned()
}

fn serial(ca: &Path, port: u16) -> String {
    let script = format!(
        "openssl s_client -connect 127.0.0.1:{port} -servername shop.test -CAfile {} </dev/null 2>/dev/null \
         | openssl x509 -noout -serial",
        ca.display()
    );
    let output = Command::new("sh").arg("-c").arg(script).output().expect("sh runs");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
