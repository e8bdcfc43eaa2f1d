//! `managr db STAGE size|locks|slow`: what PostgreSQL says of itself.

use deploy::db::Relay;
use deploy_core::db::{LOCKS, SIZE, SLOW, TABLES};
use serde::Serialize;
use tokio_postgres::{Client, Config, NoTls, Row};

use super::Which;
use super::amount::{bytes, millis};
use super::place::Place;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::reach::UNREACHED;
use crate::ui::table::Table;

#[derive(Debug, clap::Args)]
pub(super) struct LookArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Connects to the database.
///
/// # Errors
/// The server's own words, or why there are none.
pub(super) async fn connect(relay: &Relay) -> Result<Client, Failure> {
    let mut config = Config::new();
    config.user(&relay.parts().user).dbname(&relay.parts().name).application_name("managr");
    let (client, connection) =
        config.connect_raw(relay.stream(), NoTls).await.map_err(|error| told(&error).exit(UNREACHED))?;
    // Its errors are those of the queries, too.
    tokio::spawn(connection);
    Ok(client)
}

/// Returns the failure that an error of the server is.
pub(super) fn told(error: &tokio_postgres::Error) -> Failure {
    let Some(said) = error.as_db_error() else {
        return Failure::new(format!("the database did not answer: {}", aws_model::chain(error)));
    };
    let failure = Failure::new(format!("the database says: {}", said.message()));
    match said.hint() {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// Returns the major version of the server.
///
/// # Errors
/// As [`connect`].
pub(super) async fn major(client: &Client) -> Result<u32, Failure> {
    let row = client.query_one("SELECT current_setting('server_version_num')::int", &[]).await;
    let number: i32 = row.and_then(|row| row.try_get(0)).map_err(|error| told(&error))?;
    Ok(u32::try_from(number / 10_000).unwrap_or_default())
}

async fn ask(cx: &Context, stage: &str, which: &Which, questions: &[&str]) -> Result<Vec<Vec<Row>>, Failure> {
    let reached = Place::of(cx, stage, which)?.reach(cx).await?;
    let answers = async {
        let client = connect(&reached.relay).await?;
        let mut answers = Vec::new();
        for question in questions {
            answers.push(client.query(*question, &[]).await.map_err(|error| told(&error))?);
        }
        Ok(answers)
    };
    let answers = answers.await;
    reached.close().await;
    answers
}

#[derive(Serialize)]
struct Size {
    name: String,
    bytes: i64,
    tables: Vec<TableSize>,
}

#[derive(Serialize)]
struct TableSize {
    schema: String,
    table: String,
    bytes: i64,
    indexes: i64,
    /// PostgreSQL's estimate; none before it was looked at for the first time.
    rows: Option<i64>,
}

pub(super) async fn size(cx: &Context, stage: &str, which: &Which, args: &LookArgs) -> Result<Exit, Failure> {
    let answers = ask(cx, stage, which, &[SIZE, TABLES]).await?;
    let tables = answers[1].iter().map(|row| TableSize {
        schema: row.get("schema"),
        table: row.get("table"),
        bytes: row.get("bytes"),
        indexes: row.get("indexes"),
        rows: Some(row.get::<_, i64>("rows")).filter(|rows| *rows >= 0),
    });
    let tables = tables.collect();
    let all = answers[0].first().ok_or_else(|| Failure::new("the database told no size"))?;
    let size = Size { name: all.get("name"), bytes: all.get("bytes"), tables };
    if args.json {
        cx.ui.json(&size);
        return Ok(Exit::Done);
    }
    let amount = |count: i64| bytes(u64::try_from(count).unwrap_or_default());
    let mut table = Table::new(["TABLE", "SIZE", "INDEXES", "ROWS (ABOUT)"], |text| cx.ui.out.dim(text));
    for one in &size.tables {
        let rows = one.rows.map_or("-".to_owned(), |rows| rows.to_string());
        table.row([
            format!("{}.{}", one.schema, one.table).into(),
            amount(one.bytes).into(),
            amount(one.indexes).into(),
            rows.into(),
        ]);
    }
    cx.ui.data(&format!("{} {}\n{}", size.name, amount(size.bytes), table.render()));
    Ok(Exit::Done)
}

#[derive(Serialize)]
struct Lock {
    pid: i32,
    user: String,
    query: String,
    seconds: f64,
    by: i32,
    by_state: String,
    by_query: String,
    by_seconds: f64,
}

pub(super) async fn locks(cx: &Context, stage: &str, which: &Which, args: &LookArgs) -> Result<Exit, Failure> {
    let answers = ask(cx, stage, which, &[LOCKS]).await?;
    let locks = answers[0].iter().map(|row| Lock {
        pid: row.get("pid"),
        user: row.get("user"),
        query: row.get("query"),
        seconds: row.get("seconds"),
        by: row.get("by"),
        by_state: row.get("by_state"),
        by_query: row.get("by_query"),
        by_seconds: row.get("by_seconds"),
    });
    let locks: Vec<Lock> = locks.collect();
    if args.json {
        cx.ui.json(&locks);
        return Ok(Exit::Done);
    }
    if locks.is_empty() {
        cx.ui.say("nobody waits");
        return Ok(Exit::Done);
    }
    let mut table =
        Table::new(["PID", "WAITS", "QUERY", "FOR PID", "SINCE", "STATE", "ITS QUERY"], |text| cx.ui.out.dim(text));
    for lock in &locks {
        table.row([
            lock.pid.to_string().into(),
            format!("{:.0} s", lock.seconds).into(),
            one_line(&lock.query).into(),
            lock.by.to_string().into(),
            format!("{:.0} s", lock.by_seconds).into(),
            lock.by_state.as_str().into(),
            one_line(&lock.by_query).into(),
        ]);
    }
    cx.ui.data(&table.render());
    Ok(Exit::Done)
}

#[derive(Serialize)]
struct Slow {
    query: String,
    calls: i64,
    total_ms: f64,
    mean_ms: f64,
    max_ms: f64,
    rows: i64,
}

pub(super) async fn slow(cx: &Context, stage: &str, which: &Which, args: &LookArgs) -> Result<Exit, Failure> {
    let answers = ask(cx, stage, which, &[SLOW]).await.map_err(|failure| {
        // 42P01: the view is in no schema; 55000: the library is not loaded. The server's words name it in both cases.
        let is_missing = failure.render(crate::ui::Paint::Plain).contains("pg_stat_statements");
        match is_missing {
            true => failure.hint(
                "write `extensions = [\"pg_stat_statements\"]` at the database in managr.toml, or run `CREATE EXTENSION \
                 pg_stat_statements` in `managr db STAGE shell`; the instance's parameter shared_preload_libraries must \
                 have it, as it has in RDS",
            ),
            false => failure,
        }
    })?;
    let found = answers[0].iter().map(|row| Slow {
        query: row.get("query"),
        calls: row.get("calls"),
        total_ms: row.get("total"),
        mean_ms: row.get("mean"),
        max_ms: row.get("max"),
        rows: row.get("rows"),
    });
    let found: Vec<Slow> = found.collect();
    if args.json {
        cx.ui.json(&found);
        return Ok(Exit::Done);
    }
    let mut table = Table::new(["TOTAL", "CALLS", "MEAN", "MAX", "ROWS", "QUERY"], |text| cx.ui.out.dim(text));
    for one in &found {
        table.row([
            millis(one.total_ms).into(),
            one.calls.to_string().into(),
            millis(one.mean_ms).into(),
            millis(one.max_ms).into(),
            one.rows.to_string().into(),
            one_line(&one.query).into(),
        ]);
    }
    cx.ui.data(&table.render());
    Ok(Exit::Done)
}

/// Returns a query as a cell of a table shows it.
fn one_line(query: &str) -> String {
    const MOST: usize = 100;
    let words = query.split_whitespace().collect::<Vec<_>>().join(" ");
    match words.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}…", &words[..at]),
        None => words,
    }
}
