use proptest::prelude::*;

use super::*;

const NEW: &str = "NEW";

/// Inserts into a table and takes it out again; returns what was between.
fn check(before: &str, table: &[&str], expected: &str) {
    for newline in ["\n", "\r\n"] {
        let (before, expected) = (before.replace('\n', newline), expected.replace('\n', newline));
        let after = insert(&before, table, NEW, "1").unwrap_or_else(|_| panic!("stuck at {before:?}"));
        assert_eq!(after, expected, "{before:?}");
        let path = [table, &[NEW]].concat();
        let back = remove(&after, &path).unwrap_or_else(|_| panic!("stuck at {after:?}"));
        assert_eq!(back, before, "{after:?}");
    }
}

#[test]
fn a_key_goes_below_the_last_of_its_table() {
    check("[variables]\nA = 1\n", &["variables"], "[variables]\nA = 1\nNEW = 1\n");
    check("[variables]\nA = 1 # c\n\n# d\n[x]\n", &["variables"], "[variables]\nA = 1 # c\nNEW = 1\n\n# d\n[x]\n");
    check("[variables]\n  A = 1\n# end\n", &["variables"], "[variables]\n  A = 1\n  NEW = 1\n# end\n");
    check("[variables]\nA = 1", &["variables"], "[variables]\nA = 1\nNEW = 1");
    check("[variables]\nA = [\n 1,\n]\n[x]\n", &["variables"], "[variables]\nA = [\n 1,\n]\nNEW = 1\n[x]\n");
    check("[variables]\nA.value = 1\n", &["variables"], "[variables]\nA.value = 1\nNEW = 1\n");
    check("variables.A = 1\n[x]\n", &["variables"], "variables.A = 1\nvariables.NEW = 1\n[x]\n");
    check(
        "[stages.s]\nvariables.A = 1\nhost = 2\n",
        &["stages", "s", "variables"],
        "[stages.s]\nvariables.A = 1\nvariables.NEW = 1\nhost = 2\n",
    );
}

#[test]
fn a_list_of_tables_is_nobodys_place() {
    let entry = "[[accepted]]\nname = \"A\"\n";
    check(
        &format!("[variables]\nA = 1\n\n{entry}\n{entry}"),
        &["variables"],
        &format!("[variables]\nA = 1\nNEW = 1\n\n{entry}\n{entry}"),
    );
    check(&format!("a = 1\n\n{entry}"), &["variables"], &format!("a = 1\n\n{entry}\n[variables]\nNEW = 1\n"));
    check(
        &format!("a = 1\n\n[stages.s]\nhost = 1\n\n{entry}"),
        &["stages", "s", "variables"],
        &format!("a = 1\n\n[stages.s]\nhost = 1\n\n[stages.s.variables]\nNEW = 1\n\n{entry}"),
    );
}

#[test]
fn a_key_goes_into_an_inline_table() {
    check("variables = { A = 1 }\n", &["variables"], "variables = { A = 1, NEW = 1 }\n");
    check("variables = {}\n", &["variables"], "variables = { NEW = 1 }\n");
    check("stages = { s = { host = 1 } }\n", &["stages", "s"], "stages = { s = { host = 1, NEW = 1 } }\n");
    assert_eq!(
        insert("stages.s = { host = 1 }\n", &["stages", "s", "variables"], NEW, "1").unwrap(),
        "stages.s = { host = 1, variables = { NEW = 1 } }\n"
    );
}

#[test]
fn a_table_is_made_where_people_would_write_it() {
    let base = &["variables"];
    check("a = 1\n", base, "a = 1\n\n[variables]\nNEW = 1\n");
    assert_eq!(insert("a = 1", base, NEW, "1").as_deref(), Ok("a = 1\n\n[variables]\nNEW = 1"));
    assert_eq!(remove("a = 1\n\n[variables]\nNEW = 1", &["variables", NEW]).as_deref(), Ok("a = 1"));
    check(
        "a = 1\n\n[images.x]\nb = 1\n\n# s\n[services.x]\nc = 1\n",
        base,
        "a = 1\n\n[images.x]\nb = 1\n\n[variables]\nNEW = 1\n\n# s\n[services.x]\nc = 1\n",
    );
    check("a = 1\n[secrets]\nB = 1\n", base, "a = 1\n[variables]\nNEW = 1\n\n[secrets]\nB = 1\n");
    check("[variables.A]\nvalue = 1\n", base, "[variables]\nNEW = 1\n\n[variables.A]\nvalue = 1\n");
    let stage = &["stages", "s", "variables"];
    check(
        "a = 1\n\n[stages.s]\nb = 1\n\n[stages.t]\nc = 1\n",
        stage,
        "a = 1\n\n[stages.s]\nb = 1\n\n[stages.s.variables]\nNEW = 1\n\n[stages.t]\nc = 1\n",
    );
    check("[stages.s]\nb = 1\n# end\n", stage, "[stages.s]\nb = 1\n# end\n\n[stages.s.variables]\nNEW = 1\n");
    check(
        "[stages.s.services.x]\ncpu = 1\n",
        stage,
        "[stages.s.variables]\nNEW = 1\n\n[stages.s.services.x]\ncpu = 1\n",
    );
    check(
        "a = 1\n\n[services.x]\ncpu = 1\n",
        stage,
        "a = 1\n\n[services.x]\ncpu = 1\n\n[stages.s.variables]\nNEW = 1\n",
    );
}

