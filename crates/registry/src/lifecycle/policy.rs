//! What a lifecycle policy says, and whether it is one (ECR user guide, "Lifecycle policy properties"). Pure.

use serde::Deserialize;

/// A policy whose rules are in the order in which they are applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    pub(super) rules: Vec<Rule>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) priority: u32,
    pub(super) select: Select,
    pub(super) keep: Keep,
}

/// Which images a rule sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Select {
    Untagged,
    /// Each of these wildcards matches one of the image's tags.
    Tagged(Vec<String>),
    Any,
}

/// Which of these it lets stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    /// So many of the latest pushed.
    Latest(usize),
    /// Those pushed within so many days.
    Days(u32),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    rules: Vec<RuleText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct RuleText {
    rule_priority: u32,
    #[serde(default, rename = "description")]
    _description: Option<String>,
    selection: Selection,
    action: Action,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Selection {
    tag_status: TagStatus,
    #[serde(default)]
    tag_prefix_list: Vec<String>,
    #[serde(default)]
    tag_pattern_list: Vec<String>,
    #[serde(default)]
    storage_class: StorageClass,
    count_type: CountType,
    count_unit: Option<CountUnit>,
    count_number: u32,
}

#[derive(Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum TagStatus {
    Tagged,
    Untagged,
    Any,
}

#[derive(Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
enum CountType {
    ImageCountMoreThan,
    SinceImagePushed,
    SinceImagePulled,
    SinceImageTransitioned,
}

#[derive(Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum CountUnit {
    Days,
}

#[derive(Deserialize, Default, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum StorageClass {
    #[default]
    Standard,
    Archive,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Action {
    r#type: ActionType,
    #[serde(rename = "targetStorageClass")]
    _target: Option<StorageClass>,
}

#[derive(Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum ActionType {
    Expire,
    Transition,
}

impl Policy {
    /// Reads a policy.
    ///
    /// # Errors
    /// What is wrong with it, in words that follow "Lifecycle policy validation failure: ".
    pub fn parse(text: &str) -> Result<Self, String> {
        let text: Text = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if text.rules.is_empty() {
            return Err("array is too short: must have at least 1 elements but instance has 0 elements".to_owned());
        }
        let mut rules = text.rules.into_iter().map(rule).collect::<Result<Vec<_>, _>>()?;
        rules.sort_by_key(|rule| rule.priority);
        together(&rules)?;
        Ok(Self { rules })
    }
}

fn rule(text: RuleText) -> Result<Rule, String> {
    let RuleText { rule_priority: priority, selection, action, .. } = text;
    let refused = |words: &str| Err(format!("rule {priority}: {words}"));
    if priority == 0 || selection.count_number == 0 {
        return refused("rulePriority and countNumber are positive integers");
    }
    if action.r#type == ActionType::Transition || selection.storage_class == StorageClass::Archive {
        return refused("the archive storage class is not there on managr's platform");
    }
    let tags = [selection.tag_prefix_list.is_empty(), selection.tag_pattern_list.is_empty()];
    let select = match (selection.tag_status, tags) {
        (TagStatus::Tagged, [false, true]) => {
            Select::Tagged(selection.tag_prefix_list.into_iter().map(|prefix| format!("{prefix}*")).collect())
        }
        (TagStatus::Tagged, [true, false]) => {
            if selection.tag_pattern_list.iter().any(|pattern| pattern.matches('*').count() > 4) {
                return refused("a pattern of tagPatternList has at most four wildcards");
            }
            Select::Tagged(selection.tag_pattern_list)
        }
        (TagStatus::Tagged, _) => return refused("tagStatus tagged needs one of tagPrefixList and tagPatternList"),
        (TagStatus::Untagged, [true, true]) => Select::Untagged,
        (TagStatus::Any, [true, true]) => Select::Any,
        _ => return refused("tagPrefixList and tagPatternList are for tagStatus tagged only"),
    };
    let keep = match (selection.count_type, selection.count_unit) {
        (CountType::ImageCountMoreThan, None) => Keep::Latest(selection.count_number as usize),
        (CountType::SinceImagePushed, Some(CountUnit::Days)) => Keep::Days(selection.count_number),
        (CountType::ImageCountMoreThan, Some(_)) => return refused("imageCountMoreThan has no countUnit"),
        (CountType::SinceImagePushed, None) => return refused("sinceImagePushed needs countUnit days"),
        (CountType::SinceImagePulled | CountType::SinceImageTransitioned, _) => {
            return refused("countType is imageCountMoreThan or sinceImagePushed on managr's platform");
        }
    };
    Ok(Rule { priority, select, keep })
}

