//! Releases that go well and releases that do not, for real: what a person is told of each, and the exit code.

mod well;
