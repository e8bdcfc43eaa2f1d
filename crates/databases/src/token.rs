//! Is this password a token of IAM for this database and user? Pure: the clock is an argument.
//!
//! A token is the presigned URL of a call that is never made, without its scheme:
//! `HOST:PORT/?Action=connect&DBUser=USER&X-Amz-...` (RDS user guide, "IAM database authentication"; botocore,
//! `generate_db_auth_token`). It is good for fifteen minutes. The platform takes any credentials, so a signature is
//! held against its key only where the platform has made that key known ([`Keys`]).

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use ring::{digest, hmac};

/// What a token must be for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    /// Its endpoint's name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Its region.
    pub region: String,
}

/// Returns the secret key of an access key, if it is known.
pub type Keys<'k> = &'k dyn Fn(&str) -> Option<String>;

/// Why a token is none. Has nothing of the token in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It does not look like one.
    #[error("the password is no IAM token: {0}")]
    Malformed(&'static str),
    /// It is for something else.
    #[error("the token's {0} is another one")]
    Other(&'static str),
    /// It is old.
    #[error("the token has expired: one is good for 15 minutes")]
    Expired,
    /// It is from the future.
    #[error("the token is not valid yet: the clocks differ")]
    Early,
    /// The signature does not fit.
    #[error("the token's signature does not fit its key")]
    Signature,
}

/// RDS's own limit, "each token has a lifetime of 15 minutes".
const LIFETIME: u64 = 15 * 60;
/// How far the clocks may differ, as Signature Version 4 has it.
const SKEW: u64 = 5 * 60;
/// PostgreSQL's own limit of a password's message is below it; botocore's tokens have about 400 bytes, with a session's
/// token up to 2,500.
const LONGEST: usize = 8 * 1024;
const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// Holds a token against the database and the user that it is used for. `now` is in seconds since 1970.
///
/// # Errors
/// Says why it is refused.
pub fn check(token: &str, database: &Database, user: &str, now: u64, keys: Keys<'_>) -> Result<(), Refused> {
    if token.len() > LONGEST {
        return Err(Refused::Malformed("it is too long"));
    }
    let (authority, query) = token.split_once("/?").ok_or(Refused::Malformed("it has no `/?`"))?;
    let pairs = pairs(query)?;
    let get = |name: &'static str| pairs.get(name).map(String::as_str).ok_or(Refused::Malformed(name));

    let (host, port) = authority.rsplit_once(':').ok_or(Refused::Malformed("it has no port"))?;
    if !host.eq_ignore_ascii_case(&database.host) {
        return Err(Refused::Other("host"));
    }
    if port != database.port.to_string() {
        return Err(Refused::Other("port"));
    }
    if get("Action")? != "connect" {
        return Err(Refused::Other("action"));
    }
    if get("DBUser")? != user {
        return Err(Refused::Other("user"));
    }
    if get("X-Amz-Algorithm")? != ALGORITHM || get("X-Amz-SignedHeaders")? != "host" {
        return Err(Refused::Malformed("another way of signing"));
    }
    let date = get("X-Amz-Date")?;
    let credential = get("X-Amz-Credential")?;
    let scope: Vec<&str> = credential.split('/').collect();
    let [key, day, region, service, "aws4_request"] = scope[..] else {
        return Err(Refused::Malformed("X-Amz-Credential"));
    };
    if service != "rds-db" {
        return Err(Refused::Other("service"));
    }
    if region != database.region {
        return Err(Refused::Other("region"));
    }
    let signature = get("X-Amz-Signature")?;
    if signature.len() != 64 || !signature.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Refused::Malformed("X-Amz-Signature"));
    }
    if date.get(..8) != Some(day) {
        return Err(Refused::Malformed("X-Amz-Date"));
    }
    let made = seconds(date).ok_or(Refused::Malformed("X-Amz-Date"))?;
    let expires: u64 = get("X-Amz-Expires")?.parse().map_err(|_| Refused::Malformed("X-Amz-Expires"))?;
    if made > now.saturating_add(SKEW) {
        return Err(Refused::Early);
    }
    if now >= made.saturating_add(expires.min(LIFETIME)) {
        return Err(Refused::Expired);
    }
    match keys(key) {
        Some(secret) if !is_signed(&secret, authority, &pairs, (date, day, region)) => Err(Refused::Signature),
        _ => Ok(()),
    }
}

fn pairs(query: &str) -> Result<BTreeMap<String, String>, Refused> {
    let mut pairs = BTreeMap::new();
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').ok_or(Refused::Malformed("a part without a value"))?;
        let plain = |text: &str| percent_decode_str(text).decode_utf8().map(std::borrow::Cow::into_owned);
        let (Ok(name), Ok(value)) = (plain(name), plain(value)) else {
            return Err(Refused::Malformed("it is not UTF-8"));
        };
        // Of two values one reader takes the first and another the last.
        if pairs.insert(name, value).is_some() {
            return Err(Refused::Malformed("a part that is there twice"));
        }
    }
    Ok(pairs)
}

/// Reads `20261201T021107Z`.
fn seconds(date: &str) -> Option<u64> {
    let bytes = date.as_bytes();
    if bytes.len() != 16 || bytes[8] != b'T' || bytes[15] != b'Z' {
        return None;
    }
    let number = |at: std::ops::Range<usize>| {
        let text = date.get(at)?;
        text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u64>().ok()).flatten()
    };
    let (year, month, day) = (number(0..4)?, number(4..6)?, number(6..8)?);
    let (hour, minute, second) = (number(9..11)?, number(11..13)?, number(13..15)?);
    let is_date = (1970..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    if !is_date || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    // Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil; after 1970 only.
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    Some((days.checked_sub(719_468)?) * 86_400 + hour * 3600 + minute * 60 + second)
}

