//! Which requests does a rule take? ELB's conditions as values that can be held against each other.

use std::net::IpAddr;

use serde_json::{Value, json};

use super::pattern;

/// The conditions of a rule; all must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Conditions {
    /// `host-header`, in lower case: any of the patterns. None is any host.
    pub hosts: Option<Vec<String>>,
    /// `path-pattern`: any of the patterns. None is any path.
    pub paths: Option<Vec<String>>,
    /// What the manifest has no word for.
    pub others: Vec<Other>,
}

/// A condition that the manifest has no word for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Other {
    /// `http-header`: its name in lower case, and any of the patterns.
    Header(String, Vec<String>),
    /// `http-request-method`: any of them.
    Method(Vec<String>),
    /// `query-string`: any of the pairs.
    Query(Vec<(Option<String>, String)>),
    /// `source-ip`: any of the blocks.
    SourceIp(Vec<String>),
    /// Something newer, or a regular expression: equal to itself only.
    Unread(Value),
}

/// Returns where a condition's values stand, beside the old `Values`.
fn config_of(field: &str) -> &'static str {
    match field {
        "host-header" => "HostHeaderConfig",
        "path-pattern" => "PathPatternConfig",
        "http-header" => "HttpHeaderConfig",
        "http-request-method" => "HttpRequestMethodConfig",
        "query-string" => "QueryStringConfig",
        "source-ip" => "SourceIpConfig",
        _ => "",
    }
}

/// Returns the values of a condition, whichever of the two forms they stand in.
fn values(condition: &Value) -> Vec<Value> {
    let field = condition["Field"].as_str().unwrap_or_default();
    let lists = [condition.get(config_of(field)).and_then(|config| config.get("Values")), condition.get("Values")];
    let mut lists = lists.into_iter().flatten().filter_map(Value::as_array);
    lists.find(|list| !list.is_empty()).cloned().unwrap_or_default()
}

