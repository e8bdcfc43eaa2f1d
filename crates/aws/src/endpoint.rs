//! Where a service answers: an explicit endpoint, the standard variables, or AWS itself.
//!
//! Pure: variables arrive as a function.

use crate::{ROUTE53, Service};

/// Returns the URL of a service, without a trailing slash.
///
/// The order is the one of the official clients, service-specific variables first; an
/// explicit endpoint (a flag, the local stage) beats them all.
/// `AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true` switches the variables off.
pub fn resolve(
    service: &Service,
    region: &str,
    explicit: Option<&str>,
    variable: impl Fn(&str) -> Option<String>,
) -> String {
    let ignored = variable("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS").is_some_and(|v| v.eq_ignore_ascii_case("true"));
    let configured = || {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        set(&format!("AWS_ENDPOINT_URL_{}", service.variable)).or_else(|| set("AWS_ENDPOINT_URL"))
    };
    let url = match explicit {
        Some(url) => url.to_owned(),
        None if ignored => of_aws(service, region),
        None => configured().unwrap_or_else(|| of_aws(service, region)),
    };
    url.trim_end_matches('/').to_owned()
}

/// Returns the region that a call is signed for: a global service has one for each partition.
pub fn signing_region<'a>(service: &Service, region: &'a str) -> &'a str {
    match region {
        _ if !service.is_global() => region,
        // botocore's endpoints: Route 53 is signed for the other region there.
        region if region.starts_with("cn-") && *service == ROUTE53 => "cn-northwest-1",
        region if region.starts_with("cn-") => "cn-north-1",
        region if region.starts_with("us-gov-") => "us-gov-west-1",
        _ => "us-east-1",
    }
}

fn of_aws(service: &Service, region: &str) -> String {
    if service.is_global() {
        let prefix = service.endpoint_prefix;
        return match signing_region(service, region) {
            "cn-northwest-1" => format!("https://{prefix}.amazonaws.com.cn"),
            "cn-north-1" => format!("https://{prefix}.cn-north-1.amazonaws.com.cn"),
            "us-gov-west-1" => format!("https://{prefix}.us-gov.amazonaws.com"),
            _ => format!("https://{prefix}.amazonaws.com"),
        };
    }
    let suffix = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    format!("https://{}.{region}.{suffix}", service.endpoint_prefix)
}

/// Returns whether an endpoint is on this machine, where nothing answers unless it was started.
pub fn is_loopback(url: &str) -> bool {
    let Ok(uri) = url.parse::<http::Uri>() else { return false };
    let Some(host) = uri.host() else { return false };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ECR, ECS, IAM, ROUTE53};

    fn check(service: &Service, region: &str, explicit: Option<&str>, variables: &[(&str, &str)], expected: &str) {
        let lookup = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        assert_eq!(resolve(service, region, explicit, lookup), expected);
    }

    #[test]
    fn aws_is_the_default() {
        check(&ECS, "us-east-1", None, &[], "https://ecs.us-east-1.amazonaws.com");
        check(&ECR, "eu-west-1", None, &[], "https://api.ecr.eu-west-1.amazonaws.com");
        check(&ECS, "cn-north-1", None, &[], "https://ecs.cn-north-1.amazonaws.com.cn");
    }

    #[test]
    fn a_global_service_has_one_endpoint_and_one_region() {
        let partitions = [
            ("eu-west-1", "https://iam.amazonaws.com", "us-east-1"),
            ("cn-northwest-1", "https://iam.cn-north-1.amazonaws.com.cn", "cn-north-1"),
            ("us-gov-east-1", "https://iam.us-gov.amazonaws.com", "us-gov-west-1"),
        ];
        for (region, endpoint, signed_for) in partitions {
            check(&IAM, region, None, &[], endpoint);
            assert_eq!((signing_region(&IAM, region), signing_region(&ECS, region)), (signed_for, region));
        }
        for (region, endpoint, signed_for) in [
            ("eu-west-1", "https://route53.amazonaws.com", "us-east-1"),
            ("cn-north-1", "https://route53.amazonaws.com.cn", "cn-northwest-1"),
            ("us-gov-east-1", "https://route53.us-gov.amazonaws.com", "us-gov-west-1"),
        ] {
            check(&ROUTE53, region, None, &[], endpoint);
            assert_eq!(signing_region(&ROUTE53, region), signed_for);
        }
        check(&IAM, "eu-west-1", None, &[("AWS_ENDPOINT_URL_IAM", "http://iam:1")], "http://iam:1");
    }

    #[test]
    fn the_more_specific_setting_wins() {
        let both = [("AWS_ENDPOINT_URL", "http://all:1/"), ("AWS_ENDPOINT_URL_ECS", "http://ecs:2")];
        check(&ECR, "us-east-1", None, &both, "http://all:1");
        check(&ECS, "us-east-1", None, &both, "http://ecs:2");
        check(&ECS, "us-east-1", Some("http://flag:3"), &both, "http://flag:3");
        check(&ECS, "us-east-1", None, &[("AWS_ENDPOINT_URL", "")], "https://ecs.us-east-1.amazonaws.com");
    }

    #[test]
    fn variables_can_be_switched_off() {
        let off = [("AWS_ENDPOINT_URL", "http://all:1"), ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")];
        check(&ECS, "us-east-1", None, &off, "https://ecs.us-east-1.amazonaws.com");
    }

    #[test]
    fn loopback_is_recognised() {
        for url in ["http://127.0.0.1:4566", "http://localhost:1", "http://[::1]:4566"] {
            assert!(is_loopback(url), "{url}");
        }
        for url in ["https://ecs.us-east-1.amazonaws.com", "http://10.0.0.1:4566", "nonsense"] {
            assert!(!is_loopback(url), "{url}");
        }
    }
}
