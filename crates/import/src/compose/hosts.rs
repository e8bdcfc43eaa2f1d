//! Which texts name a sibling as a host? The containers of one task share 127.0.0.1 and cannot look each other up.

/// Address of every container of a task, for its siblings.
pub(super) const LOOPBACK: &str = "127.0.0.1";

/// Parts of names of variables whose value is a host or an address.
const TELLING: [&str; 11] =
    ["HOST", "SERVER", "ADDR", "ENDPOINT", "BROKER", "NODE", "URL", "URI", "UPSTREAM", "BACKEND", "SERVICE"];

/// Returns the value of a variable with siblings' names replaced; none: there was none.
pub(super) fn in_variable(name: &str, value: &str, siblings: &[String]) -> Option<String> {
    let upper = name.to_ascii_uppercase();
    // `MYSQL_DATABASE=db` is the name of a database: only what is a host for sure is taken for one.
    let is_name = ["_NAME", "DATABASE", "_DB", "_USER"].iter().any(|end| upper.ends_with(end)) || upper == "DD_SERVICE";
    let is_host = TELLING.iter().any(|part| upper.contains(part)) && !is_name;
    if is_host && siblings.iter().any(|sibling| sibling == value.trim()) {
        return Some(LOOPBACK.to_owned());
    }
    // `redis:7` is an image there.
    if upper.contains("IMAGE") { None } else { in_text(value, siblings) }
}

/// Returns a text with siblings' names replaced where they are hosts for sure: `//db`, `@db`, `db:5432`.
pub(super) fn in_text(text: &str, siblings: &[String]) -> Option<String> {
    replaced(text, siblings, &mut |_| ())
}

/// Calls `look` with every character that it looks at: a mounted file may be one line without an end, and each is
/// looked at a few times, however long the line is.
fn replaced(text: &str, siblings: &[String], look: &mut impl FnMut(char)) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let (mut users, mut ends) = (Ahead::of(|c| c == '@'), Ahead::of(|c| matches!(c, '/' | '?' | ' ' | ',')));
    let mut at = 0;
    let mut after_scheme = false;
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    while at < text.len() {
        let rest = &text[at..];
        let is_over = |c: char| {
            look(c);
            !is_name(c)
        };
        let length = rest.find(is_over).unwrap_or(rest.len());
        if length == 0 {
            let c = rest.chars().next().expect("the rest is not empty");
            out.push(c);
            at += c.len_utf8();
            after_scheme |= text[..at].ends_with("://");
            continue;
        }
        let (word, behind) = rest.split_at(length);
        let is_sibling = siblings.iter().any(|sibling| sibling == word);
        // A user is no host: `postgres://postgres:1234@db`. Nor is a path: `/web:1`.
        let mut is_user = || {
            let from = at + length;
            users.next(text, from, look) < ends.next(text, from, look)
        };
        if is_sibling && is_authority(&text[..at], behind, after_scheme, &mut is_user) {
            out.push_str(LOOPBACK);
        } else {
            out.push_str(word);
        }
        at += length;
    }
    (out != text).then_some(out)
}

/// Where a character of a kind comes next: asked again and again from places that only grow, and so looked for once.
struct Ahead {
    is_it: fn(char) -> bool,
    /// Where one was found; what lies behind it is not yet searched.
    found: Option<usize>,
}

impl Ahead {
    fn of(is_it: fn(char) -> bool) -> Self {
        Self { is_it, found: None }
    }

    /// Returns the first place at `from` or behind it; the text's end if there is none.
    fn next(&mut self, text: &str, from: usize, look: &mut impl FnMut(char)) -> usize {
        match self.found {
            Some(found) if found >= from => found,
            _ => {
                let is_it = |c: char| {
                    look(c);
                    (self.is_it)(c)
                };
                let found = text[from..].find(is_it).map_or(text.len(), |length| from + length);
                *self.found.insert(found)
            }
        }
    }
}

