//! Which commands does a script have, as far as that shows without running it?
//!
//! Reads what scripts of pipelines are made of: words and quotes, `&&`, `;`, pipes, continued lines, here documents,
//! `if` and `for`. A variable whose value is known is replaced by it; one that is not stays as `${NAME}`. Nothing is
//! ever run, and what is unknown is marked so.

mod lex;

use std::collections::BTreeMap;

use self::lex::{Piece, Token, tokens, value};

pub(super) use self::lex::fill;

/// A command of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Command {
    /// Its words, variables replaced where they are known.
    pub(super) words: Vec<String>,
    /// Variables that it is given, or that are set when there is no word.
    pub(super) sets: Vec<(String, String)>,
    /// Line of the text, from 0.
    pub(super) line: usize,
    /// Conditions that it stands under; empty if it always runs.
    pub(super) conditions: Vec<String>,
    /// Whether its output goes into another command, or into a file.
    pub(super) is_piped: bool,
    /// File that its output goes to.
    pub(super) to: Option<String>,
    /// Directory, from where the script began; none when that is unknown.
    pub(super) directory: Option<String>,
}

/// Values of variables, by name. A value may have `${NAME}` in it.
pub(super) type Variables = BTreeMap<String, String>;

/// The variable that says in which directory the next line begins.
pub(super) const HERE: &str = "PWD";

/// Most commands that one script is read into: loops in loops would make more of it than people write.
const MOST: usize = 2_000;

/// Longest value of a variable: values that are made of themselves would grow without end.
const LONGEST: usize = 8_192;

/// Deepest nesting of `if`, `for` and parentheses.
const DEEPEST: usize = 32;

/// Reads a script; `variables` is what it begins with, and has what it sets afterwards.
pub(super) fn commands(text: &str, variables: &mut Variables) -> Vec<Command> {
    let tokens = tokens(text);
    let begin = variables.get(HERE).map_or(".", String::as_str).to_owned();
    let directory = Some(begin).filter(|begin| !begin.contains('$'));
    let mut reader = Reader { tokens: &tokens, at: 0, out: Vec::new(), directory };
    reader.list(variables, &mut Vec::new(), &[], 0);
    variables.insert(HERE.to_owned(), reader.directory.unwrap_or_else(|| "${PWD}".to_owned()));
    reader.out
}

struct Reader<'a> {
    tokens: &'a [Token],
    at: usize,
    out: Vec<Command>,
    directory: Option<String>,
}

