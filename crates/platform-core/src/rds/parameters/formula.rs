//! What a parameter's formula means for a class: `{DBInstanceClassMemory/32768}`, `LEAST({...}, 5000)` (RDS user guide,
//! "Specifying DB parameters": one integer formula in braces; GREATEST and LEAST of such; operators `*` and `/`).

/// Returns the number that a formula, or a plain number, means; none for what is neither.
pub(crate) fn value(text: &str, memory_bytes: u64, storage_gib: u64) -> Option<i64> {
    let text = text.trim();
    for (word, least) in [("GREATEST(", false), ("LEAST(", true)] {
        if let Some(inner) = text.strip_prefix(word).and_then(|inner| inner.strip_suffix(')')) {
            let parts: Option<Vec<i64>> = inner.split(',').map(|part| value(part, memory_bytes, storage_gib)).collect();
            let parts = parts?;
            return if least { parts.into_iter().min() } else { parts.into_iter().max() };
        }
    }
    let Some(formula) = text.strip_prefix('{').and_then(|inner| inner.strip_suffix('}')) else {
        return text.parse().ok();
    };
    let mut result: Option<i64> = None;
    let mut operator = '*';
    let mut rest = formula.trim();
    while !rest.is_empty() {
        let end = rest.find(['*', '/']).unwrap_or(rest.len());
        let word = rest[..end].trim();
        let number = match word {
            "DBInstanceClassMemory" => i64::try_from(memory_bytes).ok()?,
            "AllocatedStorage" => i64::try_from(storage_gib << 30).ok()?,
            number => number.parse().ok()?,
        };
        result = match (result, operator) {
            (None, _) => Some(number),
            (Some(left), '*') => left.checked_mul(number),
            (Some(left), _) => left.checked_div(number),
        };
        result?;
        let Some(next) = rest[end..].chars().next() else { break };
        operator = next;
        rest = &rest[end + 1..];
        if rest.trim().is_empty() {
            return None;
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::value;

    #[test]
    fn formulas_are_worked_out_from_left_to_right() {
        let gib = 1 << 30;
        assert_eq!(value("{DBInstanceClassMemory/32768}", gib, 20), Some(32768));
        assert_eq!(value("LEAST({DBInstanceClassMemory/9531392},5000)", gib, 20), Some(112));
        assert_eq!(value("GREATEST({DBInstanceClassMemory*1024/63963136},65536)", gib, 20), Some(65536));
        assert_eq!(value("42", gib, 20), Some(42));
        for wrong in
            ["{}", "{DBInstanceClassMemory/}", "{DBInstanceClassMemory/0}", "{Nothing}", "", "LEAST()", "{{1}}"]
        {
            assert_eq!(value(wrong, gib, 20), None, "{wrong}");
        }
    }
}
