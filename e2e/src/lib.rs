//! Root-needing end-to-end suites.