#[test]
fn a_header_with_something_else_below_it_stays() {
    for (before, after) in [
        ("[variables]\n# about A\nA = 1\n", "[variables]\n# about A\n"),
        ("[variables]\nA = 1\nB = 2\n", "[variables]\nB = 2\n"),
        ("x = 1\n[variables.A]\nvalue = 1\ncontainers = [\"c\"]\n\n[y]\n", "x = 1\n[y]\n"),
        ("[variables]\nA.value = 1\nA.containers = [\"c\"]\nB = 1\n", "[variables]\nB = 1\n"),
        ("variables = { A = 1, B = 2 }\n", "variables = { B = 2 }\n"),
        ("variables = { B = 2, A = 1 }\n", "variables = { B = 2 }\n"),
    ] {
        assert_eq!(remove(before, &["variables", "A"]).as_deref(), Ok(after), "{before}");
    }
}

#[test]
fn what_cannot_be_edited_is_said() {
    for before in ["variables = 1\n", "not toml", "[[variables]]\nA = 1\n", "x = { variables.A = 1 }\n"] {
        assert_eq!(
            insert(before, &["x", "variables"], NEW, "1").and_then(|_| insert(before, &["variables"], NEW, "1")),
            Err(Stuck),
            "{before}"
        );
    }
    assert_eq!(replace("a = 1\n", &["b"], "2"), Err(Stuck));
    assert_eq!(remove("a = 1\n", &["b"]), Err(Stuck));
}

#[test]
fn lines_are_told() {
    let text = "a = 1\n\n[variables]\nA = 1\nB.value = 2\n[variables.C]\nvalue = 3\n";
    let lines = ["A", "B", "C", "D"].map(|name| line_of(text, &["variables", name]));
    assert_eq!(lines, [Some(4), Some(5), Some(6), None]);
}

/// Texts of the shapes that people write: parts in any order that TOML allows, with comments and blank lines.
fn texts() -> impl Strategy<Value = String> {
    let base = prop::sample::select(vec![
        "",
        "[variables]\nA = \"x\"\n",
        "[variables]\nA = \"x\" # why\n# last\n",
        "[variables] # plain\n# about A\nA = { value = 'x', containers = [\n  \"web\", # c\n] }\nB = 2\n",
        "[variables.A]\nvalue = 1\n",
        "  [ variables ]\n  \"A\" = 1\n",
    ]);
    let stage = prop::sample::select(vec![
        "",
        "[stages.s]\nhost = \"h\"\n",
        "[stages.s]\nvariables.A = \"x\"\n",
        "[stages.s]\nvariables = { A = \"x\" }\n",
        "[stages.s]\n[stages.s.variables]\nA = \"\"\"\nx\n\"\"\"\n",
        "[stages.s.services.web]\ncpu = 256\n",
        "[stages.s.variables]\nA = true\n",
        "[stages]\ns.host = \"h\"\n",
    ]);
    let middle = prop::sample::select(vec![
        "",
        "[secrets]\nS = {}\n",
        "# about the service\n[services.web.containers.web]\nimage = \"i\"\n",
        "[services.web]\n# none\n[services.web.containers]\nweb = { image = \"i\" }\n",
        "[[services.web.aws.x]]\na = 1\n[[services.web.aws.x]]\na = 2\n",
    ]);
    let gap = || prop::sample::select(vec!["", "\n", "\n\n", "# a comment\n", "\n# a comment\n\n"]);
    let head = prop::sample::select(vec!["app = \"x\"\n", "# head\napp = 'x'\nimages.i.context = \".\"\n"]);
    (head, gap(), base, gap(), middle, gap(), stage, gap(), any::<bool>(), any::<bool>()).prop_map(
        |(head, a, base, b, middle, c, stage, d, crlf, open)| {
            let text = [head, a, base, b, middle, c, stage, d].concat();
            let text = if open { text.trim_end_matches('\n').to_owned() } else { text };
            if crlf { text.replace('\n', "\r\n") } else { text }
        },
    )
}

proptest! {
    #[test]
    fn nothing_else_changes_and_there_is_a_way_back(text in texts(), in_stage: bool, value in "[ -~\n]{0,12}") {
        let table: &[&str] = if in_stage { &["stages", "s", "variables"] } else { &["variables"] };
        let path = [table, &[NEW]].concat();
        let after = insert(&text, table, NEW, &literal(&value)).unwrap();
        let common = text.bytes().zip(after.bytes()).take_while(|(a, b)| a == b).count();
        prop_assert!(text.is_char_boundary(common) && after.ends_with(&text[common..]), "{after}");
        let read: toml::Table = after.parse().unwrap();
        let table = if in_stage { &read["stages"]["s"]["variables"] } else { &read["variables"] };
        prop_assert_eq!(table[NEW].as_str(), Some(value.as_str()));
        let other = replace(&after, &path, "7").unwrap();
        prop_assert_eq!(replace(&other, &path, &literal(&value)).unwrap(), after.clone());
        prop_assert_eq!(remove(&after, &path).unwrap(), text);
    }
}
