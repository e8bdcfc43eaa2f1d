//! One manifest of what was found in several stages.
