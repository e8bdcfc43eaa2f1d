//! Where is a database, and who may enter? Read from the secret that holds it. The password is in no `Debug`.

use std::fmt;

use aws::{CallError, Client, SECRETS};
use aws_model::Document;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Value, json};

use crate::observe::object;
use crate::vars::Hidden;

/// What stays as it is in the parts of a URL.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// What is needed to connect.
#[derive(Clone)]
pub struct Parts {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Name of the database.
    pub name: String,
    /// User.
    pub user: String,
    /// Password.
    pub password: Hidden,
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts").field("host", &self.host).field("port", &self.port).finish_non_exhaustive()
    }
}

/// Why they are not known.
#[derive(Debug, thiserror::Error)]
pub enum PartsError {
    /// The service said no, or nothing.
    #[error(transparent)]
    Call(#[from] CallError),
    /// There is no such secret.
    #[error("there is no secret `{secret}` with the database's parts")]
    Missing {
        /// Its name.
        secret: String,
    },
    /// It says something else.
    #[error("secret `{secret}` {why}")]
    Wrong {
        /// Its name.
        secret: String,
        /// Which, without any value.
        why: String,
    },
}

/// Reads a secret that holds a database: JSON as managr and RDS write it, or a URL.
///
/// # Errors
/// See [`PartsError`].
pub async fn parts(client: &Client, secret: &str) -> Result<Parts, PartsError> {
    let answer = client.call(&SECRETS, "GetSecretValue", object(json!({ "SecretId": secret }))).await;
    let answer = match answer {
        Err(error) if error.is("ResourceNotFoundException") => {
            return Err(PartsError::Missing { secret: secret.to_owned() });
        }
        answer => answer?,
    };
    let text = answer.get("SecretString").and_then(Value::as_str).unwrap_or_default();
    Parts::read(text).map_err(|why| PartsError::Wrong { secret: secret.to_owned(), why })
}

impl Parts {
    /// Reads the text of a secret.
    fn read(text: &str) -> Result<Self, String> {
        match serde_json::from_str::<Value>(text) {
            Ok(Value::Object(members)) => Self::of_members(&members),
            Ok(Value::String(url)) => Self::of_url(&url),
            _ => Self::of_url(text.trim()),
        }
    }

    /// `username` and `dbname` are RDS's own words ("Secrets Manager, JSON structure of a secret").
    fn of_members(members: &Document) -> Result<Self, String> {
        let say = |names: &[&str]| {
            names.iter().find_map(|name| match members.get(*name)? {
                Value::String(text) if !text.is_empty() => Some(text.clone()),
                Value::Number(number) => Some(number.to_string()),
                _ => None,
            })
        };
        let Some(host) = say(&["host"]) else {
            let url = say(&["url", "DATABASE_URL"]).ok_or("has neither `host` nor `url`")?;
            return Self::of_url(&url);
        };
        let missing = |name: &str| format!("has no `{name}`");
        let user = say(&["user", "username"]).ok_or_else(|| missing("user"))?;
        let port = say(&["port"]).map_or(Ok(5432), |port| port.parse().map_err(|_| "has a `port` that is none"));
        Ok(Self {
            host,
            port: port?,
            name: say(&["name", "dbname"]).unwrap_or_else(|| user.clone()),
            password: Hidden::new(say(&["password"]).ok_or_else(|| missing("password"))?.as_str()),
            user,
        })
    }

    fn of_url(url: &str) -> Result<Self, String> {
        let rest = url.split_once("://").filter(|(scheme, _)| {
            // SQLAlchemy names its driver: postgresql+psycopg.
            let scheme = scheme.split('+').next().unwrap_or_default();
            ["postgres", "postgresql", "postgis"].contains(&scheme)
        });
        let (_, rest) = rest.ok_or("is neither JSON nor a URL that begins with postgres://")?;
        let rest = rest.split(['?', '#']).next().unwrap_or_default();
        let (place, name) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, host) = place.rsplit_once('@').ok_or("is a URL without a user")?;
        let (user, password) = user.split_once(':').ok_or("is a URL without a password")?;
        let (host, port) = match host.rsplit_once(':').filter(|(_, port)| !port.contains(']')) {
            Some((host, port)) => (host, port.parse().map_err(|_| "is a URL with a port that is none")?),
            None => (host, 5432),
        };
        let open = |text: &str| {
            percent_decode_str(text)
                .decode_utf8()
                .map(|text| text.into_owned())
                .map_err(|_| "is a URL that is not UTF-8")
        };
        let (user, host) = (open(user)?, host.trim_start_matches('[').trim_end_matches(']').to_owned());
        if host.is_empty() || user.is_empty() {
            return Err("is a URL without a host or a user".to_owned());
        }
        let name = Some(open(name)?).filter(|name| !name.is_empty()).unwrap_or_else(|| user.clone());
        Ok(Self { host, port, name, password: Hidden::new(open(password)?.as_str()), user })
    }

    /// Returns the URL without the password, as it is shown.
    pub fn url(&self) -> String {
        self.written("")
    }

    /// Returns the URL with the password.
    pub fn whole_url(&self) -> String {
        self.written(&format!(":{}", utf8_percent_encode(self.password.expose(), KEPT)))
    }

    fn written(&self, password: &str) -> String {
        let (user, name) = (utf8_percent_encode(&self.user, KEPT), utf8_percent_encode(&self.name, KEPT));
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        format!("postgres://{user}{password}@{host}:{}/{name}", self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&str, &str>) {
        let found = Parts::read(text).map(|parts| parts.whole_url());
        assert_eq!(found.as_deref().map_err(String::as_str), expected, "{text}");
    }

    #[test]
    fn a_secret_is_json_or_a_url() {
        check(
            r#"{"host":"h","port":6000,"name":"n","user":"u","password":"p/:@"}"#,
            Ok("postgres://u:p%2F%3A%40@h:6000/n"),
        );
        check(r#"{"host":"h","username":"u","password":"p","port":"5433"}"#, Ok("postgres://u:p@h:5433/u"));
        check(r#"{"url":"postgresql://u:p%40@h/n?sslmode=require"}"#, Ok("postgres://u:p%40@h:5432/n"));
        check("postgresql+psycopg://u:p@[::1]:7/n", Ok("postgres://u:p@[::1]:7/n"));
        check("postgres://u:p@h", Ok("postgres://u:p@h:5432/u"));
    }

    #[test]
    fn what_is_wrong_is_said_without_a_value() {
        for (text, expected) in [
            ("", "is neither JSON nor a URL that begins with postgres://"),
            ("mysql://u:hunter2@h/n", "is neither JSON nor a URL that begins with postgres://"),
            (r#"{"host":"h","user":"u"}"#, "has no `password`"),
            (r#"{"host":"h","password":"hunter2"}"#, "has no `user`"),
            (r#"{"password":"hunter2"}"#, "has neither `host` nor `url`"),
            (r#"{"host":"h","user":"u","password":"hunter2","port":"x"}"#, "has a `port` that is none"),
            ("postgres://u@h/n", "is a URL without a password"),
            ("postgres://h/n", "is a URL without a user"),
        ] {
            check(text, Err(expected));
            assert!(!expected.contains("hunter2"));
        }
    }

    #[test]
    fn a_password_is_in_no_debug_and_in_no_shown_url() {
        let parts = Parts::read("postgres://u:hunter2@h/n").unwrap();
        assert!(!format!("{parts:?}{}", parts.url()).contains("hunter2"));
        assert_eq!(parts.url(), "postgres://u@h:5432/n");
    }
}