/// What Signature Version 4 leaves as it is.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

fn is_signed(
    secret: &str,
    authority: &str,
    pairs: &BTreeMap<String, String>,
    (date, day, region): (&str, &str, &str),
) -> bool {
    let encode = |text: &str| utf8_percent_encode(text, ENCODED).to_string();
    let mut query: Vec<(String, String)> = pairs
        .iter()
        .filter(|(name, _)| *name != "X-Amz-Signature")
        .map(|(name, value)| (encode(name), encode(value)))
        .collect();
    query.sort();
    let query: Vec<String> = query.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    let payload = hex(digest::digest(&digest::SHA256, b"").as_ref());
    let request = format!("GET\n/\n{}\nhost:{authority}\n\nhost\n{payload}", query.join("&"));
    let hashed = hex(digest::digest(&digest::SHA256, request.as_bytes()).as_ref());
    let to_sign = format!("{ALGORITHM}\n{date}\n{day}/{region}/rds-db/aws4_request\n{hashed}");
    let mut key = format!("AWS4{secret}").into_bytes();
    for part in [day, region, "rds-db", "aws4_request"] {
        key = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), part.as_bytes()).as_ref().to_vec();
    }
    let Some(signature) = pairs.get("X-Amz-Signature").and_then(|text| unhex(text)) else { return false };
    // Compared in constant time.
    hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, &key), to_sign.as_bytes(), &signature).is_ok()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    text.as_bytes().chunks(2).map(|pair| Some(digit(*pair.first()?)? << 4 | digit(*pair.get(1)?)?)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Made by botocore 1.44.8: `generate_db_auth_token('managr-main.abc.us-east-1.rds.localhost', 5432, 'shop user')`
    /// with the key AKID and the secret `SECRET`, at 2026-12-01 02:00:00 UTC.
    const TOKEN: &str = include_str!("token.txt");
    const MADE: u64 = 1_796_090_400;

    fn database() -> Database {
        Database { host: "managr-main.abc.us-east-1.rds.localhost".into(), port: 5432, region: "us-east-1".into() }
    }

    fn known(key: &str) -> Option<String> {
        (key == "AKID").then(|| "SECRET".to_owned())
    }

    fn judge(token: &str, now: u64) -> Result<(), Refused> {
        check(token, &database(), "shop user", now, &known)
    }

    #[test]
    fn botocores_token_is_good_for_a_quarter_of_an_hour() {
        let token = TOKEN.trim();
        assert_eq!(judge(token, MADE), Ok(()));
        assert_eq!(judge(token, MADE + 899), Ok(()));
        assert_eq!(judge(token, MADE + 900), Err(Refused::Expired));
        assert_eq!(judge(token, MADE - 301), Err(Refused::Early));
    }

    #[test]
    fn a_token_for_something_else_is_refused_by_name() {
        let token = TOKEN.trim();
        let with = |change: &dyn Fn(&mut Database)| {
            let mut database = database();
            change(&mut database);
            check(token, &database, "shop user", MADE, &known)
        };
        assert_eq!(with(&|database| database.host = "other".into()), Err(Refused::Other("host")));
        assert_eq!(with(&|database| database.port = 5433), Err(Refused::Other("port")));
        assert_eq!(with(&|database| database.region = "eu-west-1".into()), Err(Refused::Other("region")));
        assert_eq!(check(token, &database(), "rdsadmin", MADE, &known), Err(Refused::Other("user")));
    }

    #[test]
    fn a_known_key_is_held_against_its_signature_and_any_other_is_taken() {
        let token = TOKEN.trim();
        let wrong = |key: &str| (key == "AKID").then(|| "OTHER".to_owned());
        assert_eq!(check(token, &database(), "shop user", MADE, &wrong), Err(Refused::Signature));
        assert_eq!(check(token, &database(), "shop user", MADE, &|_| None), Ok(()));
        let longer = token.replace("X-Amz-Expires=900", "X-Amz-Expires=90000");
        assert_eq!(judge(&longer, MADE), Err(Refused::Signature));
        assert_eq!(check(&longer, &database(), "shop user", MADE + 901, &|_| None), Err(Refused::Expired));
        let twice = format!("{token}&DBUser=shop%20user");
        assert!(matches!(judge(&twice, MADE), Err(Refused::Malformed(_))));
        assert!(matches!(judge("secret", MADE), Err(Refused::Malformed(_))));
    }

    proptest! {
        /// No byte of a signed token may be another one.
        #[test]
        fn a_changed_token_is_refused(at in 0_usize..1000, byte in 0x20_u8..0x7f) {
            let mut bytes = TOKEN.trim().as_bytes().to_vec();
            let at = at % bytes.len();
            prop_assume!(!bytes[at].eq_ignore_ascii_case(&byte));
            bytes[at] = byte;
            let token = String::from_utf8(bytes).unwrap();
            // `+` and `%20`, and so on, may mean the same: what is decoded is what counts.
            let same = |token: &str| token.split_once("/?").and_then(|(_, query)| pairs(query).ok());
            prop_assume!(same(&token) != same(TOKEN.trim()) || token.split("/?").next() != TOKEN.split("/?").next());
            let judged = check(&token, &database(), "shop user", MADE, &|_| Some("SECRET".to_owned()));
            prop_assert!(judged.is_err(), "{}", token);
        }

        #[test]
        fn nothing_breaks_it(token in ".{0,300}", date in "[0-9TZ]{0,17}") {
            prop_assert!(judge(&token, MADE).is_err());
            let _ = seconds(&date);
        }
    }
}
