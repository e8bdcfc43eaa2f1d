//! The page `/_managr/clock`: what time the platform has, and, where nothing really runs, moving it on.

use aws_model::Millis;
use http::{Response, StatusCode};
use metrics::Metrics;
use orchestrator::{AdvanceError, Handle};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::answer::{self, Body};

/// Most bytes of a request.
pub(crate) const LARGEST: usize = 1024;

/// Where to: one of the two.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Move {
    /// How far: seconds, or a text such as `1h`, `1d12h`, `90s`.
    advance: Option<Value>,
    /// Until when: seconds since 1970, or a text such as `2027-01-31T06:00:00Z`.
    to: Option<Value>,
}

pub(crate) fn show(handle: &Handle) -> Value {
    said(handle.now(), handle.can_be_moved())
}

fn said(now: Millis, movable: bool) -> Value {
    json!({"now": aws_wire::time::iso8601(now), "seconds": aws_model::seconds(now), "movable": movable})
}

/// Moves the clock as a request's body says; answers once all that is due on the way has happened.
pub(crate) async fn advance(handle: &Handle, metrics: &Metrics, body: &[u8]) -> Response<Body> {
    let refused = |status, words: String| answer::own(status, &json!({ "message": words }));
    let to = match target(body, handle.now()) {
        Ok(to) => to,
        Err(words) => return refused(StatusCode::BAD_REQUEST, words),
    };
    match move_to(handle, metrics, to).await {
        Ok(now) => answer::own(StatusCode::OK, &said(now, true)),
        Err(error @ AdvanceError::Fixed) => refused(StatusCode::CONFLICT, error.to_string()),
        Err(error @ AdvanceError::Past { .. }) => refused(StatusCode::BAD_REQUEST, error.to_string()),
        Err(error) => refused(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

/// Moves from one alarm that is due to the next, so that each is judged by what was measured up to then.
async fn move_to(handle: &Handle, metrics: &Metrics, to: Millis) -> Result<Millis, AdvanceError> {
    if !handle.can_be_moved() || to < handle.now() {
        return handle.advance(to).await;
    }
    let moved = metrics.look_until(to, |at| step_to(handle, at));
    let moved = moved.await.map_err(|_| AdvanceError::Stuck { at: handle.now() })?;
    metrics.wake();
    moved.map(|()| handle.now())
}

/// How far a step goes on that came too late, in milliseconds.
const LATE: Millis = 10;

/// Moves to the next time on the way. The clock goes on by itself between steps, so it may be past it by some
/// milliseconds: the step then goes as little further as it can.
async fn step_to(handle: &Handle, mut at: Millis) -> Result<(), AdvanceError> {
    loop {
        match handle.advance(at).await {
            Err(AdvanceError::Past { now, .. }) => at = now + LATE,
            moved => return moved.map(drop),
        }
    }
}

/// Reads where to, from the time that it is.
fn target(body: &[u8], now: Millis) -> Result<Millis, String> {
    let usage = || r#"say {"advance": "1h"}, {"advance": 3600} or {"to": "2027-01-31T06:00:00Z"}"#.to_owned();
    let asked: Move = serde_json::from_slice(body).map_err(|_| usage())?;
    match (asked.advance, asked.to) {
        (Some(by), None) => {
            let by = match &by {
                Value::String(text) => {
                    span(text).ok_or_else(|| format!("`{text}` is no time such as 90s, 5m, 1h, 1d12h"))?
                }
                other => millis(other).ok_or_else(usage)?,
            };
            now.checked_add(by).ok_or_else(usage)
        }
        (None, Some(Value::String(text))) => {
            let at = aws_wire::time::read(&text).filter(|_| text.contains('-'));
            at.and_then(|at| aws_wire::time::millis_of(&at))
                .ok_or_else(|| format!("`{text}` is no time such as 2027-01-31T06:00:00Z"))
        }
        (None, Some(at)) => millis(&at).ok_or_else(usage),
        _ => Err(usage()),
    }
}

/// Reads seconds. A clock is not moved by more than a few thousand years.
fn millis(value: &Value) -> Option<Millis> {
    let seconds = value.as_f64().filter(|seconds| (0.0..1e11).contains(seconds))?;
    #[expect(clippy::cast_possible_truncation, reason = "it is within these bounds")]
    Some((seconds * 1000.0) as Millis)
}

/// Reads `1d12h`, `90s`: numbers and their units.
fn span(text: &str) -> Option<Millis> {
    let (mut all, mut rest) = (0_i64, text.trim());
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: Millis = rest[..digits].parse().ok()?;
        let unit = rest[digits..].bytes().take_while(u8::is_ascii_alphabetic).count();
        let one = match &rest[digits..digits + unit] {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            "w" => 604_800_000,
            _ => return None,
        };
        all = all.checked_add(number.checked_mul(one)?)?;
        rest = rest[digits + unit..].trim_start();
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_to_is_said_in_four_ways() {
        let check = |body: &str, want: Option<Millis>| assert_eq!(target(body.as_bytes(), 1000).ok(), want, "{body}");
        check(r#"{"advance": "1h"}"#, Some(3_601_000));
        check(r#"{"advance": "1d12h 5m"}"#, Some(1000 + 36 * 3_600_000 + 300_000));
        check(r#"{"advance": 1.5}"#, Some(2500));
        check(r#"{"to": "1970-01-01T00:01:00Z"}"#, Some(60_000));
        check(r#"{"to": 61}"#, Some(61_000));
        for wrong in ["", "{}", r#"{"advance": "h"}"#, r#"{"advance": "1"}"#, r#"{"advance": -1}"#, r#"{"to": "soon"}"#]
        {
            check(wrong, None);
        }
        check(r#"{"advance": 1, "to": 2}"#, None);
        check(r#"{"advance": 1e30}"#, None);
        check(r#"{"advance": "99999999999999999999d"}"#, None);
    }
}
