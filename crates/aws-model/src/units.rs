//! Task-level CPU and memory as ECS takes and answers them, and the pairs that Fargate has.

/// Returns CPU units of `"256"`, `"1 vCPU"`, `".25 vcpu"`; none if it is neither.
///
/// ECS takes both forms and answers units (RegisterTaskDefinition API reference, `cpu`).
pub fn cpu_units(text: &str) -> Option<i64> {
    scaled(text, &["vcpu"])
}

/// Returns MiB of `"512"`, `"1GB"`, `"0.5 GB"`; none if it is neither.
pub fn memory_mib(text: &str) -> Option<i64> {
    scaled(text, &["gb"])
}

/// Plain digits are units already; a number with a suffix counts 1024 of them.
fn scaled(text: &str, suffixes: &[&str]) -> Option<i64> {
    let text = text.trim().to_ascii_lowercase();
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        return text.parse().ok();
    }
    let number = suffixes.iter().find_map(|s| text.strip_suffix(s))?.trim_end();
    let plain = number.bytes().all(|b| b.is_ascii_digit() || b == b'.') && number.bytes().any(|b| b.is_ascii_digit());
    let units = number.parse::<f64>().ok().filter(|_| plain)? * 1024.0;
    (units.fract() == 0.0 && units < 1e9).then_some(units as i64)
}

/// Returns every pair of CPU units and MiB that Fargate offers on Linux, by CPU.
///
/// Developer guide, "Task CPU and memory". The 32 vCPU row is of 2025.
pub fn fargate_pairs() -> impl Iterator<Item = (i64, i64)> {
    const GIB: i64 = 1024;
    /// CPU, least GiB, most GiB, step.
    const RANGES: [(i64, i64, i64, i64); 6] =
        [(512, 1, 4, 1), (1024, 2, 8, 1), (2048, 4, 16, 1), (4096, 8, 30, 1), (8192, 16, 60, 4), (16384, 32, 120, 8)];
    let ranges = RANGES
        .into_iter()
        .flat_map(|(cpu, least, most, step)| (0..=(most - least) / step).map(move |i| (cpu, (least + i * step) * GIB)));
    let least = [512, 1024, 2048].into_iter().map(|mib| (256, mib));
    let most = [60, 120, 244].into_iter().map(|gib| (32768, gib * GIB));
    least.chain(ranges).chain(most)
}

/// Whether Fargate offers this pair.
pub fn is_fargate_pair(cpu: i64, mib: i64) -> bool {
    fargate_pairs().any(|pair| pair == (cpu, mib))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_in_units_or_in_vcpus_and_gigabytes() {
        fn check(cpu: &str, memory: &str, want: (i64, i64)) {
            assert_eq!((cpu_units(cpu).unwrap_or(-1), memory_mib(memory).unwrap_or(-1)), want, "{cpu} {memory}");
        }
        check("256", "512", (256, 512));
        check("1 vCPU", "2 GB", (1024, 2048));
        check(".25 vcpu", "0.5GB", (256, 512));
        check("0.5vCPU", "1gb", (512, 1024));
        check("", "", (-1, -1));
        check("lots", "2 MB", (-1, -1));
        check("-1", "1e3 GB", (-1, -1));
        check(". vcpu", "NaN GB", (-1, -1));
    }

    #[test]
    fn fargate_has_these_pairs() {
        fn check(cpu: i64, want: &str) {
            let got: Vec<_> = fargate_pairs().filter(|(c, _)| *c == cpu).map(|(_, m)| m).collect();
            let step = got.windows(2).map(|w| w[1] - w[0]).max().unwrap_or(0);
            assert_eq!(format!("{}..{} step {step}, {}", got[0], got[got.len() - 1], got.len()), want);
        }
        check(256, "512..2048 step 1024, 3");
        check(512, "1024..4096 step 1024, 4");
        check(1024, "2048..8192 step 1024, 7");
        check(2048, "4096..16384 step 1024, 13");
        check(4096, "8192..30720 step 1024, 23");
        check(8192, "16384..61440 step 4096, 12");
        check(16384, "32768..122880 step 8192, 12");
        check(32768, "61440..249856 step 126976, 3");
        assert!(!is_fargate_pair(256, 4096));
    }
}
