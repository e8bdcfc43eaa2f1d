//! Which names can services be found by?

/// Checks a name that services are found by: a DNS name of two labels or more (RFC 1035, 2.3.1 and 2.3.4). Cloud Map takes more for a service's name (API
/// reference, CreateService), but no host name has it; capitals are another spelling of the same name.
///
/// # Errors
/// A fragment that says what is wrong.
pub fn check_discover(text: &str) -> Result<(), String> {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    match text.split('.').find(|label| !is_label(label)) {
        Some("") => Err("a part between its dots is empty".to_owned()),
        Some(label) => {
            Err(format!("`{label}` takes lower-case letters, digits and hyphens, 63 at most, no hyphen at the ends"))
        }
        None if !text.contains('.') => Err("it has no dot: the namespace follows the first".to_owned()),
        None if text.len() > 253 => Err("it is longer than 253 characters".to_owned()),
        None => Ok(()),
    }
}
