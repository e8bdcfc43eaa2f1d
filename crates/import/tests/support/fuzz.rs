//! How is an input made out of those that people have, and what reads it? Mutations that know tokens, brackets and
//! lines; the same number makes the same input.
//!
//! A source plugs in by a line in [`SOURCES`]: where its corpus lies, and a function that reads a folder.

use std::collections::BTreeMap;

use import::terraform::{self, GivenFile};
use import::{Folder, compose, copilot, fold, prove, taskdef, write};

/// Something that reads what people have.
pub(crate) struct Source {
    /// What `cargo xtask fuzz` calls it.
    pub(crate) name: &'static str,
    /// Below `tests/fixtures`: each directory in it is an input.
    pub(crate) corpus: &'static str,
    /// Endings of the files that are changed.
    changed: &'static [&'static str],
    /// Words that mean something to it.
    words: &'static [&'static str],
    /// Reads an input, to the end: what is found is folded, written and proved.
    pub(crate) read: fn(&Folder),
}

/// Every source that is fuzzed.
pub(crate) const SOURCES: &[Source] = &[
    Source {
        name: "terraform",
        corpus: "terraform",
        changed: &[".tf", ".tfvars", ".tpl", ".tftpl", ".json"],
        words: HCL,
        read: read_terraform,
    },
    Source { name: "compose", corpus: "compose", changed: &[".yml", ".yaml", ".env"], words: YAML, read: read_compose },
    Source { name: "copilot", corpus: "copilot", changed: &[".yml", ".workspace"], words: YAML, read: read_copilot },
    Source { name: "taskdef", corpus: "taskdef", changed: &[".json"], words: JSON, read: read_taskdefs },
];

const HCL: &[&str] = &[
    "[",
    "]",
    "{",
    "}",
    "(",
    ")",
    "\"",
    "${",
    "%{ if true }",
    "%{ endif }",
    "%{ for x in [1, 2] }",
    "%{ endfor }",
    "<<EOT\n",
    "<<-EOT\n",
    "\nEOT\n",
    "...",
    "[*]",
    ".*",
    ".0",
    "=>",
    "? 1 : 2",
    " && ",
    "!",
    "-",
    "%",
    "/",
    "# ",
    "/*",
    "*/",
    "null",
    "true",
    "1e308",
    "-0",
    "0x1",
    "999999999999999999999",
    "var.x",
    "local.x",
    "each.key",
    "count.index",
    "self.id",
    "terraform.workspace",
    "path.module",
    "data.x.y.z",
    "module.m",
    "for k, v in ",
    "jsonencode(",
    "jsondecode(",
    "templatefile(",
    "merge(",
    "concat(",
    "flatten(",
    "setproduct(",
    "range(",
    "format(",
    "try(",
    "can(",
    "lookup(",
    "regex(",
    "replace(",
    "split(",
    "substr(",
    "element(",
    "slice(",
    "zipmap(",
    "yamldecode(",
    "cidrsubnet(",
    "provider::x::y(",
    "count = ",
    "for_each = ",
    "dynamic \"x\" {\n",
    "content {\n",
    "resource \"aws_ecs_service\" \"s\" {\n",
    "module \"m\" {\n  source = \"./\"\n}\n",
    "locals {\n",
    "variable \"x\" {\n",
    "lifecycle {\n",
    "\u{feff}",
    "\u{e0f0}0\u{e0f1}",
    "é",
    "\\u0000",
    "\\",
    "\r\n",
    "\0",
];
const YAML: &[&str] = &[
    "- ",
    ": ",
    "\n",
    "\n  ",
    "{",
    "}",
    "[",
    "]",
    "&a ",
    "*a",
    "<<: *a",
    "|\n",
    ">-\n",
    "\"",
    "'",
    "#",
    "---\n",
    "!!str ",
    "!reset null",
    "!override ",
    "${X}",
    "${X:-y}",
    "${X:?z}",
    "$$",
    "${",
    "~",
    "null",
    "yes",
    "0o17",
    "022",
    "1e3",
    ".inf",
    ".nan",
    "2026-11-30",
    "build:",
    "image:",
    "ports:",
    "environment:",
    "env_file:",
    "volumes:",
    "depends_on:",
    "extends:",
    "include:",
    "x-a:",
    "healthcheck:",
    "deploy:",
    "\t",
    "\u{feff}",
    "é",
    "\0",
    "99999999999999999999",
];
const JSON: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "null",
    "true",
    "-1",
    "1e999",
    "99999999999999999999",
    "0.1",
    "\"\"",
    "\"a\":",
    "\"name\":",
    "\"image\":",
    "\"containerDefinitions\":",
    "\"environment\":",
    "\"secrets\":",
    "\"valueFrom\":",
    "\"cpu\":",
    "\"memory\":",
    "\"family\":",
    "\"volumes\":",
    "arn:aws:secretsmanager:",
    "::",
    "\\u0000",
    "\\ud800",
    "\u{e0f0}0\u{e0f1}",
    "é",
    "\n",
];

