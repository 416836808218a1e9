//! Two texts beside each other, line by line: what went, what came, what stayed.

use leptos::prelude::*;

/// Beyond so many pairs of lines the rest is told as gone and come, without looking for what stayed.
const PAIRS: usize = 4_000_000;

/// What became of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line<'a> {
    /// Both have it.
    Same(&'a str),
    /// Only the old text has it.
    Gone(&'a str),
    /// Only the new one has it.
    Come(&'a str),
}

/// The lines of both texts, those that went before those that came (longest common subsequence).
pub fn lines<'a>(old: &'a str, new: &'a str) -> Vec<Line<'a>> {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let head = same(old.iter(), new.iter());
    let tail = same(old[head..].iter().rev(), new[head..].iter().rev());
    let (a, b) = (&old[head..old.len() - tail], &new[head..new.len() - tail]);
    let mut told: Vec<Line<'a>> = old[..head].iter().map(|line| Line::Same(line)).collect();
    if a.len() * b.len() > PAIRS {
        told.extend(a.iter().map(|line| Line::Gone(line)));
        told.extend(b.iter().map(|line| Line::Come(line)));
    } else {
        middle(a, b, &mut told);
    }
    told.extend(old[old.len() - tail..].iter().map(|line| Line::Same(line)));
    told
}

fn same<'a>(
    one: impl Iterator<Item = &'a &'a str>,
    other: impl Iterator<Item = &'a &'a str>,
) -> usize {
    one.zip(other).take_while(|(a, b)| a == b).count()
}

fn middle<'a>(a: &[&'a str], b: &[&'a str], told: &mut Vec<Line<'a>>) {
    // How many lines stay from each pair of places on.
    let wide = b.len() + 1;
    let mut stay = vec![0_u32; (a.len() + 1) * wide];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            stay[i * wide + j] = if a[i] == b[j] {
                stay[(i + 1) * wide + j + 1] + 1
            } else {
                stay[(i + 1) * wide + j].max(stay[i * wide + j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    while i < a.len() || j < b.len() {
        if i < a.len() && j < b.len() && a[i] == b[j] {
            told.push(Line::Same(a[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == b.len() || i < a.len() && stay[(i + 1) * wide + j] >= stay[i * wide + j + 1]
        {
            told.push(Line::Gone(a[i]));
            i += 1;
        } else {
            told.push(Line::Come(b[j]));
            j += 1;
        }
    }
}

/// The new text with what went and what came marked by sign and colour.
#[component]
pub fn LineDiff(
    /// As it is.
    old: String,
    /// As it would be.
    new: String,
    /// What it shows, for those who don't see it.
    label: &'static str,
) -> impl IntoView {
    let texts = (old, new);
    let shown: Vec<AnyView> = lines(&texts.0, &texts.1)
        .into_iter()
        .map(|line| match line {
            Line::Same(text) => view! { <span>{format!("  {text}\n")}</span> }.into_any(),
            Line::Gone(text) => view! { <del>{format!("− {text}\n")}</del> }.into_any(),
            Line::Come(text) => view! { <ins>{format!("+ {text}\n")}</ins> }.into_any(),
        })
        .collect();
    view! {
        <pre class="line-diff" tabindex="0" aria-label=label>
            {shown}
        </pre>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stayed_is_not_told_as_changed() {
        assert_eq!(
            lines("a\nb\nc\nd", "a\nx\nc\ny\nd"),
            [
                Line::Same("a"),
                Line::Gone("b"),
                Line::Come("x"),
                Line::Same("c"),
                Line::Come("y"),
                Line::Same("d"),
            ]
        );
        assert_eq!(lines("", "a"), [Line::Come("a")]);
        assert_eq!(lines("a\na", "a"), [Line::Same("a"), Line::Gone("a")]);
    }
}