/// What the rules may not be to each other; they are in their order.
fn together(rules: &[Rule]) -> Result<(), String> {
    for (at, rule) in rules.iter().enumerate() {
        let later = &rules[at + 1..];
        let priority = rule.priority;
        if later.iter().any(|other| other.priority == priority) {
            return Err(format!("rulePriority {priority} is given twice"));
        }
        if later.iter().any(|other| other.select == rule.select) {
            return Err(format!("rule {priority}: another rule selects the same images"));
        }
        if rule.select == Select::Any && !later.is_empty() {
            return Err(format!("rule {priority}: a rule with tagStatus any must have the highest rulePriority"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rules: &[&str]) -> Result<Policy, String> {
        let rules: Vec<String> =
            rules.iter().map(|rule| format!(r#"{{{rule},"action":{{"type":"expire"}}}}"#)).collect();
        Policy::parse(&format!(r#"{{"rules":[{}]}}"#, rules.join(",")))
    }

    fn one(priority: u32, selection: &str) -> String {
        format!(r#""rulePriority":{priority},"selection":{{{selection}}}"#)
    }

    #[test]
    fn what_the_user_guide_forbids_is_refused_and_why_is_said() {
        let any = r#""tagStatus":"any","countType":"imageCountMoreThan","countNumber":1"#;
        let untagged = r#""tagStatus":"untagged","countType":"sinceImagePushed","countUnit":"days","countNumber":1"#;
        let tagged = r#""tagStatus":"tagged","tagPrefixList":["a"],"countType":"imageCountMoreThan","countNumber":1"#;
        let all = check(&[&one(3, any), &one(1, untagged), &one(2, tagged)]).unwrap();
        assert_eq!(all.rules.iter().map(|rule| rule.priority).collect::<Vec<_>>(), [1, 2, 3]);
        for (rules, words) in [
            (vec![], "at least 1"),
            (vec![one(0, any)], "positive"),
            (vec![one(1, &any.replace("1", "0"))], "positive"),
            (vec![one(1, any), one(2, untagged)], "highest rulePriority"),
            (vec![one(1, untagged), one(1, any)], "given twice"),
            (vec![one(1, untagged), one(2, untagged)], "the same images"),
            (vec![one(1, &tagged.replace("tagged", "untagged"))], "tagged only"),
            (vec![one(1, &any.replace("any", "tagged"))], "needs one of"),
            (vec![one(1, &untagged.replace(r#""countUnit":"days","#, ""))], "needs countUnit"),
            (vec![one(1, &format!(r#"{any},"countUnit":"days""#))], "no countUnit"),
            (
                vec![one(1, &tagged.replace("tagPrefixList", "tagPatternList").replace("\"a\"", "\"*1*2*3*4*\""))],
                "four wild",
            ),
            (vec![one(1, &any.replace("any", "some"))], "unknown variant"),
            (vec![one(1, &format!(r#"{any},"other":1"#))], "unknown field `other`"),
            (vec![one(1, &any.replace("imageCountMoreThan", "sinceImagePulled"))], "managr's platform"),
        ] {
            let rules: Vec<&str> = rules.iter().map(String::as_str).collect();
            let refused = check(&rules).unwrap_err();
            assert!(refused.contains(words), "{refused}");
        }
        assert!(Policy::parse("nonsense").is_err() && Policy::parse("{}").unwrap_err().contains("rules"));
    }
}
