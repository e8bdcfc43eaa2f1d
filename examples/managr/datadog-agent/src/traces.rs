//! Reads trace payloads of APM versions 0.3, 0.4 (list of traces of span maps) and 0.5 (a string
//! table and spans of twelve places). No I/O.

use rmpv::Value;

/// What is told of one span.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) service: String,
    pub(crate) name: String,
    pub(crate) resource: String,
    pub(crate) trace_id: u64,
    pub(crate) parent_id: u64,
    pub(crate) duration_ns: i64,
    pub(crate) error: bool,
}

pub(crate) type Trace = Vec<Span>;

/// Reads a payload of v0.3 or v0.4.
pub(crate) fn read_maps(body: &[u8]) -> Result<Vec<Trace>, String> {
    traces(&decode(body)?, &|span| {
        let field =
            |name: &str| span.as_map()?.iter().find(|(key, _)| key.as_str() == Some(name)).map(|(_, value)| value);
        let text = |name| field(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        span.as_map().ok_or("span is not a map")?;
        Ok(Span {
            service: text("service"),
            name: text("name"),
            resource: text("resource"),
            trace_id: field("trace_id").and_then(Value::as_u64).ok_or("span has no trace_id")?,
            parent_id: field("parent_id").and_then(Value::as_u64).unwrap_or(0),
            duration_ns: field("duration").and_then(Value::as_i64).unwrap_or(0),
            error: field("error").and_then(Value::as_i64).unwrap_or(0) != 0,
        })
    })
}

/// Reads a payload of v0.5.
pub(crate) fn read_table(body: &[u8]) -> Result<Vec<Trace>, String> {
    let payload = decode(body)?;
    let [strings, payload] = payload.as_array().map(Vec::as_slice).unwrap_or_default() else {
        return Err("payload is not a pair of strings and traces".into());
    };
    let strings = strings.as_array().ok_or("string table is not an array")?;
    traces(payload, &|span| {
        let places = span.as_array().filter(|places| places.len() == 12).ok_or("span has not twelve places")?;
        let text = |place: usize| {
            let index = places[place].as_u64().and_then(|index| usize::try_from(index).ok());
            let string = index.and_then(|index| strings.get(index)).and_then(Value::as_str);
            string.map(str::to_owned).ok_or("span names a string that is not in the table")
        };
        Ok(Span {
            service: text(0)?,
            name: text(1)?,
            resource: text(2)?,
            trace_id: places[3].as_u64().ok_or("span has no trace id")?,
            parent_id: places[5].as_u64().unwrap_or(0),
            duration_ns: places[7].as_i64().unwrap_or(0),
            error: places[8].as_i64().unwrap_or(0) != 0,
        })
    })
}

fn decode(mut body: &[u8]) -> Result<Value, String> {
    rmpv::decode::read_value(&mut body).map_err(|error| format!("not MessagePack: {error}"))
}

type ReadSpan<'a> = &'a dyn Fn(&Value) -> Result<Span, &'static str>;

fn traces(payload: &Value, span: ReadSpan<'_>) -> Result<Vec<Trace>, String> {
    let list = payload.as_array().ok_or("traces are not an array")?;
    list.iter()
        .map(|trace| {
            let spans = trace.as_array().ok_or("trace is not an array")?;
            spans.iter().map(|one| span(one).map_err(str::to_owned)).collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(value: &Value) -> Vec<u8> {
        let mut bytes = Vec::new();
        rmpv::encode::write_value(&mut bytes, value).unwrap();
        bytes
    }

    fn map(pairs: &[(&str, Value)]) -> Value {
        Value::Map(pairs.iter().map(|(key, value)| (Value::from(*key), value.clone())).collect())
    }

    #[test]
    fn both_layouts_give_the_same_span() {
        let expected = Span {
            service: "web".into(),
            name: "django.request".into(),
            resource: "GET /".into(),
            trace_id: u64::MAX,
            parent_id: 0,
            duration_ns: 1500,
            error: true,
        };
        let span = map(&[
            ("service", "web".into()),
            ("name", "django.request".into()),
            ("resource", "GET /".into()),
            ("trace_id", u64::MAX.into()),
            ("duration", 1500.into()),
            ("error", 1.into()),
        ]);
        let maps = encode(&Value::Array(vec![Value::Array(vec![span])]));
        let strings = ["", "web", "django.request", "GET /"].map(Value::from).to_vec();
        let numbers = [1, 2, 3, u64::MAX, 7, 0, 0, 1500, 1].map(Value::from).into_iter();
        let places = numbers.chain([Value::Map(vec![]), Value::Map(vec![]), 0.into()]).collect();
        let traces = Value::Array(vec![Value::Array(vec![Value::Array(places)])]);
        let table = encode(&Value::Array(vec![Value::Array(strings), traces]));
        assert_eq!(read_maps(&maps).unwrap(), read_table(&table).unwrap());
        assert_eq!(read_maps(&maps).unwrap()[0][0], expected);
    }

    #[test]
    fn what_is_no_payload_is_refused_with_a_reason() {
        assert!(read_maps(b"\x92\x90").unwrap_err().starts_with("not MessagePack"));
        assert_eq!(read_maps(&encode(&Value::from("x"))).unwrap_err(), "traces are not an array");
        assert_eq!(read_table(&encode(&Value::from("x"))).unwrap_err(), "payload is not a pair of strings and traces");
    }
}
