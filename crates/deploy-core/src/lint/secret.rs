//! Where the value of a secret comes from: the text of `valueFrom`.

use aws_model::arn::Arn;

/// A source of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretRef {
    /// A secret of Secrets Manager.
    Secret {
        /// Its ARN, without what follows.
        arn: String,
        /// Region of the ARN.
        region: String,
        /// Key of the JSON object that it holds; none is its whole text.
        key: Option<String>,
        /// Whether the newest version is meant: keys of another one are not looked at.
        is_current: bool,
    },
    /// A parameter of Systems Manager.
    Parameter {
        /// Its name.
        name: String,
        /// Region of the ARN; none is the task's.
        region: Option<String>,
    },
}

impl SecretRef {
    /// Reads a full ARN of a secret with an optional `:key:stage:version`, a parameter's ARN, or a
    /// parameter's name (API reference, Secret.valueFrom); none if ECS could do nothing with it.
    pub fn parse(text: &str) -> Option<Self> {
        if !text.starts_with("arn:") {
            let good = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
            let is_name = !text.is_empty() && text.chars().all(good);
            return is_name.then(|| Self::Parameter { name: text.to_owned(), region: None });
        }
        let arn = Arn::parse(text)?;
        match arn.service {
            "ssm" => {
                let name = arn.resource.strip_prefix("parameter").filter(|name| name.len() > 1)?;
                // `parameter/NAME`: the slash is the name's own if there are more of them.
                let plain = name.strip_prefix('/').filter(|rest| !rest.contains('/')).unwrap_or(name);
                Some(Self::Parameter { name: plain.to_owned(), region: Some(arn.region.to_owned()) })
            }
            "secretsmanager" => {
                let mut parts = arn.resource.strip_prefix("secret:")?.split(':');
                let name = parts.next().filter(|name| !name.is_empty())?;
                let rest: Vec<&str> = parts.collect();
                // All three or none.
                let (key, is_current) = match rest[..] {
                    [] => ("", true),
                    [key, stage, version] => (key, version.is_empty() && matches!(stage, "" | "AWSCURRENT")),
                    _ => return None,
                };
                let end = text.find(name)? + name.len();
                Some(Self::Secret {
                    arn: text[..end].to_owned(),
                    region: arn.region.to_owned(),
                    key: Some(key.to_owned()).filter(|key| !key.is_empty()),
                    is_current,
                })
            }
            _ => None,
        }
    }
}

/// Returns whether an ARN is that of a secret of this name: with or without the suffix that AWS adds.
pub fn is_secret(arn: &str, name: &str) -> bool {
    let Some((_, found)) = arn.split_once(":secret:") else { return false };
    found == name || found.strip_prefix(name).is_some_and(|rest| rest.len() == 7 && rest.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use super::SecretRef;

    fn check(text: &str, expected: &str) {
        let found = match SecretRef::parse(text) {
            None => "none".to_owned(),
            Some(SecretRef::Parameter { name, region }) => {
                format!("parameter {name} in {}", region.unwrap_or_default())
            }
            Some(SecretRef::Secret { arn, region, key, is_current }) => {
                format!(
                    "{arn} in {region} key {} {}",
                    key.unwrap_or_default(),
                    if is_current { "current" } else { "old" }
                )
            }
        };
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn every_form_that_ecs_takes() {
        let arn = "arn:aws:secretsmanager:us-east-1:1:secret:a/b-AbCdEf";
        check(arn, &format!("{arn} in us-east-1 key  current"));
        check(&format!("{arn}:KEY::"), &format!("{arn} in us-east-1 key KEY current"));
        check(&format!("{arn}:KEY:AWSPREVIOUS:"), &format!("{arn} in us-east-1 key KEY old"));
        check(&format!("{arn}:::v1"), &format!("{arn} in us-east-1 key  old"));
        check(&format!("{arn}:KEY"), "none");
        check("arn:aws:ssm:eu-west-1:1:parameter/a/b", "parameter /a/b in eu-west-1");
        check("arn:aws:ssm:eu-west-1:1:parameter/a", "parameter a in eu-west-1");
        check("/a/b", "parameter /a/b in ");
        check("a_b.c", "parameter a_b.c in ");
        check("arn:aws:s3:::bucket", "none");
        check("", "none");
        check("not a name", "none");
    }
}
