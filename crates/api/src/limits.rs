//! Decides how much of a request is read, from its head and before its body: how many bytes, for how long, and how
//! many values a document may have. Pure.
//!
//! The numbers are AWS's own, with room for how they are written: JSON may spell a byte in six (`\u001b`), base64 takes
//! four for three. Whoever sends more has made a mistake, and a document of tiny values takes a hundred times its size
//! in memory (30 MB of `{"":{}}` took 2.8 GB).

use std::time::Duration;

use http::HeaderMap;

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
    // `imageManifest`: at most 4,194,304 characters (API reference), whose quotes are escaped.
    ("AmazonEC2ContainerRegistry_V20150921", "PutImage", 9 * MIB),
    // `layerPartBlob`: at most 20,971,520 bytes (API reference), in base64.
    ("AmazonEC2ContainerRegistry_V20150921", "UploadLayerPart", 28 * MIB),
];

/// Values of a JSON document, and names of a Query one. The most that AWS takes is PutLogEvents' 10,000 events, which
/// are 30,000 values and as many commas and braces.
pub(crate) const VALUES: usize = 70_000;

/// No input of AWS is half as deep.
const DEPTH: usize = 64;

/// Returns the most bytes that a request's body may have.
pub(crate) fn bytes(headers: &HeaderMap) -> usize {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    let named = target.and_then(|target| target.split_once('.'));
    let found = named.and_then(|named| LARGER.iter().find(|(service, operation, _)| (*service, *operation) == named));
    found.map_or(USUAL, |(_, _, bytes)| *bytes)
}

/// Returns how long a body of at most so many bytes may take to arrive: `least`, and what it takes at 256 KiB a second.
pub(crate) fn patience(bytes: usize, least: Duration) -> Duration {
    least + Duration::from_millis(u64::try_from(bytes / 256).unwrap_or(u64::MAX))
}

/// Refuses JSON that would take far more memory than its text: too many values, too deep.
///
/// Looks at the text only, before anything is made of it; whether it is JSON at all is for the reader to say.
///
/// # Errors
/// Words for the caller.
pub(crate) fn weigh(json: &[u8]) -> Result<(), String> {
    let (mut values, mut depth, mut in_string, mut escaped) = (0_usize, 0_usize, false, false);
    for byte in json {
        match (in_string, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => in_string = !in_string,
            (true, _) => {}
            (false, b'{' | b'[') => (values, depth) = (values + 1, depth + 1),
            (false, b'}' | b']') => depth = depth.saturating_sub(1),
            (false, b',') => values += 1,
            (false, _) => {}
        }
        if values > VALUES {
            return Err(format!("the body has more than {VALUES} values"));
        }
        if depth > DEPTH {
            return Err(format!("the body is nested deeper than {DEPTH}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(target: &str, want: usize) {
        let mut headers = HeaderMap::new();
        headers.insert("x-amz-target", target.parse().unwrap());
        assert_eq!(bytes(&headers), want, "{target}");
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
        assert_eq!(bytes(&HeaderMap::new()), USUAL);
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
    fn a_document_of_too_many_or_too_deep_values_is_refused_and_text_is_not_counted() {
        let ten_thousand_events = format!("[{}]", vec![r#"{"timestamp":1,"message":"a,{[b\",{"}"#; 10_000].join(","));
        assert_eq!(weigh(ten_thousand_events.as_bytes()), Ok(()));
        assert!(weigh(format!("[{}]", vec!["0"; VALUES + 1].join(",")).as_bytes()).is_err());
        assert!(weigh("[{}".repeat(VALUES).as_bytes()).is_err());
        assert!(weigh("[".repeat(DEPTH + 1).as_bytes()).is_err());
        assert_eq!(weigh("[".repeat(DEPTH).as_bytes()), Ok(()));
        assert_eq!(weigh(format!("\"{}\"", "[,{".repeat(VALUES)).as_bytes()), Ok(()));
        assert_eq!(weigh(b"}]}"), Ok(()), "not JSON, which is for the reader to say");
    }

    #[test]
    fn a_larger_body_may_take_longer() {
        let least = Duration::from_secs(20);
        assert_eq!(patience(0, least), least);
        assert_eq!(patience(28 * MIB, least), least + Duration::from_millis(28 * 4096));
    }
}
