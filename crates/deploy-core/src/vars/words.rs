//! Which words is a name made of? `NEWS_API_KEY`, `newsApiKey` and `news-api-key` have the same ones.

/// Returns the words of a name in lower case. Digits are words of their own.
pub fn words(name: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut word = String::new();
    let chars: Vec<char> = name.chars().collect();
    for (at, &c) in chars.iter().enumerate() {
        if matches!(c, '_' | '-' | '.') {
            found.push(std::mem::take(&mut word));
            continue;
        }
        let before = at.checked_sub(1).map(|at| chars[at]);
        let next = chars.get(at + 1);
        let begins = before.is_some_and(|before| {
            before.is_ascii_digit() != c.is_ascii_digit()
                || (c.is_uppercase() && before.is_lowercase())
                // The last capital of `APIKey` begins the next word.
                || (c.is_uppercase() && before.is_uppercase() && next.is_some_and(|next| next.is_lowercase()))
        });
        if begins {
            found.push(std::mem::take(&mut word));
        }
        word.extend(c.to_lowercase());
    }
    found.push(word);
    found.retain(|word| !word.is_empty());
    found
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn every_way_to_write_a_name_gives_its_words() {
        for (name, expected) in [
            ("NEWS_API_KEY", "news api key"),
            ("newsApiKey", "news api key"),
            ("newsAPIKey", "news api key"),
            ("news-api.key", "news api key"),
            ("AWS_S3_BUCKET", "aws s 3 bucket"),
            ("__X__", "x"),
            ("OAuth2Client", "o auth 2 client"),
        ] {
            assert_eq!(words(name).join(" "), expected, "{name}");
        }
    }
}