fn texts(condition: &Value) -> Vec<String> {
    values(condition).iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Returns whether a manifest has a word for a condition.
pub fn has_word(condition: &Value) -> bool {
    let field = condition["Field"].as_str().unwrap_or_default();
    matches!(field, "host-header" | "path-pattern") && !values(condition).is_empty()
}

/// Returns a condition as CreateRule and ModifyRule take it: a description has the values of the two old fields twice,
/// and a request that has them twice is refused.
pub fn as_request(condition: &Value) -> Value {
    let field = condition["Field"].as_str().unwrap_or_default();
    let config = config_of(field);
    match condition.get(config) {
        Some(members) if !members.is_null() => json!({ "Field": field, config: members }),
        _ => json!({ "Field": field, "Values": values(condition) }),
    }
}

impl Conditions {
    /// Reads the conditions of a rule, as they are sent or as they are described.
    pub fn read(conditions: &[Value]) -> Self {
        let mut read = Self::default();
        for condition in conditions {
            let lower = |texts: Vec<String>| texts.iter().map(|text| text.to_ascii_lowercase()).collect::<Vec<_>>();
            match condition["Field"].as_str().unwrap_or_default() {
                "host-header" if has_word(condition) => read.hosts = Some(lower(texts(condition))),
                "path-pattern" if has_word(condition) => read.paths = Some(texts(condition)),
                _ => read.others.push(Other::read(condition)),
            }
        }
        read
    }

    /// Returns whether every request that satisfies `narrow` satisfies these; a "no" may be wrong.
    pub fn covers(&self, narrow: &Self) -> bool {
        self.covers_place(narrow)
            && self.others.iter().all(|wide| narrow.others.iter().any(|narrow| narrow.implies(wide)))
    }

    /// As [`Self::covers`], with an eye on hosts and paths only.
    pub fn covers_place(&self, narrow: &Self) -> bool {
        within(narrow.hosts.as_deref(), self.hosts.as_deref()) && within(narrow.paths.as_deref(), self.paths.as_deref())
    }

    /// Returns whether some request may satisfy both.
    pub fn meets(&self, other: &Self) -> bool {
        let methods = |conditions: &Self| {
            conditions.others.iter().find_map(|one| match one {
                Other::Method(methods) => Some(methods.clone()),
                _ => None,
            })
        };
        let apart = match (methods(self), methods(other)) {
            (Some(a), Some(b)) => !a.iter().any(|method| b.contains(method)),
            _ => false,
        };
        !apart && self.meets_place(other)
    }

    /// As [`Self::meets`], with an eye on hosts and paths only.
    pub fn meets_place(&self, other: &Self) -> bool {
        let meet = |a: &Option<Vec<String>>, b: &Option<Vec<String>>| match (a, b) {
            (Some(a), Some(b)) => a.iter().any(|a| b.iter().any(|b| pattern::meet(a, b))),
            _ => true,
        };
        meet(&self.hosts, &other.hosts) && meet(&self.paths, &other.paths)
    }

    /// Returns each pair of a host and a path: a condition that covers every one of them covers all.
    pub fn apart(&self) -> Vec<Self> {
        let each = |list: &Option<Vec<String>>| match list {
            Some(list) => list.iter().map(|one| Some(vec![one.clone()])).collect(),
            None => vec![None],
        };
        let (hosts, paths) = (each(&self.hosts), each(&self.paths));
        let pairs = hosts.iter().flat_map(|host| paths.iter().map(move |path| (host.clone(), path.clone())));
        pairs.map(|(hosts, paths)| Self { hosts, paths, others: self.others.clone() }).collect()
    }

    /// Returns where requests must go to, in words.
    pub fn place(&self) -> String {
        let list = |list: &Option<Vec<String>>| list.as_ref().map(|list| list.join(", "));
        match (list(&self.hosts), list(&self.paths)) {
            (None, None) => "any host and path".to_owned(),
            (Some(hosts), None) => hosts,
            (None, Some(paths)) => paths,
            (Some(hosts), Some(paths)) => format!("{hosts} {paths}"),
        }
    }
}

fn within(narrow: Option<&[String]>, wide: Option<&[String]>) -> bool {
    match (narrow, wide) {
        (_, None) => true,
        // A path always begins with a slash, and a host has at least one character.
        (None, Some(wide)) => wide.iter().any(|wide| wide == "*" || wide == "/*"),
        (Some(narrow), Some(wide)) => narrow.iter().all(|narrow| wide.iter().any(|wide| pattern::covers(wide, narrow))),
    }
}

impl Other {
    fn read(condition: &Value) -> Self {
        let field = condition["Field"].as_str().unwrap_or_default();
        let config = condition.get(config_of(field)).cloned().unwrap_or_default();
        if values(condition).is_empty() || config.get("RegexValues").is_some_and(|list| *list != json!([])) {
            return Self::Unread(as_request(condition));
        }
        match field {
            "http-header" => {
                let name = config["HttpHeaderName"].as_str().unwrap_or_default().to_ascii_lowercase();
                Self::Header(name, texts(condition).iter().map(|text| text.to_ascii_lowercase()).collect())
            }
            "http-request-method" => Self::Method(texts(condition)),
            "source-ip" => Self::SourceIp(texts(condition)),
            "query-string" => {
                let text = |pair: &Value, name: &str| pair[name].as_str().map(str::to_ascii_lowercase);
                let pairs = values(condition);
                let pairs = pairs.iter().map(|pair| {
                    (text(pair, "Key").filter(|key| !key.is_empty()), text(pair, "Value").unwrap_or_default())
                });
                Self::Query(pairs.collect())
            }
            _ => Self::Unread(as_request(condition)),
        }
    }

    /// Returns whether every request that satisfies this one satisfies `wide`; a "no" may be wrong.
    pub fn implies(&self, wide: &Self) -> bool {
        match (self, wide) {
            (Self::Header(name, narrow), Self::Header(other, wide)) => {
                name == other && within(Some(narrow), Some(wide))
            }
            (Self::Method(narrow), Self::Method(wide)) => narrow.iter().all(|method| wide.contains(method)),
            (Self::Query(narrow), Self::Query(wide)) => narrow.iter().all(|(key, value)| {
                wide.iter().any(|(wide_key, wide_value)| {
                    let same = match (key, wide_key) {
                        (_, None) => true,
                        (None, Some(_)) => false,
                        (Some(key), Some(wide)) => pattern::covers(wide, key),
                    };
                    same && pattern::covers(wide_value, value)
                })
            }),
            (Self::SourceIp(narrow), Self::SourceIp(wide)) => {
                narrow.iter().all(|narrow| wide.iter().any(|wide| is_within(narrow, wide)))
            }
            (narrow, wide) => narrow == wide,
        }
    }

    /// Returns what it asks of a request, in words.
    pub fn words(&self) -> String {
        match self {
            Self::Header(name, values) => format!("the header {name}: {}", values.join(" or ")),
            Self::Method(methods) => format!("the method {}", methods.join(" or ")),
            Self::Query(pairs) => {
                let one = |(key, value): &(Option<String>, String)| match key {
                    Some(key) => format!("{key}={value}"),
                    None => value.clone(),
                };
                format!("the query {}", pairs.iter().map(one).collect::<Vec<_>>().join(" or "))
            }
            Self::SourceIp(blocks) => format!("a source address in {}", blocks.join(" or ")),
            Self::Unread(condition) => {
                format!("the condition {}", condition["Field"].as_str().unwrap_or_default())
            }
        }
    }
}

/// Whether one CIDR block lies in another.
fn is_within(narrow: &str, wide: &str) -> bool {
    let block = |text: &str| -> Option<(IpAddr, u32)> {
        let (address, bits) = text.split_once('/')?;
        Some((address.parse().ok()?, bits.parse().ok()?))
    };
    let bits = |address: IpAddr| match address {
        IpAddr::V4(address) => (u128::from(u32::from(address)) << 96, 32),
        IpAddr::V6(address) => (u128::from(address), 128),
    };
    match (block(narrow), block(wide)) {
        (Some((narrow, narrow_bits)), Some((wide, wide_bits))) => {
            let ((a, a_most), (b, b_most)) = (bits(narrow), bits(wide));
            let sound = a_most == b_most && narrow_bits <= a_most && wide_bits <= narrow_bits;
            let mask = u128::MAX.checked_shl(128 - wide_bits.min(128)).unwrap_or(0);
            sound && a & mask == b & mask
        }
        _ => narrow == wide,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conditions(list: Value) -> Conditions {
        Conditions::read(list.as_array().unwrap())
    }

    #[test]
    fn a_description_reads_as_what_was_sent() {
        let sent = json!([{"Field": "host-header", "Values": ["A.com"]}]);
        let described =
            json!([{"Field": "host-header", "Values": ["A.com"], "HostHeaderConfig": {"Values": ["A.com"]}}]);
        assert_eq!(conditions(sent), conditions(described.clone()));
        assert_eq!(
            as_request(&described[0]),
            json!({"Field": "host-header", "HostHeaderConfig": {"Values": ["A.com"]}})
        );
        // XML has an empty list where there is none.
        let header =
            json!({"Field": "http-header", "Values": [], "HttpHeaderConfig": {"HttpHeaderName": "X", "Values": ["1"]}});
        assert_eq!(as_request(&header)["HttpHeaderConfig"]["Values"], json!(["1"]));
        assert_eq!(as_request(&header).get("Values"), None);
    }

    #[test]
    fn a_condition_more_is_a_request_less() {
        let host = conditions(json!([{"Field": "host-header", "Values": ["shop.example.com"]}]));
        let asked = conditions(json!([{"Field": "host-header", "Values": ["shop.example.com"]},
            {"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.0/8"]}}]));
        assert!(host.covers(&asked) && !asked.covers(&host));
        let nearer = conditions(json!([{"Field": "source-ip", "SourceIpConfig": {"Values": ["10.1.0.0/16"]}}]));
        assert!(nearer.others[0].implies(&asked.others[0]) && !asked.others[0].implies(&nearer.others[0]));
        assert!(Conditions::default().covers(&host) && !host.covers(&Conditions::default()));
        let all = conditions(json!([{"Field": "path-pattern", "Values": ["/*"]}]));
        assert!(all.covers(&Conditions::default()), "/* is every path");
        let regex = conditions(json!([{"Field": "host-header", "HostHeaderConfig": {"RegexValues": ["^a"]}}]));
        assert_eq!(regex.hosts, None);
        assert!(regex.covers(&regex) && !regex.covers(&host));
    }

    #[test]
    fn blocks_lie_in_blocks() {
        for (narrow, wide, is) in [
            ("10.0.0.0/8", "0.0.0.0/0", true),
            ("10.0.0.0/8", "10.0.0.0/8", true),
            ("10.0.0.0/8", "10.0.0.0/9", false),
            ("11.0.0.0/9", "10.0.0.0/8", false),
            ("2001:db8::/48", "2001:db8::/32", true),
            ("10.0.0.0/8", "::/0", false),
        ] {
            assert_eq!(is_within(narrow, wide), is, "{narrow} in {wide}");
        }
    }
}
