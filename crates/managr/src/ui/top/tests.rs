//! The table, printed and drawn, and what keys make of it.

use std::time::Duration;

use deploy_core::top::{Insights, Row, RowKind, Top, Usage};
use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::Color;

use super::draw::draw;
use super::view::{Press, View};
use super::*;
use crate::ui::Paint;

fn row(kind: RowKind, name: &str, usage: Usage, parts: Vec<Row>) -> Row {
    Row { kind, name: name.to_owned(), state: "running".to_owned(), usage, parts }
}

fn used(cpu: f64, mib: f64) -> Usage {
    let (cpu_percent, cpu_units) = (Some(cpu), Some(cpu * 5.12));
    Usage { cpu_percent, cpu_units, memory_percent: Some(mib / 10.24), memory_mib: Some(mib), ..Usage::default() }
}

fn task(id: &str, cpu: f64, containers: &[(&str, f64)]) -> Row {
    let parts = containers.iter().map(|(name, cpu)| {
        let usage = Usage { restarts: (*name == "app").then_some(2), ..used(*cpu, 50.0) };
        row(RowKind::Container, name, usage, Vec::new())
    });
    let usage = Usage { received: Some(2048.0), sent: Some(1.5e6), restarts: Some(2), ..used(cpu, 100.0) };
    row(RowKind::Task, id, usage, parts.collect())
}

fn stage() -> Top {
    let web = Usage {
        requests: Some(12.5),
        errors: Some(0.2),
        p50: Some(0.0123),
        p95: Some(0.25),
        p99: Some(1.5),
        failed_tasks: Some(1),
        ..used(93.0, 200.0)
    };
    let tasks = vec![
        task("aaaabbbbccccdddd", 40.0, &[("nginx", 1.0), ("app", 75.0)]),
        task("bbbbccccddddeeee", 93.0, &[("nginx", 2.0), ("app", 91.0)]),
    ];
    let worker = row(
        RowKind::Task,
        "ccccddddeeeeffff",
        Usage::default(),
        vec![row(RowKind::Container, "worker", Usage::default(), Vec::new())],
    );
    Top {
        app: "shop".to_owned(),
        stage: "local".to_owned(),
        cluster: "shop-cluster".to_owned(),
        at: 1_800_000_030_000,
        container_insights: Insights::Enhanced,
        services: vec![
            row(RowKind::Service, "web", web, tasks),
            row(RowKind::Service, "worker", Usage { failed_tasks: Some(0), ..used(3.0, 20.0) }, vec![worker]),
        ],
        notes: vec!["Container Insights is off for cluster shop-cluster: nothing is told of its tasks".to_owned()],
    }
}

/// Draws a view, and returns what is seen of it, line by line.
fn drawn(view: &mut View, (columns, lines): (u16, u16), paint: Paint) -> String {
    let mut terminal = Terminal::new(TestBackend::new(columns, lines)).unwrap();
    terminal.draw(|frame| draw(frame, view, Duration::from_secs(5), paint)).unwrap();
    let text = terminal.backend().to_string();
    text.lines().map(|line| line.trim_matches('"').trim_end().to_owned() + "\n").collect()
}

