//! Where does a redirect point?

use super::Action;

/// Returns the `Location` of a redirect for a request, none when the action is no redirect.
///
/// `port` is the listener's. The port is left out where the protocol implies it.
pub fn location(action: &Action, protocol: &str, host: &str, port: u16, path: &str, query: &str) -> Option<String> {
    let Action::Redirect {
        protocol: to_protocol, host: to_host, port: to_port, path: to_path, query: to_query, ..
    } = action
    else {
        return None;
    };
    let own_port = port.to_string();
    // `#{path}` stands for the path without its leading slash.
    let fill = |template: &str| {
        template
            .replace("#{protocol}", &protocol.to_ascii_lowercase())
            .replace("#{host}", host)
            .replace("#{port}", &own_port)
            .replace("#{path}", path.strip_prefix('/').unwrap_or(path))
            .replace("#{query}", query)
    };
    let scheme = fill(to_protocol).to_ascii_lowercase();
    let mut url = format!("{scheme}://{}", fill(to_host));
    let port = fill(to_port);
    if !matches!((scheme.as_str(), port.as_str()), ("http", "80") | ("https", "443")) {
        url.push(':');
        url.push_str(&port);
    }
    url.push_str(&fill(to_path));
    let query = fill(to_query);
    if !query.is_empty() {
        url.push('?');
        url.push_str(&query);
    }
    Some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The template reads `protocol host port path query`, `.` for the default.
    fn check(template: &str, wanted: &str) {
        let part = |i: usize, default: &str| {
            let given = template.split(' ').nth(i).unwrap();
            if given == "." { default.to_owned() } else { given.to_owned() }
        };
        let action = Action::Redirect {
            status: 301,
            protocol: part(0, "#{protocol}"),
            host: part(1, "#{host}"),
            port: part(2, "#{port}"),
            path: part(3, "/#{path}"),
            query: part(4, "#{query}"),
        };
        assert_eq!(location(&action, "HTTP", "a.test", 8080, "/x/y", "q=1").unwrap(), wanted);
    }

    #[test]
    fn parts_not_named_are_the_requests_own() {
        check("HTTPS . 443 . .", "https://a.test/x/y?q=1");
        check(". . 80 . .", "http://a.test/x/y?q=1");
        check(". new.test . /old/#{path} from=#{host}&#{query}", "http://new.test:8080/old/x/y?from=a.test&q=1");
        check("HTTPS . 8443 / .", "https://a.test:8443/?q=1");
    }
}