/// The widest input: what is larger is no folder that a person wrote.
const LARGEST: usize = 64 << 10;

/// Numbers from a number (xorshift64*), so that an input can be made again.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % end.max(1)
    }

    fn of<'t, T>(&mut self, items: &'t [T]) -> Option<&'t T> {
        if items.is_empty() { None } else { Some(&items[self.below(items.len())]) }
    }
}

/// Returns an input: one of the corpus, changed in some of its files.
pub(crate) fn input(source: &Source, corpus: &[Folder], seed: u64) -> Folder {
    let mut chance = Chance::new(seed);
    let Some(folder) = chance.of(corpus) else { return Folder::new() };
    let mut folder = folder.clone();
    let is_changed = |path: &&String| source.changed.iter().any(|ending| path.ends_with(ending));
    let paths: Vec<String> = folder.keys().filter(is_changed).cloned().collect();
    for _ in 0..=chance.below(2) {
        let Some(path) = chance.of(&paths).cloned() else { break };
        let other = chance.of(corpus).and_then(|other| {
            let texts: Vec<&String> = other.values().collect();
            chance.of(&texts).map(|text| (*text).clone())
        });
        let mut text = folder.remove(&path).unwrap_or_default();
        for _ in 0..=chance.below(6) {
            text = changed(&text, other.as_deref().unwrap_or_default(), source.words, &mut chance);
        }
        folder.insert(path, text);
    }
    folder
}

/// Returns a text with one thing changed.
fn changed(text: &str, other: &str, words: &[&str], chance: &mut Chance) -> String {
    let tokens = tokens(text);
    let span = |chance: &mut Chance| {
        let from = chance.below(tokens.len() + 1);
        let most = [1, 3, 12, 60][chance.below(4)];
        (from, (from + chance.below(most + 1)).min(tokens.len()))
    };
    let (from, to) = span(chance);
    let word = |chance: &mut Chance| (*chance.of(words).unwrap_or(&"")).to_owned();
    let (before, middle, after) = (tokens[..from].concat(), tokens[from..to].concat(), tokens[to..].concat());
    let made = match chance.below(11) {
        0 => before + &after,
        1 => before + &word(chance) + &middle + &after,
        2 => before + &word(chance) + &after,
        3 => before + &middle + &middle + &after,
        4 => {
            let times = [2, 30, 70, 400, 5000][chance.below(5)];
            before + &middle.repeat(times.min(1 + LARGEST / middle.len().max(1))) + &after
        }
        5 => {
            let pairs = [
                ("[", "]"),
                ("(", ")"),
                ("{a=", "}"),
                ("\"${", "}\""),
                ("f(", ")"),
                ("[for x in [1] : ", "]"),
                ("{\"a\":", "}"),
                ("- - ", "\n"),
                ("${X:-", "}"),
            ];
            let (open, close) = pairs[chance.below(pairs.len())];
            let times = [1, 2, 30, 62, 130, 3000][chance.below(6)];
            before + &open.repeat(times) + &middle + &close.repeat(times) + &after
        }
        6 => {
            let theirs = self::tokens(other);
            let from = chance.below(theirs.len() + 1);
            let to = (from + chance.below(40)).min(theirs.len());
            before + &theirs[from..to].concat() + &after
        }
        7 => {
            let (other_from, other_to) = span(chance);
            before + &tokens[other_from..other_to].concat() + &after
        }
        8 => before,
        9 => {
            let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
            if lines.len() > 1 {
                let (a, b) = (chance.below(lines.len()), chance.below(lines.len()));
                lines.swap(a, b);
            }
            lines.concat()
        }
        _ => {
            let mut swapped: Vec<&str> = tokens.clone();
            if from < to && to < swapped.len() {
                swapped.swap(from, to);
            }
            swapped.concat()
        }
    };
    match made.char_indices().map(|(at, _)| at).find(|at| *at >= LARGEST) {
        Some(end) => made[..end].to_owned(),
        None => made,
    }
}

