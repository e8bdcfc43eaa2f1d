//! Which words does a script have, and which variables are in them?

use super::{LONGEST, Variables};

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Word(Vec<Piece>, usize),
    /// `&&`, `||`, `;`, `|`, `&`, `(`, `)`, a new line.
    Op(&'static str),
    /// Output, or input, that goes elsewhere; the file is the next word.
    Redirect,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Piece {
    Text(String),
    /// A variable, and what it is if it has no value.
    Variable(String, Option<String>),
    /// The output of a command.
    Output(String),
}

pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut lexer = Lexer { chars: text.chars().collect(), at: 0, line: 0, tokens: Vec::new(), heredocs: Vec::new() };
    lexer.run();
    lexer.tokens
}

struct Lexer {
    chars: Vec<char>,
    at: usize,
    line: usize,
    tokens: Vec<Token>,
    /// Ends of here documents that begin with the next line.
    heredocs: Vec<String>,
}

impl Lexer {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek(0)?;
        self.at += 1;
        if c == '\n' {
            self.line += 1;
        }
        Some(c)
    }

    fn run(&mut self) {
        while let Some(c) = self.peek(0) {
            match c {
                '\n' => {
                    self.next();
                    self.tokens.push(Token::Op("\n"));
                    self.skip_documents();
                }
                c if c.is_whitespace() => {
                    self.next();
                }
                '\\' if self.peek(1) == Some('\n') => {
                    self.next();
                    self.next();
                }
                '#' => {
                    while self.peek(0).is_some_and(|c| c != '\n') {
                        self.next();
                    }
                }
                '&' | '|' | ';' | '(' | ')' => self.operator(c),
                '<' | '>' => self.redirect(),
                _ => self.word(),
            }
        }
    }

    fn operator(&mut self, c: char) {
        self.next();
        let double = self.peek(0) == Some(c);
        if double {
            self.next();
        }
        // `&>file`
        if c == '&' && !double && self.peek(0) == Some('>') {
            return;
        }
        self.tokens.push(Token::Op(match (c, double) {
            ('&', true) => "&&",
            ('&', false) => "&",
            ('|', true) => "||",
            ('|', false) => "|",
            (';', _) => ";",
            ('(', _) => "(",
            _ => ")",
        }));
    }

    fn redirect(&mut self) {
        let first = self.next();
        if first == Some('<') && self.peek(0) == Some('<') {
            self.next();
            if self.peek(0) == Some('<') {
                self.next();
                self.tokens.push(Token::Redirect);
                return;
            }
            if self.peek(0) == Some('-') {
                self.next();
            }
            while self.peek(0) == Some(' ') {
                self.next();
            }
            let mut end = String::new();
            while let Some(c) = self.peek(0).filter(|c| !c.is_whitespace() && !";|&)>".contains(*c)) {
                self.next();
                if !matches!(c, '"' | '\'' | '\\') {
                    end.push(c);
                }
            }
            self.heredocs.push(end);
            return;
        }
        if self.peek(0) == Some('>') {
            self.next();
        }
        if self.peek(0) == Some('&') {
            self.next();
            while self.peek(0).is_some_and(|c| c.is_ascii_digit() || c == '-') {
                self.next();
            }
            return;
        }
        self.tokens.push(Token::Redirect);
    }

    fn skip_documents(&mut self) {
        for end in std::mem::take(&mut self.heredocs) {
            loop {
                let mut line = String::new();
                while let Some(c) = self.peek(0).filter(|c| *c != '\n') {
                    self.next();
                    line.push(c);
                }
                let is_last = self.next().is_none();
                if line.trim() == end || is_last {
                    break;
                }
            }
        }
    }

    fn word(&mut self) {
        let (line, mut pieces, mut text) = (self.line, Vec::new(), String::new());
        while let Some(c) = self.peek(0) {
            match c {
                c if c.is_whitespace() || matches!(c, '&' | '|' | ';' | '(' | ')') => break,
                // `2>` is a redirection of a stream, not a word.
                '<' | '>' if pieces.is_empty() && text.chars().all(|c| c.is_ascii_digit()) => {
                    text.clear();
                    break;
                }
                '<' | '>' => break,
                '\'' => {
                    self.next();
                    while let Some(c) = self.next().filter(|c| *c != '\'') {
                        text.push(c);
                    }
                }
                '"' => {
                    self.next();
                    self.quoted(&mut pieces, &mut text);
                }
                '\\' => {
                    self.next();
                    match self.next() {
                        Some('\n') | None => {}
                        Some(c) => text.push(c),
                    }
                }
                '$' | '`' => self.expansion(&mut pieces, &mut text),
                c => {
                    self.next();
                    text.push(c);
                }
            }
        }
        let is_empty_quote = pieces.is_empty() && text.is_empty();
        flush(&mut pieces, &mut text);
        if !is_empty_quote || self.chars.get(self.at.wrapping_sub(1)).is_some_and(|c| matches!(c, '"' | '\'')) {
            self.tokens.push(Token::Word(pieces, line));
        }
    }

    fn quoted(&mut self, pieces: &mut Vec<Piece>, text: &mut String) {
        while let Some(c) = self.peek(0) {
            match c {
                '"' => {
                    self.next();
                    return;
                }
                '\\' => {
                    self.next();
                    match self.next() {
                        Some('\n') | None => {}
                        Some(c @ ('"' | '\\' | '$' | '`')) => text.push(c),
                        Some(c) => text.extend(['\\', c]),
                    }
                }
                '$' | '`' => self.expansion(pieces, text),
                c => {
                    self.next();
                    text.push(c);
                }
            }
        }
    }

    fn expansion(&mut self, pieces: &mut Vec<Piece>, text: &mut String) {
        if self.next() == Some('`') {
            let mut inner = String::new();
            while let Some(c) = self.next().filter(|c| *c != '`') {
                inner.push(c);
            }
            flush(pieces, text);
            pieces.push(Piece::Output(inner));
            return;
        }
        match self.peek(0) {
            Some('(') => {
                let inner = self.balanced('(', ')');
                flush(pieces, text);
                pieces.push(Piece::Output(inner));
            }
            Some('{') => {
                let inner = self.balanced('{', '}');
                flush(pieces, text);
                // `${{ ... }}` is GitHub's own, which is replaced before a shell sees it.
                let is_githubs = inner.starts_with('{');
                let inner = inner.trim_matches(['{', '}', ' ']);
                let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || (is_githubs && matches!(c, '.' | '-'));
                let is_canonical = inner.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ' '));
                let length = inner.find(|c: char| !is_name(c)).unwrap_or(inner.len());
                let is_whole = is_canonical || (is_githubs && inner.contains("=="));
                let length = if is_whole { inner.len() } else { length };
                let (name, rest) = inner.split_at(length);
                let default = rest.strip_prefix(":-").or_else(|| rest.strip_prefix('-'));
                match name.is_empty() {
                    true => pieces.push(Piece::Variable(inner.to_owned(), None)),
                    false => pieces.push(Piece::Variable(name.to_owned(), default.map(str::to_owned))),
                }
            }
            Some(c) if c.is_ascii_alphanumeric() || c == '_' => {
                let mut name = String::new();
                while let Some(c) = self.peek(0).filter(|c| c.is_ascii_alphanumeric() || *c == '_') {
                    self.next();
                    name.push(c);
                    if name.starts_with(|c: char| c.is_ascii_digit()) {
                        break;
                    }
                }
                flush(pieces, text);
                pieces.push(Piece::Variable(name, None));
            }
            Some(c @ ('@' | '*' | '#' | '?' | '!' | '$' | '-')) => {
                self.next();
                flush(pieces, text);
                pieces.push(Piece::Variable(c.to_string(), None));
            }
            _ => text.push('$'),
        }
    }

    /// Takes what is between two signs, which may stand in each other; quotes are seen through.
    fn balanced(&mut self, open: char, close: char) -> String {
        let (mut depth, mut inner) = (0_usize, String::new());
        while let Some(c) = self.next() {
            if c == open {
                depth += 1;
                if depth == 1 {
                    continue;
                }
            }
            if c == close {
                depth -= 1;
                if depth == 0 {
                    break;
                }
            }
            inner.push(c);
        }
        inner
    }
}

