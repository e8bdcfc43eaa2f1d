//! Does any pipeline make the reader panic, or write what its own readers refuse? A fuzzer: pipelines of the corpus,
//! changed at random. `FUZZ_CASES` says how many; an hour of it is some hundreds of thousands.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use crate::folder;
use std::path::Path;

use deploy_core::pipeline::{self, Options};
use import::Folder;
use import::pipeline::{Asked, read};

/// As many as a run of all tests can wait for.
const FEW: u64 = 400;

/// What pipelines are made of, and what is awkward.
const WORDS: [&str; 44] = [
    "script:",
    "- step:",
    "rules:",
    "extends: .a",
    "&a",
    "*a",
    "<<: *a",
    "- ",
    "  ",
    "\n",
    ":",
    "|",
    ">-",
    "{",
    "}",
    "[",
    "]",
    "${{ secrets.X }}",
    "$(",
    ")",
    "\"",
    "'",
    "docker build -t a:1 .",
    "docker push a:1",
    "aws ecs update-service --cluster c --service s",
    "for i in a b; do",
    "done",
    "if",
    "then",
    "fi",
    "<<EOF",
    "!reference [a, script]",
    "~",
    "0x1F",
    "1e999",
    "-0",
    "\u{85}",
    "\u{feff}",
    "é",
    "image: {name: x}",
    "deployment: production",
    "environment: {name: a/b}",
    "\t",
    "when: manual",
];

/// Xorshift: a fuzzer that tells its seed needs no crate.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(limit.max(1)).unwrap()).unwrap()
    }
}

fn mutate(text: &str, random: &mut Random) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    // Most changes break the YAML, which shows little: one is made more often than several.
    let count = [1, 1, 1, 2, 4][random.below(5)];
    for _ in 0..count {
        if lines.is_empty() {
            lines.push(String::new());
        }
        let (at, other) = (random.below(lines.len()), random.below(lines.len()));
        match random.below(12) {
            0 => {
                lines.remove(at);
            }
            1 => {
                let line = lines[other].clone();
                lines.insert(at, line);
            }
            2 => lines.swap(at, other),
            3 => lines[at] = format!("{}{}", " ".repeat(random.below(5)), lines[at]),
            4 => lines[at] = lines[at].trim_start().to_owned(),
            5 => {
                let cut = lines[at].char_indices().map(|(index, _)| index).nth(random.below(40)).unwrap_or(0);
                lines[at].insert_str(cut, WORDS[random.below(WORDS.len())]);
            }
            6 => {
                let cut = lines[at].char_indices().map(|(index, _)| index).nth(random.below(40)).unwrap_or(0);
                lines[at].truncate(cut);
            }
            7 | 8 => {
                // A value in place of another.
                let value = lines[other].split_once(": ").map(|(_, value)| value.to_owned());
                if let (Some((key, _)), Some(value)) = (lines[at].clone().split_once(": "), value) {
                    lines[at] = format!("{key}: {value}");
                }
            }
            9 => {
                let words: Vec<&str> = lines[at].split(' ').collect();
                let skipped = random.below(words.len());
                let kept: Vec<&str> =
                    words.iter().enumerate().filter(|(index, _)| *index != skipped).map(|(_, word)| *word).collect();
                lines[at] = kept.join(" ");
            }
            10 => {
                if let Some((key, _)) = lines[at].clone().split_once(": ") {
                    lines[at] = format!("{key}: {}", WORDS[random.below(WORDS.len())]);
                }
            }
            _ => {
                let indent = " ".repeat(random.below(8));
                lines.insert(at, format!("{indent}{}", WORDS[random.below(WORDS.len())]));
            }
        }
    }
    lines.join("\n")
}

/// Reads a folder as the verb does; what it writes must be read again by those who read it.
fn run(folder: &Folder) -> bool {
    let Ok(imported) = read(folder, &Asked::default()) else { return false };
    let text = import::write::text(&imported.manifest, &[]);
    let manifest = deploy_core::parse("managr.toml", &text).unwrap_or_else(|errors| {
        let words: Vec<String> = errors.errors().iter().map(ToString::to_string).collect();
        panic!("{words:?}\n{text}")
    });
    assert_eq!(manifest, imported.manifest);
    let Some(file) = imported.file else { return true };
    let again = pipeline::write(imported.provider, Some(&manifest), &Options::default(), Some(&file)).unwrap();
    assert_eq!(again, file);
    serde_saphyr::from_str::<serde_json::Value>(&file).unwrap_or_else(|error| panic!("{error}\n{file}"));
    true
}

#[test]
#[expect(clippy::disallowed_methods, reason = "how long to go on is said from outside")]
fn no_pipeline_makes_it_panic_and_what_it_writes_is_read_again() {
    let fixtures = folder::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/pipeline"));
    let mut folders: Vec<Folder> = Vec::new();
    let mut names: Vec<String> = Vec::new();
    for (path, text) in fixtures {
        let (name, path) = path.split_once('/').unwrap();
        if names.last().is_none_or(|last| last != name) {
            names.push(name.to_owned());
            folders.push(Folder::new());
        }
        folders.last_mut().unwrap().insert(path.to_owned(), text);
    }
    let of = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let (cases, first) = (of("FUZZ_CASES").unwrap_or(FEW), of("FUZZ_SEED").unwrap_or(1));
    let mut good = 0_u64;
    for seed in first..first + cases {
        let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        random.next();
        let mut folder = folders[random.below(folders.len())].clone();
        let paths: Vec<String> = folder.keys().cloned().collect();
        let path = paths[random.below(paths.len())].clone();
        let changed = mutate(&folder[&path], &mut random);
        folder.insert(path, changed);
        let shown = folder.clone();
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(&folder)));
        match done {
            Ok(is_good) => good += u64::from(is_good),
            Err(_) => panic!("seed {seed}: FUZZ_SEED={seed} FUZZ_CASES=1 repeats it\n{shown:#?}"),
        }
    }
    assert!(good * 5 > cases, "{good} of {cases} were still pipelines: the changes are too wild to show anything");
}
