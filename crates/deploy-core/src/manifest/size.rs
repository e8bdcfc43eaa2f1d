//! Which sizes does a task have when the manifest says only part of it?

use aws_model::units::{fargate_pairs, is_fargate_pair};

/// CPU units of a task that says nothing.
pub const DEFAULT_CPU: u32 = 256;

/// A task's size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// CPU units.
    pub cpu: u32,
    /// MiB.
    pub memory: u32,
}

/// Returns the size with what is missing filled in: the least CPU, the least memory that goes with it.
pub fn settle(cpu: Option<u32>, memory: Option<u32>) -> Size {
    let cpu = cpu.unwrap_or(DEFAULT_CPU);
    // An unknown CPU has no memory of its own; the reader has refused it before it is rendered.
    let memory = memory.or_else(|| memories(cpu).first().copied()).unwrap_or(cpu.saturating_mul(2));
    Size { cpu, memory }
}

/// Returns whether Fargate has this size.
pub fn is_fargate(size: Size) -> bool {
    is_fargate_pair(i64::from(size.cpu), i64::from(size.memory))
}

/// Returns the memories in MiB that Fargate has for this CPU, rising; none for a CPU that it does not have.
pub fn memories(cpu: u32) -> Vec<u32> {
    fargate_pairs().filter(|(c, _)| *c == i64::from(cpu)).filter_map(|(_, memory)| u32::try_from(memory).ok()).collect()
}

/// Returns the CPUs that Fargate has, rising.
pub fn cpus() -> Vec<u32> {
    let mut all: Vec<u32> = fargate_pairs().filter_map(|(cpu, _)| u32::try_from(cpu).ok()).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// Returns a sentence that says what would have been right.
pub(super) fn advice(size: Size) -> String {
    let memories = memories(size.cpu);
    if memories.is_empty() {
        let cpus: Vec<String> = cpus().iter().map(ToString::to_string).collect();
        return format!("cpu is one of {}", cpus.join(", "));
    }
    let words: Vec<String> = memories.iter().map(ToString::to_string).collect();
    match memories.as_slice() {
        [first, second, .., last] if memories.len() > 5 => {
            format!("with cpu {} memory is {first} to {last} in steps of {}", size.cpu, second - first)
        }
        _ => format!("with cpu {} memory is one of {}", size.cpu, words.join(", ")),
    }
}
