//! The promise: whatever was found, the manifest renders to it.

use proptest::prelude::*;

use super::generator::found;
use super::proved;

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 600, ..ProptestConfig::default() })]

    #[test]
    fn whatever_was_found_is_what_the_manifest_renders_to(found in found()) {
        let (folded, text) = proved(&found);
        let fell_back = folded.left.iter().find(|left| left.why.contains("would not be accepted"));
        prop_assert_eq!(fell_back, None, "{}", text);
    }
}