impl Reader<'_> {
    /// The word at hand, if it is a plain one.
    fn keyword(&self) -> Option<&str> {
        match self.tokens.get(self.at) {
            Some(Token::Word(pieces, _)) => match pieces.as_slice() {
                [Piece::Text(text)] => Some(text),
                _ => None,
            },
            Some(Token::Op(op)) => Some(op),
            _ => None,
        }
    }

    /// Reads commands until one of the words.
    fn list(&mut self, variables: &mut Variables, conditions: &mut Vec<String>, until: &[&str], depth: usize) {
        while self.at < self.tokens.len() && self.out.len() < MOST {
            let word = self.keyword().unwrap_or_default().to_owned();
            if until.contains(&word.as_str()) {
                return;
            }
            if depth > DEEPEST {
                // Too deep to be read: everything else stands under an unknown condition.
                conditions.push("nested too deeply".to_owned());
                self.at += 1;
                self.simple(variables, conditions);
                conditions.pop();
                continue;
            }
            match word.as_str() {
                "\n" | ";" | "&" | "|" | ")" | "!" | "then" | "do" | "done" | "fi" | "else" | "elif" | "esac" | "}" => {
                    self.at += 1;
                }
                // What follows runs only if what is before it went well, as everything in a pipeline does.
                "&&" => self.at += 1,
                "||" => {
                    self.at += 1;
                    conditions.push("what stands before `||` fails".to_owned());
                    self.one(variables, conditions, depth);
                    conditions.pop();
                }
                _ => self.one(variables, conditions, depth),
            }
        }
    }

    fn one(&mut self, variables: &mut Variables, conditions: &mut Vec<String>, depth: usize) {
        let word = self.keyword().unwrap_or_default().to_owned();
        match word.as_str() {
            "(" | "{" => {
                self.at += 1;
                let directory = self.directory.clone();
                self.list(variables, conditions, &[")", "}"], depth + 1);
                self.at += 1;
                if word == "(" {
                    self.directory = directory;
                }
            }
            "if" => self.branches(variables, conditions, depth),
            "while" | "until" => {
                self.at += 1;
                conditions.push("a loop".to_owned());
                self.list(variables, conditions, &["do"], depth + 1);
                self.at += 1;
                self.list(variables, conditions, &["done"], depth + 1);
                self.at += 1;
                conditions.pop();
            }
            "for" => self.each(variables, conditions, depth),
            "case" => {
                self.at += 1;
                conditions.push("a `case`".to_owned());
                self.list(variables, conditions, &["esac"], depth + 1);
                self.at += 1;
                conditions.pop();
            }
            _ => self.simple(variables, conditions),
        }
    }

    fn branches(&mut self, variables: &mut Variables, conditions: &mut Vec<String>, depth: usize) {
        self.at += 1;
        let begin = self.out.len();
        self.list(variables, conditions, &["then"], depth + 1);
        let asked: Vec<String> = self.out[begin.min(self.out.len())..].iter().map(|c| c.words.join(" ")).collect();
        let is_test = |words: &str| words.starts_with('[') || words.starts_with("test ");
        if asked.iter().all(|words| is_test(words)) {
            self.out.truncate(begin);
        }
        self.at += 1;
        let asked = if asked.is_empty() { "a condition".to_owned() } else { asked.join(" && ") };
        conditions.push(asked.clone());
        self.list(variables, conditions, &["else", "elif", "fi"], depth + 1);
        conditions.pop();
        while self.at < self.tokens.len() {
            match self.keyword() {
                Some("else") => {
                    self.at += 1;
                    conditions.push(format!("not {asked}"));
                    self.list(variables, conditions, &["fi"], depth + 1);
                    conditions.pop();
                }
                Some("elif") => {
                    conditions.push(format!("not {asked}"));
                    self.branches(variables, conditions, depth + 1);
                    conditions.pop();
                    return;
                }
                Some("fi") => {
                    self.at += 1;
                    return;
                }
                _ => return,
            }
        }
    }

    fn each(&mut self, variables: &mut Variables, conditions: &mut Vec<String>, depth: usize) {
        self.at += 1;
        let name = self.keyword().unwrap_or_default().to_owned();
        self.at += 1;
        let mut values = Vec::new();
        if self.keyword() == Some("in") {
            self.at += 1;
            while let Some(Token::Word(pieces, _)) = self.tokens.get(self.at) {
                values.extend(value(pieces, variables).split_whitespace().map(str::to_owned));
                self.at += 1;
            }
        }
        while self.at < self.tokens.len() && self.keyword() != Some("do") {
            self.at += 1;
        }
        self.at += 1;
        let is_known = !values.is_empty() && values.iter().all(|value| !value.contains(['$', '*', '?']));
        if !is_known {
            values = vec![format!("${{{name}}}")];
            conditions.push("a loop".to_owned());
        }
        let begin = self.at;
        for value in values {
            if self.out.len() >= MOST {
                break;
            }
            self.at = begin;
            variables.insert(name.clone(), value);
            self.list(variables, conditions, &["done"], depth + 1);
        }
        self.at += 1;
        if !is_known {
            conditions.pop();
        }
    }

    fn simple(&mut self, variables: &mut Variables, conditions: &[String]) {
        let (mut words, mut sets, mut is_piped, mut first, mut to) = (Vec::new(), Vec::new(), false, None, None);
        while let Some(token) = self.tokens.get(self.at) {
            match token {
                Token::Op(op) => {
                    is_piped |= *op == "|";
                    break;
                }
                Token::Redirect => {
                    is_piped = true;
                    if let Some(Token::Word(pieces, _)) = self.tokens.get(self.at + 1) {
                        to = Some(value(pieces, variables));
                        self.at += 1;
                    }
                }
                Token::Word(pieces, line) => {
                    first.get_or_insert(*line);
                    match assignment(pieces, variables) {
                        Some(set) if words.is_empty() => sets.push(set),
                        _ => words.push(value(pieces, variables)),
                    }
                }
            }
            self.at += 1;
        }
        let Some(line) = first else {
            // An operator that stands alone.
            if self.at < self.tokens.len() {
                self.at += 1;
            }
            return;
        };
        if matches!(words.first().map(String::as_str), Some("export" | "declare" | "local" | "readonly" | "typeset")) {
            let pairs = words[1..].iter().filter_map(|word| word.split_once('='));
            sets.extend(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())));
        }
        let is_setting =
            words.is_empty() || matches!(words[0].as_str(), "export" | "declare" | "local" | "readonly" | "typeset");
        if is_setting {
            for (name, value) in &sets {
                // Under a condition it has this value or another.
                let value = if conditions.is_empty() { value.clone() } else { format!("${{{name}}}") };
                variables.insert(name.clone(), value);
            }
        }
        if let [cd, to, ..] = words.as_slice()
            && cd == "cd"
        {
            self.directory = self.directory.as_deref().and_then(|from| join(from, to));
        }
        let (conditions, directory) = (conditions.to_vec(), self.directory.clone());
        self.out.push(Command { words, sets, line, conditions, is_piped, to, directory });
    }
}

