//! DescribeSessions: which of the sessions are asked for. Pure.

use aws_model::AwsError;
use aws_model::page::{Cut, Order, cut};
use session::sessions::Row;

/// What DescribeSessions was asked.
#[derive(Debug)]
pub(crate) struct Query {
    /// Region of the caller.
    pub(crate) region: String,
    /// Those that are open, or those that are over.
    pub(crate) open: bool,
    /// All of them must fit.
    pub(crate) filters: Vec<Filter>,
    /// Most sessions of a page.
    pub(crate) max: usize,
    /// Last session of the page before.
    pub(crate) after: Option<String>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Filter {
    /// Started at this time or later, in milliseconds.
    After(u64),
    /// Started before.
    Before(u64),
    Target(String),
    /// By this ARN.
    Owner(String),
    Status(String),
    SessionId(String),
    /// Just-in-time access and the like; all of ours are `Standard`.
    AccessType(String),
}

impl Filter {
    /// Reads a filter.
    ///
    /// # Errors
    /// `ValidationException` for a time that is none. The model knows the keys.
    pub(crate) fn read(key: &str, value: String) -> Result<Self, AwsError> {
        let time = |value: &str| {
            millis(value).ok_or_else(|| {
                let words = format!("{key} must be a time such as 2024-08-29T00:00:00Z, not '{value}'.");
                AwsError::new("ValidationException", words)
            })
        };
        Ok(match key {
            "InvokedAfter" => Self::After(time(&value)?),
            "InvokedBefore" => Self::Before(time(&value)?),
            "Target" => Self::Target(value),
            "Owner" => Self::Owner(value),
            "Status" => Self::Status(value),
            "SessionId" => Self::SessionId(value),
            "AccessType" => Self::AccessType(value),
            _ => return Err(AwsError::new("InvalidFilterKey", format!("The filter key '{key}' is not valid."))),
        })
    }

    fn takes(&self, row: &Row) -> bool {
        match self {
            Self::After(time) => row.started_at >= *time,
            Self::Before(time) => row.started_at < *time,
            Self::Target(target) => row.target == *target,
            Self::Owner(owner) => row.owner == *owner,
            Self::Status(status) => row.status.as_str() == status,
            Self::SessionId(id) => row.session_id == *id,
            Self::AccessType(access) => access == "Standard",
        }
    }
}

/// Returns a page of `rows`, the newest first.
pub(crate) fn page(rows: Vec<Row>, query: &Query) -> Cut<Row> {
    let asked = |row: &Row| {
        row.region == query.region
            && row.status.is_open() == query.open
            && query.filters.iter().all(|filter| filter.takes(row))
    };
    let mut rows: Vec<(String, Row)> =
        rows.into_iter().filter(asked).map(|row| (format!("{:020} {}", row.started_at, row.session_id), row)).collect();
    rows.sort_by(|(one, _), (other, _)| other.cmp(one));
    cut(rows, Order::Falling, query.after.as_deref(), query.max)
}

/// Reads `2024-08-29T00:00:00Z`, with a fraction of a second or without.
fn millis(text: &str) -> Option<u64> {
    u64::try_from(text.parse::<jiff::Timestamp>().ok()?.as_millisecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use session::sessions::Status;

    fn row(id: &str, status: Status, started_at: u64) -> Row {
        Row {
            session_id: id.to_owned(),
            target: format!("ecs:main_{id}"),
            status,
            started_at,
            ended_at: None,
            document: None,
            reason: None,
            owner: "arn:aws:iam::123456789012:root".to_owned(),
            region: if id.starts_with('x') { "eu-west-1" } else { "us-east-1" }.to_owned(),
        }
    }

    /// Five sessions, the newest first, and one of another region.
    fn rows() -> Vec<Row> {
        vec![
            row("e", Status::Connecting, 5000),
            row("x", Status::Connected, 4500),
            row("d", Status::Terminated, 4000),
            row("c", Status::Connected, 3000),
            row("b", Status::Terminating, 2000),
            row("a", Status::Disconnected, 1000),
        ]
    }

    fn query(open: bool) -> Query {
        Query { region: "us-east-1".to_owned(), open, filters: Vec::new(), max: 200, after: None }
    }

    fn check(query: &Query, want: &str) {
        let Cut { items, next } = page(rows(), query);
        let ids: String = items.iter().map(|row| row.session_id.as_str()).collect();
        let next = next.map(|next| format!(" then {}", next.trim_start_matches('0')));
        let got = format!("{ids}{}", next.unwrap_or_default());
        assert_eq!(got, want, "{query:?}");
    }

    #[test]
    fn open_sessions_and_those_that_are_over_are_told_apart() {
        check(&query(true), "eca");
        check(&query(false), "db");
        check(&Query { region: "eu-west-1".to_owned(), ..query(true) }, "x");
    }

    #[test]
    fn every_filter_must_fit() {
        let one = |key: &str, value: &str| Filter::read(key, value.to_owned()).unwrap();
        let check = |filters: Vec<Filter>, want: &str| check(&Query { filters, ..query(true) }, want);
        check(vec![one("InvokedAfter", "1970-01-01T00:00:03Z")], "ec");
        check(vec![one("InvokedBefore", "1970-01-01T00:00:03Z")], "a");
        check(vec![one("Target", "ecs:main_c")], "c");
        check(vec![one("Owner", "arn:aws:iam::123456789012:root")], "eca");
        check(vec![one("Owner", "somebody")], "");
        check(vec![one("Status", "Connected")], "c");
        check(vec![one("SessionId", "a")], "a");
        check(vec![one("AccessType", "Standard")], "eca");
        check(vec![one("AccessType", "JustInTime")], "");
        check(vec![one("Status", "Connected"), one("SessionId", "a")], "");
    }

    #[test]
    fn pages_follow_each_other_without_a_gap() {
        let position = |after: &str| format!("{after:0>22}");
        let two = |after: Option<&str>| Query { max: 2, after: after.map(position), ..query(true) };
        check(&two(None), "ec then 3000 c");
        check(&two(Some("3000 c")), "a");
        check(&Query { max: 3, ..query(true) }, "eca");
        // The last one of the page before has ended since: what follows it is still known.
        check(&two(Some("4000 d")), "ca");
    }

    #[test]
    fn times_are_read_as_the_wire_has_them() {
        for (text, want) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2024-08-29T00:00:00Z", Some(1_724_889_600_000)),
            ("2000-02-29T23:59:59.5Z", Some(951_868_799_500)),
            ("2024-12-31T12:00:00.123456Z", Some(1_735_646_400_123)),
            ("2024-08-29", None),
            ("2024-08-29T00:00:00", None),
            ("2024-13-01T00:00:00Z", None),
            ("2024-08-29T24:00:00Z", None),
            ("2024-08-29T-1:00:00Z", None),
            ("today", None),
        ] {
            assert_eq!(millis(text), want, "{text}");
        }
        assert_eq!(Filter::read("InvokedAfter", "today".to_owned()).unwrap_err().code, "ValidationException");
        assert_eq!(Filter::read("Nope", String::new()).unwrap_err().code, "InvalidFilterKey");
    }
}
