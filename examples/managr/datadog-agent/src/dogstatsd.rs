//! Reads one DogStatsD line: a metric, an event or a service check. No I/O.
//!
//! The grammar is the one that Datadog's agent reads (its parse.go); fields that it does not know
//! are skipped there, so they are skipped here.

use std::fmt;

/// One thing that an application reported.
#[derive(Debug, PartialEq)]
pub(crate) enum Sample {
    Metric { name: String, values: Vec<String>, kind: &'static str, rate: Option<f64>, tags: Vec<String> },
    Event { title: String, text: String, alert: String, tags: Vec<String> },
    Check { name: String, status: &'static str, message: String, tags: Vec<String> },
}

pub(crate) fn parse(line: &str) -> Result<Sample, &'static str> {
    if let Some(rest) = line.strip_prefix("_e{") {
        event(rest)
    } else if let Some(rest) = line.strip_prefix("_sc|") {
        check(rest)
    } else {
        metric(line)
    }
}

fn metric(line: &str) -> Result<Sample, &'static str> {
    let (name, rest) = line.split_once(':').ok_or("no colon after the name")?;
    if name.is_empty() {
        return Err("empty name");
    }
    let mut fields = rest.split('|');
    let values = fields.next().unwrap_or_default();
    let kind = match fields.next().ok_or("no type")? {
        "c" => "count",
        "g" => "gauge",
        "h" => "histogram",
        "d" => "distribution",
        "ms" => "timing",
        "s" => "set",
        _ => return Err("unknown type"),
    };
    let values: Vec<String> = if kind == "set" {
        vec![values.to_owned()] // a set's value may hold colons
    } else {
        values.split(':').filter(|value| !value.is_empty()).map(str::to_owned).collect()
    };
    if values.is_empty() || values[0].is_empty() {
        return Err("no value");
    }
    if kind != "set" && values.iter().any(|value| value.parse::<f64>().is_err()) {
        return Err("value is not a number");
    }
    let (mut rate, mut tags) = (None, Vec::new());
    for field in fields {
        if let Some(text) = field.strip_prefix('@') {
            rate = Some(text.parse().map_err(|_| "rate is not a number")?);
        } else if let Some(list) = field.strip_prefix('#') {
            tags = split_tags(list);
        }
    }
    Ok(Sample::Metric { name: name.to_owned(), values, kind, rate, tags })
}

fn event(rest: &str) -> Result<Sample, &'static str> {
    let (lengths, rest) = rest.split_once("}:").ok_or("no lengths")?;
    let (title, text) = lengths.split_once(',').ok_or("one length instead of two")?;
    let title_length: usize = title.parse().map_err(|_| "title length is not a number")?;
    let text_length: usize = text.parse().map_err(|_| "text length is not a number")?;
    if title_length == 0 {
        return Err("empty title");
    }
    // Lengths count bytes of the escaped text, and a wrong one may fall inside a character.
    let title = rest.get(..title_length).ok_or("title is shorter than its length")?;
    let rest = rest[title_length..].strip_prefix('|').ok_or("title is longer than its length")?;
    let text = rest.get(..text_length).ok_or("text is shorter than its length")?;
    let (mut alert, mut tags) = ("info".to_owned(), Vec::new());
    for field in rest[text_length..].split('|').skip(1) {
        if let Some(kind) = field.strip_prefix("t:") {
            kind.clone_into(&mut alert);
        } else if let Some(list) = field.strip_prefix('#') {
            tags = split_tags(list);
        }
    }
    Ok(Sample::Event { title: title.to_owned(), text: text.replace("\\n", "\n"), alert, tags })
}

fn check(rest: &str) -> Result<Sample, &'static str> {
    // The message comes last and may hold anything.
    let (rest, message) = rest.split_once("|m:").unwrap_or((rest, ""));
    let mut fields = rest.split('|');
    let name = fields.next().filter(|name| !name.is_empty()).ok_or("empty name")?;
    let status = match fields.next() {
        Some("0") => "ok",
        Some("1") => "warning",
        Some("2") => "critical",
        Some("3") => "unknown",
        _ => return Err("status is not 0 to 3"),
    };
    let tags = fields.find_map(|field| field.strip_prefix('#')).map(split_tags).unwrap_or_default();
    let message = message.replace("\\n", "\n").replace("m\\:", "m:");
    Ok(Sample::Check { name: name.to_owned(), status, message, tags })
}

fn split_tags(list: &str) -> Vec<String> {
    list.split(',').filter(|tag| !tag.is_empty()).map(str::to_owned).collect()
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tags = match self {
            Self::Metric { name, values, kind, rate, tags } => {
                write!(f, "metric name={name} type={kind} value={}", values.join(","))?;
                if let Some(rate) = rate {
                    write!(f, " rate={rate}")?;
                }
                tags
            }
            Self::Event { title, text, alert, tags } => {
                write!(f, "event alert={alert} title={title:?} text={text:?}")?;
                tags
            }
            Self::Check { name, status, message, tags } => {
                write!(f, "check name={name} status={status} message={message:?}")?;
                tags
            }
        };
        if tags.is_empty() { Ok(()) } else { write!(f, " tags={}", tags.join(",")) }
    }
}

#[cfg(test)]
mod tests {
    #[track_caller]
    fn check(line: &str, expected: &str) {
        let seen = super::parse(line).map_or_else(|why| format!("refused: {why}"), |sample| sample.to_string());
        assert_eq!(seen, expected);
    }

    #[test]
    fn metrics_carry_type_values_rate_and_tags_and_skip_what_is_unknown() {
        check("page.views:1|c", "metric name=page.views type=count value=1");
        check(
            "t:1:2::3|d|@0.5|#env:local,app",
            "metric name=t type=distribution value=1,2,3 rate=0.5 tags=env:local,app",
        );
        check("users:a:b|s|c:ci-1|T1700000000|card:low", "metric name=users type=set value=a:b");
        check("t:12.5|ms", "metric name=t type=timing value=12.5");
        check("t:x|g", "refused: value is not a number");
        check("t:1|zz", "refused: unknown type");
        check("t:|c", "refused: no value");
        check("nothing", "refused: no colon after the name");
    }

    #[test]
    fn events_are_cut_by_byte_length() {
        check("_e{5,6}:hello|a\\nb c|t:error|#k:v", "event alert=error title=\"hello\" text=\"a\\nb c\" tags=k:v");
        check("_e{3,1}:\u{e9}a|x", "event alert=info title=\"\u{e9}a\" text=\"x\"");
        check("_e{1,1}:\u{e9}|x", "refused: title is shorter than its length");
        check("_e{0,1}:|x", "refused: empty title");
        check("_e{5,99}:hello|x", "refused: text is shorter than its length");
    }

    #[test]
    fn checks_carry_status_and_a_message_that_may_hold_bars() {
        check(
            "_sc|db|2|#a:b|m:down | since m\\: 1",
            "check name=db status=critical message=\"down | since m: 1\" tags=a:b",
        );
        check("_sc|db|7", "refused: status is not 0 to 3");
    }
}
