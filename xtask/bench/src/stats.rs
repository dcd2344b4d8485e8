//! Figures: one for each round, and their statistics.

use serde::Serialize;

/// The figures of one variant, one for each round, in nanoseconds or bytes.
///
/// Rounds of different variants are taken in turn, so that the figures of one round belong together: a
/// machine that slows down slows down all of them.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub(crate) struct Figures {
    per_round: Vec<f64>,
}

impl Figures {
    /// Creates one figure that needs no measuring.
    pub(crate) fn fixed(figure: f64) -> Self {
        Self { per_round: vec![figure] }
    }

    /// Adds the figure of one more round.
    pub(crate) fn push(&mut self, figure: f64) {
        self.per_round.push(figure);
    }

    /// Returns the number of rounds.
    pub(crate) fn rounds(&self) -> usize {
        self.per_round.len()
    }

    /// Returns the median; zero if there are no figures.
    pub(crate) fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    /// Returns the bounds of the middle half.
    pub(crate) fn quartiles(&self) -> (f64, f64) {
        (self.quantile(0.25), self.quantile(0.75))
    }

    /// Returns the median of these figures divided by the other ones, round by round.
    pub(crate) fn ratio_to(&self, other: &Self) -> f64 {
        self.pairwise(other, |ours, theirs| ours / theirs).median()
    }

    /// Adds both, round by round.
    pub(crate) fn plus(&self, other: &Self) -> Self {
        self.pairwise(other, |one, other| one + other)
    }

    /// Subtracts the other figures, round by round, but never below zero.
    pub(crate) fn minus(&self, other: &Self) -> Self {
        self.pairwise(other, |one, other| (one - other).max(0.0))
    }

    /// Combines the figures of the same rounds. A fixed figure is paired with every round.
    fn pairwise(&self, other: &Self, combine: impl Fn(f64, f64) -> f64) -> Self {
        let rounds = self.rounds().max(other.rounds());
        let (ours, theirs) = (self.per_round.iter().cycle(), other.per_round.iter().cycle());
        Self { per_round: ours.zip(theirs).take(rounds).map(|(&one, &other)| combine(one, other)).collect() }
    }

    fn quantile(&self, share: f64) -> f64 {
        quantile(&self.per_round, share)
    }
}

/// Collects the figures of several rounds.
impl FromIterator<f64> for Figures {
    fn from_iter<I: IntoIterator<Item = f64>>(per_round: I) -> Self {
        Self { per_round: per_round.into_iter().collect() }
    }
}

/// Returns the figure below which this share of the figures is, interpolated between the two nearest; zero if
/// there are none.
pub(crate) fn quantile(figures: &[f64], share: f64) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else { return 0.0 };
    let place = share.clamp(0.0, 1.0) * last as f64;
    let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    below + (above - below) * place.fract()
}

/// Returns the median; zero if there are no figures.
pub(crate) fn median(figures: &[f64]) -> f64 {
    quantile(figures, 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_between_the_nearest_figures() {
        let figures = Figures::from_iter([40.0, 10.0, 30.0, 20.0]);
        assert_eq!(figures.median(), 25.0);
        assert_eq!(figures.quartiles(), (17.5, 32.5));
        assert_eq!(quantile(&[7.0], 0.99), 7.0);
        assert_eq!(quantile(&[1.0, 2.0, 3.0], 1.0), 3.0);
        assert_eq!(Figures::default().median(), 0.0);
    }

    /// A slowdown to a third in the middle of a run changes no ratio.
    #[test]
    fn ratios_are_taken_within_rounds() {
        let ours = Figures::from_iter([2.0, 2.0, 6.0, 6.0, 6.0]);
        let floor = Figures::from_iter([1.0, 1.0, 3.0, 3.0, 3.0]);
        assert_eq!(ours.ratio_to(&floor), 2.0);
        assert_eq!(ours.ratio_to(&Figures::fixed(2.0)), 3.0);
        assert_eq!(ours.minus(&floor), floor);
        assert_eq!(ours.plus(&floor), Figures::from_iter([3.0, 3.0, 9.0, 9.0, 9.0]));
        assert_eq!(floor.minus(&ours).median(), 0.0);
    }
}
