//! What holds for every manifest.

use deploy_core::vars::check::Seen;
use proptest::prelude::*;

use super::findings;

const CLEAN: &str = include_str!("clean/realistic.toml");
const BROKEN: [&str; 4] = [
    include_str!("broken/near-miss.toml"),
    include_str!("broken/declared-twice.toml"),
    include_str!("broken/alike.toml"),
    include_str!("broken/credentials.toml"),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// A name that resembles no other adds no finding, and takes none away.
    #[test]
    fn a_variable_of_its_own_changes_nothing(which in 0..5_usize, number in 0..1000_u32, value in "[a-z ]{0,12}") {
        let text = BROKEN.get(which).copied().unwrap_or(CLEAN);
        let line = format!("[variables]\nQUUX_{number}_ZYGOTE = \"{value}\"");
        let more = text.replacen("[variables]", &line, 1);
        let said = |text: &str| -> Vec<(String, String)> {
            findings(text, &[], &Seen::default()).into_iter().map(|f| (f.rule.code().to_owned(), f.name)).collect()
        };
        prop_assert_eq!(said(&more), said(text));
    }

    /// Whatever a variable is called and holds, nothing panics and the value is not in what is said.
    #[test]
    fn no_finding_shows_a_value(name in "[A-Za-z_][A-Za-z0-9_.-]{0,20}", value in "[A-Za-z0-9+/]{12,40}") {
        let text = CLEAN.replacen("[variables]", &format!("[variables]\n\"{name}\" = \"{value}\""), 1);
        prop_assume!(deploy_core::parse("managr.toml", &text).is_ok());
        for finding in findings(&text, &[], &Seen::default()) {
            prop_assert!(!format!("{finding:?}").contains(&value), "{:?}", finding);
        }
    }
}
