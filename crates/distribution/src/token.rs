//! Who asks: what a registry wants to know, and the token that stands for the answer.

use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};
use reqwest::{RequestBuilder, Url};
use serde::Deserialize;

use crate::answer::FetchError;

/// How much of a token service's answer is read. Tokens are some kilobytes.
pub(crate) const TOKEN_BYTES: u64 = 1 << 20;

/// What requests are sent with.
#[derive(Clone)]
pub(crate) enum Authorization {
    Basic { user: String, password: String },
    Bearer(String),
}

impl Authorization {
    pub(crate) fn on(&self, request: RequestBuilder) -> RequestBuilder {
        match self {
            Self::Basic { user, password } => request.basic_auth(user, Some(password)),
            Self::Bearer(token) => request.bearer_auth(token),
        }
    }
}

/// What a registry wants (RFC 9110, 11.6.1; OCI distribution and Docker's "token authentication").
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Challenge {
    Basic,
    Bearer { realm: String, service: Option<String>, scope: Option<String> },
}

impl Challenge {
    /// Returns what the headers of an answer want, a token if there is a choice.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let texts = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
        let mut basic = None;
        for challenge in texts.filter_map(|text| http_auth::parse_challenges(text).ok()).flatten() {
            let param = |name: &str| {
                let found = challenge.params.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
                found.map(|(_, value)| value.to_unescaped())
            };
            if challenge.scheme.eq_ignore_ascii_case("bearer")
                && let Some(realm) = param("realm")
            {
                return Some(Self::Bearer { realm, service: param("service"), scope: param("scope") });
            }
            if challenge.scheme.eq_ignore_ascii_case("basic") {
                basic = Some(Self::Basic);
            }
        }
        basic
    }
}

/// Returns where a token is to be had. `secure` asks for an encrypted way: a registry that is spoken to by TLS must not
/// have a password sent in the clear.
pub(crate) fn url_of(realm: &str, service: Option<&str>, scope: &str, secure: bool) -> Result<Url, FetchError> {
    let unusable = |why: String| FetchError::Unusable { what: "challenge", why };
    let mut url = Url::parse(realm).map_err(|error| unusable(format!("`{realm}` is no URL ({error})")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(unusable(format!("`{realm}` is no address of a token service")));
    }
    if secure && url.scheme() != "https" {
        return Err(unusable(format!("`{realm}` would get the password unencrypted")));
    }
    url.query_pairs_mut().extend_pairs(service.map(|service| ("service", service))).append_pair("scope", scope);
    Ok(url)
}

#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

/// Reads a token service's answer.
pub(crate) fn parse(answer: &[u8]) -> Result<Authorization, FetchError> {
    let unusable = |why: String| FetchError::Unusable { what: "token", why };
    // The answer itself is a secret and in no error.
    let said: Token = serde_json::from_slice(answer).map_err(|_| unusable("it is not JSON".to_owned()))?;
    let token = said.token.or(said.access_token).filter(|token| !token.is_empty());
    let token = token.ok_or_else(|| unusable("there is none in the answer".to_owned()))?;
    // It goes into a header as it is.
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(unusable("it has characters that no token has".to_owned()));
    }
    Ok(Authorization::Bearer(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(challenges: &[&str]) -> Option<Challenge> {
        let mut headers = HeaderMap::new();
        for text in challenges {
            headers.append(WWW_AUTHENTICATE, text.parse().unwrap());
        }
        Challenge::of(&headers)
    }

    #[test]
    fn a_token_is_preferred_and_what_is_unknown_passed_over() {
        let hub =
            r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull""#;
        let bearer = Challenge::Bearer {
            realm: "https://auth.docker.io/token".into(),
            service: Some("registry.docker.io".into()),
            scope: Some("repository:a/b:pull".into()),
        };
        assert_eq!(of(&[hub]).as_ref(), Some(&bearer));
        assert_eq!(of(&[r#"Basic realm="x""#, hub]).as_ref(), Some(&bearer));
        assert_eq!(of(&[r#"Negotiate, Basic realm="x""#]), Some(Challenge::Basic));
        assert_eq!(of(&[r#"Bearer service="x""#, "Bearer realm=", "\"", ""]), None);
        assert_eq!(of(&[]), None);
    }

    #[test]
    fn a_token_service_is_an_address() {
        let url = |realm| url_of(realm, Some("s"), "repository:a/b:pull", false).map(String::from);
        assert_eq!(url("https://a/t?x=1").unwrap(), "https://a/t?x=1&service=s&scope=repository%3Aa%2Fb%3Apull");
        for realm in ["file:///etc/shadow", "", "token", "data:,{}"] {
            assert!(url(realm).is_err(), "{realm}");
        }
        assert!(url_of("http://a/t", None, "s", false).is_ok());
        assert!(url_of("http://a/t", None, "s", true).is_err(), "a password in the clear");
    }

    #[test]
    fn a_token_that_no_header_can_hold_is_refused_without_being_told() {
        assert!(
            matches!(parse(br#"{"access_token": "abc", "expires_in": 300}"#), Ok(Authorization::Bearer(t)) if t == "abc")
        );
        for answer in [&br#"{"token": "secret\r\nX: y"}"#[..], b"{\"token\": \"\"}", b"{}", b"secret", b""] {
            let error = parse(answer).err().unwrap().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
