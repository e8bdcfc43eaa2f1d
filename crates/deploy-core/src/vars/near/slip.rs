//! Is one name the other with a slip of the finger in it?
//!
//! Names of one application resemble each other on purpose: `DB_HOST` and `DB_PORT`, `AWS_S3_BUCKET`
//! and `AWS_SES_BUCKET`, `WORKER_1` and `WORKER_2`. A slip changes one word, by one letter, into
//! something that is no word; or it puts an `s` where the other has none (`newApiKey`, `newsApiKey`).

use super::vocabulary::is_word;

/// Shortest word in which a letter more, less or other is taken for a slip.
const SHORTEST: usize = 4;
/// Shortest unknown word, beside another unknown one.
const SHORTEST_UNKNOWN: usize = 6;
/// From this length on, two letters may be wrong.
const LONG: usize = 8;
/// Shortest name in which words that are split in two ways are compared letter by letter.
const SHORTEST_NAME: usize = 9;

/// Schemes and protocols whose `s` makes another one of them.
const SECURED: [&str; 10] = ["http", "ws", "smtp", "imap", "ftp", "redis", "ldap", "amqp", "mqtt", "pop"];

/// Returns whether two different names, taken apart, are probably one.
pub(in crate::vars) fn are_slips(first: &[String], second: &[String]) -> bool {
    if first.len() == second.len() {
        let mut differing = first.iter().zip(second).filter(|(one, other)| one != other);
        return match (differing.next(), differing.next()) {
            (Some((one, other)), None) => is_misspelt(one, other),
            _ => false,
        };
    }
    // A word more makes another name, however short the word is.
    let has_word_more = is_part(first, second) || is_part(second, first);
    let has_digits = |words: &[String]| words.iter().any(|word| is_number(word));
    if first.len().abs_diff(second.len()) > 2 || has_word_more || has_digits(first) || has_digits(second) {
        return false;
    }
    let (joined, other) = (first.concat(), second.concat());
    joined.len().min(other.len()) >= SHORTEST_NAME && joined != other && strsim::osa_distance(&joined, &other) == 1
}

/// Returns whether the names differ in nothing but the `s` at their end.
pub(in crate::vars) fn is_final_plural(first: &[String], second: &[String]) -> bool {
    let ends = first.last().zip(second.last());
    first.len() == second.len() && ends.is_some_and(|(one, other)| is_plural(one, other))
}

fn is_misspelt(one: &str, other: &str) -> bool {
    // What is a letter, and what a word, is only known of ASCII.
    if is_number(one) || is_number(other) || !one.is_ascii() || !other.is_ascii() {
        return false;
    }
    if one.len().abs_diff(other.len()) > 2 {
        return false;
    }
    if is_plural(one, other) {
        return !SECURED.iter().any(|scheme| *scheme == one || *scheme == other);
    }
    let distance = strsim::osa_distance(one, other);
    let shortest = one.len().min(other.len());
    if is_transposed(one, other) {
        return shortest >= 3;
    }
    let same_start = one.chars().next() == other.chars().next();
    match (is_word(one), is_word(other)) {
        (true, true) => false,
        // Few people miss the first letter.
        (false, false) => same_start && shortest >= SHORTEST_UNKNOWN && distance == 1,
        _ if shortest >= LONG => distance <= 2 && (same_start || distance == 1),
        _ => same_start && shortest >= SHORTEST && distance == 1,
    }
}

fn is_number(word: &str) -> bool {
    word.bytes().all(|b| b.is_ascii_digit())
}

fn is_plural(one: &str, other: &str) -> bool {
    let more = |short: &str, long: &str| short.len() >= 2 && long.strip_suffix('s') == Some(short);
    more(one, other) || more(other, one)
}

/// Two letters that follow each other, the other way round; the first one stays.
fn is_transposed(one: &str, other: &str) -> bool {
    let differing: Vec<usize> =
        one.bytes().zip(other.bytes()).enumerate().filter(|(_, (a, b))| a != b).map(|(at, _)| at).collect();
    let (one, other) = (one.as_bytes(), other.as_bytes());
    match differing[..] {
        [at, next] => {
            one.len() == other.len() && at > 0 && next == at + 1 && one[at] == other[next] && one[next] == other[at]
        }
        _ => false,
    }
}

/// Whether one list of words is the other with some left out.
fn is_part(part: &[String], whole: &[String]) -> bool {
    let mut rest = whole.iter();
    part.iter().all(|word| rest.any(|other| other == word))
}