fn is_authority(before: &str, behind: &str, has_scheme: bool, is_user: &mut impl FnMut() -> bool) -> bool {
    let has_port = behind.strip_prefix(':').is_some_and(|port| port.starts_with(|c: char| c.is_ascii_digit()));
    let ends = behind.is_empty() || behind.starts_with(['/', '?', '#', ',', ' ', '"', '\'', ';', ')']);
    let after_at = before.ends_with('@');
    let is_host = before.ends_with("//") || (after_at && has_scheme);
    let is_free = before.is_empty() || before.ends_with([' ', ',', '=', ';', '"', '\'', '(', '[']);
    // `1@broker:9093`, as quorums of brokers are written.
    let is_meant = (is_host && (has_port || ends)) || ((is_free || after_at) && has_port);
    is_meant && !(has_port && is_user())
}

#[cfg(test)]
mod tests {
    use super::{in_text, in_variable, replaced};

    fn siblings() -> Vec<String> {
        ["db", "redis", "web", "postgres", "my-api"].map(str::to_owned).to_vec()
    }

    #[test]
    fn hosts_are_replaced_and_nothing_else() {
        for (text, expected) in [
            ("redis://redis:6379/0", "redis://127.0.0.1:6379/0"),
            ("redis://redis/0", "redis://127.0.0.1/0"),
            ("postgres://postgres:secret@postgres/postgres", "postgres://postgres:secret@127.0.0.1/postgres"),
            ("postgres://postgres:1234@db:5432/web", "postgres://postgres:1234@127.0.0.1:5432/web"),
            ("postgresql+psycopg://app@db/app?host=db", "postgresql+psycopg://app@127.0.0.1/app?host=db"),
            ("http://my-api:3000", "http://127.0.0.1:3000"),
            ("db:5432,redis:6379", "127.0.0.1:5432,127.0.0.1:6379"),
            ("curl -f http://web:8000/health || exit 1", "curl -f http://127.0.0.1:8000/health || exit 1"),
            ("./wait-for-it.sh db:5432 -- python web.py", "./wait-for-it.sh 127.0.0.1:5432 -- python web.py"),
            ("http://db.example.com:80", "http://db.example.com:80"),
            ("celery -A web worker", "celery -A web worker"),
            ("/srv/web:1", "/srv/web:1"),
            ("redis:7", "127.0.0.1:7"),
            ("db", "db"),
            ("web@db", "web@db"),
        ] {
            assert_eq!(in_text(text, &siblings()).as_deref().unwrap_or(text), expected, "{text}");
        }
    }

    #[test]
    fn a_value_that_is_a_name_is_a_host_if_its_variable_says_so() {
        for (name, value, expected) in [
            ("POSTGRES_HOST", "db", "127.0.0.1"),
            ("redis_host", "redis", "127.0.0.1"),
            ("POSTGRES_DB", "postgres", "postgres"),
            ("POSTGRES_USER", "postgres", "postgres"),
            ("DD_SERVICE_NAME", "web", "web"),
            ("MYSQL_DATABASE", "web", "web"),
            ("SERVER_DB", "web", "web"),
            ("DD_SERVICE", "web", "web"),
            ("QUORUM_VOTERS", "1@redis:9093,2@db:9093", "1@127.0.0.1:9093,2@127.0.0.1:9093"),
            ("BROKER_URL", "redis://redis", "redis://127.0.0.1"),
            ("HOST", "0.0.0.0", "0.0.0.0"),
        ] {
            assert_eq!(in_variable(name, value, &siblings()).as_deref().unwrap_or(value), expected, "{name}={value}");
        }
    }

    /// A fuzzer found a line of 64 KiB in a mounted file, which was read to its end for each of its words.
    #[test]
    fn a_line_without_an_end_is_looked_at_a_few_times() {
        let times = 5000;
        for (part, expected) in [
            ("\"]graphs:3000", "\"]graphs:3000"),
            ("\"[db:3000", "\"[127.0.0.1:3000"),
            ("@db:1", "@db:1"),
            ("web@", "web@"),
            ("//db:1@", "//db:1@"),
            ("(db:1/", "(127.0.0.1:1/"),
        ] {
            let text = part.repeat(times) + "://";
            let mut looked = 0;
            let out = replaced(&text, &siblings(), &mut |_| looked += 1);
            let last = if part == "@db:1" { "@127.0.0.1:1" } else { expected };
            let expected = expected.repeat(times - 1) + last + "://";
            assert_eq!(out.as_deref().unwrap_or(&text), expected);
            assert!(looked <= 4 * text.len(), "{part}: {looked} looks at {} characters", text.len());
        }
    }
}
