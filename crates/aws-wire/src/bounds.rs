//! How much a request may hold: values, and depth. Whatever is read counts against these before it is made.
//!
//! A document of tiny values takes a hundred times its size in memory (30 MB of `{"":{}}` took 2.8 GB).

/// Values of a document, and names of a Query one. The most that AWS takes is PutLogEvents' 10,000 events, which are
/// 30,000 values and as many commas and braces.
pub const VALUES: usize = 70_000;

/// No input of AWS is half as deep.
pub const DEPTH: usize = 64;

/// Refuses JSON that would take far more memory than its text: too many values, too deep.
///
/// Looks at the text only, before anything is made of it; whether it is JSON at all is for the reader to say.
///
/// # Errors
/// Words for the caller.
pub fn weigh(json: &[u8]) -> Result<(), String> {
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
            return Err(too_many());
        }
        if depth > DEPTH {
            return Err(too_deep());
        }
    }
    Ok(())
}

pub(crate) fn too_many() -> String {
    format!("the body has more than {VALUES} values")
}

pub(crate) fn too_deep() -> String {
    format!("the body is nested deeper than {DEPTH}")
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
