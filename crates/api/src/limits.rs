//! Decides how much of a request is read, from its head and before its body: how many bytes, for how long. Pure.
//! How many values a body may hold is `aws_wire::bounds`' to say.
//!
//! The numbers are AWS's own, with room for how they are written: JSON may spell a byte in six (`\u001b`), base64 takes
//! four for three. Whoever sends more has made a mistake.

use std::time::Duration;

use http::request::Parts;

use crate::{caller, sigv4};

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// For operations whose input is names and numbers.
const USUAL: usize = 256 * KIB;

/// Bodies above this are read by few callers at a time.
pub(crate) const LARGE: usize = MIB;

/// Operations with a larger input than usual: what their service is called in `X-Amz-Target`, their name, bytes.
const LARGER: &[(&str, &str, usize)] = &[
    // "Task definition size limit: 64 KB" (developer guide, service quotas), six-fold and the other members.
    ("AmazonEC2ContainerServiceV20141113", "RegisterTaskDefinition", 512 * KIB),
    // `SecretString`, `SecretBinary`: at most 65,536 bytes (API reference), six-fold.
    ("secretsmanager", "CreateSecret", 512 * KIB),
    ("secretsmanager", "PutSecretValue", 512 * KIB),
    ("secretsmanager", "UpdateSecret", 512 * KIB),
    // "The maximum batch size is 1,048,576 bytes", six-fold, and 10,000 events in their braces (API reference).
    ("Logs_20140328", "PutLogEvents", 8 * MIB),
    // "Each PutMetricData request is limited to 1 MB in size for HTTP POST requests" (API reference).
    (METRICS, "PutMetricData", MIB),
    // `imageManifest`: at most 4,194,304 characters (API reference), whose quotes are escaped.
    ("AmazonEC2ContainerRegistry_V20150921", "PutImage", 9 * MIB),
    // `layerPartBlob`: at most 20,971,520 bytes (API reference), in base64.
    ("AmazonEC2ContainerRegistry_V20150921", "UploadLayerPart", 28 * MIB),
];

const METRICS: &str = "GraniteServiceVersion20100801";

/// How many times as large a compressed body may be once it is opened.
const OPENED: usize = 8;

/// Returns the most bytes that a request's body may have.
pub(crate) fn bytes(parts: &Parts) -> usize {
    let named = caller::named(parts).and_then(|named| named.operation());
    // A form names its operation in the body alone; who it is signed for stands before it.
    let of_form = || {
        let is_metrics = caller::is_form(parts) && sigv4::service(&parts.headers) == Some("monitoring");
        is_metrics.then_some((METRICS, "PutMetricData"))
    };
    let named = named.or_else(of_form);
    let found = named.and_then(|named| LARGER.iter().find(|(service, operation, _)| (*service, *operation) == named));
    found.map_or(USUAL, |(_, _, bytes)| *bytes)
}

/// Returns the most bytes that a body may have once it is opened, which was compressed.
pub(crate) fn opened(bytes: usize) -> usize {
    bytes.saturating_mul(OPENED)
}

/// Returns how long a body of at most so many bytes may take to arrive: `least`, and what it takes at 256 KiB a second.
pub(crate) fn patience(bytes: usize, least: Duration) -> Duration {
    least + Duration::from_millis(u64::try_from(bytes / 256).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(target: &str, want: usize) {
        let parts = |request: http::request::Builder| request.body(()).unwrap().into_parts().0;
        let by_header = parts(http::Request::builder().header("x-amz-target", target));
        assert_eq!(bytes(&by_header), want, "{target}");
        let path = format!("/service/{}", target.replacen('.', "/operation/", 1));
        let by_path = parts(http::Request::builder().uri(path).header("smithy-protocol", "rpc-v2-cbor"));
        assert_eq!(bytes(&by_path), want, "{target}");
    }

    #[test]
    fn an_operation_may_send_what_its_reference_says_and_others_little() {
        check("AmazonEC2ContainerRegistry_V20150921.UploadLayerPart", 28 * MIB);
        assert!(20_971_520_usize.div_ceil(3) * 4 + KIB < 28 * MIB);
        check("secretsmanager.PutSecretValue", 512 * KIB);
        check("AmazonEC2ContainerServiceV20141113.ListClusters", USUAL);
        // A name of another service is not taken for one of these.
        check("AmazonSSM.UploadLayerPart", USUAL);
        check("nonsense", USUAL);
        check("", USUAL);
    }

    #[test]
    fn a_form_that_is_signed_for_metrics_may_be_what_puts_them() {
        let form = |scope: &str| {
            let signed = format!("AWS4-HMAC-SHA256 Credential=A/20260101/us-east-1/{scope}/aws4_request, Signature=0");
            let request = http::Request::builder().header("content-type", "application/x-www-form-urlencoded");
            bytes(&request.header("authorization", signed).body(()).unwrap().into_parts().0)
        };
        assert_eq!((form("monitoring"), form("iam")), (MIB, USUAL));
    }

    #[test]
    fn every_larger_operation_is_one_that_is_offered() {
        let table = crate::compatibility();
        for (_, operation, _) in LARGER {
            let offered =
                table.iter().any(|(_, name, support)| name == operation && *support == crate::Support::Supported);
            assert!(offered, "{operation}");
        }
    }

    #[test]
    fn a_larger_body_may_take_longer() {
        let least = Duration::from_secs(20);
        assert_eq!(patience(0, least), least);
        assert_eq!(patience(28 * MIB, least), least + Duration::from_millis(28 * 4096));
    }
}
