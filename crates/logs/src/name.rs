//! Names and ARNs of groups and streams (botocore: logs 2014-03-28).

use aws_model::region;

use crate::error::LogsError;

pub(crate) fn check_group(name: &str) -> Result<(), LogsError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-/#".contains(c);
    if name.is_empty() || name.len() > 512 || !name.chars().all(allowed) {
        return Err(constraint("logGroupName", name, r"[\.\-_/#A-Za-z0-9]+"));
    }
    Ok(())
}

pub(crate) fn check_stream(name: &str) -> Result<(), LogsError> {
    if name.is_empty() || name.chars().count() > 512 || name.contains([':', '*']) {
        return Err(constraint("logStreamName", name, "[^:*]*"));
    }
    Ok(())
}

/// The words of the service's validation.
pub(crate) fn constraint(member: &str, value: &str, pattern: &str) -> LogsError {
    LogsError::invalid(format!(
        "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: Member must satisfy \
         regular expression pattern: {pattern} and have length between 1 and 512"
    ))
}

pub(crate) fn group_arn(region: &str, account: &str, name: &str) -> String {
    region::arn("logs", region, account, &format!("log-group:{name}"))
}

/// Returns region and name of a group given by name or ARN.
///
/// Not the ARN with `:*` at its end, which only policies take: "Don't include an * at the end" (API reference).
pub(crate) fn resolve<'a>(
    region: &'a str,
    account: &str,
    identifier: &'a str,
) -> Result<(&'a str, &'a str), LogsError> {
    let Some(rest) = identifier.strip_prefix("arn:") else { return Ok((region, identifier)) };
    match rest.splitn(6, ':').collect::<Vec<_>>()[..] {
        [_, "logs", region, owner, "log-group", name] if owner == account => Ok((region, name)),
        [_, "logs", _, _, "log-group", _] => Err(LogsError::NoGroup),
        _ => Err(LogsError::invalid(format!("'{identifier}' is not the ARN of a log group."))),
    }
}
