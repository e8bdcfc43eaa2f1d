//! When does a job of Copilot start, in EventBridge's own words?
//!
//! As Copilot itself converts it (copilot-cli, `stack/scheduled_job.go`, `awsSchedule`): days of the week are counted
//! from 0 in cron and from 1 in EventBridge, one of the two days is `?`, and all times are UTC, which rules of
//! EventBridge are in too.

use deploy_core::manifest::check_schedule;

/// Returns the expression of a schedule; `None` is Copilot's `none`, a job that does not start by itself.
///
/// # Errors
/// Why it is no schedule.
pub(super) fn expression(schedule: &str) -> Result<Option<String>, String> {
    let schedule = schedule.trim();
    let made = match schedule {
        "none" => return Ok(None),
        _ if schedule.starts_with("cron(") || schedule.starts_with("rate(") => schedule.to_owned(),
        "@hourly" => "cron(0 * * * ? *)".to_owned(),
        "@daily" | "@midnight" => "cron(0 0 * * ? *)".to_owned(),
        "@weekly" => "cron(0 0 ? * 1 *)".to_owned(),
        "@monthly" => "cron(0 0 1 * ? *)".to_owned(),
        "@yearly" | "@annually" => "cron(0 0 1 1 ? *)".to_owned(),
        _ => match schedule.strip_prefix("@every ") {
            Some(time) => every(time)?,
            None => cron(schedule)?,
        },
    };
    check_schedule(&made).map(|()| Some(made.clone())).map_err(|why| format!("`{made}`: {why}"))
}

fn every(time: &str) -> Result<String, String> {
    let seconds = seconds(time).ok_or_else(|| format!("`{time}` is not a time"))?;
    match seconds / 60 {
        _ if seconds % 60 != 0 || seconds == 0 => Err(format!("`{time}` is not a whole number of minutes")),
        1 => Ok("rate(1 minute)".to_owned()),
        minutes => Ok(format!("rate({minutes} minutes)")),
    }
}

/// Returns the whole seconds of a duration of Go, such as `1h30m`.
pub(super) fn seconds(time: &str) -> Option<u32> {
    let mut rest = time.trim();
    let mut total: u64 = 0;
    if rest == "0" {
        return Some(0);
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = rest[..digits].parse().ok()?;
        let unit = rest[digits..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |end| digits + end);
        let scale = match &rest[digits..unit] {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            _ => return None,
        };
        total = number.checked_mul(scale)?.checked_add(total)?;
        rest = &rest[unit..];
    }
    u32::try_from(total).ok().filter(|_| !time.trim().is_empty())
}

fn cron(schedule: &str) -> Result<String, String> {
    let fields: Vec<&str> = schedule.split_whitespace().collect();
    let [minute, hour, day, month, week] = fields[..] else {
        return Err(format!("`{schedule}` is no cron expression of five fields"));
    };
    let is_any = |field: &str| field.contains(['*', '?']);
    let (day, week) = match (is_any(day), is_any(week)) {
        // `*/2` of both is said by neither: Copilot drops what the day of the week has here.
        (true, true) if week.contains('/') || day.contains('/') => {
            return Err(format!("`{schedule}` has a step in a day, which Copilot itself drops"));
        }
        (true, true) => ("*".to_owned(), "?".to_owned()),
        (true, false) => ("?".to_owned(), from_one(week)?),
        (false, true) => (day.to_owned(), "?".to_owned()),
        (false, false) => return Err("EventBridge has a day of the month or a day of the week, not both".to_owned()),
    };
    Ok(format!("cron({minute} {hour} {day} {month} {week} *)"))
}

/// Counts days of the week from 1 (Sunday); a step stays what it is.
fn from_one(week: &str) -> Result<String, String> {
    let day = |text: &str| match text.parse::<u32>() {
        // 7 is Sunday too for cron, and Copilot makes an 8 of it that EventBridge refuses.
        Ok(7) => Ok("1".to_owned()),
        Ok(number) if number < 7 => Ok((number + 1).to_string()),
        Ok(number) => Err(format!("`{number}` is no day of the week")),
        Err(_) => Ok(text.to_uppercase()),
    };
    let item = |item: &str| {
        let (range, step) = item.split_once('/').map_or((item, None), |(range, step)| (range, Some(step)));
        let days = range.split('-').map(day).collect::<Result<Vec<_>, _>>()?.join("-");
        Ok::<_, String>(step.map_or_else(|| days.clone(), |step| format!("{days}/{step}")))
    };
    Ok(week.split(',').map(item).collect::<Result<Vec<_>, _>>()?.join(","))
}

#[cfg(test)]
mod tests {
    use super::{expression, seconds};

    #[test]
    fn schedules_are_those_of_eventbridge() {
        for (schedule, expected) in [
            ("@daily", "cron(0 0 * * ? *)"),
            ("@weekly", "cron(0 0 ? * 1 *)"),
            ("@every 1h30m", "rate(90 minutes)"),
            ("@every 1m", "rate(1 minute)"),
            ("0 9 * * 1-5", "cron(0 9 ? * 2-6 *)"),
            ("0 9 * * 0", "cron(0 9 ? * 1 *)"),
            ("0 9 * * 7", "cron(0 9 ? * 1 *)"),
            ("0 9 * * mon,wed", "cron(0 9 ? * MON,WED *)"),
            ("30 4 1 * *", "cron(30 4 1 * ? *)"),
            ("*/10 * * * *", "cron(*/10 * * * ? *)"),
            ("cron(0 12 ? * 3 *)", "cron(0 12 ? * 3 *)"),
            ("rate(5 minutes)", "rate(5 minutes)"),
        ] {
            assert_eq!(expression(schedule), Ok(Some(expected.to_owned())), "{schedule}");
        }
        assert_eq!(expression("none"), Ok(None));
    }

    #[test]
    fn what_is_no_schedule_says_why() {
        for (schedule, why) in [
            ("@every 90s", "not a whole number of minutes"),
            ("@every soon", "not a time"),
            ("0 9 1 * 1", "not both"),
            ("0 9 * *", "five fields"),
            ("0 9 * * 8", "no day of the week"),
            ("0 9 * * 5-7", "runs backwards"),
            ("0 9 */2 * *", "step in a day"),
            ("cron(0 12 * * * *)", "must be `?`"),
        ] {
            let error = expression(schedule).unwrap_err();
            assert!(error.contains(why), "{schedule}: {error}");
        }
    }

    #[test]
    fn times_are_those_of_go() {
        for (time, expected) in
            [("15s", Some(15)), ("2m", Some(120)), ("1h1m1s", Some(3661)), ("0", Some(0)), ("", None), ("10", None)]
        {
            assert_eq!(seconds(time), expected, "{time}");
        }
    }
}