#[test]
fn it_is_printed_once() {
    insta::assert_snapshot!(table(&stage(), Paint::Plain), @r"
    NAME        STATE    CPU   MEMORY   MEM %   NET IN  NET OUT   RESTARTS  REQ/S  P50      P95     P99
    web         running  93 %  200 MiB  19.5 %  -       -         1         12.5   12.3 ms  250 ms  1.5 s
      aaaabbbb  running  40 %  100 MiB  9.8 %   2 kB/s  1.5 MB/s  2
        nginx   running  1 %   50 MiB   4.9 %                     -
        app     running  75 %  50 MiB   4.9 %                     2
      bbbbcccc  running  93 %  100 MiB  9.8 %   2 kB/s  1.5 MB/s  2
        nginx   running  2 %   50 MiB   4.9 %                     -
        app     running  91 %  50 MiB   4.9 %                     2
    worker      running  3 %   20 MiB   2 %     -       -         0         -      -        -       -
      ccccdddd  running  -     -        -       -       -         -
        worker  running  -     -        -                         -
    Container Insights is off for cluster shop-cluster: nothing is told of its tasks
    ");
}

#[test]
fn it_is_drawn() {
    insta::assert_snapshot!(drawn(&mut View::new(stage()), (132, 16), Paint::Plain), @r"
    shop local  cluster shop-cluster  3 tasks                                                                    08:00:30 UTC, every 5 s
    NAME          STATE     CPU   MEMORY   MEM %  NET IN   NET OUT  RESTARTS  REQ/S      P50     P95    P99
    - web         running  93 %  200 MiB  19.5 %       -         -         1   12.5  12.3 ms  250 ms  1.5 s
      - aaaabbbb  running  40 %  100 MiB   9.8 %  2 kB/s  1.5 MB/s         2
          nginx   running   1 %   50 MiB   4.9 %                           -
          app     running  75 %   50 MiB   4.9 %                           2
      - bbbbcccc  running  93 %  100 MiB   9.8 %  2 kB/s  1.5 MB/s         2
          nginx   running   2 %   50 MiB   4.9 %                           -
          app     running  91 %   50 MiB   4.9 %                           2
    - worker      running   3 %   20 MiB     2 %       -         -         0      -        -       -      -
      - ccccdddd  running     -        -       -       -         -         -
          worker  running     -        -       -                           -


    Container Insights is off for cluster shop-cluster: nothing is told of its tasks
    q quit   arrows move, open, close   a all   s S sort by   c CPU   m memory   r reverse
    ");
}

#[test]
fn what_does_not_fit_is_left_out() {
    insta::assert_snapshot!(drawn(&mut View::new(stage()), (60, 14), Paint::Plain), @r"
    shop local  cluster shop-cluster  3  08:00:30 UTC, every 5 s
    NAME           CPU   MEMORY  NET IN  RESTARTS  REQ/S     P95
    - web         93 %  200 MiB       -         1   12.5  250 ms
      - aaaabbbb  40 %  100 MiB  2 kB/s         2
          nginx    1 %   50 MiB                 -
          app     75 %   50 MiB                 2
      - bbbbcccc  93 %  100 MiB  2 kB/s         2
          nginx    2 %   50 MiB                 -
          app     91 %   50 MiB                 2
    - worker       3 %   20 MiB       -         0      -       -
      - ccccdddd     -        -       -         -
    Container Insights is off for cluster shop-cluster: nothing
    is told of its tasks
    q quit   arrows move, open, close   a all   s S sort by   c
    ");
    for size in [(1, 1), (2, 3), (10, 4), (20, 2), (300, 100)] {
        drawn(&mut View::new(stage()), size, Paint::Plain); // no size is too small
    }
}

#[test]
fn colours_are_for_those_who_want_them() {
    let colours = |paint| {
        let mut terminal = Terminal::new(TestBackend::new(132, 16)).unwrap();
        let mut view = View::new(stage());
        terminal.draw(|frame| draw(frame, &mut view, Duration::from_secs(5), paint)).unwrap();
        let cells = terminal.backend().buffer().content().iter();
        cells.filter(|cell| cell.fg != Color::Reset || cell.bg != Color::Reset).map(|cell| cell.fg).collect::<Vec<_>>()
    };
    assert_eq!(colours(Paint::Plain), []);
    assert!(colours(Paint::Colour).contains(&Color::Red), "93 % of what is reserved");
    assert!(colours(Paint::Colour).contains(&Color::Yellow), "75 %");
    assert!(table(&stage(), Paint::Colour).contains("\u{1b}[31m93 %"));
}

/// Presses keys, and returns the rows that are seen, the selected one in brackets.
fn seen(view: &mut View, presses: &[Press]) -> String {
    presses.iter().for_each(|press| assert!(view.press(*press)));
    let at = view.at();
    let lines = view.lines();
    let names = lines.iter().enumerate().map(|(index, line)| {
        let name = called(line.row);
        if index == at { format!("[{name}]") } else { name }
    });
    names.collect::<Vec<_>>().join(" ")
}

#[test]
fn arrows_open_and_close_and_move() {
    use Press::{Close, Down, First, Last, Open, Toggle, ToggleAll};
    let mut view = View::new(stage());
    assert_eq!(seen(&mut view, &[]), "[web] aaaabbbb nginx app bbbbcccc nginx app worker ccccdddd worker");
    assert_eq!(
        seen(&mut view, &[Down(2), Close]),
        "web [aaaabbbb] nginx app bbbbcccc nginx app worker ccccdddd worker"
    );
    assert_eq!(seen(&mut view, &[Close]), "web [aaaabbbb] bbbbcccc nginx app worker ccccdddd worker");
    assert_eq!(seen(&mut view, &[Close, Toggle]), "[web] worker ccccdddd worker");
    assert_eq!(seen(&mut view, &[Open, Open, Down(-9)]), "[web] aaaabbbb bbbbcccc nginx app worker ccccdddd worker");
    assert_eq!(seen(&mut view, &[Last, Open]), "web aaaabbbb bbbbcccc nginx app worker ccccdddd [worker]");
    assert_eq!(seen(&mut view, &[ToggleAll]), "web aaaabbbb nginx app bbbbcccc nginx app worker ccccdddd [worker]");
    assert_eq!(seen(&mut view, &[ToggleAll]), "web [worker]");
    assert_eq!(seen(&mut view, &[First]), "[web] worker");
    assert!(!view.press(Press::Quit));
}

#[test]
fn rows_are_sorted_among_their_own_and_the_unknown_come_last() {
    use Press::{Down, Reverse, Sort, SortBy};
    let mut view = View::new(stage());
    let by_cpu = "[web] bbbbcccc app nginx aaaabbbb app nginx worker ccccdddd worker";
    assert_eq!(seen(&mut view, &[SortBy(Column::Cpu)]), by_cpu);
    // What is selected stays so, wherever it goes.
    let rising = "worker ccccdddd worker web [aaaabbbb] nginx app bbbbcccc nginx app";
    assert_eq!(seen(&mut view, &[Down(4), Reverse]), rising);
    let by_requests = "web [aaaabbbb] nginx app bbbbcccc nginx app worker ccccdddd worker";
    assert_eq!(seen(&mut view, &[SortBy(Column::Requests)]), by_requests, "nobody else has any");
    assert_eq!(
        (view.sort, seen(&mut view, &[Sort(1)]).is_empty(), view.sort),
        (Some(Column::Requests), false, Some(Column::P50))
    );
    seen(&mut view, &[Sort(3)]);
    assert_eq!(view.sort, None, "behind the last column is the manifest's order");
    seen(&mut view, &[Sort(-1)]);
    assert_eq!(view.sort, Some(Column::P99));
}

#[test]
fn newer_numbers_leave_the_view_as_it_is() {
    let mut view = View::new(stage());
    seen(&mut view, &[Press::Down(4), Press::Close]);
    let mut newer = stage();
    newer.services[0].parts.push(task("ddddeeeeffff0000", 1.0, &[("app", 1.0)]));
    view.trouble = Some("no answer".to_owned());
    view.hear(newer.clone());
    assert_eq!(view.trouble, None);
    assert_eq!(seen(&mut view, &[]), "web aaaabbbb nginx app [bbbbcccc] ddddeeee app worker ccccdddd worker");
    newer.services[0].parts.remove(1);
    view.hear(newer);
    assert_eq!(seen(&mut view, &[]), "[web] aaaabbbb nginx app ddddeeee app worker ccccdddd worker", "it has gone");
    view.hear(Top { services: Vec::new(), ..stage() });
    assert_eq!(seen(&mut view, &[Press::Down(1), Press::Open, Press::Close, Press::ToggleAll]), "");
}

#[test]
fn of_many_rows_containers_are_folded_away_and_a_page_is_moved_at_a_time() {
    let mut many = stage();
    many.services[0].parts = (0..40).map(|n| task(&format!("{n:08}"), 1.0, &[("app", 1.0)])).collect();
    let mut view = View::new(many);
    drawn(&mut view, (132, 16), Paint::Plain);
    assert_eq!(view.lines().len(), 43);
    seen(&mut view, &[Press::Page(1)]);
    assert_eq!(view.at(), view.page - 1, "the last row of a page is the first of the next");
    let shown = drawn(&mut view, (132, 16), Paint::Plain);
    seen(&mut view, &[Press::Last]);
    assert_ne!(drawn(&mut view, (132, 16), Paint::Plain), shown, "what is selected is scrolled to");
    assert!(view.offset > 20);
}

#[test]
fn a_line_says_what_matters() {
    assert_eq!(
        line(&stage().services[0].usage).unwrap(),
        "cpu 93 %  memory 19.5 %  12.5 requests/s  0.2 errors/s  p95 250 ms"
    );
    assert_eq!(line(&Usage::default()), None);
    assert_eq!(line(&Usage { requests: Some(0.0), errors: Some(0.0), ..Usage::default() }), None);
    assert_eq!(line(&Usage { requests: Some(2.0), ..Usage::default() }).unwrap(), "2 requests/s");
    assert_eq!(line(&Usage { failed_tasks: Some(3), ..Usage::default() }), None);
}

proptest! {
    #[test]
    fn hostile_names_stay_where_they_are(name in "(\\PC|\\p{C}|\u{1b}\\[2K|\u{202e}|\n|\r){0,12}", columns in 1..150_u16) {
        let mut top = stage();
        (top.app, top.cluster, top.notes) = (name.clone(), name.clone(), vec![name.clone()]);
        for row in &mut top.services {
            (row.name, row.state) = (name.clone(), name.clone());
            row.parts.iter_mut().flat_map(|task| &mut task.parts).for_each(|part| part.name = name.clone());
        }
        let text = table(&top, Paint::Plain);
        prop_assert_eq!(text.lines().count(), 12, "{:?}", text);
        let mut view = View::new(top);
        view.trouble = Some(name.clone());
        for shown in [text, drawn(&mut view, (columns, 20), Paint::Plain)] {
            let obeyed = |c: char| (c.is_control() && c != '\n') || matches!(c, '\u{202e}' | '\u{2066}' | '\u{200b}');
            prop_assert!(!shown.contains(obeyed), "{:?}", shown);
        }
    }
}