fn flush(pieces: &mut Vec<Piece>, text: &mut String) {
    if !text.is_empty() {
        pieces.push(Piece::Text(std::mem::take(text)));
    }
}

/// Returns a text with its variables replaced, as a shell does it inside of quotes.
pub(in crate::pipeline) fn fill(text: &str, variables: &Variables) -> String {
    let mut lexer = Lexer { chars: text.chars().collect(), at: 0, line: 0, tokens: Vec::new(), heredocs: Vec::new() };
    let (mut pieces, mut plain) = (Vec::new(), String::new());
    while let Some(c) = lexer.peek(0) {
        if c == '$' {
            lexer.expansion(&mut pieces, &mut plain);
        } else {
            lexer.next();
            plain.push(c);
        }
    }
    flush(&mut pieces, &mut plain);
    value(&pieces, variables)
}

pub(super) fn value(pieces: &[Piece], variables: &Variables) -> String {
    let mut text = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(plain) => text.push_str(plain),
            Piece::Variable(name, default) => match (variables.get(name), default) {
                (Some(value), _) if !value.is_empty() || default.is_none() => text.push_str(value),
                // The default applies only if the variable is unset: both cases may occur.
                (_, Some(default)) if variables.contains_key(name) => text.push_str(default),
                _ => text.push_str(&format!("${{{name}}}")),
            },
            Piece::Output(command) => {
                let words: Vec<&str> = command.split_whitespace().collect();
                text.push_str(match words.as_slice() {
                    ["git", "rev-parse", .., "HEAD"] if words.contains(&"--abbrev-ref") => "${git.branch}",
                    ["git", "rev-parse", .., "HEAD"] => "${git.commit}",
                    ["git", "describe", ..] => "${git.describe}",
                    ["git", "log", ..] if command.contains("%h") || command.contains("%H") => "${git.commit}",
                    ["pwd"] => ".",
                    _ => "${output of a command}",
                });
            }
        }
        if text.len() > LONGEST {
            return "${too long}".to_owned();
        }
    }
    text
}
