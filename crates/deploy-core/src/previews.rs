//! Which previews are over? Kept beside the releases, since no other record says when one was deployed last.

use aws_model::Millis;
use serde::{Deserialize, Serialize};

/// What is kept of a preview.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// Name of the stage.
    pub name: String,
    /// Number of the pull request.
    pub pr: String,
    /// Stage that it is a copy of.
    pub from: String,
    /// Its host name, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Who deployed it last.
    pub by: String,
    /// When that was.
    pub deployed_at: Millis,
    /// When its time is over.
    pub expires_at: Millis,
}

/// Returns the previews to remove: those whose time is over, and those that were closed.
pub fn due<'a>(records: &'a [Record], now: Millis, closed: &[String]) -> Vec<&'a Record> {
    records.iter().filter(|record| record.expires_at <= now || closed.contains(&record.name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preview_goes_when_its_time_is_over_or_it_was_closed() {
        let record = |name: &str, expires_at| Record {
            name: name.to_owned(),
            pr: "1".to_owned(),
            from: "staging".to_owned(),
            host: None,
            by: "ann".to_owned(),
            deployed_at: 0,
            expires_at,
        };
        let records = [record("pr-1", 5), record("pr-2", 6), record("pr-3", 9)];
        let check = |now, closed: &[&str], expected: &[&str]| {
            let closed: Vec<String> = closed.iter().map(|name| (*name).to_owned()).collect();
            let found: Vec<&str> = due(&records, now, &closed).iter().map(|record| record.name.as_str()).collect();
            assert_eq!(found, expected, "{now} {closed:?}");
        };
        check(4, &[], &[]);
        check(6, &[], &["pr-1", "pr-2"]);
        check(4, &["pr-3", "pr-77"], &["pr-3"]);
    }
}
