//! Reads a query: commands between `|`, expressions within. Every refusal says what and where.

use regex::{Regex, RegexBuilder};

use super::ast::{Command, Named};

/// Walks over a query's text.
pub(super) struct Reader<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
    /// How deep an expression may still be nested.
    pub(super) depth: usize,
}

type Read<T> = Result<T, String>;

/// Commands of AWS that are refused by name.
const OTHERS: [&str; 11] = [
    "pattern",
    "diff",
    "unmask",
    "unnest",
    "lookup",
    "anomaly",
    "filterindex",
    "source",
    "join",
    "subquery",
    "addtotals",
];
/// A regular expression's program may take so many bytes.
const REGEX: usize = 1 << 20;

/// Reads a whole query.
pub(super) fn query(text: &str) -> Read<Vec<Command>> {
    let mut reader = Reader { text, at: 0, depth: 64 };
    let mut commands = Vec::new();
    reader.eat("|");
    reader.blank();
    while reader.at < text.len() {
        commands.push(reader.command()?);
        if !reader.eat("|") {
            break;
        }
        reader.blank();
    }
    reader.blank();
    if reader.at < text.len() {
        return Err(reader.wrong("the end of the command or '|'"));
    }
    Ok(commands)
}

impl Reader<'_> {
    pub(super) fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    /// Skips what says nothing: spaces, and comments from `#` to the end of the line.
    pub(super) fn blank(&mut self) {
        loop {
            let rest = self.rest();
            let spaces = rest.len() - rest.trim_start().len();
            if spaces > 0 {
                self.at += spaces;
            } else if rest.starts_with('#') {
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else {
                return;
            }
        }
    }

    pub(super) fn peek(&mut self) -> Option<char> {
        self.blank();
        self.rest().chars().next()
    }

    /// Takes a sign off the front if it stands there.
    pub(super) fn eat(&mut self, sign: &str) -> bool {
        self.blank();
        let is = self.rest().starts_with(sign);
        self.at += if is { sign.len() } else { 0 };
        is
    }

    /// Takes a word off the front, whatever its case, if it stands there and ends there.
    pub(super) fn word(&mut self, word: &str) -> bool {
        self.blank();
        let rest = self.rest();
        let is = rest.get(..word.len()).is_some_and(|front| front.eq_ignore_ascii_case(word))
            && !rest[word.len()..].starts_with(is_name);
        self.at += if is { word.len() } else { 0 };
        is
    }

    pub(super) fn wrong(&self, expected: &str) -> String {
        let rest: String = self.rest().chars().take(20).collect();
        let found = if rest.is_empty() { "the end".to_owned() } else { format!("'{rest}'") };
        format!("unexpected symbol found {found} at position {}: expected {expected}", self.at + 1)
    }

    pub(super) fn needs(&mut self, sign: &str) -> Read<()> {
        if self.eat(sign) { Ok(()) } else { Err(self.wrong(&format!("'{sign}'"))) }
    }

    /// Reads things between commas.
    pub(super) fn list<T>(&mut self, mut one: impl FnMut(&mut Self) -> Read<T>) -> Read<Vec<T>> {
        let mut all = vec![one(self)?];
        while self.eat(",") {
            all.push(one(self)?);
        }
        Ok(all)
    }

    fn command(&mut self) -> Read<Command> {
        for (name, read) in [
            ("fields", Self::fields as fn(&mut Self) -> Read<Command>),
            ("display", |reader| Ok(Command::Display(reader.list(Self::column)?))),
            ("filter", |reader| Ok(Command::Filter(reader.expression()?))),
            ("where", |reader| Ok(Command::Filter(reader.expression()?))),
            ("parse", Self::parse),
            ("stats", Self::stats),
            ("sort", Self::sort),
            ("limit", Self::limit),
            ("dedup", |reader| Ok(Command::Dedup(reader.list(Self::expression)?))),
        ] {
            if self.word(name) {
                return read(self);
            }
        }
        match OTHERS.into_iter().find(|name| self.word(name)) {
            Some(name) => Err(format!("the command {name} is not supported by managr's platform yet")),
            None => Err(self.wrong("a command (fields, filter, stats, sort, limit, parse, display, dedup)")),
        }
    }

    fn fields(&mut self) -> Read<Command> {
        Ok(Command::Fields(self.list(Self::column)?))
    }

    /// Reads an expression and its name: what follows `as`, or itself as it was written.
    pub(super) fn column(&mut self) -> Read<Named> {
        self.blank();
        let from = self.at;
        let expr = self.expression()?;
        let written = self.text[from..self.at].trim().trim_matches('`').to_owned();
        let name = if self.word("as") { self.name()? } else { written };
        Ok(Named { name, expr })
    }

    fn stats(&mut self) -> Read<Command> {
        let mut aggregates = Vec::new();
        let columns = self.list(|reader| reader.aggregate_column(&mut aggregates))?;
        let by = if self.word("by") { self.list(Self::column)? } else { Vec::new() };
        Ok(Command::Stats { aggregates, columns, by })
    }

    fn sort(&mut self) -> Read<Command> {
        let one = |reader: &mut Self| {
            let expr = reader.expression()?;
            let descending = reader.word("desc");
            if !descending {
                reader.word("asc");
            }
            Ok((expr, descending))
        };
        Ok(Command::Sort(self.list(one)?))
    }

    fn limit(&mut self) -> Read<Command> {
        self.blank();
        let digits = self.rest().chars().take_while(char::is_ascii_digit).count();
        let count = self.rest()[..digits].parse().ok().filter(|count| (1..=100_000).contains(count));
        let count = count.ok_or_else(|| self.wrong("a number between 1 and 100000"))?;
        self.at += digits;
        Ok(Command::Limit(count))
    }

    fn parse(&mut self) -> Read<Command> {
        let field = match self.peek() {
            Some('"' | '\'' | '/') => super::ast::Expr::Field("@message".to_owned()),
            _ => self.primary()?,
        };
        if self.peek() == Some('/') {
            let pattern = self.regex()?;
            let names: Vec<String> = pattern.capture_names().flatten().map(str::to_owned).collect();
            if names.is_empty() {
                return Err("parse: the regular expression has no named group such as (?<name>...)".to_owned());
            }
            return Ok(Command::Parse { field, pattern, names });
        }
        let glob = self.string()?;
        if !self.word("as") {
            return Err(self.wrong("'as'"));
        }
        let names = self.list(Self::name)?;
        let stars = glob.matches('*').count();
        if stars != names.len() {
            return Err(format!("parse: the pattern has {stars} wildcards and {} names", names.len()));
        }
        // Each wildcard takes as little as it can, the last one all that is left.
        let parts: Vec<String> = glob.split('*').map(regex::escape).collect();
        let pattern = parts.join("(.*?)") + if glob.ends_with('*') { "$" } else { "" };
        Ok(Command::Parse { field, pattern: built(&format!("(?s){pattern}"))?, names })
    }

    /// Reads a name; between backticks it may be any.
    pub(super) fn name(&mut self) -> Read<String> {
        self.blank();
        if let Some(quoted) = self.rest().strip_prefix('`') {
            let end = quoted.find('`').ok_or_else(|| self.wrong("a closing backtick"))?;
            let name = quoted[..end].to_owned();
            self.at += end + 2;
            return Ok(name);
        }
        let rest = self.rest();
        let end = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
        if end == 0 || rest.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(self.wrong("a field"));
        }
        let name = rest[..end].to_owned();
        self.at += end;
        Ok(name)
    }

    /// Reads a text between quotation marks of either kind.
    pub(super) fn string(&mut self) -> Read<String> {
        let Some(quote @ ('"' | '\'')) = self.peek() else { return Err(self.wrong("a text in quotation marks")) };
        let mut text = String::new();
        let mut chars = self.rest().char_indices().skip(1);
        while let Some((at, c)) = chars.next() {
            match c {
                c if c == quote => {
                    self.at += at + 1;
                    return Ok(text);
                }
                '\\' => match chars.next() {
                    Some((_, 'n')) => text.push('\n'),
                    Some((_, 't')) => text.push('\t'),
                    Some((_, c)) => text.push(c),
                    None => break,
                },
                c => text.push(c),
            }
        }
        Err(self.wrong("a closing quotation mark"))
    }

    /// Reads `/regex/`, in which `\/` is a slash.
    pub(super) fn regex(&mut self) -> Read<Regex> {
        self.needs("/")?;
        let mut pattern = String::new();
        let mut chars = self.rest().char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '/' => {
                    self.at += at + 1;
                    return built(&pattern);
                }
                '\\' => match chars.next() {
                    Some((_, '/')) => pattern.push('/'),
                    Some((_, c)) => pattern.extend(['\\', c]),
                    None => break,
                },
                c => pattern.push(c),
            }
        }
        Err(self.wrong("a closing '/'"))
    }
}

/// Builds a regular expression whose memory is bounded; its time is linear.
pub(super) fn built(pattern: &str) -> Read<Regex> {
    let built = RegexBuilder::new(pattern).size_limit(REGEX).build();
    built.map_err(|_| format!("'{pattern}' is no regular expression that can be used"))
}

pub(super) fn is_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '@' | '.' | '$')
}
