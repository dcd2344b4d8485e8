//! Rounds: variants of one operation, measured in turn.

use std::{
    hint::black_box,
    thread,
    time::{Duration, Instant},
};

use crate::stats::{Figures, median};

/// An operation to measure; each call returns the figure of one round.
pub(crate) struct Variant<'a> {
    name: String,
    measure: Box<dyn FnMut() -> f64 + 'a>,
}

/// The figures of all variants, by name.
#[derive(Debug)]
pub(crate) struct Measured {
    variants: Vec<(String, Figures)>,
}

impl<'a> Variant<'a> {
    pub(crate) fn new(name: impl Into<String>, measure: impl FnMut() -> f64 + 'a) -> Self {
        Self { name: name.into(), measure: Box::new(measure) }
    }

    /// Returns the variant with a preparation before each round, which is not measured.
    pub(crate) fn after(self, mut prepare: impl FnMut() + 'a) -> Self {
        let Self { name, mut measure } = self;
        let prepared = move || {
            prepare();
            measure()
        };
        Self { name, measure: Box::new(prepared) }
    }

    /// Runs the variant once without counting it.
    pub(crate) fn warm_up(&mut self) {
        (self.measure)();
    }
}

impl Measured {
    /// Returns the figures of a variant.
    pub(crate) fn of(&self, name: &str) -> &Figures {
        let found = self.variants.iter().find(|(known, _)| known == name);
        &found.unwrap_or_else(|| panic!("`{name}` was not measured")).1
    }
}

/// Measures all variants in turn, for a number of rounds. Each round begins with another variant.
pub(crate) fn interleave(rounds: usize, mut variants: Vec<Variant<'_>>) -> Measured {
    let mut figures = vec![Figures::default(); variants.len()];
    for round in 0..rounds {
        for step in 0..variants.len() {
            let at = (round + step) % variants.len();
            figures[at].push((variants[at].measure)());
        }
    }
    Measured { variants: variants.into_iter().map(|variant| variant.name).zip(figures).collect() }
}

/// Measures how long the work takes, in nanoseconds.
pub(crate) fn time<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let began = Instant::now();
    let answer = work();
    (ns(began.elapsed()), answer)
}

/// Returns the median of several times.
pub(crate) fn median_of(times: usize, mut work: impl FnMut()) -> f64 {
    let each: Vec<f64> = (0..times).map(|_| time(&mut work).0).collect();
    median(&each)
}

/// Returns the time of one call. Measures many calls together, because one is too short to be measured alone.
pub(crate) fn each_of<T>(times: u32, mut work: impl FnMut() -> T) -> f64 {
    let began = Instant::now();
    for _ in 0..times {
        black_box(work());
    }
    ns(began.elapsed()) / f64::from(times)
}

pub(crate) fn ns(span: Duration) -> f64 {
    span.as_secs_f64() * 1e9
}

/// Waits for this long, so that effects of the passing time show.
pub(crate) fn rest(span: Duration) {
    // deadline loop: one turn, which ends with the span
    thread::sleep(span);
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn each_round_begins_with_another_variant() {
        let order = RefCell::new(String::new());
        let variant = |name: &'static str, figure: f64| {
            let order = &order;
            Variant::new(name, move || {
                order.borrow_mut().push_str(name);
                figure
            })
        };
        let measured = interleave(3, vec![variant("a", 1.0), variant("b", 2.0)]);
        assert_eq!(*order.borrow(), "abbaab");
        assert_eq!(*measured.of("b"), Figures::from_iter([2.0; 3]));
    }
}
