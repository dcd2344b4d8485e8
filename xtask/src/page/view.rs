//! The probe's observations at one moment.

use std::collections::BTreeSet;

use serde_json::Value;

/// The probe's answer, or a part of it. A missing value reads as nothing, which fails every check.
#[derive(Debug, Clone, Copy)]
pub(super) struct View<'a>(&'a Value);

impl<'a> View<'a> {
    pub(super) fn new(answer: &'a Value) -> Self {
        Self(answer)
    }

    /// Returns the view that was taken under a name.
    pub(super) fn at(self, name: &str) -> Self {
        Self(self.0.get(name).unwrap_or(&Value::Null))
    }

    pub(super) fn number(self, name: &str) -> Option<usize> {
        usize::try_from(self.0.get(name)?.as_u64()?).ok()
    }

    /// Returns a fraction, or NaN if there is none.
    pub(super) fn fraction(self, name: &str) -> f64 {
        self.0.get(name).and_then(Value::as_f64).unwrap_or(f64::NAN)
    }

    pub(super) fn flag(self, name: &str) -> Option<bool> {
        self.0.get(name)?.as_bool()
    }

    pub(super) fn text(self, name: &str) -> Option<&'a str> {
        self.0.get(name)?.as_str()
    }

    pub(super) fn texts(self, name: &str) -> Vec<&'a str> {
        self.list(name).filter_map(Value::as_str).collect()
    }

    pub(super) fn flags(self, name: &str) -> Vec<bool> {
        self.list(name).filter_map(Value::as_bool).collect()
    }

    pub(super) fn numbers(self, name: &str) -> BTreeSet<usize> {
        self.list(name).filter_map(|number| usize::try_from(number.as_u64()?).ok()).collect()
    }

    /// Returns the sum of the three channels of a color that is written as `rgb(r, g, b)`.
    pub(super) fn brightness(self, name: &str) -> Option<u32> {
        let channels = self.text(name)?.strip_prefix("rgb(")?.strip_suffix(')')?;
        channels.split(',').map(|channel| channel.trim().parse::<u32>().ok()).sum()
    }

    fn list(self, name: &str) -> impl Iterator<Item = &'a Value> {
        self.0.get(name).and_then(Value::as_array).into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn existing_values_are_read_and_missing_ones_are_nothing() {
        let answer =
            serde_json::from_str(r#"{"now":{"n":[2,1],"ground":"rgb(1, 20, 300)","x":1.5,"ok":true}}"#).unwrap();
        let now = View::new(&answer).at("now");
        assert_eq!(now.numbers("n"), BTreeSet::from([1, 2]));
        assert_eq!(now.brightness("ground"), Some(321));
        assert_eq!(now.flag("ok"), Some(true));
        assert!((now.fraction("x") - 1.5).abs() < 1e-9);
        let never = View::new(&answer).at("never");
        assert!(never.fraction("x").is_nan() && never.number("n").is_none() && never.texts("n").is_empty());
    }
}
