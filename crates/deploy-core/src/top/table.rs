//! What do CloudWatch's answers say of services, tasks and containers?
//!
//! What CloudWatch did not report stays absent. Zero is reported only where the source says that silence means it:
//! requests, of which load balancers report nothing in a minute without any.

use aws_model::Millis;

use super::{
    Answers, Insights, MINUTE, Measure, Of, Point, Row, RowKind, Seen, SeenService, SeenTask, Top, Usage, notes,
};

/// What is older tells nothing of now, in milliseconds.
const STALE: Millis = 5 * MINUTE;

/// Returns what a stage uses. `now` is CloudWatch's time in milliseconds since the epoch.
pub fn table(seen: &Seen, answers: &Answers, now: Millis) -> Top {
    let read = Read { answers, now };
    let mut services: Vec<Row> = seen.services.iter().map(|service| read.service(seen, service)).collect();
    services.extend(read.one_offs(seen));
    let notes = notes::notes(seen, &services, now);
    Top {
        app: seen.app.clone(),
        stage: seen.stage.clone(),
        cluster: seen.cluster.clone(),
        at: now,
        container_insights: seen.insights,
        services,
        notes,
    }
}

struct Read<'a> {
    answers: &'a Answers,
    now: Millis,
}

impl Read<'_> {
    fn points(&self, of: &Of, measure: Measure) -> &[Point] {
        self.answers.get(&(of.clone(), measure)).map_or(&[], Vec::as_slice)
    }

    /// Returns the newest value, unless it is of another time.
    fn newest(&self, of: &Of, measure: Measure) -> Option<f64> {
        let fresh = self.points(of, measure).iter().filter(|(at, _)| *at > self.now - STALE && *at <= self.now);
        fresh.max_by_key(|(at, _)| *at).map(|(_, value)| *value)
    }

    fn at(&self, of: &Of, measure: Measure, minute: Millis) -> Option<f64> {
        self.points(of, measure).iter().find(|(at, _)| *at == minute).map(|(_, value)| *value)
    }

    fn service(&self, seen: &Seen, service: &SeenService) -> Row {
        let own: Vec<&SeenTask> =
            seen.tasks.iter().filter(|task| task.service.as_ref() == Some(&service.name)).collect();
        let parts: Vec<Row> = own.iter().filter(|task| !task.is_ending).map(|task| self.task(task)).collect();
        let of = Of::Service(service.name.clone());
        let mut usage = whole(&parts);
        usage.cpu_percent = self.newest(&of, Measure::CpuShare).or(usage.cpu_percent);
        usage.memory_percent = self.newest(&of, Measure::MemoryShare).or(usage.memory_percent);
        if seen.insights == Insights::Enabled {
            // Averages of its tasks.
            let all = |measure| self.newest(&of, measure).map(|each| each * service.running.max(1) as f64);
            usage.memory_mib = all(Measure::Memory);
            (usage.received, usage.sent) = (all(Measure::Received), all(Measure::Sent));
        }
        if service.exists {
            usage.failed_tasks = Some(own.iter().filter(|task| task.has_failed).count() as u64);
        }
        self.traffic(service, &mut usage);
        let state = match (service.exists, service.running, service.desired) {
            (false, ..) => "not running".to_owned(),
            (true, running, desired) => format!("{running} of {desired} running"),
        };
        Row { kind: RowKind::Service, name: service.service.clone(), state, usage, parts }
    }

    /// Returns what runs once, under the names whose settings it has.
    fn one_offs(&self, seen: &Seen) -> Vec<Row> {
        let mut rows: Vec<Row> = Vec::new();
        for task in seen.tasks.iter().filter(|task| task.service.is_none() && !task.is_ending) {
            let part = self.task(task);
            match rows.iter_mut().find(|row| row.name == task.owner) {
                Some(row) => row.parts.push(part),
                None => rows.push(Row {
                    kind: RowKind::OneOff,
                    name: task.owner.clone(),
                    state: String::new(),
                    usage: Usage::default(),
                    parts: vec![part],
                }),
            }
        }
        for row in &mut rows {
            row.usage = whole(&row.parts);
            row.state = format!("{} once", row.parts.len());
        }
        rows
    }

    fn task(&self, task: &SeenTask) -> Row {
        let of = Of::Task(task.id.clone());
        let container = |container: &super::SeenContainer| {
            let of = Of::Container(task.id.clone(), container.name.clone());
            let mut usage = self.used(&of);
            usage.restarts = self.newest(&of, Measure::Restarts).map(count);
            let (name, state) = (container.name.clone(), container.state.clone());
            Row { kind: RowKind::Container, name, state, usage, parts: Vec::new() }
        };
        let parts: Vec<Row> = task.containers.iter().map(container).collect();
        let mut usage = self.used(&of);
        usage.received = self.newest(&of, Measure::Received);
        usage.sent = self.newest(&of, Measure::Sent);
        usage.restarts = restarts(&parts);
        Row { kind: RowKind::Task, name: task.id.clone(), state: task.state.clone(), usage, parts }
    }

    /// Returns CPU and memory of a task or a container: used, and used of what is reserved.
    fn used(&self, of: &Of) -> Usage {
        let share = |used: Option<f64>, reserved| {
            let reserved = self.newest(of, reserved).filter(|reserved| *reserved > 0.0)?;
            Some(used? / reserved * 100.0)
        };
        let (cpu, memory) = (self.newest(of, Measure::Cpu), self.newest(of, Measure::Memory));
        Usage {
            cpu_percent: share(cpu, Measure::CpuReserved),
            cpu_units: cpu,
            memory_percent: share(memory, Measure::MemoryReserved),
            memory_mib: memory,
            ..Usage::default()
        }
    }

    /// Adds what load balancers reported. Requests of several groups add up; latencies do not: the busiest's count.
    fn traffic(&self, service: &SeenService, usage: &mut Usage) {
        let mut busiest = -1.0;
        for at in 0..service.groups.len() {
            let of = Of::Group(service.name.clone(), at);
            let Some(minute) = self.minute(&of) else { continue };
            let told = |measure| self.at(&of, measure, minute);
            let requests = told(Measure::Requests).unwrap_or(0.0);
            let add = |sum: &mut Option<f64>, more: f64| *sum = Some(sum.unwrap_or(0.0) + more / 60.0);
            add(&mut usage.requests, requests);
            add(&mut usage.errors, told(Measure::Errors).unwrap_or(0.0));
            if requests > busiest {
                busiest = requests;
                (usage.p50, usage.p95, usage.p99) = (told(Measure::P50), told(Measure::P95), told(Measure::P99));
            }
        }
    }

    /// Returns the minute to report of a target group: the last one that is over and known.
    ///
    /// Counts of hosts show that a minute was reported. Counts of requests may follow a moment later, so that none in
    /// one minute is believed once it is none in two.
    fn minute(&self, of: &Of) -> Option<Millis> {
        let whole = |measure| {
            let over = self.points(of, measure).iter().map(|(at, _)| *at);
            over.filter(|at| *at > self.now - STALE && *at + MINUTE <= self.now).max()
        };
        match (whole(Measure::Hosts), whole(Measure::Requests)) {
            (Some(told), Some(asked)) if asked + MINUTE >= told => Some(asked),
            (Some(told), _) => Some(told),
            (None, asked) => asked,
        }
    }
}

/// Returns what parts use together: sums, and the mean of their shares, as ECS's own metrics of services are.
fn whole(parts: &[Row]) -> Usage {
    let all = |of: fn(&Usage) -> Option<f64>| parts.iter().filter_map(move |part| of(&part.usage));
    let sum = |of| all(of).reduce(|a, b| a + b);
    let mean = |of: fn(&Usage) -> Option<f64>| sum(of).map(|sum| sum / all(of).count() as f64);
    Usage {
        cpu_percent: mean(|usage| usage.cpu_percent),
        cpu_units: sum(|usage| usage.cpu_units),
        memory_percent: mean(|usage| usage.memory_percent),
        memory_mib: sum(|usage| usage.memory_mib),
        received: sum(|usage| usage.received),
        sent: sum(|usage| usage.sent),
        restarts: restarts(parts),
        ..Usage::default()
    }
}

/// Returns how often the parts were restarted, as far as that is known; none if it is known of none.
fn restarts(parts: &[Row]) -> Option<u64> {
    parts.iter().filter_map(|part| part.usage.restarts).reduce(|a, b| a + b)
}

/// Returns a count that CloudWatch told as a number of its own kind.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
fn count(value: f64) -> u64 {
    value.round() as u64
}
