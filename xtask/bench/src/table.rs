//! The table: the figures, the comparisons, and whether the goals are met.

use std::fmt::{Display, Write};

use serde_json::{Value, json};

use crate::stats::Figures;

/// The most that a flat operation may take in the largest case, as a multiple of its figure in the smallest.
pub(crate) const FLAT: f64 = 2.0;

/// One operation, with everything it is compared with.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// The key that `--only` takes.
    pub(crate) key: &'static str,
    pub(crate) operation: String,
    pub(crate) unit: Unit,
    pub(crate) ours: Figures,
    pub(crate) floor: Option<Bound>,
    pub(crate) peer: Option<Bound>,
    /// Further figures without a goal.
    pub(crate) also: Vec<(String, Figures)>,
    /// A hint for reading the row.
    pub(crate) note: Option<String>,
    /// The reason why there are no figures.
    pub(crate) skipped: Option<String>,
}

/// A comparison, and how much more of it is allowed.
#[derive(Debug, Clone)]
pub(crate) struct Bound {
    pub(crate) name: String,
    pub(crate) figures: Figures,
    /// The largest allowed multiple of this; `None` if there is no goal.
    pub(crate) most: Option<f64>,
}

/// The unit of the figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Nanoseconds,
    Bytes,
    /// A share in hundredths.
    Percent,
}

/// The verdict on a row's goals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Met,
    Missed,
    /// The row has no goal.
    NoGoal,
    Skipped,
}

impl Bound {
    /// Demands that ours is at most `most` times this.
    pub(crate) fn at_most(most: f64, name: impl Into<String>, figures: Figures) -> Self {
        Self { name: name.into(), figures, most: Some(most) }
    }

    /// Creates a goal that is a figure itself.
    pub(crate) fn figure(figure: f64) -> Self {
        Self::at_most(1.0, "the goal itself", Figures::fixed(figure))
    }

    /// Creates a comparison without a goal.
    pub(crate) fn shown(name: impl Into<String>, figures: Figures) -> Self {
        Self { name: name.into(), figures, most: None }
    }

    fn is_met(&self, ours: &Figures) -> Option<bool> {
        self.most.map(|most| ours.ratio_to(&self.figures) <= most)
    }
}

impl Row {
    pub(crate) fn new(key: &'static str, operation: impl Into<String>, unit: Unit, ours: Figures) -> Self {
        let operation = operation.into();
        Self { key, operation, unit, ours, floor: None, peer: None, also: Vec::new(), note: None, skipped: None }
    }

    /// Creates a row without figures.
    pub(crate) fn skipped(key: &'static str, operation: impl Into<String>, why: impl Into<String>) -> Self {
        let row = Self::new(key, operation, Unit::Nanoseconds, Figures::default());
        Self { skipped: Some(why.into()), ..row }
    }

    /// Creates a row that compares a large case with a small one. `most` is the largest allowed multiple.
    pub(crate) fn flat(
        key: &'static str,
        what: &str,
        most: f64,
        (large, at_large): (&str, Figures),
        (small, at_small): (&str, Figures),
    ) -> Self {
        let operation = format!("{what}, flat: {large} as {small}");
        let bound = Bound::at_most(most, format!("the same with {small}"), at_small);
        Self::new(key, operation, Unit::Nanoseconds, at_large).floor(bound)
    }

    /// Creates a row that compares signed authors with plain ones. `most` is the largest allowed multiple.
    pub(crate) fn signed(what: impl Display, unit: Unit, most: f64, [signed, plain]: [Figures; 2]) -> Self {
        let bound = Bound::at_most(most, "the same with plain authors", plain);
        Self::new("signed", format!("{what}, signed as plain"), unit, signed).floor(bound)
    }

    pub(crate) fn floor(self, floor: Bound) -> Self {
        Self { floor: Some(floor), ..self }
    }

    pub(crate) fn peer(self, peer: Bound) -> Self {
        Self { peer: Some(peer), ..self }
    }

    pub(crate) fn also(mut self, name: impl Into<String>, figures: Figures) -> Self {
        self.also.push((name.into(), figures));
        self
    }

    pub(crate) fn note(self, note: impl Into<String>) -> Self {
        Self { note: Some(note.into()), ..self }
    }

    /// Returns whether the goals are met: only if every one of them is.
    pub(crate) fn verdict(&self) -> Verdict {
        if self.skipped.is_some() {
            return Verdict::Skipped;
        }
        let goals: Vec<bool> = self.bounds().filter_map(|bound| bound.is_met(&self.ours)).collect();
        match goals.iter().all(|&met| met) {
            _ if goals.is_empty() => Verdict::NoGoal,
            true => Verdict::Met,
            false => Verdict::Missed,
        }
    }

