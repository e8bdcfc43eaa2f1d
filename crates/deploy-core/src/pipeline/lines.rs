//! In what do two texts differ? Line by line, as `diff -u` shows it: for a file that is out of date.

/// Lines shown around what differs.
const CONTEXT: usize = 2;

/// Returns the lines that differ, with `-` for the old text and `+` for the new one; empty when none does.
pub fn difference(old: &str, new: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let rows = rows(&old, &new);
    let differs = |index: usize| rows[index].0 != ' ';
    let mut shown = String::new();
    let mut gap = false;
    for (index, (mark, line)) in rows.iter().enumerate() {
        let near = index.saturating_sub(CONTEXT)..(index + CONTEXT + 1).min(rows.len());
        if near.clone().any(differs) {
            if gap && !shown.is_empty() {
                shown.push_str("...\n");
            }
            gap = false;
            shown.push_str(format!("{mark} {line}").trim_end());
            shown.push('\n');
        } else {
            gap = true;
        }
    }
    shown
}

/// Every line of both, those that are in both once: a longest common subsequence.
fn rows<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<(char, &'a str)> {
    let mut longest = vec![vec![0_u32; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            longest[i][j] = match old[i] == new[j] {
                true => longest[i + 1][j + 1] + 1,
                false => longest[i + 1][j].max(longest[i][j + 1]),
            };
        }
    }
    let (mut i, mut j, mut rows) = (0, 0, Vec::new());
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            rows.push((' ', old[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == new.len() || (i < old.len() && longest[i + 1][j] >= longest[i][j + 1]) {
            rows.push(('-', old[i]));
            i += 1;
        } else {
            rows.push(('+', new[j]));
            j += 1;
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::difference;

    #[test]
    fn only_what_differs_is_shown_and_what_is_around_it() {
        assert_eq!(difference("a\nb\n", "a\nb\n"), "");
        assert_eq!(difference("a\nb\nc\n", "a\nx\nc\nd\n"), "  a\n- b\n+ x\n  c\n+ d\n");
        let long = "1\n2\n3\n4\n5\n6\n7\n8\n";
        let found = difference(long, &long.replace("1\n", "one\n").replace('8', "eight"));
        assert_eq!(found, "- 1\n+ one\n  2\n  3\n...\n  6\n  7\n- 8\n+ eight\n");
    }
}