/// Reads `NAME=value`.
fn assignment(pieces: &[Piece], variables: &Variables) -> Option<(String, String)> {
    let Some(Piece::Text(first)) = pieces.first() else { return None };
    let (name, _) = first.split_once('=')?;
    let is_good = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let whole = value(pieces, variables);
    is_good.then(|| (name.to_owned(), whole[name.len() + 1..].to_owned()))
}

/// Returns a path from a directory; none when it is unknown.
pub(super) fn join(from: &str, to: &str) -> Option<String> {
    if to.contains('$') || to.starts_with(['~', '-']) {
        return None;
    }
    if to.starts_with('/') {
        return Some(to.to_owned());
    }
    let mut parts: Vec<&str> = from.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    for part in to.split('/').filter(|part| !part.is_empty() && *part != ".") {
        match part {
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            other => parts.push(other),
        }
    }
    let path = parts.join("/");
    let root = if from.starts_with('/') { "/" } else { "" };
    Some(if path.is_empty() && root.is_empty() { ".".to_owned() } else { format!("{root}{path}") })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(script: &str, expected: &[&str]) {
        let mut variables = Variables::new();
        let found: Vec<String> = commands(script, &mut variables)
            .iter()
            .filter(|command| !command.words.is_empty())
            .map(|command| {
                let when = if command.conditions.is_empty() { "" } else { "? " };
                let at = command.directory.as_deref().filter(|at| *at != ".").map(|at| format!("{at}$ "));
                format!("{when}{}{}", at.unwrap_or_default(), command.words.join(" "))
            })
            .collect();
        assert_eq!(found, expected, "{script}");
    }

    #[test]
    fn lines_are_commands_however_they_are_joined() {
        check("a b && c | d; e\nf", &["a b", "c", "d", "e", "f"]);
        check("docker build \\\n  -t x \\\n  . # all", &["docker build -t x ."]);
        check("a 'b c' \"d $e\" f\\ g \"\" h''i", &["a b c d ${e} f g  hi"]);
        check("cat <<EOF > f\nnot a command\nEOF\nb", &["cat", "b"]);
        check("x 2>&1 >/dev/null &>y\nz", &["x", "z"]);
    }

    #[test]
    fn variables_that_are_known_are_replaced() {
        check("A=1 B=\"$A-2\"\necho ${A}x $B ${C:-d} ${E:0:7}", &["echo 1x ${A}-2 ${C} ${E}"]);
        check("A=1\nexport B=$A-2\necho $B", &["export B=1-2", "echo 1-2"]);
        check("echo $(git rev-parse --short HEAD) `date`", &["echo ${git.commit} ${output of a command}"]);
        check("echo ${{ github.sha }} '$A'", &["echo ${github.sha} $A"]);
    }

    #[test]
    fn loops_over_words_are_taken_apart_and_conditions_are_told() {
        check(
            "for i in web worker; do docker build -t $i ./$i; done\nz",
            &["docker build -t web ./web", "docker build -t worker ./worker", "z"],
        );
        check("for i in $LIST; do a $i; done; z", &["? a ${i}", "z"]);
        check("if [ \"$B\" = main ]; then a; else b; fi; z", &["? a", "? b", "z"]);
        check("a || b\nc", &["a", "? b", "c"]);
        check("case $X in a) b;; esac; z", &["? ${X} in a", "? b", "z"]);
    }

    #[test]
    fn the_directory_is_followed() {
        check(
            "cd api && docker build .\n(cd ../web; b)\nc",
            &["api$ cd api", "api$ docker build .", "web$ cd ../web", "web$ b", "api$ c"],
        );
        check("cd $X; a", &["cd ${X}", "a"]);
    }

    proptest! {
        #[test]
        fn no_script_makes_it_panic(text in "[a-z$(){}<>|&;'\"`\\\\ \n#=!\\[\\]-]{0,200}") {
            commands(&text, &mut Variables::new());
        }

        #[test]
        fn no_words_of_a_shell_make_it_panic(words in proptest::collection::vec(proptest::sample::select(vec![
            "if", "then", "fi", "for", "in", "do", "done", "a", "$(", ")", "{", "}", "((", "case", "esac", ";", "\n", "&&", "elif", "else", "<<E", "\"",
        ]), 0..60)) {
            commands(&words.join(" "), &mut Variables::new());
        }
    }
}