#[cfg(test)]
mod tests {
    use super::{are_slips, is_final_plural};
    use crate::vars::words::words;

    fn is_slip(a: &str, b: &str) -> bool {
        are_slips(&words(a), &words(b))
    }

    fn check(pairs: &[(&str, &str)], expected: bool) {
        for (a, b) in pairs {
            assert_eq!(is_slip(a, b), expected, "{a} {b}");
            assert_eq!(is_slip(b, a), expected, "{b} {a}");
        }
    }

    #[test]
    fn slips_are_found() {
        check(
            &[
                ("newApiKey", "newsApiKey"),
                ("NEW_API_KEY", "newsApiKey"),
                ("DATABASE_URL", "DATABSE_URL"),
                ("DATABASE_URL", "DATABASES_URL"),
                ("DB_PASSWORD", "DB_PASWORD"),
                ("DB_HOST", "DB_HOTS"),
                ("SENTRY_DSN", "SENTRY_DNS"),
                ("STRIPE_SECRET_KEY", "STRIPE_SECERT_KEY"),
                ("CLOUDFRONT_DOMAIN", "CLOUDFORNT_DOMAIN"),
                ("ANTHROPIC_API_KEY", "ANTROPIC_API_KEY"),
                ("EMAIL_RECIPIENT", "EMAIL_RECEIPIENT"),
                ("ALLOWED_HOST", "ALLOWED_HOSTS"),
                ("newsapiKey", "NEW_API_KEY"),
                ("REDIS_CONNECTION_POOL", "REDIS_CONECTION_POOL"),
                ("GOOGLE_CLIENT_ID", "GOGGLE_CLIENT_ID"),
            ],
            true,
        );
    }

    #[test]
    fn regular_pairs_are_not() {
        check(
            &[
                ("DB_HOST", "DB_PORT"),
                ("DB_USER", "DB_NAME"),
                ("AWS_S3_BUCKET", "AWS_SES_BUCKET"),
                ("AWS_SQS_URL", "AWS_SNS_URL"),
                ("DD_ENV", "DD_APM_ENV"),
                ("EMAIL_HOST", "EMAIL_PORT"),
                ("EMAIL_HOST", "GMAIL_HOST"),
                ("TWILIO_SID", "TWILIO_SIDE"),
                ("WORKER_1", "WORKER_2"),
                ("WORKER_1", "WORKER_12"),
                ("API_V1_URL", "API_V2_URL"),
                ("HTTP_PORT", "HTTPS_PORT"),
                ("WS_URL", "WSS_URL"),
                ("REDIS_URL", "REDISS_URL"),
                ("READ_TIMEOUT", "WRITE_TIMEOUT"),
                ("MIN_CONNECTIONS", "MAX_CONNECTIONS"),
                ("ENABLE_SIGNUP", "DISABLE_SIGNUP"),
                ("CONTACT_TEMPLATE", "CONTRACT_TEMPLATE"),
                ("CONSENT_URL", "CONTENT_URL"),
                ("CACHE_TTL", "CACHED_TTL"),
                ("LOCAL_PATH", "LOCALE_PATH"),
                ("INPUT_QUEUE", "OUTPUT_QUEUE"),
                ("PUBLIC_KEY", "PRIVATE_KEY"),
                ("DD_TRACE_ENABLED", "DD_TRACK_ENABLED"),
                ("STAGE_TOKEN", "STATE_TOKEN"),
                ("S3_URL", "S_URL"),
                ("AUTH_DOMAIN", "AUTH0_DOMAIN"),
                ("APP_ID", "API_ID"),
                ("STRIPE_KEY", "STRIP_KEY"),
                ("MAIL_FROM", "EMAIL_FROM"),
                ("ENCRYPT_KEY", "DECRYPT_KEY"),
                ("SENDER_EMAIL", "SENDGRID_EMAIL"),
                ("CLIENT_IDLE", "CLIENT_ID"),
                ("A", "B"),
                ("NÄME_KEY", "NÄMES_KEY"),
            ],
            false,
        );
    }

    #[test]
    fn a_list_is_told_by_its_end() {
        assert!(is_final_plural(&words("ALLOWED_HOST"), &words("ALLOWED_HOSTS")));
        assert!(!is_final_plural(&words("newApiKey"), &words("newsApiKey")));
    }
}
