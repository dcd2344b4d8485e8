//! The summary, and the explanation of a point at which something is wrong.

use std::collections::BTreeMap;

use super::attempt::Tried;
use super::point;
use super::scene::SCENES;
use crate::table;

#[derive(Debug, Default, Clone, Copy)]
struct Count {
    points: usize,
    ok: usize,
    bad: usize,
    unreached: usize,
}

/// Returns a table with a row for each command and harm.
pub(super) fn table(tried: &[Tried]) -> String {
    let mut rows: BTreeMap<(usize, usize), Count> = BTreeMap::new();
    let mut total = Count::default();
    for one in tried {
        let scene = SCENES.iter().position(|scene| scene.name == one.point.scene.name).unwrap_or_default();
        let harm = point::harms().position(|harm| harm == one.point.harm).unwrap_or_default();
        for count in [rows.entry((scene, harm)).or_default(), &mut total] {
            count.points += 1;
            count.ok += usize::from(one.wrong.is_none());
            count.bad += usize::from(one.wrong.is_some());
            count.unreached += usize::from(one.harmed.is_none());
        }
    }
    let row = |command: &str, kind: &str, count: Count| {
        let Count { points, ok, bad, unreached } = count;
        let numbers = [points, ok, bad, unreached].map(|number| number.to_string());
        [command.to_owned(), kind.to_owned()].into_iter().chain(numbers).collect::<Vec<_>>()
    };
    let head = ["command", "kind", "points", "ok", "bad", "not reached"].map(str::to_owned).to_vec();
    let rows = rows.into_iter().map(|((scene, harm), count)| {
        let command = SCENES.get(scene).map_or("", |scene| scene.name);
        row(command, point::harms().nth(harm).map_or("", point::name), count)
    });
    table::plain([head].into_iter().chain(rows).chain([row("all", "", total)]), "llrrrr")
}

/// Explains what is wrong at a point, and how to repeat it.
pub(super) fn explain(tried: &Tried) -> String {
    let Tried { point, harmed, wrong } = tried;
    let at = harmed
        .as_ref()
        .map_or("a call that was not made".to_owned(), |made| format!("{} {}", made.call.name, made.path));
    let wrong = wrong.as_deref().unwrap_or("nothing");
    format!("{} at {at}\n  {wrong}\n  again with: cargo xtask crash --only {point}", point::name(point.harm))
}
