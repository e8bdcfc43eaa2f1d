//! What is to be written: the answers to all questions, checked.

use std::path::Path;

use super::InitArgs;
use super::template::Template;
use crate::exit::Exit;
use crate::failure::Failure;

/// Answers to all questions.
#[derive(Debug)]
pub(super) struct Answers {
    pub(super) template: Template,
    pub(super) app: String,
    pub(super) port: u16,
    pub(super) health: String,
    pub(super) worker: Vec<String>,
    pub(super) database: bool,
    pub(super) staging: Option<String>,
    pub(super) prod: Option<String>,
    /// Django: package of the settings.
    pub(super) module: String,
}

impl Answers {
    /// Takes what is not said from the template.
    pub(super) fn settle(template: Template, args: &InitArgs) -> Result<Self, Failure> {
        let wrong = |flag: &str, why: String| Failure::new(format!("{flag}: {why}")).exit(Exit::Usage);
        let app = args.name.clone().unwrap_or_else(|| default_name(&args.dir));
        let health = args.health_path.clone().unwrap_or_else(|| template.health().to_owned());
        let worker = args.worker.as_deref().map(words).unwrap_or_default();
        check_name(&app).map_err(|why| wrong("--name", why))?;
        check_path(&health).map_err(|why| wrong("--health-path", why))?;
        for (flag, host) in [("--staging", &args.staging), ("--prod", &args.prod)] {
            host.as_deref().map_or(Ok(()), check_host).map_err(|why| wrong(flag, why))?;
        }
        if !template.has_code() && (!worker.is_empty() || args.database) {
            return Err(wrong("--template static", "it has neither a worker nor a database".to_owned()));
        }
        Ok(Self {
            app,
            port: args.port.unwrap_or_else(|| template.port()),
            health,
            worker,
            database: args.database,
            staging: args.staging.clone(),
            prod: args.prod.clone(),
            module: template.module(&args.dir),
            template,
        })
    }
}

/// Returns the directory's name, as one of an application.
pub(super) fn default_name(directory: &Path) -> String {
    let full = std::path::absolute(directory).unwrap_or_default();
    let last = full.components().next_back().map(|part| part.as_os_str().to_string_lossy().into_owned());
    app_name(&last.unwrap_or_default())
}

/// Returns a name with everything replaced that an application's cannot have.
pub(super) fn app_name(name: &str) -> String {
    let lower = name.to_lowercase();
    let parts: Vec<&str> =
        lower.split(|c: char| !c.is_ascii_lowercase() && !c.is_ascii_digit()).filter(|part| !part.is_empty()).collect();
    let joined = parts.join("-");
    let joined = joined.trim_start_matches(|c: char| !c.is_ascii_lowercase());
    let short = joined.get(..32).unwrap_or(joined).trim_end_matches('-');
    if short.is_empty() { "app".to_owned() } else { short.to_owned() }
}

/// Returns the words of a command; blanks part them, quotes keep them together.
pub(super) fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None::<char>);
    for c in line.chars() {
        match (c, quote) {
            (c, Some(open)) if c == open => quote = None,
            ('"' | '\'', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (c, None) if c.is_whitespace() => words.extend(word.take()),
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// As the manifest takes it.
pub(super) fn check_name(name: &str) -> Result<(), String> {
    match app_name(name) == name {
        true => Ok(()),
        false => Err("lower-case letters, digits and hyphens, 32 at most, such as `shop`".to_owned()),
    }
}

pub(super) fn check_path(path: &str) -> Result<(), String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/-_.~".contains(c);
    match path.len() > 1 && path.starts_with('/') && path.chars().all(is_plain) {
        true => Ok(()),
        false => Err("a path such as `/health`".to_owned()),
    }
}

pub(super) fn check_host(host: &str) -> Result<(), String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    match host.contains('.') && !host.starts_with('.') && host.chars().all(is_plain) {
        true => Ok(()),
        false => Err("a host name such as `staging.example.com`".to_owned()),
    }
}

pub(super) fn check_port(text: &str) -> Result<(), String> {
    match text.parse::<u16>() {
        // A user without rights cannot listen below.
        Ok(1024..) => Ok(()),
        _ => Err("a port from 1024 to 65535".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_s_name_becomes_one_of_an_application() {
        for (name, expected) in [
            ("shop", "shop"),
            ("My Shop_2", "my-shop-2"),
            ("2fast", "fast"),
            ("--", "app"),
            ("a-very-long-name-that-goes-on-and-on", "a-very-long-name-that-goes-on-an"),
        ] {
            assert_eq!(app_name(name), expected, "{name}");
            assert_eq!(check_name(expected), Ok(()), "{expected}");
        }
        assert!(check_name("Shop").is_err());
    }

    #[test]
    fn words_are_parted_by_blanks_and_kept_together_by_quotes() {
        assert_eq!(words("python3 -c  'a b' \"\""), ["python3", "-c", "a b", ""]);
        assert!(words("  ").is_empty());
    }

    #[test]
    fn what_is_typed_is_checked() {
        assert!(check_path("/up").is_ok() && check_path("up").is_err() && check_path("/").is_err());
        assert!(check_path("/a\"b").is_err() && check_path("/a;b").is_err());
        assert!(check_host("a.example.com").is_ok() && check_host("localhost").is_err());
        assert!(check_port("8000").is_ok() && check_port("80").is_err() && check_port("x").is_err());
    }
}