/// Names, numbers and spaces stay together; every other character is a token of its own.
fn tokens(text: &str) -> Vec<&str> {
    let class = |c: char| match c {
        c if c.is_alphanumeric() || c == '_' => 0,
        ' ' => 1,
        _ => 2,
    };
    let mut found = Vec::new();
    let mut from = 0;
    let mut before = None;
    for (at, c) in text.char_indices() {
        let now = class(c);
        if before.is_some_and(|before| before != now || now == 2) {
            found.push(&text[from..at]);
            from = at;
        }
        before = Some(now);
    }
    found.push(&text[from..]);
    found
}

fn read_terraform(folder: &Folder) {
    let state = folder.iter().find(|(path, _)| path.ends_with("state.json"));
    let states = state.map(|(path, text)| GivenFile { path: path.clone(), text: text.clone(), ..GivenFile::default() });
    let options = terraform::Options { states: states.into_iter().collect(), ..terraform::Options::default() };
    if let Ok(found) = terraform::read(folder, &options) {
        let folded = fold::fold(&found);
        let text = write::text(&folded.manifest, &[]);
        let _ = prove::prove(&text, &found);
        let _ = import::account::reckon(&text, &found, "nobody");
    }
    let _ = terraform::wanted(folder, &options);
}

fn read_compose(folder: &Folder) {
    let file = folder.keys().find(|path| path.ends_with(".yml") || path.ends_with(".yaml"));
    let Some(file) = file else { return };
    let there = compose::mounted(folder, file).unwrap_or_default();
    for composed in [compose::read(folder, file), compose::read_among(folder, file, &there)].into_iter().flatten() {
        let _ = write::text(&composed.manifest, &[]);
        let _ = import::ledger::with_listed(&composed.left, &composed.account);
    }
    let _ = compose::wanted(folder, file);
}

fn read_copilot(folder: &Folder) {
    if let Ok(imported) = copilot::read(folder, &copilot::Options::default()) {
        let _ = write::text(&imported.manifest, &[]);
    }
}

fn read_taskdefs(folder: &Folder) {
    let file = |(name, text): (&String, &String)| taskdef::File { name: name.clone(), text: text.clone(), stage: None };
    let files: Vec<taskdef::File> = folder.iter().map(file).collect();
    for one in &files {
        let _ = taskdef::read(std::slice::from_ref(one), None);
    }
    if let Ok(found) = taskdef::read(&files, None) {
        let folded = fold::fold(&found);
        let text = write::text(&folded.manifest, &[]);
        let _ = prove::prove(&text, &found);
    }
}

/// Returns a source's corpus: each directory an input, or what lies beside them, file by file.
pub(crate) fn corpus(source: &Source, files: &Folder) -> Vec<Folder> {
    let mut inputs: BTreeMap<&str, Folder> = BTreeMap::new();
    for (path, text) in files {
        let (input, inside) = match path.split_once('/') {
            Some(("expected" | "crashes", _)) => continue,
            Some((dir, inside)) if matches!(source.name, "terraform" | "compose" | "copilot") => (dir, inside),
            _ if source.name == "taskdef" => (path.as_str(), path.as_str()),
            _ => ("", path.as_str()),
        };
        inputs.entry(input).or_default().insert(inside.to_owned(), text.clone());
    }
    let is_read = |input: &Folder| {
        source.name != "terraform" || input.keys().any(|path| path.ends_with(".tf") || path.ends_with(".tf.json"))
    };
    inputs.into_values().filter(is_read).collect()
}
