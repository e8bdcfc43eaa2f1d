//! Lists in pages. A token is the key of the last row, which nobody needs to read.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::error::MetricsError;

/// Returns a page of rows that are sorted by their keys, and the token of the next one.
pub(super) fn page<T>(
    rows: impl IntoIterator<Item = (String, T)>,
    most: usize,
    token: Option<&str>,
) -> Result<(Vec<T>, Option<String>), MetricsError> {
    let after = token.map(open).transpose()?;
    let rows = rows.into_iter().filter(|(key, _)| after.as_ref().is_none_or(|after| key > after));
    let mut rows: Vec<(String, T)> = rows.take(most + 1).collect();
    let has_more = rows.len() > most;
    rows.truncate(most);
    let next = rows.last().filter(|_| has_more).map(|(key, _)| token_of(key));
    Ok((rows.into_iter().map(|(_, row)| row).collect(), next))
}

/// Returns the token of a key.
pub(super) fn token_of(key: &str) -> String {
    URL_SAFE_NO_PAD.encode(key)
}

/// Returns the key of a token.
pub(super) fn open(token: &str) -> Result<String, MetricsError> {
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| MetricsError::NoToken)?;
    String::from_utf8(bytes).map_err(|_| MetricsError::NoToken)
}