    fn bounds(&self) -> impl Iterator<Item = &Bound> {
        self.floor.iter().chain(&self.peer)
    }

    fn to_json(&self) -> Value {
        let bound = |bound: &Option<Bound>| {
            bound.as_ref().map(|bound| {
                json!({
                    "name": bound.name, "median": bound.figures.median(), "rounds": bound.figures,
                    "ratio": self.ours.ratio_to(&bound.figures), "goal": bound.most,
                })
            })
        };
        let also = self.also.iter().map(|(name, figures)| {
            json!({ "name": name, "median": figures.median(), "quartiles": figures.quartiles(), "rounds": figures })
        });
        json!({
            "key": self.key,
            "operation": self.operation,
            "unit": self.unit.name(),
            "median": self.ours.median(),
            "quartiles": self.ours.quartiles(),
            "rounds": self.ours,
            "floor": bound(&self.floor),
            "peer": bound(&self.peer),
            "also": also.collect::<Vec<_>>(),
            "note": self.note,
            "skipped": self.skipped,
            "verdict": self.verdict().word(),
        })
    }
}

impl Verdict {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Missed => "missed",
            Self::NoGoal => "no goal",
            Self::Skipped => "skipped",
        }
    }
}

impl Unit {
    /// Returns the name for programs.
    fn name(self) -> &'static str {
        match self {
            Self::Nanoseconds => "ns",
            Self::Bytes => "bytes",
            Self::Percent => "percent",
        }
    }

    /// Formats a figure with three digits, in the unit that suits it.
    pub(crate) fn show(self, figure: f64) -> String {
        let steps: &[(f64, &str)] = match self {
            Self::Nanoseconds => &[(1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1.0, "ns")],
            Self::Bytes => &[(1024.0 * 1024.0, "MiB"), (1024.0, "KiB"), (1.0, "B")],
            Self::Percent => &[(1.0, "%")],
        };
        let smallest = (1.0, steps.last().map_or("", |step| step.1));
        let (size, name) = steps.iter().copied().find(|step| figure >= step.0).unwrap_or(smallest);
        format!("{} {name}", digits(figure / size))
    }
}

/// Formats a number with three digits and at most six decimal places.
pub(crate) fn digits(number: f64) -> String {
    let mut after = 0;
    let mut limit = 99.95;
    while number.abs() < limit && after < 6 && number.abs() > 0.0 {
        after += 1;
        limit /= 10.0;
    }
    format!("{number:.after$}")
}

/// Formats the table for people, and below it everything that has no column.
pub(crate) fn show(rows: &[Row]) -> String {
    let head = ["operation", "ours", "(middle half)", "floor", "ratio", "goal", "peer", "ratio", "goal", "verdict"];
    let mut lines = vec![head.map(str::to_owned).to_vec()];
    lines.extend(rows.iter().map(cells));
    let widths: Vec<usize> =
        (0..head.len()).map(|at| lines.iter().map(|line| line[at].chars().count()).max().unwrap_or(0)).collect();
    let mut text = String::new();
    for line in &lines {
        let mut shown = String::new();
        for (at, (cell, width)) in line.iter().zip(&widths).enumerate() {
            let blanks = " ".repeat(width - cell.chars().count());
            let is_text = at == 0 || at + 1 == line.len();
            let _ = if is_text { write!(shown, "{cell}{blanks}  ") } else { write!(shown, "{blanks}{cell}  ") };
        }
        let _ = writeln!(text, "{}", shown.trim_end());
    }
    for row in rows {
        let _ = write!(text, "{}", footnotes(row));
    }
    text
}

fn cells(row: &Row) -> Vec<String> {
    let none = || ["–", "", ""].map(str::to_owned);
    if row.skipped.is_some() {
        let blank = || String::new();
        let blanks = std::iter::repeat_with(blank).take(8);
        return [row.operation.clone()].into_iter().chain(blanks).chain(["skipped".to_owned()]).collect();
    }
    let compared = |bound: &Option<Bound>| {
        bound.as_ref().map_or_else(none, |bound| {
            let goal = bound.most.map_or_else(String::new, |most| format!("≤ {}", goal(most)));
            [row.unit.show(bound.figures.median()), digits(row.ours.ratio_to(&bound.figures)), goal]
        })
    };
    let (low, high) = row.ours.quartiles();
    let spread = format!("({} .. {})", row.unit.show(low), row.unit.show(high));
    let ours = [row.operation.clone(), row.unit.show(row.ours.median()), spread];
    let verdict = match row.verdict() {
        Verdict::NoGoal => "–",
        verdict => verdict.word(),
    };
    let compared = compared(&row.floor).into_iter().chain(compared(&row.peer));
    ours.into_iter().chain(compared).chain([verdict.to_owned()]).collect()
}

