//! Turns a password into what PostgreSQL keeps of one: a SCRAM-SHA-256 verifier (RFC 5803).
//!
//! Past this nobody holds the password: a verifier proves one and cannot be used as one.

/// Returns the verifier of a password, `SCRAM-SHA-256$4096:SALT$STORED:SERVER`, with a salt of its own each time.
pub fn of(password: &str) -> String {
    postgres_protocol::password::scram_sha_256(password.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verifier_has_postgresqls_form_and_nothing_of_the_password() {
        let (one, two) = (of("correct horse"), of("correct horse"));
        assert_ne!(one, two, "the salt is drawn each time");
        assert!(one.starts_with("SCRAM-SHA-256$4096:") && one.matches('$').count() == 2, "{one}");
        assert!(!one.contains("horse"));
    }
}
