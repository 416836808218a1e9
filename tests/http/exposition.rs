//! Prometheus' text format, read more strictly than Prometheus does.

use std::collections::{BTreeMap, BTreeSet};

/// A label's name and value.
pub(crate) type Label = (String, String);

/// What a scrape was answered.
#[derive(Debug, Default)]
pub(crate) struct Exposition {
    /// Name, labels in order of their names, and value.
    pub(crate) samples: Vec<(String, Vec<Label>, f64)>,
}

/// The family that lines belong to.
struct Family {
    name: String,
    /// None until its `TYPE` has been read.
    kind: Option<String>,
}

/// What names are made of.
pub(crate) fn is_name(letter: char) -> bool {
    letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_'
}

impl Exposition {
    /// Reads it. Each family is told once what it is and of which type, before its samples and right before them; names keep the conventions; no
    /// series stands twice; histograms add up.
    pub(crate) fn read(text: &str) -> Self {
        assert!(text.ends_with('\n'), "the last line ends");
        let mut read = Self::default();
        let (mut families, mut series) = (BTreeSet::new(), BTreeSet::new());
        let mut family: Option<Family> = None;
        for line in text.lines().filter(|line| !line.is_empty()) {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').expect(line);
                assert!(help.len() > 5 && help.ends_with('.'), "{line}");
                assert!(families.insert(name.to_owned()), "twice: {line}");
                family = Some(Family {
                    name: name.to_owned(),
                    kind: None,
                });
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').expect(line);
                let family = family.as_mut().expect(line);
                assert_eq!(
                    (family.name.as_str(), &family.kind),
                    (name, &None),
                    "{line}"
                );
                has_a_good_name(name, kind);
                family.kind = Some(kind.to_owned());
            } else {
                let (name, labels, value) = sample(line);
                belongs(family.as_ref().expect(line), &name, line);
                assert!(
                    series.insert((name.clone(), labels.clone())),
                    "twice: {line}"
                );
                read.samples.push((name, labels, value));
            }
        }
        read.histograms_add_up();
        read
    }

    /// The value of the series with these labels, and no others.
    pub(crate) fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let mut wanted: Vec<Label> = labels
            .iter()
            .map(|&(label, said)| (label.to_owned(), said.to_owned()))
            .collect();
        wanted.sort();
        let mut all = self.samples.iter();
        all.find(|(of, has, _)| of == name && *has == wanted)
            .map(|&(_, _, value)| value)
    }

    /// There is a series of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.samples.iter().any(|(of, _, _)| of == name)
    }

    fn histograms_add_up(&self) {
        let mut before: BTreeMap<(&str, Vec<&Label>), (f64, f64)> = BTreeMap::new();
        for (name, labels, value) in &self.samples {
            let Some(name) = name.strip_suffix("_bucket") else {
                continue;
            };
            let (ends, others): (Vec<&Label>, Vec<&Label>) =
                labels.iter().partition(|(label, _)| label == "le");
            let end = number(&ends[0].1);
            if let Some((last_end, last)) = before.insert((name, others), (end, *value)) {
                assert!(last_end < end && last <= *value, "{name} {labels:?}");
            }
        }
        for ((name, labels), (end, last)) in before {
            assert!(end.is_infinite(), "{name} {labels:?} has a last bucket");
            let labels: Vec<(&str, &str)> = labels
                .iter()
                .map(|(label, said)| (label.as_str(), said.as_str()))
                .collect();
            let count = self.value(&format!("{name}_count"), &labels);
            assert_eq!(count, Some(last), "{name} {labels:?}");
            assert!(self.value(&format!("{name}_sum"), &labels).is_some());
        }
    }
}

fn has_a_good_name(name: &str, kind: &str) {
    assert!(name.starts_with("highwater_"), "{name}");
    assert!(name.chars().all(is_name), "{name}");
    let ends = |ending: &str| name.ends_with(ending);
    assert_eq!(ends("_total"), kind == "counter", "{name} is a {kind}");
    assert!(
        !["_bucket", "_count", "_sum", "_ms", "_milliseconds"]
            .into_iter()
            .any(ends),
        "{name}"
    );
    match kind {
        "counter" | "gauge" => {}
        "histogram" => assert!(ends("_seconds") || ends("_events"), "{name} has a unit"),
        kind => panic!("{name} is a {kind}"),
    }
}

fn belongs(family: &Family, name: &str, line: &str) {
    let kind = family.kind.as_deref().expect(line);
    let rest = name.strip_prefix(family.name.as_str()).expect(line);
    let fits = match kind {
        "histogram" => ["_bucket", "_sum", "_count"].contains(&rest),
        _ => rest.is_empty(),
    };
    assert!(fits, "{line} stands in {}, a {kind}", family.name);
}

fn sample(line: &str) -> (String, Vec<Label>, f64) {
    let end = line.find(|letter: char| !is_name(letter)).expect(line);
    let (name, mut rest) = line.split_at(end);
    let mut labels = Vec::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        loop {
            let (label, after) = rest.split_once("=\"").expect(line);
            assert!(!label.is_empty() && label.chars().all(is_name), "{line}");
            let (said, after) = quoted(after, line);
            labels.push((label.to_owned(), said));
            if let Some(after) = after.strip_prefix(',') {
                rest = after;
            } else {
                rest = after.strip_prefix('}').expect(line);
                break;
            }
        }
    }
    labels.sort();
    assert!(
        labels.windows(2).all(|two| two[0].0 != two[1].0),
        "a label stands twice: {line}"
    );
    let value = number(rest.strip_prefix(' ').expect(line));
    assert!(value.is_finite(), "{line}");
    (name.to_owned(), labels, value)
}

/// A value up to its closing quote, and what comes behind that.
fn quoted<'l>(rest: &'l str, line: &str) -> (String, &'l str) {
    let mut said = String::new();
    let mut letters = rest.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return (said, &rest[at + 1..]),
            '\\' => match letters.next() {
                Some((_, '\\')) => said.push('\\'),
                Some((_, '"')) => said.push('"'),
                Some((_, 'n')) => said.push('\n'),
                other => panic!("{other:?} is escaped: {line}"),
            },
            letter => said.push(letter),
        }
    }
    panic!("a label does not end: {line}")
}

fn number(text: &str) -> f64 {
    match text {
        "+Inf" => f64::INFINITY,
        text => text.parse().expect(text),
    }
}
