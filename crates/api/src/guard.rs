//! Decides whether a browser may be behind a request. The platform takes any credentials, so
//! a web page that could reach it could do everything: refuse foreign names (DNS rebinding)
//! and every request that says it comes from a page.

use std::net::IpAddr;

use http::header::{HOST, ORIGIN};
use http::{HeaderMap, Uri};

/// Why a request was refused (HTTP 403).
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Foreign {
    #[error("requests from web pages are refused (the request has an Origin header)")]
    Origin,
    #[error("requests from web pages are refused (the request has {0}: {1})")]
    Page(&'static str, String),
    #[error("host '{0}' is not a name of this platform: use 127.0.0.1 or localhost, or add the name to its hosts")]
    Host(String),
    #[error("the request names no host")]
    NoHost,
}

/// Refuses a request that a page in a browser could have caused.
///
/// `local` is the address at which the connection arrived: a client that names the platform by that address cannot have
/// been led here by a name's changed resolution.
pub(crate) fn admit(uri: &Uri, headers: &HeaderMap, local: IpAddr, extra_hosts: &[String]) -> Result<(), Foreign> {
    if headers.contains_key(ORIGIN) {
        return Err(Foreign::Origin);
    }
    fetched(headers)?;
    // HTTP/2 carries the authority in the URI.
    let host = match (uri.host(), headers.get(HOST)) {
        (Some(host), _) => host,
        (None, Some(value)) => host_of(value.to_str().map_err(|_| Foreign::NoHost)?),
        (None, None) => return Err(Foreign::NoHost),
    };
    let name = host.trim_start_matches('[').trim_end_matches(']');
    if name == "127.0.0.1" || name.eq_ignore_ascii_case("localhost") {
        return Ok(());
    }
    let known = match name.parse::<IpAddr>() {
        Ok(address) => address.is_loopback() || address == local || extra_hosts.iter().any(|extra| extra == name),
        Err(_) => {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            name == "localhost"
                || name.ends_with(".localhost")
                || extra_hosts.iter().any(|extra| extra.eq_ignore_ascii_case(&name))
        }
    };
    if known { Ok(()) } else { Err(Foreign::Host(name.chars().take(120).collect())) }
}

/// Refuses what a page fetches, by what browsers say of each request (W3C, Fetch Metadata): an image's or a script's
/// address carries no `Origin`. What a user typed into the address bar has the site `none`. Programs send none of
/// these, Node's `fetch` excepted, whose requests all have the mode `cors` and nothing else (nodejs/undici#1305); from
/// a page that mode comes with an `Origin`.
fn fetched(headers: &HeaderMap) -> Result<(), Foreign> {
    let harmless: [(&'static str, &[&str]); 3] = [
        ("sec-fetch-site", &["none"]),
        ("sec-fetch-dest", &["document", "empty"]),
        ("sec-fetch-mode", &["navigate", "cors", "websocket"]),
    ];
    for (name, values) in harmless {
        for value in headers.get_all(name) {
            let value = value.to_str().unwrap_or("?");
            if !values.contains(&value) {
                return Err(Foreign::Page(name, value.chars().take(40).collect()));
            }
        }
    }
    Ok(())
}

/// Returns host and port by which a caller reached us.
pub(crate) fn authority<'r>(uri: &'r Uri, headers: &'r HeaderMap) -> Option<&'r str> {
    // HTTP/2 carries it in the URI.
    let text = match uri.authority() {
        Some(authority) => authority.as_str(),
        None => headers.get(HOST)?.to_str().ok()?,
    };
    text.rsplit('@').next() // a user's name is none of it
}

/// Cuts the port off: `[::1]:4566`, `localhost:4566`, `localhost`.
fn host_of(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port))
            if port.bytes().all(|b| b.is_ascii_digit()) && (!host.contains(':') || host.ends_with(']')) =>
        {
            host
        }
        _ => authority,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(host: &str, admitted: bool) {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, host.parse().unwrap());
        let local = "10.77.0.1".parse().unwrap();
        let got = admit(&Uri::from_static("/"), &headers, local, &["platform.test".to_owned()]);
        assert_eq!(got.is_ok(), admitted, "{host}: {got:?}");
        headers.insert(ORIGIN, "http://localhost".parse().unwrap());
        let got = admit(&Uri::from_static("/"), &headers, local, &[]);
        assert_eq!(got, Err(Foreign::Origin), "{host} with an origin");
    }

    #[test]
    fn admits_the_platforms_own_names_only() {
        for host in ["127.0.0.1:4566", "127.0.0.1", "localhost:4566", "LOCALHOST", "[::1]:4566", "127.8.8.8:1"] {
            check(host, true);
        }
        for host in ["ecs.localhost:4566", "10.77.0.1:4566", "platform.test:4566", "localhost."] {
            check(host, true);
        }
        for host in ["evil.example:4566", "localhost.evil.example", "10.77.0.2", "127.0.0.1.nip.io", "0.0.0.0:4566", ""]
        {
            check(host, false);
        }
        check("notlocalhost", false);
    }

    /// The headers that browsers add, `site mode dest`; a dash is one that is not there.
    fn check_fetch(words: &str, admitted: bool) {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, "127.0.0.1:4566".parse().unwrap());
        for (name, value) in ["sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest"].into_iter().zip(words.split(' ')) {
            if value != "-" {
                headers.insert(name, value.parse().unwrap());
            }
        }
        let got = admit(&Uri::from_static("/"), &headers, "127.0.0.1".parse().unwrap(), &[]);
        assert_eq!(got.is_ok(), admitted, "{words}: {got:?}");
    }

    #[test]
    fn what_a_page_fetches_is_refused_and_what_somebody_typed_is_not() {
        for words in
            ["cross-site no-cors image", "same-site navigate iframe", "same-origin cors empty", "same-origin - -"]
        {
            check_fetch(words, false);
        }
        for words in ["cross-site navigate document", "- no-cors -", "- - script", "none navigate iframe", "x - -"] {
            check_fetch(words, false);
        }
        for words in ["- - -", "none navigate document", "- cors -", "- websocket -"] {
            check_fetch(words, true);
        }
    }

    #[test]
    fn an_origin_is_refused_though_it_is_hidden() {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, "127.0.0.1".parse().unwrap());
        headers.insert(ORIGIN, "null".parse().unwrap());
        let got = admit(&Uri::from_static("/"), &headers, "127.0.0.1".parse().unwrap(), &[]);
        assert_eq!(got, Err(Foreign::Origin));
    }

    #[test]
    fn a_request_without_a_host_is_refused_and_http2_names_it_in_the_uri() {
        let local = "127.0.0.1".parse().unwrap();
        assert_eq!(admit(&Uri::from_static("/"), &HeaderMap::new(), local, &[]), Err(Foreign::NoHost));
        assert!(admit(&Uri::from_static("http://localhost:4566/"), &HeaderMap::new(), local, &[]).is_ok());
        assert!(admit(&Uri::from_static("http://evil.example/"), &HeaderMap::new(), local, &[]).is_err());
    }
}
