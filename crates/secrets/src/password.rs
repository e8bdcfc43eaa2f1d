//! `GetRandomPassword`.

use crate::error::SecretError;
use crate::text::SecretText;

/// What a password may and must hold.
#[derive(Debug, Clone)]
pub struct PasswordRules {
    /// Characters, 1 to 4096.
    pub length: usize,
    /// Characters never to use.
    pub exclude: String,
    /// Without lower-case letters.
    pub no_lowercase: bool,
    /// Without upper-case letters.
    pub no_uppercase: bool,
    /// Without digits.
    pub no_numbers: bool,
    /// Without punctuation.
    pub no_punctuation: bool,
    /// With spaces.
    pub space: bool,
    /// At least one of each kind that is allowed.
    pub each_kind: bool,
}

impl Default for PasswordRules {
    fn default() -> Self {
        Self {
            length: 32,
            exclude: String::new(),
            no_lowercase: false,
            no_uppercase: false,
            no_numbers: false,
            no_punctuation: false,
            space: false,
            each_kind: true,
        }
    }
}

/// Returns a random password.
///
/// # Errors
/// When no character is left to use, or the length is not allowed.
pub fn password(rules: &PasswordRules) -> Result<SecretText, SecretError> {
    if !(1..=4096).contains(&rules.length) {
        return Err(SecretError::parameter("PasswordLength must be between 1 and 4096."));
    }
    let kinds: Vec<Vec<char>> = [
        (!rules.no_lowercase, "abcdefghijklmnopqrstuvwxyz"),
        (!rules.no_uppercase, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
        (!rules.no_numbers, "0123456789"),
        (!rules.no_punctuation, "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"),
        (rules.space, " "),
    ]
    .into_iter()
    .filter(|(wanted, _)| *wanted)
    .map(|(_, kind)| kind.chars().filter(|c| !rules.exclude.contains(*c)).collect::<Vec<char>>())
    .filter(|kind| !kind.is_empty())
    .collect();
    let all: Vec<char> = kinds.concat();
    if all.is_empty() {
        return Err(SecretError::parameter("No characters are left to make a password of."));
    }
    if rules.each_kind && rules.length < kinds.len() {
        return Err(SecretError::parameter("PasswordLength is too short to have one character of each kind."));
    }
    let mut characters: Vec<char> = Vec::with_capacity(rules.length);
    if rules.each_kind {
        characters.extend(kinds.iter().map(|kind| kind[below(kind.len())]));
    }
    while characters.len() < rules.length {
        characters.push(all[below(all.len())]);
    }
    for n in (1..characters.len()).rev() {
        characters.swap(n, below(n + 1)); // so that the kinds are not in a known order
    }
    Ok(SecretText::new(characters.into_iter().collect::<String>()))
}

/// Returns a number below `bound`, each as likely as any other.
fn below(bound: usize) -> usize {
    let bound = bound as u64;
    let fair = u64::MAX - u64::MAX % bound;
    loop {
        let mut bytes = [0; 8];
        getrandom::fill(&mut bytes).expect("the kernel gives random bytes");
        let drawn = u64::from_ne_bytes(bytes);
        if drawn < fair {
            return (drawn % bound) as usize;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_has_its_length_each_kind_and_nothing_excluded() {
        for _ in 0..50 {
            let rules = PasswordRules { length: 8, exclude: "abc0\"".into(), space: true, ..PasswordRules::default() };
            let made = password(&rules).unwrap();
            let made = made.expose();
            assert_eq!(made.chars().count(), 8);
            assert!(made.chars().any(|c| c.is_ascii_lowercase()) && made.chars().any(|c| c.is_ascii_uppercase()));
            assert!(made.chars().any(|c| c.is_ascii_digit()) && made.chars().any(|c| c.is_ascii_punctuation()));
            assert!(made.contains(' ') && !made.contains(['a', 'b', 'c', '0', '"']), "{made}");
        }
        let none = PasswordRules {
            no_lowercase: true,
            no_uppercase: true,
            no_punctuation: true,
            exclude: "0123456789".into(),
            ..PasswordRules::default()
        };
        assert!(password(&none).is_err());
        assert!(password(&PasswordRules { length: 3, ..PasswordRules::default() }).is_err());
        assert!(password(&PasswordRules { length: 4097, ..PasswordRules::default() }).is_err());
    }
}
