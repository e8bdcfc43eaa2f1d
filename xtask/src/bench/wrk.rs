//! wrk, and what it prints.

use crate::shell::{Fault, Run, cmd};

/// How much is asked for.
pub(crate) struct Load {
    pub(crate) connections: u32,
    pub(crate) seconds: u32,
}

impl Load {
    /// Returns a run of wrk to which the caller adds what is asked, and the URL last.
    pub(crate) fn run(&self) -> Run {
        let run = cmd("wrk", &["--latency", "--threads=1"]);
        run.arg(format!("--connections={}", self.connections)).arg(format!("--duration={}s", self.seconds))
    }

    /// Gets one page over and over; returns requests per second and p99 as wrk words it.
    pub(crate) fn get(&self, url: &str) -> Result<(f64, String), Fault> {
        read(&self.run().arg(url).read()?, url)
    }
}

/// Returns requests per second and p99 from what wrk printed.
pub(crate) fn read(printed: &str, what: &str) -> Result<(f64, String), Fault> {
    // A timeout is an answer that took over two seconds: slow, and seen in the latencies, but not lost.
    let is_lost = |line: &str| line.contains("Socket errors") && !line.contains("connect 0, read 0, write 0");
    if let Some(failed) = printed.lines().find(|line| line.contains("Non-2xx") || is_lost(line)) {
        return Err(Fault::Wrong(format!("{what}: {}", failed.trim())));
    }
    let after = |label: &str| printed.lines().find_map(|line| line.trim().strip_prefix(label)).map(str::trim);
    let rate = after("Requests/sec:").and_then(|text| text.parse().ok());
    let unread = || Fault::Wrong(format!("wrk printed something else:\n{printed}"));
    Ok((rate.ok_or_else(unread)?, after("99%").ok_or_else(unread)?.to_owned()))
}