/// Formats a factor as the goals are written: a small one is a fraction.
fn goal(most: f64) -> String {
    if most > 0.0 && most < 0.095 { format!("1/{:.0}", 1.0 / most) } else { format!("{most}") }
}

fn footnotes(row: &Row) -> String {
    let mut text = String::new();
    let named = |what: &str, bound: &Bound| format!("{what}: {}", bound.name);
    let mut parts: Vec<String> = Vec::new();
    parts.extend(row.floor.as_ref().map(|bound| named("floor", bound)));
    parts.extend(row.peer.as_ref().map(|bound| named("peer", bound)));
    parts.extend(row.also.iter().map(|(name, figures)| format!("{name} {}", row.unit.show(figures.median()))));
    parts.extend(row.note.clone());
    parts.extend(row.skipped.as_ref().map(|why| format!("skipped: {why}")));
    if !parts.is_empty() {
        let _ = writeln!(text, "* {}: {}", row.operation, parts.join("; "));
    }
    text
}

/// Returns all rows for programs.
pub(crate) fn to_json(rows: &[Row], about: &Value) -> Value {
    json!({ "about": about, "rows": rows.iter().map(Row::to_json).collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(ours: f64) -> Row {
        Row::new("send", "durable send", Unit::Nanoseconds, Figures::fixed(ours))
    }

    fn bound(most: f64, figure: f64) -> Bound {
        Bound::at_most(most, "a floor", Figures::fixed(figure))
    }

    #[test]
    fn a_verdict_needs_every_goal() {
        assert_eq!(row(115.0).floor(bound(1.15, 100.0)).verdict(), Verdict::Met);
        assert_eq!(row(116.0).floor(bound(1.15, 100.0)).verdict(), Verdict::Missed);
        assert_eq!(row(100.0).floor(bound(1.15, 100.0)).peer(bound(0.85, 110.0)).verdict(), Verdict::Missed);
        assert_eq!(row(100.0).floor(bound(1.15, 100.0)).peer(bound(0.85, 120.0)).verdict(), Verdict::Met);
        assert_eq!(row(61.0).floor(Bound::figure(60.0)).verdict(), Verdict::Missed);
        assert_eq!(row(1.0).floor(Bound::shown("beside", Figures::fixed(0.5))).verdict(), Verdict::NoGoal);
        assert_eq!(Row::skipped("cold", "cold", "no permission").verdict(), Verdict::Skipped);
    }

    #[test]
    fn figures_have_three_digits_and_a_unit_that_suits_them() {
        for (figure, shown) in [
            (0.5, "0.500 ns"),
            (0.0, "0 ns"),
            (1.5, "1.50 ns"),
            (99.96, "100 ns"),
            (12_345.0, "12.3 µs"),
            (2.5e9, "2.50 s"),
        ] {
            assert_eq!(Unit::Nanoseconds.show(figure), shown);
        }
        assert_eq!(Unit::Bytes.show(64.0), "64.0 B");
        assert_eq!(Unit::Bytes.show(3.0 * 1024.0 * 1024.0), "3.00 MiB");
        assert_eq!(Unit::Percent.show(0.5), "0.500 %");
        assert_eq!(Unit::Percent.show(0.0153), "0.0153 %");
    }

    #[test]
    fn the_table_has_a_line_for_each_row_and_says_what_a_floor_is() {
        let rows =
            [row(2000.0).floor(bound(0.001, 4_000_000.0)).note("see there"), Row::skipped("cold", "cold", "why not")];
        let text = show(&rows);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 5, "{text}");
        assert!(lines[1].starts_with("durable send") && lines[1].ends_with("met"), "{text}");
        assert!(lines[1].contains("≤ 1/1000") && lines[1].contains("2.00 µs"), "{text}");
        assert_eq!(lines[3], "* durable send: floor: a floor; see there");
        assert!(lines[2].ends_with("skipped") && lines[4].contains("why not"), "{text}");
    }

    #[test]
    fn programs_get_the_rounds_as_well() {
        let json = to_json(&[row(2.0).floor(bound(1.0, 4.0))], &json!({ "machine": "any" }));
        assert_eq!(json["rows"][0]["verdict"], "met");
        assert_eq!(json["rows"][0]["floor"]["ratio"], 0.5);
        assert_eq!(json["rows"][0]["rounds"], json!([2.0]));
        assert_eq!(json["about"]["machine"], "any");
    }
}
