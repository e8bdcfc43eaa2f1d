//! Names, tokens and ARNs of secrets.

use aws_model::region;

use crate::error::SecretError;

/// Checks a name by AWS's rule.
pub(crate) fn check(name: &str) -> Result<(), SecretError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-/_+=.@!".contains(c);
    if name.is_empty() || name.len() > 512 || !name.chars().all(allowed) {
        return Err(SecretError::parameter(
            "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!",
        ));
    }
    Ok(())
}

/// Checks a request token, or draws one.
pub(crate) fn token(given: Option<String>) -> Result<String, SecretError> {
    match given {
        None => Ok(uuid()),
        Some(token) if (32..=64).contains(&token.len()) => Ok(token),
        Some(_) => Err(SecretError::parameter("ClientRequestToken must be 32-64 characters long.")),
    }
}

/// Returns `arn:PARTITION:secretsmanager:REGION:ACCOUNT:secret:NAME`.
pub(crate) fn partial_arn(region: &str, account: &str, name: &str) -> String {
    region::arn("secretsmanager", region, account, &format!("secret:{name}"))
}

/// Returns six random letters and digits: the end of an ARN.
pub(crate) fn suffix() -> String {
    const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    random::<6>().map(|byte| ALPHABET[usize::from(byte) % ALPHABET.len()] as char).iter().collect()
}

fn uuid() -> String {
    let n = u128::from_be_bytes(random());
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        n >> 96,
        (n >> 80) & 0xffff,
        (n >> 64) & 0xfff,
        0x8000 | ((n >> 48) & 0x3fff),
        n & 0xffff_ffff_ffff
    )
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the kernel gives random bytes");
    bytes
}

/// What an identifier names: by ARN (full or without its suffix) or by name.
pub(crate) struct Id<'a> {
    /// Region of the ARN, if it is one.
    pub(crate) region: Option<&'a str>,
    /// Account of the ARN, if it is one.
    pub(crate) account: Option<&'a str>,
    /// Name, with the ARN's suffix if it has one.
    pub(crate) name: &'a str,
}

impl<'a> Id<'a> {
    pub(crate) fn parse(id: &'a str) -> Result<Self, SecretError> {
        let Some(rest) = id.strip_prefix("arn:") else {
            return Ok(Self { region: None, account: None, name: id });
        };
        match rest.splitn(6, ':').collect::<Vec<_>>()[..] {
            [_, "secretsmanager", region, account, "secret", name] => {
                Ok(Self { region: Some(region), account: Some(account), name })
            }
            _ => Err(SecretError::parameter("Invalid secret ARN.")),
        }
    }
}
